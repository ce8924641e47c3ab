"""What can go wrong while a turn is answered.

AgentError                 `retryable` says whether the turn may be run again
├── ModelError             a language model failed; `alias` names it
│   ├── ModelUnavailable   not reached, timed out, overloaded or failed on its side
│   ├── ModelRefused       the request is wrong for this model (unknown model, too long)
│   └── ModelUnauthorized  the key is wrong: an operator must act
├── KnowledgeFailed        the assistant's knowledge bases could not be searched
├── TurnTooLong            the turn's deadline passed
├── UnknownModel           no model of that alias is configured
├── UnknownTool            no tool of that name is installed
├── ToolFailed             a tool failed for good
└── WordListUnreadable     a word list of the moderation settings cannot be read: an operator must act
"""

from __future__ import annotations


class AgentError(Exception):
    """The root of all agent errors."""

    retryable = False


class ModelError(AgentError):
    """A language model failed; `alias` is the model's name in the configuration."""

    shown = False
    """True when part of the answer was given out before: no other model may start it over."""

    def __init__(self, message: str, *, alias: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.alias = alias
        self.status = status


class ModelUnavailable(ModelError):
    """The model could not be reached, timed out, was overloaded or broke off."""

    retryable = True

    def __init__(
        self, message: str, *, alias: str = "", status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, alias=alias, status=status)
        self.retry_after_s = retry_after_s


class ModelRefused(ModelError):
    """The model refused the request for good."""


class ModelUnauthorized(ModelError):
    """The model's key is missing or wrong."""


class KnowledgeFailed(AgentError):
    """The assistant's knowledge bases could not be searched; `retryable` says whether a retry is safe."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class TurnTooLong(AgentError):
    """The turn did not end before its deadline."""


class UnknownModel(AgentError):
    """No model of that alias is configured."""


class UnknownTool(AgentError):
    """No tool of that name is installed."""


class ToolFailed(AgentError):
    """A tool failed; the message is for the model and for an operator."""


class WordListUnreadable(AgentError):
    """A word list of the moderation settings cannot be read; the message names it and its file."""
