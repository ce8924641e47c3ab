"""Canaries that one role or one chat may see, and a model that repeats whatever it is told.

Everything is watched that leaves Parley where others read: what platforms and pages are sent, what the model is told,
what is remembered, and what is logged.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from knowledge.types import Access
from tests.running import Running, visitor
from tests.scenarios.test_openai_api import client_of
from tests.scenarios.test_telegram_bot import bot
from tests.simulators.llm import LLMSimulator, Step, call
from tests.simulators.telegram import Chat, Person, TelegramSimulator
from tests.unit.knowledge.parts import write

BOARD, CLOSED, FIXED, ROOM = "quokka", "wombat", "numbat", "dugong"
"""In a document for hr, in a base for hr, in a fixed answer for hr, and in a base for one group."""
HR = (BOARD, CLOSED, FIXED)
FILES = {
    "open/pay.md": "# Pay\n\n## Payday\n\nThe bonus of the board and the salary arrive on the last Friday.\n",
    "open/board.md": f"---\nroles: hr\n---\n# Board\n\n## Bonus {BOARD}\n\nThe bonus of the board is a {BOARD}.\n",
    "closed/list.md": f"# List\n\n## Board {CLOSED}\n\nOn the list, the bonus of the board is a {CLOSED}.\n",
    "room/plan.md": f"# Plan\n\n## Board {ROOM}\n\nIn this room, the bonus of the board is a {ROOM}.\n",
}
PEOPLE = "people: [{channel: telegram, user: 7, roles: [hr, admin]}, {channel: api, user: payroll, roles: [hr]}]\n"
SETTINGS = """
embeddings: {{provider: openai, base_url: "{vectors}", api_key: sk-test, dimensions: 64}}
models: {{none: {{provider: offline}}}}
knowledge:
  open: {{sources: [open], threshold: 0}}
  closed: {{sources: [closed], threshold: 0, roles: [hr]}}
  room: {{sources: [room], threshold: 0, conversations: ["telegram:default:-1007"]}}
