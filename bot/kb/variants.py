"""Other settings to measure beside the configured ones: read from `--against`, and opened."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any, get_args

import typer
from pydantic import ValidationError

from bot.kb.migrating import moved
from bot.kb.progress import Tell
from bot.library import open_library
from config.assistant import KnowledgeUse
from config.loader import Configuration
from config.problems import suggestion
from config.settings import EmbeddingSettings, KnowledgeBase, Settings
from knowledge.retrieval.fusion import Fusion

if TYPE_CHECKING:
    from knowledge.base import Reranker
    from knowledge.library import Library

CONFIGURED = "as configured"
_OF_BASES = ("threshold", "around", "chunk_characters")
_EMBEDDINGS = "embeddings."
_REBUILDING = ("chunk_characters", _EMBEDDINGS)
_KEYS = ("how", "passages", "rerank", *_OF_BASES, *(_EMBEDDINGS + name for name in ("provider", "model", "base_url")))
_ON = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One column of the comparison."""

    name: str
    configuration: Configuration
    how: Fusion = "hybrid"
    passages: int = 5
    rerank: bool = False
    rebuilds: bool = False
    """Whether its index differs from the one there is, and has to be built beside it."""

    def thresholds(self, bases: Sequence[str]) -> dict[str, float] | None:
        """Return the threshold of each base; None for other scores than hybrid ones, which have none."""
        knowledge = self.configuration.settings.knowledge
        return {name: knowledge[name].threshold for name in bases} if self.how == "hybrid" else None


def configured(configuration: Configuration, bases: Sequence[str]) -> Variant:
    """Return the settings in force; how many passages count is what the first assistant of these bases is given."""
    uses = [one.knowledge for one in configuration.assistants.values() if set(one.knowledge.bases) & set(bases)]
    return Variant(
        name=CONFIGURED,
        configuration=configuration,
        passages=(uses[0] if uses else KnowledgeUse()).passages,
        rerank=bool(configuration.settings.rerank.url),
    )


def variant(written: str, base: Variant, bases: Sequence[str]) -> Variant:
    """Return the settings in force with what is written, as `KEY=VALUE,KEY=VALUE`, in their place.

    Raises:
        BadParameter: a key or a value makes no sense.
    """
    made = base
    for part in written.split(","):
        key, equals, value = (text.strip() for text in part.partition("="))
        if not equals or key not in _KEYS:
            raise typer.BadParameter(f"--against {part}: expected KEY=VALUE; {suggestion(key, _KEYS)}")
        made = _changed(made, key, value, bases)
    return replace(made, name=written, rebuilds=any(one in written for one in _REBUILDING))


def _changed(base: Variant, key: str, value: str, bases: Sequence[str]) -> Variant:
    try:
        match key:
            case "how":
                return replace(base, how=_one_of(get_args(Fusion), value))
            case "passages":
                return replace(base, passages=KnowledgeUse.model_validate({key: value}).passages)
            case "rerank":
                return replace(base, rerank=_reranking(base.configuration, value))
            case _:
                settings = _with(base.configuration.settings, key, value, bases)
                return replace(base, configuration=replace(base.configuration, settings=settings))
    except ValidationError as error:
        raise typer.BadParameter(f"--against {key}={value}: {error.errors()[0]['msg']}") from error
    except ValueError as error:
        raise typer.BadParameter(f"--against {key}={value}: {error}") from error


def _with(settings: Settings, key: str, value: str, bases: Sequence[str]) -> Settings:
    if key.startswith(_EMBEDDINGS):
        given = {**dict(settings.embeddings), key.removeprefix(_EMBEDDINGS): value}
        return settings.model_copy(update={"embeddings": EmbeddingSettings.model_validate(given)})
    changed = {
        name: KnowledgeBase.model_validate({**dict(one), key: value}) if name in bases else one
        for name, one in settings.knowledge.items()
    }
    return settings.model_copy(update={"knowledge": changed})


def _one_of(known: Sequence[Any], value: str) -> Any:
    if value not in known:
        raise ValueError(suggestion(value, known))
    return value


def _reranking(configuration: Configuration, value: str) -> bool:
    wanted = _ON[_one_of(tuple(_ON), value)]
    if wanted and not configuration.settings.rerank.url:
        raise ValueError("no reranker is configured; name one under `rerank:` in parley.yaml")
    return wanted


@asynccontextmanager
async def opened(
    one: Variant, bases: Sequence[str], begin: Callable[[str], Tell]
) -> AsyncIterator[tuple[Library, Reranker | None]]:
    """Open the bases with a variant's settings, and its reranker.

    Where its index differs, the bases are copied into a folder that is deleted afterwards, and rebuilt there;
    `begin` starts a bar for each.
    """
    import aiohttp

    from knowledge.choosing import reranker

    async with AsyncExitStack() as stack:
        configuration = one.configuration
        if one.rebuilds:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-eval-")))
            configuration = _beside(configuration, bases, folder)
        library = await stack.enter_async_context(open_library(configuration))
        if one.rebuilds:
            for name in bases:
                tell = begin(f"{name}, {one.name}")
                await moved(library, name, tell)
                await library.sync(name, progress=tell)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield library, reranker(configuration.settings.rerank, session=session) if one.rerank else None


def _beside(configuration: Configuration, bases: Sequence[str], folder: Path) -> Configuration:
    """Copy the bases into `folder` and return the configuration that uses them there, without a vector server."""
    settings = configuration.settings
    source, target = settings.data_dir / "knowledge", folder / "knowledge"
    target.mkdir(parents=True)
    for name in bases:
        file = f"{name}.sqlite"
        with closing(sqlite3.connect(source / file)) as old, closing(sqlite3.connect(target / file)) as new:
            old.backup(new)
        for kind in ("web", "uploads"):
            if (source / f"{name}.{kind}").is_dir():
                copytree(source / f"{name}.{kind}", target / f"{name}.{kind}")
    models = settings.data_dir / "models"
    if models.is_dir():
        (folder / "models").symlink_to(models.resolve(), target_is_directory=True)
    chroma = settings.chroma.model_copy(update={"url": None})
    return replace(configuration, settings=settings.model_copy(update={"data_dir": folder, "chroma": chroma}))
