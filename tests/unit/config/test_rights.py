"""Limits that are written wrongly are refused: they would let nobody in, or be taken for limits that they are not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.settings import DocumentRule, KnowledgeBase


@pytest.mark.parametrize("name", ["", "-100123", "telegram", "telegram:default", "telegram:default:", "::-100123"])
def test_a_conversation_that_names_no_chat_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="platform:account:chat"):
        KnowledgeBase(conversations=(name,))
    with pytest.raises(ValidationError, match="platform:account:chat"):
        DocumentRule(match="*", conversations=(name,))


@pytest.mark.parametrize("name", ["telegram:default:-100123", "telegram:default:-100123::", "web:default:abc:def:"])
def test_a_conversation_is_named_as_it_is_shown(name: str) -> None:
    assert KnowledgeBase(conversations=(name,)).conversations == (name,)