"""
DIRECT = """
name: plain
prompt: You are a test.
knowledge: {bases: [open, closed, room]}
memory: {messages: 2}
"""
AGENT = f"{DIRECT}\ntools: [search_knowledge, take_note, list_notes]\n"
OFFLINE = DIRECT.replace("prompt:", "model: none\nprompt:")
FIXED_QUESTION = "Who gets the bonus of the board?"


def known(text: object, words: Iterable[str] = (*HR, ROOM)) -> list[str]:
    """The canaries in a text, or in anything that can be printed."""
    folded = str(text).casefold()
    return [word for word in words if word in folded]


def parrot(body: dict[str, Any]) -> str | Step:
    """A model without a secret: repeats every canary that it was told, to people, tools, notes and summaries."""
    messages = body["messages"]
    words = known(messages)
    if "most likely to ask next" in messages[0]["content"]:
        return json.dumps([f"What is a {word}?" for word in words] or ["What is new?"])
    if "You keep the summary" in messages[0]["content"]:
        return f"They spoke of {words or 'nothing'}."
    since = next(place for place, one in enumerate(reversed(messages)) if one["role"] == "user")
    results = [one for one in messages[len(messages) - since :] if one["role"] == "tool"]
    if "tools" in body and len(results) < 3:
        tool = ("search_knowledge", "take_note", "list_notes")[len(results)]
        given = ({"query": "bonus of the board"}, {"text": f"noted: {words}"}, {})[len(results)]
        return call(tool, given)
    return f"I was told of {words or 'nothing'}. [1][2][3][4]"


def stuck(body: dict[str, Any]) -> str | Step:
    """The same model, which never comes to the end of an answer."""
    said = parrot(body)
    return Step(text=f"{said} And so on, and so on, and so on.", hang_after=12) if isinstance(said, str) else said


@asynccontextmanager
async def parley_with(
    folder: Path, telegram: TelegramSimulator, llm: LLMSimulator, valkey_url: str, assistant: str
) -> AsyncIterator[Running]:
    write(folder, FILES)
    llm.reply = parrot
    async with LLMSimulator() as vectors:
        settings = PEOPLE + SETTINGS.format(vectors=vectors.base_url)
        async with bot(folder, telegram, llm, valkey_url, assistant=assistant, settings=settings) as parley:
            assert parley.app.brain is not None
            base = await parley.app.brain.library.base("open")
            limit = Access(roles=frozenset({"hr"}))
            await base.annotate(FIXED_QUESTION, f"A {FIXED} gets it.", access=(limit,), author="ann")
            yield parley


async def settled() -> None:
    """Wait until suggestions and summaries of the turns so far are done."""
    async with asyncio.timeout(10):
        while any(task.get_name().startswith("after:") for task in asyncio.all_tasks()):
            await asyncio.sleep(0.02)


async def ask(person: Person, text: str, chat: Chat | None = None, **fields: Any) -> str:
    where = chat or person.chat
    count = len(where.answers)
    person.write(text, chat, **fields)
    answer = await where.answer(count + 1, timeout_s=15)
    await where.until(lambda: answer.labels, 15)
    await settled()
    return answer.text


async def command(person: Person, text: str, chat: Chat | None = None) -> str:
    where = chat or person.chat
    count = len(where.answers)
    person.write(text, chat)
    return (await where.answer(count + 1, timeout_s=15)).text


async def remembered(redis: Redis) -> dict[str, str]:
    """Everything in the store, by key."""
    found: dict[str, str] = {}
    readers: dict[str, Any] = {
        "string": lambda key: redis.get(key),
        "list": lambda key: redis.lrange(key, 0, -1),
        "hash": lambda key: redis.hgetall(key),
        "zset": lambda key: redis.zrange(key, 0, -1),
        "set": lambda key: redis.smembers(key),
        "stream": lambda key: redis.xrange(key),
    }
    for key in map(str, await redis.keys("*")):
        read = readers.get(str(await redis.type(key)))  # it may have expired meanwhile
        found[key] = str(await read(key)) if read else ""
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("assistant", [DIRECT, AGENT], ids=["direct", "agent"])
async def test_a_canary_reaches_nobody_but_those_who_may_see_it(
    tmp_path: Path,
    redis: Redis,
    valkey_url: str,
    llm: LLMSimulator,
    assistant: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with (
        TelegramSimulator(privacy=False) as telegram,
        parley_with(tmp_path, telegram, llm, valkey_url, assistant) as parley,
        visitor(parley) as guest,
    ):
        hr, other = telegram.person(7, name="Anna"), telegram.person(8, name="Boris")
        group, room = telegram.group(-1002), telegram.group(-1007)
        at = f"@{telegram.username} "

        # Who may see it gets it, in private: found, told to the model, cited and suggested.
        assert known(await ask(hr, "What is the bonus of the board?")) == [BOARD, CLOSED]
        assert known(hr.chat.answers[-1].labels) == [BOARD, CLOSED]
        asked = len(llm.chats)
        assert await ask(hr, FIXED_QUESTION) == f"A {FIXED} gets it."
        assert not [one for one in llm.chats[asked:] if "most likely to ask next" not in str(one)]
        assert known(await ask(hr, "And what exactly?")) == list(HR)

        # Everybody else: others in private, she and others in a group, a guest of the page, with follow-ups.
        calls, chats = len(telegram.server.calls), len(llm.chats)
        questions = ("What is the bonus of the board?", FIXED_QUESTION, "And what exactly?", "Sum up what was said.")
        for text in questions:
            answers = [await ask(other, text), await ask(hr, at + text, group), await ask(other, at + text, group)]
            answers.append(str(await guest.ask(text)))
            assert [known(answer) for answer in answers] == [[], [], [], []]
        # In its room a canary is for everybody; those of a role are not, whoever asks.
        for person in (hr, other):
            assert known(await ask(person, at + questions[0], room)) == [ROOM]
        assert known(await ask(person, questions[0])) == []
        await settled()
        told = [one for one in llm.chats[chats:] if not known(one, [ROOM])]
        assert len(told) >= 4 * len(questions)
        assert known(told) == []
        assert known(llm.chats[chats:], HR) == []
        assert known(telegram.server.calls[calls:], HR) == []
        assert known([guest.entries, guest.progress]) == []

        # What is kept of a canary is kept in the conversation of those who may see it.
        for key, value in (await remembered(redis)).items():
            if "telegram:default:7:" not in key and "telegram.default" not in key:
                assert known(value, HR) == [], key
                assert known(value, [ROOM]) == [] or "-1007" in key, key
    assert known(capfd.readouterr()) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("assistant", [DIRECT, AGENT], ids=["direct", "agent"])
async def test_what_a_role_has_learned_is_forgotten_with_the_role(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator, assistant: str
) -> None:
    async with (
        TelegramSimulator() as telegram,
        parley_with(tmp_path, telegram, llm, valkey_url, assistant) as parley,
    ):
        anna = telegram.person(7, name="Anna")
        for text in ("What is the bonus of the board?", "And what exactly?", "And why?", FIXED_QUESTION):
            assert known(await ask(anna, text))
        summaries = [value for key, value in (await remembered(redis)).items() if key.endswith(":summary")]
        assert known(summaries), "the summary covers what she was told"
        llm.reply = stuck
        count = len(anna.chat.answers)
        anna.write("What is the bonus of the board?")
        async with asyncio.timeout(10):
            while not known(anna.chat.draft):
                await asyncio.sleep(0.01)
        anna.write("/stop")
        stopped = await anna.chat.answer(count + 1)
        assert known(stopped.text)
        llm.reply = parrot
        quoted = anna.chat.answers[-1]

        (tmp_path / "parley.yaml").write_text(
            (tmp_path / "parley.yaml").read_text(encoding="utf-8").replace("[hr, admin]", "[admin]"), encoding="utf-8"
        )
        async with asyncio.timeout(15):
            while parley.app.configuration().settings.people[0].roles != ("admin",):
                await asyncio.sleep(0.05)
        for text in ("/kb answer", "/kb answers", "/kb search bonus of the board", "/kb ls base=open"):
            assert known(await command(anna, text)) == []
        chats = len(llm.chats)
        assert known(await ask(anna, "What did you say about that?", reply_to=quoted)) == []
        for text in ("And what exactly?", "Sum up what was said.", FIXED_QUESTION, "List the notes.", "And why?"):
            assert known(await ask(anna, text)) == []
        assert known(llm.chats[chats:]) == []
        assert any("You keep the summary" in str(one) for one in llm.chats[chats:])
        summaries = [value for key, value in (await remembered(redis)).items() if key.endswith(":summary")]
        assert summaries
        assert known(summaries) == [], "what may not be told any more is not summarised any more"


async def test_without_a_model_neither_excerpts_nor_headings_get_out(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    question = "When does the salary arrive, and the bonus of the board?"
    async with (
        TelegramSimulator(privacy=False) as telegram,
        parley_with(tmp_path, telegram, llm, valkey_url, OFFLINE),
    ):
        hr, other, group = telegram.person(7), telegram.person(8), telegram.group(-1002)
        at = f"@{telegram.username} "
        seen = known(await ask(hr, question)) + known(hr.chat.answers[-1].labels)
        assert set(seen) == {BOARD, CLOSED}
        assert any(known(label) for label in hr.chat.answers[-1].labels), "what was not quoted is suggested"
        calls = len(telegram.server.calls)
        for person, chat in ((other, None), (other, group), (hr, group)):
            for text in (question, "And what exactly?", "And the board?"):
                answer = await command(person, text if chat is None else at + text, chat)
                assert known(answer) == []
        await settled()
        await asyncio.sleep(0.2)
        assert known(telegram.server.calls[calls:]) == []
        # What such a limit is written with.
        assert f"telegram:default:{group.id}::" in await command(hr, f"/status@{telegram.username}", group)
    assert llm.count == 0


async def test_a_fixed_answer_that_is_made_of_a_reply_keeps_the_limits_of_the_reply(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    question = "What is the bonus of the board?"
    async with (
        TelegramSimulator(privacy=False) as telegram,
        parley_with(tmp_path, telegram, llm, valkey_url, DIRECT),
    ):
        hr, other, group = telegram.person(7), telegram.person(8), telegram.group(-1002)
        assert known(await ask(hr, question)) == [BOARD, CLOSED]
        assert known(await command(hr, "/kb answer")) == [BOARD, CLOSED]
        llm.reply = "nobody knows"
        assert known(await ask(hr, question)) == [BOARD, CLOSED], "the fixed answer is given to her"
        count = len(telegram.server.calls)
        for person, chat in ((other, None), (other, group), (hr, group)):
            answer = await ask(person, question if chat is None else f"@{telegram.username} {question}", chat)
            assert answer == "nobody knows"
        for text in ("/kb answers", "/kb search bonus of the board", "/kb ls base=open", "/kb answer"):
            assert known(await command(hr, f"{text.replace('/kb', f'/kb@{telegram.username}')}", group)) == []
        assert known(telegram.server.calls[count:]) == []


async def test_a_key_of_the_api_has_the_roles_of_its_name(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with (
        TelegramSimulator() as telegram,
        parley_with(tmp_path, telegram, llm, valkey_url, DIRECT) as parley,
        client_of(parley, "payroll") as payroll,
        client_of(parley, "shop") as shop,
    ):
        question: Any = [{"role": "user", "content": "What is the bonus of the board?"}]
        entitled = await payroll.chat.completions.create(model="plain", messages=question)
        other = await shop.chat.completions.create(model="plain", messages=question)
        assert known(entitled.choices[0].message.content) == [BOARD, CLOSED]
        assert known(other.model_dump()) == []
        fixed: Any = [{"role": "user", "content": FIXED_QUESTION}]
        assert known((await shop.chat.completions.create(model="plain", messages=fixed)).model_dump()) == []
        answer = await payroll.chat.completions.create(model="plain", messages=fixed)
        assert answer.choices[0].message.content == f"A {FIXED} gets it."
        async with parley.http.get(f"{parley.url}/metrics") as response:
            metrics = await response.text()
        counted = dict(re.findall(r'parley_knowledge_answers_total{coverage="(\w+)"} (\d)', metrics))
        assert counted.pop("annotated") == "1"
        assert sum(map(int, counted.values())) == 3
        assert set(counted) <= {"answered", "partly", "not_found"}
