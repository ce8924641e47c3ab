"""What an OpenAI client may ask: everything else is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.web.openai_request import ApiProblem, parse_chat_request

ASK: dict[str, Any] = {"model": "handbook", "messages": [{"role": "user", "content": "Hello"}]}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}, "messages"),
    ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
    ({"messages": "hello"}, "messages"),
    ({"model": 7}, "model"),
    ({"n": 2}, "n"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": 3}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"tools": [{"type": "function"}]}, "tools"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
]


def _refusal(body: bytes) -> dict[str, Any]:
    with pytest.raises(ApiProblem) as raised:
        parse_chat_request(body)
    assert raised.value.status == 400
    error: dict[str, Any] = raised.value.body["error"]
    return error


@pytest.mark.parametrize(("change", "param"), BAD)
def test_a_bad_request_names_what_is_wrong(change: dict[str, Any], param: str) -> None:
    error = _refusal(json.dumps({**ASK, **change}).encode())
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_an_image_is_refused_by_name() -> None:
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "x"}}]
    error = _refusal(json.dumps({**ASK, "messages": [{"role": "user", "content": content}]}).encode())
    assert error["param"] == "messages[0].content"
    assert "image_url" in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"{}", b"\xff\xfe"])
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    assert _refusal(body)["message"]


def test_fields_that_mean_nothing_here_and_nulls_are_accepted() -> None:
    nulls = {"stream": None, "n": None, "temperature": None, "stop": None, "tools": None, "max_tokens": None}
    asked = parse_chat_request(json.dumps({**ASK, **nulls, "seed": 7, "user": "someone", "n": 1}).encode())
    assert asked.options == {}
    assert asked.question == "Hello"
