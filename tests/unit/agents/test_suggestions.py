"""Questions that may follow: from a model in any form, or from headings; short, different, allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.errors import ModelUnavailable
from agents.models.catalog import Models, open_session
from agents.moderation.moderator import Moderators
from agents.suggestions import Suggester, chosen, parse
from agents.types import Answer, Cited
from config.settings import ModelSettings
from tests.simulators.llm import LLMSimulator, fail, say
from tests.unit.agents.making import assistant, passage, turn

ANSWER = Answer(text="Twelve days.", question="How many days?")


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator() as llm:
        yield llm


@pytest.fixture
async def suggester(llm: LLMSimulator) -> AsyncIterator[Suggester]:
    async with open_session() as session:
        settings = {
            "default": ModelSettings(base_url=llm.base_url, model="m-main", retries=0),
            "small": ModelSettings(base_url=llm.base_url, model="m-small"),
            "off": ModelSettings(provider="offline"),
        }
        yield Suggester(Models(settings, session), Moderators())


def following(**fields: Any) -> Any:
    return turn(of=assistant(follow_ups=fields))


@pytest.mark.parametrize(
    "said",
    [
        '["When?", "Who approves?"]',
        'Sure:\n```json\n["When?", "Who approves?"]\n```',
        '[{"question": "When?"}, {"question": "Who approves?"}]',
        "1. When?\n2. Who approves?",
        "- When?\n\n* Who approves?\n",
        '"When?",\n"Who approves?"',
        "Q1: When?\nQ2: Who approves?",
    ],
)
def test_a_models_words_are_read_in_any_form(said: str) -> None:
    assert [one for one in parse(said) if one] == ["When?", "Who approves?"]


def test_only_usable_questions_are_chosen() -> None:
    candidates = ["how many DAYS", "x" * 61, "", "?!", "When?", "when", "Who\napproves?", "Third?", "Fourth?"]

    assert chosen(candidates, question="How many days?", count=3) == ("When?", "Who approves?", "Third?")


async def test_a_model_is_asked_about_the_exchange(llm: LLMSimulator, suggester: Suggester) -> None:
    llm.script(say('["When?", "Who approves?", "Is it paid?", "Fourth?"]'))

    found = await suggester.suggest(following(count=3, prompt="Think of managers."), ANSWER)

    assert found == ("When?", "Who approves?", "Is it paid?")
    system, user = llm.chats[0]["messages"]
    assert "Think of managers." in system["content"]
    assert "Twelve days." in user["content"]


async def test_its_own_model_is_used(llm: LLMSimulator, suggester: Suggester) -> None:
    llm.script(say('["When?"]'))

    await suggester.suggest(following(model="small"), ANSWER)

    assert llm.chats[0]["model"] == "m-small"


async def test_forbidden_questions_are_left_out(llm: LLMSimulator, suggester: Suggester) -> None:
    llm.script(say('["What is the Secret?", "When?"]'))
    helper = assistant(moderation={"output": [{"name": "w", "words": ["secret"]}]})

    assert await suggester.suggest(turn(of=helper), ANSWER) == ("When?",)


async def test_nothing_is_asked_where_suggestions_are_off_or_the_answer_was_blocked(
    llm: LLMSimulator, suggester: Suggester
) -> None:
    assert await suggester.suggest(following(enabled=False), ANSWER) == ()
    assert await suggester.suggest(following(), Answer(text="No.", outcome="blocked")) == ()
    assert llm.count == 0


async def test_a_failing_model_is_an_error(llm: LLMSimulator, suggester: Suggester) -> None:
    llm.script(fail(500))

    with pytest.raises(ModelUnavailable):
        await suggester.suggest(following(), ANSWER)


async def test_offline_they_come_from_the_headings_of_what_was_not_cited(suggester: Suggester) -> None:
    cited = passage("a", chunk="1", position="Leave > How many days")
    others = [
        passage("b", chunk="2", position="Leave > Asking for leave"),
        passage("c", chunk="3", position="Leave > How many days"),
        passage("d", chunk="4", position="Leave > Asking for leave"),
        passage("e", chunk="5", position="", title="Expenses"),
        passage("f", chunk="6", position="年假 > 年假天数"),
    ]
    answer = Answer(text="x [1]", citations=(Cited(number=1, passage=cited),), uncited=tuple(others))

    found = await suggester.suggest(turn(of=assistant(model="off")), answer)
    chinese = await suggester.suggest(turn(of=assistant(model="off"), language="zh"), answer)

    assert chinese == ("关于“年假天数”，还有哪些规定？",)
    assert found == ("What else is there about “Asking for leave”?", "What else is there about “Expenses”?")
