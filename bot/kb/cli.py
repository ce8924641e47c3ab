"""The commands of `parley kb`. What they do is in the modules beside this one, imported when they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.console import ConfigOption, loaded
from bot.kb.options import (
    BaseArgument,
    BaseOption,
    BasesArgument,
    ConversationsOption,
    Format,
    How,
    JsonOption,
    RolesOption,
    TagsOption,
    YesOption,
    start,
)

kb_cli = typer.Typer(
    help="Knowledge bases: add documents, sync, search, look, and go back. Works beside a running Parley.",
    no_args_is_help=True,
)
answers_cli = typer.Typer(help="Fixed answers, given before any model is asked.", no_args_is_help=True)
kb_cli.add_typer(answers_cli, name="answers")


@kb_cli.command()
def add(
    *,
    things: Annotated[list[str], typer.Argument(metavar="FILE|FOLDER|URL...", help="What to add.")],
    base: BaseOption = None,
    sitemap: Annotated[bool, typer.Option("--sitemap", help="The address is a sitemap: add what it lists.")] = False,
    crawl: Annotated[bool, typer.Option("--crawl", help="Add what the page links to, on the same host.")] = False,
    feed: Annotated[
        bool, typer.Option("--feed", help="The address is an RSS or Atom feed: add what it lists.")
    ] = False,
    depth: Annotated[int, typer.Option(min=0, max=10, help="--crawl: how many links away.")] = 2,
    pages: Annotated[int, typer.Option(min=1, max=20000, help="At most so many pages.")] = 200,
    include: Annotated[list[str] | None, typer.Option(help="Only addresses like this (`*` is any text).")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No addresses like this.")] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy files into the base instead of watching them.")] = False,
    role: RolesOption = None,
    conversation: ConversationsOption = None,
    tag: TagsOption = None,
    config: ConfigOption = None,
) -> None:
    """Add files, folders or addresses. Later syncs look at them again."""
    kinds = [name for name, given in (("sitemap", sitemap), ("crawl", crawl), ("feed", feed)) if given]
    if len(kinds) > 1:
        raise typer.BadParameter(f"choose one of --{' and --'.join(kinds)}")
    from bot.kb.adding import Wanted
    from bot.kb.adding import add as work

    wanted = Wanted(
        things=things,
        kind=kinds[0] if kinds else "page",  # type: ignore[arg-type]
        depth=depth,
        pages=pages,
        include=include or (),
        exclude=exclude or (),
        copy=copy,
        roles=frozenset(role or ()),
        conversations=frozenset(conversation or ()),
        tags=frozenset(tag or ()),
    )
    start(work(loaded(config), base, wanted))


@kb_cli.command()
def sync(bases: BasesArgument = None, config: ConfigOption = None) -> None:
    """Look at all sources and take in what has changed. Exit code 1 where a document failed."""
    from bot.kb.syncing import sync as work

    start(work(loaded(config), bases))


@kb_cli.command()
def ls(
    base: Annotated[str | None, typer.Argument(help="Show the documents of this base.")] = None,
    pattern: Annotated[
        str | None, typer.Option("--filter", "-f", help="Only documents like this (`*` is any text).")
    ] = None,
    blocked: Annotated[bool, typer.Option("--blocked", help="Only those that were removed and are kept out.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the bases, or the documents of one."""
    from bot.kb.listing import list_bases, list_documents

    configuration = loaded(config)
    if base is None and not (pattern or blocked):
        start(list_bases(configuration, as_json=as_json))
    start(list_documents(configuration, base, pattern=pattern, blocked=blocked, as_json=as_json))


