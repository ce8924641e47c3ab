"""What a chat completion request may contain, checked as strictly as the API does.

Source: OpenAI's published OpenAPI description, `CreateChatCompletionRequest` and `CreateEmbeddingRequest`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

T = TypeVar("T", bound=BaseModel)

FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Invalid(Exception):
    """The request is answered with status 400; `param` names the field as OpenAI does."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(Strict):
    type: Literal["text"]
    text: str


class ImageUrl(Strict):
    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(Strict):
    type: Literal["image_url"]
    image_url: ImageUrl


class FilePart(Strict):
    type: Literal["file", "input_audio", "refusal"]
    file: dict[str, Any] | None = None
    input_audio: dict[str, Any] | None = None
    refusal: str | None = None


Content = (
    str | Annotated[list[Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]], Field(min_length=1)]
)


class CalledFunction(Strict):
    name: FunctionName
    arguments: str


class RequestToolCall(Strict):
    id: str = Field(min_length=1)
    type: Literal["function"]
    function: CalledFunction


class InstructionMessage(Strict):
    role: Literal["system", "developer"]
    content: Content
    name: str | None = None


class UserMessage(Strict):
    role: Literal["user"]
    content: Content
    name: str | None = None


class AssistantMessage(Strict):
    role: Literal["assistant"]
    content: Content | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[RequestToolCall], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> AssistantMessage:
        if self.content is None and not self.tool_calls and not self.refusal:
            raise ValueError("an assistant message needs content or tool_calls")
        return self


class ToolMessage(Strict):
    role: Literal["tool"]
    content: Content
    tool_call_id: str


Message = Annotated[InstructionMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]


class Function(Strict):
    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Strict):
    type: Literal["function"]
    function: Function


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: bool = False


class ChatRequest(Strict):
    model: str = Field(min_length=1)
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    n: Literal[1] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    seed: int | None = None
    tools: Annotated[list[Tool], Field(min_length=1, max_length=128)] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None


class EmbeddingRequest(Strict):
    model: str = Field(min_length=1)
    input: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=2048)]
        | Annotated[list[int], Field(min_length=1, max_length=2048)]
        | Annotated[list[list[int]], Field(min_length=1, max_length=2048)]
    )
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1, le=4096)] | None = None
    user: str | None = None


def checked(kind: type[T], body: object) -> T:
    """Return the validated request.

    Raises:
        Invalid: in OpenAI's words where they are known.
    """
    if not isinstance(body, dict):
        raise Invalid("The request body must be a JSON object.")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = _field(first["loc"])
        if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
            raise Invalid(f"Unrecognized request argument supplied: {field}") from error
        if first["type"] == "missing":
            raise Invalid(f"Missing required parameter: '{field}'.", field) from error
        raise Invalid(f"Invalid value for '{field}': {first['msg']}.", field) from error


def check_conversation(request: ChatRequest) -> None:
    """Check what spans several fields or messages: every tool call is answered, once, before anything else.

    Raises:
        Invalid: as the API says it.
    """
    if request.stream_options is not None and not request.stream:
        raise Invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if request.tools is None and request.tool_choice not in (None, "none"):
        raise Invalid("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if request.tools is None and request.parallel_tool_calls is not None:
        raise Invalid("'parallel_tool_calls' is only allowed when 'tools' are specified.", "parallel_tool_calls")
    open_calls: set[str] = set()
    for index, message in enumerate(request.messages):
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in open_calls:
                raise Invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    f"messages.[{index}].role",
                )
            open_calls.discard(message.tool_call_id)
            continue
        _all_answered(open_calls, index)
        if isinstance(message, AssistantMessage):
            open_calls = {call.id for call in message.tool_calls or ()}
    _all_answered(open_calls, len(request.messages) - 1)


def _all_answered(open_calls: set[str], index: int) -> None:
    if open_calls:
        raise Invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_calls)}",
            f"messages.[{index}].role",
        )


def _field(location: tuple[int | str, ...]) -> str:
    """`("messages", 0, "user", "content")` → `messages[0].content`: the union's branches are not fields."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part not in _BRANCHES and not part.startswith(("list[", "constrained-", "function-")):
            text += f".{part}" if text else part
    return text


_BRANCHES = {"system", "developer", "user", "assistant", "tool", "str", "text", "int", "float"}
