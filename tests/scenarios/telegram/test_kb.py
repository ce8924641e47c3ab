"""/kb in Telegram: an owner sends documents, watches them being read, and the next question is answered from them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from tests.scenarios.test_kb_chat import ASSISTANT, PARKING, PERMIT, settings
from tests.scenarios.test_telegram_bot import bot
from tests.simulators.llm import LLMSimulator
from tests.simulators.telegram import Person, TelegramSimulator
from tests.unit.knowledge.office import pdf
from tests.unit.knowledge.parts import write

OWNER = "owners: [{channel: telegram, account: default, user: '7'}]\n"
ANSWER_S = 20.0


@asynccontextmanager
async def telegram_bot(folder: Path, valkey_url: str, llm: LLMSimulator) -> AsyncIterator[TelegramSimulator]:
    write(folder / "docs", {"lunch.md": "# Lunch\n\nSoup is served at noon.\n"})
    llm.reply = "As the house rules say [1]."
    async with (
        TelegramSimulator() as telegram,
        bot(folder, telegram, llm, valkey_url, assistant=ASSISTANT, settings=settings(llm, OWNER)),
    ):
        yield telegram


async def said(person: Person, count: int) -> str:
    return (await person.chat.answer(count, timeout_s=ANSWER_S)).text


async def test_an_owner_adds_a_pdf_and_asks_about_it(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    pages = [[f"Rule {number} of the house is about matter number {number}."] for number in range(40)]
    document = pdf([[PARKING.splitlines()[2]], *pages], title="House rules")
    async with telegram_bot(tmp_path, valkey_url, llm) as telegram:
        anna, boris = telegram.person(7), telegram.person(8, language="zh-hans")
        llm.embedding_delay_s = 0.08
        anna.send_document(document, "rules.pdf", "/kb add")
        added = await said(anna, 1)
        llm.embedding_delay_s = 0
        assert "Added to house" in added
        assert "rules.pdf: 41 passages" in added
        assert "↩️ Undo" in anna.chat.answers[0].labels
        drafts = [draft.text for draft in anna.chat.drafts]
        assert any(re.search("Receiving|Reading", text) for text in drafts), drafts
        assert anna.chat.draft is None
        anna.write(PERMIT)
        answer = await said(anna, 2)
        assert answer.startswith("As the house rules say [1].")
        assert "[1] House rules" in answer
        boris.send_document(document, "rules.pdf", "/kb add")
        refusal = await said(boris, 1)
        assert "仅供管理员" in refusal  # the words were English, the person is not
        assert "house" not in refusal


async def test_a_document_that_was_sent_before_is_added_by_a_reply_and_an_album_as_a_whole(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with telegram_bot(tmp_path, valkey_url, llm) as telegram:
        anna = telegram.person(7)
        anna.send_document(PARKING.encode(), "parking.md")
        await anna.chat.answer(1, timeout_s=ANSWER_S)
        sent = next(message for message in anna.chat.messages.values() if message.file)
        anna.write("Never mind.")
        await anna.chat.answer(2)
        anna.write("/知识库 添加", reply_to=sent)
        assert "parking.md：1 段" in await said(anna, 3)
        for number in range(3):
            caption = "/kb add tag=album" if number == 0 else ""
            anna.send_document(
                f"# Page {number}\n\nText {number}.".encode(), f"{number}.md", caption, media_group_id="1"
            )
        texts = [await said(anna, number) for number in (4, 5, 6)]
        assert [f"{number}.md: 1 passage" in texts[number] for number in range(3)] == [True] * 3
        anna.write("/kb ls")
        assert (await said(anna, 7)).count("album") == 3


async def test_an_answer_in_the_chat_is_fixed_by_replying_to_it(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with telegram_bot(tmp_path, valkey_url, llm) as telegram:
        anna = telegram.person(7)
        anna.write("When is soup served?")
        first = await anna.chat.answer(1, timeout_s=ANSWER_S)
        assert "[1] Lunch" in first.text
        llm.reply = "No idea."
        anna.write("And who are you?")
        await anna.chat.answer(2)
        anna.write("/kb answer", reply_to=first)
        fixed = await said(anna, 3)
        assert "Q When is soup served?" in fixed
        assert "A As the house rules say." in fixed
        anna.write("when is soup served")
        assert await said(anna, 4) == "As the house rules say."
        anna.press("🗑 Remove")
        assert "is removed" in await said(anna, 5)


SALARY = "# Salary bands\n\nThe salary band of a porter begins at nine hundred crowns.\n"
BAND = "Where does the salary band of a porter begin?"
LIMITED = OWNER + "people: [{channel: telegram, user: '7', roles: [hr]}]\n"


@asynccontextmanager
async def limited_bot(folder: Path, valkey_url: str, llm: LLMSimulator) -> AsyncIterator[TelegramSimulator]:
    """A bot with a document that only the role hr may see; person 7 has it, and is the owner."""
    write(folder / "docs", {"lunch.md": "# Lunch\n\nSoup is served at noon.\n", "salaries.md": SALARY})
    llm.reply = "As the house rules say [1]."
    rules = 'threshold: 0.25, rules: [{match: "*salaries*", roles: [hr]}]'
    made = settings(llm, LIMITED).replace("threshold: 0.25", rules)
    async with (
        TelegramSimulator() as telegram,
        bot(folder, telegram, llm, valkey_url, assistant=ASSISTANT, settings=made),
    ):
        yield telegram


async def test_a_group_learns_nothing_of_what_it_may_not_see(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with limited_bot(tmp_path, valkey_url, llm) as telegram:
        anna, group = telegram.person(7), telegram.group()
        anna.write("/kb ls")
        assert "salaries.md · 1 passage · 🔒 hr" in await said(anna, 1)
        anna.write(f"/kb search {BAND}")
        assert "nine hundred" in await said(anna, 2)
        (tmp_path / "docs" / "salaries.md").write_text(SALARY + "\nAnd more.\n", encoding="utf-8")
        (tmp_path / "docs" / "salaries-old.pdf").write_bytes(b"%PDF-1.4 nothing")
        said_before = len(group.answers)
        for number, text in enumerate(
            (
                "ls",
                f"search {BAND}",
                "sync",
                "sync",
                "stats",
                "revisions",
                "rollback 1",
                "rm salarie.md",
                "restore",
                "answers",
            ),
            said_before + 1,
        ):
            anna.write(f"/kb@{telegram.username} {text}", group)
            answer = await group.answer(number, timeout_s=ANSWER_S)
            everything = answer.text + " ".join(answer.labels) + " ".join(answer.edits)
            assert "nine hundred" not in everything, text
            assert "alaries" not in everything.replace(text, ""), text
        anna.write("/kb revisions")
        assert len(await said(anna, 3)) > 0


async def test_a_fixed_answer_inherits_the_limits_of_what_it_was_made_from(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with limited_bot(tmp_path, valkey_url, llm) as telegram:
        anna, boris, group = telegram.person(7), telegram.person(8), telegram.group()
        llm.reply = "At nine hundred crowns [1]."
        anna.write(BAND)
        assert "[1] Salary bands" in await said(anna, 1)
        anna.write("/kb answer")
        assert "Only for the role hr" in await said(anna, 2)
        anna.write("/kb answer Nine hundred exactly.")
        assert "Only for the role hr" in await said(anna, 3)
        llm.reply = "I do not know."
        anna.write(BAND)
        assert await said(anna, 4) == "Nine hundred exactly."
        boris.write(BAND)
        assert "Nine hundred" not in await said(boris, 1)
        anna.write(f"@{telegram.username} {BAND}", group)
        assert "Nine hundred" not in (await group.answer(1, timeout_s=ANSWER_S)).text
        anna.write(f"/kb@{telegram.username} answers", group)
        assert "Nine hundred" not in (await group.answer(2)).text
