"""`parley kb migrate`: after a change of the vector store or of the embedding model, make the vectors be there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from bot.console import PROBLEM, complain, err, say
from bot.kb.bases import some_bases
from bot.kb.progress import Tell, bars
from bot.kb.wording import counted, grid, number_columns, stdout, write_json
from bot.library import open_library
from config.loader import Configuration
from config.settings import ChromaSettings

if TYPE_CHECKING:
    from knowledge.library import Library
    from knowledge.opened import OpenBase

WAIT_S = 600.0
EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be done for one base."""

    base: str
    serving: str
    """The embedding model whose vectors are searched now."""
    model: str
    """The one that is configured."""
    texts: int
    """So many are to be embedded; what is known already is not counted."""
    vectors: int
    """So many there are of the configured model now."""
    stored: int | None
    """So many the vector store holds; None where another process has the store."""

    @property
    def done(self) -> bool:
        """True where nothing is left to do."""
        return self.serving == self.model and not self.texts and self.stored in {None, self.vectors}


async def migrate(
    configuration: Configuration, names: Sequence[str] | None, *, to: str | None, plan_only: bool, as_json: bool
) -> int:
    """Make, move or complete the vectors of bases; 1 where the store does not hold what it should afterwards."""
    chosen = some_bases(configuration, names)
    server = _target(configuration, to)
    async with open_library(configuration, chroma=server, embedded=True) as library:
        if not plan_only:
            with bars(err) as shown:
                for name in chosen:
                    await moved(library, name, shown.begin(name))
        plans = [await planned(library, name) for name in chosen]
    if as_json:
        write_json([asdict(plan) for plan in plans])
    else:
        _show(plans, server)
    if plan_only:
        return 0
    _remind(configuration, server)
    return _verified(plans)


def _target(configuration: Configuration, to: str | None) -> ChromaSettings:
    settings = configuration.settings.chroma
    if to is None:
        return settings
    if to != EMBEDDED and not to.startswith(("http://", "https://")):
        raise typer.BadParameter(f"--to is the address of a Chroma server (http://…) or `{EMBEDDED}`")
    return settings.model_copy(update={"url": None if to == EMBEDDED else to})


async def planned(library: Library, name: str) -> Plan:
    """Look at what is to be done, and do nothing."""
    serving = await library.base(name)
    successor = await library.successor(name)
    base = successor or serving
    try:
        return Plan(
            base=name,
            serving=serving.embedder,
            model=base.embedder,
            texts=await base.lacking(),
            vectors=(await base.counts())[2],
            stored=await base.indexed(),
        )
    finally:
        if successor is not None:
            successor.close()


async def moved(library: Library, name: str, tell: Tell) -> None:
    """Embed and store what the configured model lacks, then let it serve."""
    successor = await library.successor(name)
    if successor is None:
        await _complete(await library.base(name), tell)
        return
    with ExitStack() as unless_complete:
        unless_complete.callback(successor.close)
        await _complete(successor, tell)
        unless_complete.pop_all()
    await library.take_over(successor)


async def _complete(base: OpenBase, tell: Tell) -> None:
    """Embed and store what is missing, waiting while another process is at it."""
    from knowledge.changes.waiting import patiently

    async def opened() -> OpenBase:
        return base

    await patiently(opened, lambda one: one.verify(progress=tell), WAIT_S, tell)


def _show(plans: Sequence[Plan], server: ChromaSettings) -> None:
    where = f"Chroma at {server.url}" if server.url else "embedded Chroma"
    table = grid("base", "embedding model", title=f"store: {where}")
    number_columns(table, "to embed", "vectors", "in the store")
    table.add_column("")
    for plan in plans:
        model = plan.model if plan.serving == plan.model else f"{plan.serving} → {plan.model}"
        stored = "in use elsewhere" if plan.stored is None else f"{plan.stored:,}"
        done = Text("✓", "green") if plan.done else Text("to do", "yellow")
        table.add_row(plan.base, Text(model), f"{plan.texts:,}", f"{plan.vectors:,}", stored, done)
    stdout().print(table)


def _remind(configuration: Configuration, server: ChromaSettings) -> None:
    if server.url == configuration.settings.chroma.url:
        return
    value = server.url or '""'
    say(f"Now set `chroma.url: {value}` in parley.yaml; a running Parley takes it over.")


def _verified(plans: Sequence[Plan]) -> int:
    wrong = [plan for plan in plans if not plan.done]
    for plan in wrong:
        complain(
            f"{plan.base} is not complete: {counted(plan.texts, 'text')} to embed, {plan.stored} of {plan.vectors} "
            "vectors in the store; run the same command again"
        )
    return PROBLEM if wrong else 0