@kb_cli.command()
def rm(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Documents or additions, as `ls` shows them.")],
    base: BaseOption = None,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Take documents out at once; no sync brings them back."""
    from bot.kb.removing import remove

    start(remove(loaded(config), base, names, yes=yes))


@kb_cli.command()
def restore(
    name: Annotated[str, typer.Argument(help="The document, as `ls --blocked` shows it.")],
    base: BaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a removed document in again."""
    from bot.kb.removing import restore as work

    start(work(loaded(config), base, name))


@kb_cli.command()
def search(
    *,
    query: Annotated[str, typer.Argument(help="What a person would ask.")],
    base: Annotated[list[str] | None, typer.Option("--base", "-b", help="Which bases; by default all.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="At most so many passages.")] = 8,
    how: Annotated[How, typer.Option(help="How scores are made; answers use hybrid.")] = How.hybrid,
    role: Annotated[list[str] | None, typer.Option("--role", help="Search as a person with this role.")] = None,
    conversation: Annotated[str, typer.Option("--conversation", help="Search as in this conversation.")] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only documents with all of these tags.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Search as an operator: no limit holds.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Show passages in full.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what is found for a question, with all scores: the hit test."""
    from bot.kb.searching import Asked
    from bot.kb.searching import search as work
    from knowledge.types import Scope

    asked = Asked(
        query=query,
        bases=base or (),
        limit=limit,
        how=how.value,
        scope=Scope(roles=frozenset(role or ()), conversation=conversation, everything=everything),
        tags=frozenset(tag or ()),
    )
    start(work(loaded(config), asked, whole=whole, as_json=as_json))


@kb_cli.command()
def stats(bases: BasesArgument = None, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show what is in the bases, and what it takes."""
    from bot.kb.stats import stats as work

    start(work(loaded(config), bases, as_json=as_json))


@kb_cli.command()
def export(
    base: BaseArgument = None,
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write; - is standard output.")] = "-",
    kind: Annotated[Format, typer.Option("--format", help="jsonl is exact; csv is for spreadsheets.")] = Format.jsonl,
    config: ConfigOption = None,
) -> None:
    """Write all chunks with their documents, sources, tags and limits."""
    from bot.kb.exporting import export as work

    start(work(loaded(config), base, output=output, kind=kind.value))


@kb_cli.command()
def revisions(base: BaseArgument = None, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the revisions that a base can go back to."""
    from bot.kb.history import list_revisions

    start(list_revisions(loaded(config), base, as_json=as_json))


@kb_cli.command()
def rollback(
    base: Annotated[str, typer.Argument(help="Which base.")],
    revision: Annotated[int, typer.Argument(min=1, help="The number that `revisions` shows.")],
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a base what it was at a revision. Nothing is embedded again, and it stays so through later syncs."""
    from bot.kb.history import roll_back

    start(roll_back(loaded(config), base, revision, yes=yes))


@kb_cli.command()
def migrate(
    bases: BasesArgument = None,
    to: Annotated[str | None, typer.Option(help="Another store than configured: http://… or `embedded`.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what there is to do.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make the vectors be there after a change of `chroma.url` or of the embedding model."""
    from bot.kb.migrating import migrate as work

    start(work(loaded(config), bases, to=to, plan_only=plan, as_json=as_json))


@kb_cli.command("eval")
def evaluate(
    *,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Questions: YAML, JSONL or CSV.")],
    base: Annotated[list[str] | None, typer.Option("--base", "-b", help="Which bases; by default all.")] = None,
    k: Annotated[list[int] | None, typer.Option("--k", min=1, help="A depth for recall@k; may be given again.")] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="A setting to compare with, for example how=vector or threshold=0.3.")
    ] = None,
    minimum: Annotated[
        list[str] | None, typer.Option("--min", help="Exit with 1 below this, for example recall@5=0.9.")
    ] = None,
    maximum: Annotated[list[str] | None, typer.Option("--max", help="Exit with 1 above this.")] = None,
    json_path: Annotated[str | None, typer.Option("--json", help="Also write all figures here; - prints them.")] = None,
    misses: Annotated[bool, typer.Option("--misses", help="Show what was not found, and what came instead.")] = False,
    config: ConfigOption = None,
) -> None:
    """Measure how well questions find their passages, and compare settings."""
    from bot.kb.evaluation import evaluate as work

    start(
        work(
            loaded(config),
            file,
            bases=base,
            depths=k or (),
            against=against or (),
            minimum=minimum or (),
            maximum=maximum or (),
            json_path=json_path,
            misses=misses,
        )
    )


@answers_cli.command("list")
def list_answers(base: BaseArgument = None, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the fixed answers of a base, and how often each was given."""
    from bot.kb.answers import list_answers as work

    start(work(loaded(config), base, as_json=as_json))


@answers_cli.command("add")
def add_answer(
    *,
    base: Annotated[str, typer.Argument(help="Which base.")],
    question: Annotated[str, typer.Argument(help="The question, as people ask it.")],
    answer: Annotated[str, typer.Argument(help="What is answered.")],
    role: RolesOption = None,
    conversation: ConversationsOption = None,
    config: ConfigOption = None,
) -> None:
    """Fix the answer to a question. Prints its number."""
    from bot.kb.answers import add_answer as work

    start(work(loaded(config), base, question, answer, roles=role or (), conversations=conversation or ()))


@answers_cli.command("rm")
def remove_answer(
    base: Annotated[str, typer.Argument(help="Which base.")],
    number: Annotated[int, typer.Argument(help="The number that `list` shows.")],
    config: ConfigOption = None,
) -> None:
    """Forget a fixed answer."""
    from bot.kb.answers import remove_answer as work

    start(work(loaded(config), base, number))
