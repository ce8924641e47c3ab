"""The schema of one assistant: `assistants/NAME.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that is safe in file names, keys and commands."""


class Section(BaseModel):
    """A part of the configuration: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MemorySettings(Section):
    """What the assistant remembers of a conversation."""

    messages: int = Field(20, ge=0, le=200, description="How many recent messages go into the prompt.")
    tokens: int = Field(4000, ge=100, description="Their budget in tokens; the oldest are left out first.")
    summary: bool = Field(True, description="Keep a rolling summary of what no longer fits.")
    summary_characters: int = Field(1500, ge=100, le=20000, description="How long the summary may be.")
    expire_days: float = Field(30, gt=0, description="Forget a conversation after so many days of silence.")


class FollowUps(Section):
    """Questions suggested after an answer."""

    enabled: bool = Field(True, description="Suggest follow-up questions.")
    count: int = Field(3, ge=1, le=5, description="How many.")
    model: str | None = Field(None, description="Model alias; by default the assistant's own.")
    prompt: str | None = Field(None, description="Instructions of your own for finding them.")


class WordList(Section):
    """A list of forbidden phrases and what happens when one is met."""

    name: str = Field(description="The rule's name; shown in logs and metrics instead of the phrase.")
    action: Literal["block", "redact", "log"] = Field("block", description="What happens on a match.")
    words: tuple[str, ...] = Field((), description="Phrases, written here.")
    file: str | None = Field(
        None, description="A UTF-8 file with one phrase a line, relative to the assistant's; `#` starts a comment."
    )
    category: str = Field("", description="A category for reports.")


class Moderation(Section):
    """Which phrases may not be asked or answered."""

    input: tuple[WordList, ...] = Field((), description="Lists applied to what people write.")
    output: tuple[WordList, ...] = Field((), description="Lists applied to what the assistant writes.")
    reply: str | None = Field(None, description="What a person reads when something was blocked.")
    mask: str = Field("***", description="What replaces a redacted phrase.")


class KnowledgeUse(Section):
    """How the assistant uses its knowledge bases."""

    bases: tuple[str, ...] = Field((), description="Names of knowledge bases of `parley.yaml`.")
    passages: int = Field(5, ge=1, le=20, description="How many passages go into the prompt.")
    strict: bool = Field(True, description="Say that nothing was found instead of answering without a passage.")
    not_found: str | None = Field(None, description="What a person reads then.")
    rewrite: bool = Field(
        False,
        description='Let a model make a whole question of one like "and for interns?" before the search: one short '
        "call more where a conversation has begun.",
    )
    queries: int = Field(
        1, ge=1, le=5, description="Search for so many wordings of the question; above 1 the same call makes them."
    )
    rewrite_model: str | None = Field(
        None, description="Model alias for `rewrite` and `queries`; by default the assistant's own."
    )


class TurnLimits(Section):
    """Bounds of one turn."""

    turn_s: float = Field(120, gt=0, description="Seconds one answer may take.")
    model_calls: int = Field(10, ge=1, description="Model calls in one turn.")
    tool_calls: int = Field(20, ge=0, description="Tool calls in one turn.")
    input_characters: int = Field(20000, ge=1, description="Longer messages are refused politely.")


class WhileBusy(Section):
    """What happens to a message that arrives while the assistant is answering in the same conversation."""

    mode: Literal["queue", "interrupt", "merge"] = Field(
        "queue",
        description="queue: answer it next. interrupt: break off and answer it. merge: answer quick messages as one.",
    )
    merge_wait_s: float = Field(0.8, ge=0, le=10, description="merge: how long to wait for another message.")


class Assistant(Section):
    """One assistant. The file's name is its name unless `name` says otherwise."""

    name: Name = Field(
        description="Its name in `/use`, in `model` of the API, and in logs.",
        json_schema_extra={"x-default": "the file's name"},
    )
    description: str = Field("", description="One line, shown by /assistants.")
    language: Literal["zh", "en", "auto"] = Field("auto", description="auto: the language of the question.")
    model: str = Field("default", description="Alias of a model of `parley.yaml`.")
    prompt: str = Field(
        "You are a helpful assistant.",
        description="The system prompt; {name}, {date}, {time}, {language}, {channel}, {user} and your `variables` "
        "are replaced.",
    )
    variables: dict[str, str] = Field(default_factory=dict, description="Values for {names} in the prompt.")
    opening: str | None = Field(None, description="What it says on first contact.")
    questions: tuple[str, ...] = Field((), max_length=3, description="Up to 3 questions suggested on first contact.")
    follow_ups: FollowUps = FollowUps()
    memory: MemorySettings = MemorySettings()
    knowledge: KnowledgeUse = KnowledgeUse()
    tools: tuple[str, ...] = Field((), description="Names of installed tools.")
    moderation: Moderation = Moderation()
    limits: TurnLimits = TurnLimits()
    while_busy: WhileBusy = WhileBusy()
