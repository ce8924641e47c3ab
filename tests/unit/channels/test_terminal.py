"""The terminal chat: a pipe gets answers line by line, a person can stop, choose and leave."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from channels.base import Channel, Streaming
from channels.terminal.channel import TerminalChannel
from channels.terminal.lines import Lines, piped
from channels.terminal.screen import LiveScreen, PlainScreen, Screen
from channels.terminal.texts import clean, language_of_environment
from channels.types import Acceptance, Action, Citation, InboundMessage, OutboundMessage, Progress

LEAVE = Citation(number=1, title="Leave", source="leave.md", position="Annual leave", excerpt="15 days")


class Answerer:
    """Answers each message through the channel, as a worker would; `/stop` ends the one that waits."""

    def __init__(self) -> None:
        self.channel: TerminalChannel | None = None
        self.received: list[InboundMessage] = []
        self.template = OutboundMessage(id="", conversation=None)  # type: ignore[arg-type]
        self.holds = False
        self.busy = False
        self._held: InboundMessage | None = None

    async def __call__(self, message: InboundMessage) -> Acceptance:
        self.received.append(message)
        if self.busy:
            return "busy"
        if message.text == "/stop" and self._held:
            await self._say(self._held, "stopped")
        elif self.holds:
            self._held = message
        else:
            asyncio.get_running_loop().create_task(self._say(message, f"echo {message.text}"))
        return "accepted"

    async def _say(self, message: InboundMessage, content: str) -> None:
        channel = self.channel
        assert channel
        where = {"conversation": message.conversation, "in_reply_to": message.reply_to}
        await channel.show(Progress(kind="started", turn="t", **where))
        await channel.show(Progress(kind="text", turn="t", text=content, **where))
        number = len(self.received)
        answer = replace(self.template, id=f"t{number}", content=self.template.content or content, **where)
        for part in channel.plan(answer):
            await channel.send(part)
            await channel.send(part)


def make(
    answerer: Answerer, screen: Screen, lines: Sequence[str] | Callable[[str], str], *, interactive: bool
) -> TerminalChannel:
    read = lines if callable(lines) else piped(io.StringIO("".join(f"{line}\n" for line in lines)))
    channel = TerminalChannel(
        answerer, lines=Lines(read), screen=screen, user="anna", language="en", interactive=interactive
    )
    answerer.channel = channel
    return channel


@pytest.fixture
def answerer() -> Answerer:
    return Answerer()


def drawn(language: str = "en") -> tuple[LiveScreen, io.StringIO]:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80, height=24, color_system=None)
    return LiveScreen(console, language), output  # type: ignore[arg-type]


async def test_it_is_a_channel_that_streams(answerer: Answerer) -> None:
    channel = make(answerer, PlainScreen(io.StringIO()), [], interactive=False)
    assert isinstance(channel, Channel)
    assert isinstance(channel, Streaming)


async def test_piped_lines_are_answered_one_by_one_until_the_end(answerer: Answerer) -> None:
    output = io.StringIO()
    channel = make(answerer, PlainScreen(output), ["first", "", "第二"], interactive=False)
    assert await channel.converse(opening="Hi!", questions=["Why?"]) == 0
    assert output.getvalue() == "echo first\n\necho 第二\n\n"
    assert [message.text for message in answerer.received] == ["first", "第二"]
    assert len({message.conversation.key for message in answerer.received}) == 1


async def test_sources_follow_the_answer(answerer: Answerer) -> None:
    output = io.StringIO()
    answerer.template = replace(answerer.template, citations=(LEAVE,))
    await make(answerer, PlainScreen(output), ["how many?"], interactive=False).converse()
    assert output.getvalue() == "echo how many?\n[1] Leave › Annual leave (leave.md)\n\n"


async def test_a_number_in_a_pipe_is_a_number(answerer: Answerer) -> None:
    answerer.template = replace(answerer.template, suggestions=("And for interns?",))
    await make(answerer, PlainScreen(io.StringIO()), ["hello", "1"], interactive=False).converse()
    assert [message.text for message in answerer.received] == ["hello", "1"]


async def test_a_busy_bot_says_so_and_the_chat_goes_on(answerer: Answerer) -> None:
    output = io.StringIO()
    answerer.busy = True
    assert await make(answerer, PlainScreen(output), ["one", "two"], interactive=False).converse() == 0
    assert output.getvalue().count("Too many messages") == 2


async def test_a_person_chooses_by_number(answerer: Answerer) -> None:
    screen, output = drawn()
    answerer.template = replace(
        answerer.template, suggestions=("And for interns?",), actions=(Action(label="Translator", text="/use tr"),)
    )
    channel = make(answerer, screen, ["Q1", "2", "1", "7"], interactive=True)
    await channel.converse(opening="Ask **me**.", questions=["Opening question"])
    assert [message.text for message in answerer.received] == ["Q1", "/use tr", "And for interns?", "7"]
    assert "Opening question" in output.getvalue()
    assert "And for interns?" in output.getvalue()


async def test_an_opening_question_is_chosen_by_number(answerer: Answerer) -> None:
    screen, _ = drawn()
    await make(answerer, screen, ["1"], interactive=True).converse(questions=["How many days?"])
    assert answerer.received[0].text == "How many days?"


async def test_a_message_that_is_delivered_again_is_shown_once(answerer: Answerer) -> None:
    screen, output = drawn()
    await make(answerer, screen, ["hello"], interactive=True).converse()
    assert output.getvalue().count("echo hello") >= 1
    plain = io.StringIO()
    await make(answerer, PlainScreen(plain), ["hello"], interactive=False).converse()
    assert plain.getvalue().count("echo hello") == 1


@pytest.mark.parametrize("word", ["/exit", "/quit", "/退出"])
async def test_a_person_leaves_with_a_word(answerer: Answerer, word: str) -> None:
    screen, output = drawn()
    assert await make(answerer, screen, [word, "never read"], interactive=True).converse() == 0
    assert answerer.received == []
    assert "Bye" in output.getvalue()


async def test_ctrl_c_stops_the_answer_and_then_leaves(answerer: Answerer) -> None:
    screen, output = drawn()
    answerer.holds = True
    never = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read(prompt: str) -> str:
        if not answerer.received:
            return "endless"
        asyncio.run_coroutine_threadsafe(never.wait(), loop).result()
        raise EOFError

    channel = make(answerer, screen, read, interactive=True)
    talking = asyncio.create_task(channel.converse())
    while not answerer.received:
        await asyncio.sleep(0.01)
    channel.interrupt()
    while "stopped" not in output.getvalue():
        await asyncio.sleep(0.01)
    assert [message.text for message in answerer.received] == ["endless", "/stop"]
    await asyncio.sleep(0.01)
    channel.interrupt()
    assert await asyncio.wait_for(talking, 2) == 0
    never.set()


async def test_a_second_ctrl_c_does_not_wait_for_the_stop(answerer: Answerer) -> None:
    screen, _ = drawn()

    async def deaf(message: InboundMessage) -> Acceptance:
        answerer.received.append(message)
        return "accepted"

    channel = TerminalChannel(
        deaf, lines=Lines(piped(io.StringIO("endless\n"))), screen=screen, user="anna", language="en"
    )
    talking = asyncio.create_task(channel.converse())
    while not answerer.received:
        await asyncio.sleep(0.01)
    channel.interrupt()
    channel.interrupt()
    assert await asyncio.wait_for(talking, 2) == 0


async def test_two_terminals_do_not_deliver_each_others_messages(answerer: Answerer) -> None:
    one, other = (make(answerer, PlainScreen(io.StringIO()), [], interactive=False) for _ in range(2))
    assert one.account != other.account


async def test_the_chosen_assistant_applies_until_another_is_used() -> None:
    answerer = Answerer()
    channel = TerminalChannel(
        answerer,
        lines=Lines(piped(io.StringIO("hello\n/use other\nhello again\n"))),
        screen=PlainScreen(io.StringIO()),
        user="anna",
        language="zh",
        assistant="handbook",
        interactive=False,
    )
    answerer.channel = channel
    await channel.converse()
    assert [message.assistant for message in answerer.received] == ["handbook", None, None]
    assert answerer.received[0].sender.language == "zh"


HOSTILE = "\x1b]52;c;cm0gLXJm\x07\x1b[2Jhidden\x9b31m \u202egnp.exe\rover"


async def test_an_answer_cannot_command_the_terminal(answerer: Answerer) -> None:
    answerer.template = replace(answerer.template, content=HOSTILE, citations=(replace(LEAVE, title=HOSTILE),))
    plain = io.StringIO()
    await make(answerer, PlainScreen(plain), ["hello"], interactive=False).converse()
    screen, output = drawn()
    await make(answerer, screen, ["hello"], interactive=True).converse()
    for text in (plain.getvalue(), output.getvalue()):
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
        assert not {"\x07", "\x9b", "\u202e"} & set(text)


def test_clean_keeps_what_people_read() -> None:
    assert clean("a\tb\r\nc\n中文 👩‍💻 é") == "a\tb\nc\n中文 👩‍💻 é"
    assert clean("a\rb\x00\x1b[0m") == "ab[0m"


async def test_html_in_an_answer_is_shown_as_text(answerer: Answerer) -> None:
    screen, output = drawn()
    answerer.template = replace(answerer.template, content="use <b>bold</b>\n\n<script>x</script>")
    await make(answerer, screen, ["hello"], interactive=True).converse()
    assert "<b>bold</b>" in output.getvalue()
    assert "<script>" in output.getvalue()


async def test_what_is_being_done_is_shown_until_text_comes() -> None:
    screen, _ = drawn()
    plain = Console(file=io.StringIO(), width=80)

    def seen() -> str:
        with plain.capture() as capture:
            plain.print(screen._draw())
        return capture.get()

    screen.begin()
    assert "Thinking" in seen()
    screen.progress(Progress(conversation=None, turn="t", kind="step", text="Searching"))  # type: ignore[arg-type]
    assert "Searching" in seen()
    screen.progress(Progress(conversation=None, turn="t", kind="text", text="So **far**"))  # type: ignore[arg-type]
    assert seen().split() == ["So", "far"]
    screen.end()


async def test_the_end_of_a_long_text_is_what_is_seen_while_it_is_written() -> None:
    screen, output = drawn()
    screen.begin()
    text = "".join(f"line {number}\n\n" for number in range(100))
    screen.progress(Progress(conversation=None, turn="t", kind="text", text=text))  # type: ignore[arg-type]
    await asyncio.sleep(0.3)
    screen.end()
    assert "line 99" in output.getvalue()
    assert "line 10\n" not in output.getvalue()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_chooses_the_language(environment: dict[str, str], language: str) -> None:
    assert language_of_environment(environment) == language
