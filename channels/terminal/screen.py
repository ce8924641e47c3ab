"""What is seen of a conversation: in a terminal that can be drawn on, or as plain lines for a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TextIO

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.padding import Padding
from rich.segment import Segment
from rich.spinner import Spinner
from rich.text import Text

from channels.terminal.texts import TEXTS, Language, clean
from channels.types import Citation, OutboundMessage, Progress

REFRESHES_PER_S = 10
LINES_BELOW = 4
"""Lines kept free under a text that is being written: for what is being done, and the prompt."""
BRACKETS_MAX, BARS_MAX = 2000, 3000
"""More of them in one text is no prose, and the parser's time grows with their square."""


class Screen(Protocol):
    """Shows a conversation to one person."""

    def welcome(self, opening: str, choices: Sequence[str]) -> None:
        """Greet."""

    def begin(self) -> None:
        """A message was sent: show that something happens."""

    def progress(self, progress: Progress) -> None:
        """Show a running turn."""

    def message(self, message: OutboundMessage) -> None:
        """Show what the bot said, in place of the running turn."""

    def choices(self, labels: Sequence[str]) -> None:
        """Offer something to send by its number."""

    def note(self, text: str) -> None:
        """Say something that is not the bot's."""

    def prompt(self, text: str) -> None:
        """Show the prompt again, after something was shown in the middle of a line."""

    def end(self) -> None:
        """Show no running turn any more."""


class PlainScreen:
    """Only the answers and their sources, each followed by an empty line: made to be read by a program."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def welcome(self, opening: str, choices: Sequence[str]) -> None:
        """Nothing: a program did not come to be greeted."""

    def begin(self) -> None:
        """Nothing is shown before the answer."""

    def progress(self, progress: Progress) -> None:
        """Nothing is shown before the answer."""

    def message(self, message: OutboundMessage) -> None:
        """Write the text and its sources."""
        lines = [clean(message.content), *(_source(citation) for citation in message.citations)]
        self._stream.write("\n".join([*lines, "", ""]))
        self._stream.flush()

    def choices(self, labels: Sequence[str]) -> None:
        """Nothing: whoever pipes lines in has decided already."""

    def note(self, text: str) -> None:
        """Write the text."""
        self._stream.write(f"{clean(text)}\n\n")
        self._stream.flush()

    def prompt(self, text: str) -> None:
        """Nothing: nobody types."""

    def end(self) -> None:
        """Nothing was shown."""


class LiveScreen:
    """Draws the answer while it is written, and prints it whole when it is there."""

    def __init__(self, console: Console, language: Language) -> None:
        self._console = console
        self._language = language
        self._live: Live | None = None
        self._text = ""
        self._step = ""
        self._spinner = Spinner("dots", style="cyan")

    def welcome(self, opening: str, choices: Sequence[str]) -> None:
        """Greet, and say how to leave."""
        self._console.print(Text(TEXTS["welcome"][self._language], style="dim"))
        if opening:
            self._console.print(Padding(_markdown(opening), (1, 0, 0, 0)))
        self.choices(choices)

    def begin(self) -> None:
        """Show that something happens."""
        self.end()
        self._text = ""
        self._doing(TEXTS["thinking"][self._language])
        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def progress(self, progress: Progress) -> None:
        """Take in a piece of the turn; it is drawn with the next refresh."""
        if progress.kind == "started":
            self._text = ""
        elif progress.kind == "step":
            self._doing(progress.text)
        elif progress.kind == "text":
            self._text = self._text[: progress.offset] + progress.text
            self._doing("")

    def message(self, message: OutboundMessage) -> None:
        """Print the whole message in place of what was drawn."""
        self.end()
        style = {"failure": "red", "notice": "dim"}.get(message.kind, "")
        self._console.print()
        if message.content:
            self._console.print(_markdown(message.content), style=style)
        if message.citations:
            self._console.print(Text(f"\n{TEXTS['sources'][self._language]}", style="dim"))
            for citation in message.citations:
                self._console.print(Text(f"  {_source(citation)}", style="dim"))
        self._console.print()

    def choices(self, labels: Sequence[str]) -> None:
        """Print the labels with their numbers."""
        if not labels:
            return
        self._console.print(Text(TEXTS["choices"][self._language], style="dim"))
        for number, label in enumerate(labels, start=1):
            self._console.print(Text.assemble((f"  {number}  ", "cyan"), clean(label)))
        self._console.print()

    def note(self, text: str) -> None:
        """Print the text, dimmed."""
        self._console.print(Text(clean(text), style="dim"))

    def prompt(self, text: str) -> None:
        """Show the prompt again; what was typed before it is still in the line."""
        self._console.print(text, end="")

    def end(self) -> None:
        """Take the running turn off the screen."""
        if self._live:
            self._live.stop()
            self._live = None

    def _doing(self, text: str) -> None:
        self._step = text
        self._spinner.update(text=Text(clean(text), style="dim"))

    def _draw(self) -> Group:
        return Group(_Tail(self._text), self._spinner) if self._step else Group(_Tail(self._text))


class _Tail:
    """The end of a Markdown text that is longer than the screen."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(console.height - LINES_BELOW, 1)
        lines = console.render_lines(_markdown(self._text), options, pad=False)[-room:] if self._text else []
        yield from _joined(lines)


def _joined(lines: Sequence[list[Segment]]) -> Iterator[Segment]:
    for line in lines:
        yield from line
        yield Segment.line()


def _markdown(text: str) -> Markdown | Text:
    """Return the text as Markdown in which HTML is text and links show where they lead; what is no prose stays text."""
    shown = clean(text)
    if shown.count("[") > BRACKETS_MAX or shown.count("|") > BARS_MAX:
        return Text(shown)
    markdown = Markdown("", hyperlinks=False)
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    # "[note]: text" would vanish as the definition of a link that nobody uses.
    markdown.parsed = parser.disable("reference").parse(shown)
    return markdown


def _source(citation: Citation) -> str:
    place = " › ".join(part for part in (citation.title, citation.position) if part)
    return clean(f"[{citation.number}] {place} ({citation.source})")
