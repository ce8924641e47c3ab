"""What an OpenAI client may ask, checked; and errors in OpenAI's form.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from starlette.responses import JSONResponse

from channels.types import HistoryMessage

STOP_MAX = 4


class ApiProblem(Exception):
    """A request that fails; answered in OpenAI's error format."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type_: str = "invalid_request_error",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"error": {"message": message, "type": type_, "param": param, "code": code}}

    def response(self) -> JSONResponse:
        """Return the problem as a response."""
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)


def _text(value: object) -> object:
    """Join text parts; other parts are refused by name instead of being dropped in silence."""
    if not isinstance(value, list):
        return value
    texts = []
    for part in value:
        kind = part.get("type") if isinstance(part, dict) else type(part).__name__
        if kind != "text" or not isinstance(part.get("text"), str):
            raise ValueError(f"content parts of type {kind!r} are not supported: send text")
        texts.append(part["text"])
    return "\n".join(texts)


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class ApiMessage(_Form):
    """One message of the request."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_text)]

    @property
    def past(self) -> HistoryMessage:
        """The message as history; `developer` is OpenAI's newer name of `system`."""
        return HistoryMessage(role="system" if self.role == "developer" else self.role, text=self.content)


class StreamOptions(_Form):
    """What a stream says besides the answer."""

    include_usage: bool = False


class ChatRequest(_Form):
    """A chat completion request; fields that would change nothing here (`seed`, `user`, …) are ignored."""

    model: str
    messages: Annotated[list[ApiMessage], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    stop: Annotated[Annotated[list[str], Field(max_length=STOP_MAX)] | None, BeforeValidator(_names)] = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    modalities: list[str] | None = None

    @property
    def question(self) -> str:
        """What is asked: the last message."""
        return self.messages[-1].content

    @property
    def history(self) -> tuple[HistoryMessage, ...]:
        """What came before the question."""
        return tuple(message.past for message in self.messages[:-1])

    @property
    def options(self) -> dict[str, Any]:
        """The sampling options that the request names."""
        given = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "stop": self.stop,
        }
        return {name: value for name, value in given.items() if value is not None}

    @model_validator(mode="after")
    def _supported(self) -> ChatRequest:
        """Refuse what would be ignored otherwise although the answer depends on it."""
        if self.messages[-1].role != "user" or not self.question.strip():
            raise ApiProblem(400, "The last message must be a user's and have text.", param="messages")
        if self.n not in (None, 1):
            raise ApiProblem(400, "Only n = 1 is supported.", param="n", code="unsupported_value")
        if self.tools or self.functions:
            raise ApiProblem(
                400,
                "An assistant uses the tools of its own configuration; tools in the request are not supported.",
                param="tools" if self.tools else "functions",
                code="unsupported_parameter",
            )
        if self.response_format and self.response_format.get("type") != "text":
            raise ApiProblem(400, "Only text is supported.", param="response_format", code="unsupported_value")
        if self.logprobs:
            raise ApiProblem(400, "logprobs are not supported.", param="logprobs", code="unsupported_value")
        if self.modalities not in (None, ["text"]):
            raise ApiProblem(400, "Only text is supported.", param="modalities", code="unsupported_value")
        if self.stream_options and not self.stream:
            raise ApiProblem(400, "stream_options needs stream to be true.", param="stream_options")
        return self


def parse_chat_request(body: bytes) -> ChatRequest:
    """Return the request that `body` holds.

    Raises:
        ApiProblem: 400, naming the parameter that is wrong.
    """
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        raise _problem(error.errors(include_url=False, include_input=False)[0]) from error


def _problem(error: ErrorDetails) -> ApiProblem:
    if error["type"] == "json_invalid":
        return ApiProblem(400, f"The body is not valid JSON: {error['msg']}")
    place = ""
    for part in error["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f"{'.' if place else ''}{part}"
    message = error["msg"].removeprefix("Value error, ")
    return ApiProblem(400, f"Invalid '{place}': {message}." if place else message, param=place or None)
