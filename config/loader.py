"""Finds, reads, merges and checks the files of a configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from config.assistant import Assistant
from config.documents import Document, overlay, read_document
from config.errors import ConfigurationInvalid, UnknownAssistant, Unreadable
from config.files import FileReader, with_dotenv
from config.problems import Problem
from config.references import check_assistant, check_settings
from config.settings import Settings
from config.validation import validated

DEFAULTS = Path(__file__).parent / "defaults"
SETTINGS_FILE = "parley.yaml"
ASSISTANTS_FOLDER = "assistants"
DOTENV_FILE = ".env"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that the files say. `digest` changes with the content of any of them, also of a word list."""

    settings: Settings
    assistants: Mapping[str, Assistant]
    """By name, in the order of their files."""
    root: Path
    """The folder of parley.yaml, or the working folder where there is none."""
    files: tuple[Path, ...]
    """What was read, word lists and `.env` among it."""
    missing: tuple[Path, ...] = ()
    """What was looked for and need not be there."""
    digest: str

    def assistant(self, name: str | None = None) -> Assistant:
        """Return the assistant of that name; None asks for the default one.

        Raises:
            UnknownAssistant: there is none of that name.
        """
        wanted = name or self.settings.default_assistant or next(iter(self.assistants))
        if wanted not in self.assistants:
            raise UnknownAssistant(wanted, self.assistants)
        return self.assistants[wanted]


def load_configuration(path: Path | None = None, *, environment: Mapping[str, str], folder: Path) -> Configuration:
    """Return the configuration at `path` (a parley.yaml or its folder), else at PARLEY_CONFIG, else in `folder`.

    The files are laid over the shipped defaults. A `.env` beside parley.yaml, else in `folder`, fills in what the
    environment lacks. Without any file the defaults alone apply.

    Raises:
        ConfigurationInvalid: with every problem of every file at once.
    """
    folder = folder.resolve()
    if path is None and environment.get("PARLEY_CONFIG"):
        path = Path(environment["PARLEY_CONFIG"])
    loading = _Loading(folder)
    root, settings_file = loading.locate(path)
    loading.read_environment(root, environment)
    return loading.configuration(root, settings_file)


class _Loading:
    """One pass over the files, which collects problems instead of stopping at the first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader = FileReader()
        self._environment: Mapping[str, str] = {}
        self._problems: list[Problem] = []

    def locate(self, path: Path | None) -> tuple[Path, Path | None]:
        """Return the folder of the configuration, and its parley.yaml where there is one."""
        if path is None:
            file = self._folder / SETTINGS_FILE
            return self._folder, file if self._reader.exists(file) else None
        path = Path(os.path.normpath(self._folder / path.expanduser()))
        file = path / SETTINGS_FILE if path.is_dir() else path
        if not self._reader.exists(file):
            self._problems.append(Problem(file=file, message="does not exist; --config or PARLEY_CONFIG names it"))
            raise self._invalid()
        return file.parent, file

    def read_environment(self, root: Path, environment: Mapping[str, str]) -> None:
        """Take the environment, filled in from the `.env` beside parley.yaml, else from that of the working folder."""
        self._environment = environment
        for file in (root / DOTENV_FILE, self._folder / DOTENV_FILE):
            if self._reader.exists(file):
                self._environment, problems = with_dotenv(environment, file, self._reader)
                self._problems += problems
                return

    def configuration(self, root: Path, settings_file: Path | None) -> Configuration:
        """Return the checked configuration, or raise with every problem."""
        self._complain_of_names(root)
        settings, complete = self._settings(settings_file)
        assistants = self._assistants(root)
        for assistant in assistants:
            if assistant.data is not None:
                check_assistant(assistant, settings if complete else None, self._reader)
        if complete:
            names = [_name(assistant) for assistant in assistants]
            check_settings(settings, names, self._reader, self._folder)
        checked = validated(settings, Settings)
        found = [validated(assistant, Assistant) for assistant in assistants if assistant.data is not None]
        self._problems += [problem for document in (settings, *assistants) for problem in document.problems]
        if self._problems or checked is None:
            raise self._invalid()
        return Configuration(
            settings=checked,
            assistants={assistant.name: assistant for assistant in found if assistant is not None},
            root=root,
            files=self._reader.files,
            missing=self._reader.missing,
            digest=self._reader.digest,
        )

    def _settings(self, file: Path | None) -> tuple[Document, bool]:
        """Return the defaults with the user's file over them, and whether the user's file could be read."""
        defaults = self._document(DEFAULTS / SETTINGS_FILE)
        if file is None:
            return defaults, True
        document = self._document(file)
        return overlay(defaults, document), document.data is not None

    def _assistants(self, root: Path) -> Sequence[Document]:
        """Return the user's assistants, or the shipped one where there are none."""
        files = _assistant_files(root / ASSISTANTS_FOLDER) or _assistant_files(DEFAULTS / ASSISTANTS_FOLDER)
        documents = [self._document(file) for file in files]
        taken: dict[str, Document] = {}
        for document in documents:
            if document.data is not None:
                document.data.setdefault("name", document.file.stem)
            other = taken.setdefault(_name(document), document)
            if other is not document:
                message = f'"{_name(document)}" is already the name of the assistant in {other.file.name}'
                document.complain(("name",), message)
        return documents

    def _complain_of_names(self, root: Path) -> None:
        """A file that is passed over in silence would cost its author an hour."""
        for file in (*root.glob("parley.yml"), *(root / ASSISTANTS_FOLDER).glob("*.yml")):
            self._problems.append(Problem(file=file, message=f"is not read; name it {file.stem}.yaml"))

    def _document(self, file: Path) -> Document:
        try:
            return read_document(self._reader.read(file), file=file, environment=self._environment)
        except Unreadable as error:
            return Document(file=file, problems=[Problem(file=file, message=str(error))])

    def _invalid(self) -> ConfigurationInvalid:
        shown = [replace(problem, file=_shown(problem.file, self._folder)) for problem in self._problems]
        shown.sort(key=lambda problem: (str(problem.file), problem.line or 0, problem.column or 0, problem.path))
        return ConfigurationInvalid(
            shown, files=self._reader.files, missing=self._reader.missing, digest=self._reader.digest
        )


def _assistant_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.yaml") if not file.name.startswith("."))


def _name(assistant: Document) -> str:
    """The file's name stands in for an assistant that could not be read."""
    return str((assistant.data or {}).get("name") or assistant.file.stem)


def _shown(file: Path, folder: Path) -> Path:
    """Files below the working folder are shown relative to it, as compilers do."""
    return file.relative_to(folder) if file.is_relative_to(folder) else file
