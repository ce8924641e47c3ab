"""A whole Parley as a Telegram bot: people in a simulated Telegram, a simulated model, a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from benchmarks.processes import free_port
from tests.running import PLAIN, Running, running
from tests.simulators.llm import LLMSimulator, say
from tests.simulators.telegram import TelegramSimulator


@asynccontextmanager
async def bot(
    folder: Path,
    telegram: TelegramSimulator,
    llm: LLMSimulator,
    valkey_url: str,
    *,
    assistant: str = PLAIN,
    settings: str = "",
) -> AsyncIterator[Running]:
    environment = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE": telegram.api_base}
    async with running(
        folder,
        valkey_url=valkey_url,
        model_url=llm.base_url,
        settings=settings,
        assistants={"plain": assistant},
        environment=environment,
    ) as parley:
        # The platform's library takes seconds to import; the process serves the web meanwhile.
        async with asyncio.timeout(60):
            while not telegram.world.commands:
                await asyncio.sleep(0.05)
        yield parley


async def test_setting_the_token_is_all_a_bot_needs(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    assistant = f"{PLAIN}opening: Welcome!\nquestions: [What can you do?]\n"
    async with (
        TelegramSimulator() as telegram,
        bot(tmp_path, telegram, llm, valkey_url, assistant=assistant),
    ):
        anna = telegram.person(7)
        anna.start()
        welcome = await anna.chat.answer()
        assert welcome.text == "Welcome!"
        assert welcome.labels == ["What can you do?"]
        anna.press("What can you do?")
        assert (await anna.chat.answer(2)).text == "echo: What can you do?"
        menus = telegram.world.commands
        assert {command["command"] for command in next(iter(menus.values()))} >= {"help", "new", "stop"}


async def test_updates_may_come_by_webhook(tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator) -> None:
    port = free_port()
    settings = f"""
http: {{port: {port}, public_url: "http://127.0.0.1:{port}"}}
channels: {{telegram: {{default: {{mode: webhook}}}}}}
"""
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url, settings=settings) as parley:
        anna = telegram.person(7)
        await telegram.updates.until(lambda: telegram.updates.url)
        anna.write("hello")
        assert (await anna.chat.answer()).text == "echo: hello"
        assert telegram.updates.url == f"http://127.0.0.1:{port}/webhooks/telegram/default"
        update = {"update_id": 1, "message": {"text": "forged"}}
        async with parley.http.post(telegram.updates.url, json=update) as response:
            assert response.status == 403


async def test_an_update_delivered_twice_is_answered_once(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url):
        anna = telegram.person(7)
        update = anna.write("once")
        await anna.chat.answer()
        telegram.updates.again(update)
        anna.write("next")
        await anna.chat.answer(2)
        await asyncio.sleep(0.2)
        assert anna.chat.texts == ["echo: once", "echo: next"]


async def test_stop_in_telegram_ends_a_running_answer(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.delay_s = 30
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url):
        anna = telegram.person(7, language="zh-hans")
        anna.write("请写一篇很长的文章")
        async with asyncio.timeout(5):
            while not llm.active:
                await asyncio.sleep(0.01)
        anna.write("/stop")
        assert "已停止" in (await anna.chat.answer(timeout_s=1.5)).text


async def test_a_group_is_answered_when_the_bot_is_meant_and_may_not_read_the_owner_code(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with TelegramSimulator(privacy=False) as telegram, bot(tmp_path, telegram, llm, valkey_url) as parley:
        anna, group = telegram.person(7), telegram.group()
        anna.write("just chatting", group)
        anna.write(f"@{telegram.username} hello", group)
        assert (await group.answer()).text == "echo: hello"
        code = await parley.app.access.owner_code()
        anna.write(f"/claim@{telegram.username} {code}", group)
        assert "private chat" in (await group.answer(2)).text
        anna.write(f"/claim {code}")
        assert "owner" in (await anna.chat.answer()).text
        assert len(llm.chats) == 1


async def test_an_owner_named_in_the_file_is_one_and_a_namesake_is_not(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    settings = "owners: [{channel: telegram, account: default, user: '7'}]\n"
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url, settings=settings):
        owner, other = telegram.person(7, name="Boss"), telegram.person(8, name="Boss")
        owner.write("/whoami")
        other.write("/whoami")
        assert "owner" in (await owner.chat.answer()).text
        assert "owner" not in (await other.chat.answer()).text


async def test_follow_ups_appear_as_buttons_under_the_answer(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    assistant = PLAIN.replace("{enabled: false}", "{enabled: true, count: 2}")
    llm.script(say("Paris."), say('["How big is it?", "Who lives there?"]'), say("Big."), say("[]"))
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url, assistant=assistant):
        anna = telegram.person(7)
        anna.write("What is the capital of France?")
        answer = await anna.chat.answer()
        await anna.chat.until(lambda: answer.labels)
        assert answer.labels == ["How big is it?", "Who lives there?"]
        anna.press("How big is it?")
        assert (await anna.chat.answer(2)).text == "Big."


async def test_flood_control_delays_answers_and_loses_none(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url):
        telegram.fail("sendMessage", status=429, parameters={"retry_after": 1}, times=2)
        people = [telegram.person(number) for number in range(1, 6)]
        for person in people:
            person.write("hello")
        for person in people:
            assert (await person.chat.answer(timeout_s=10)).text == "echo: hello"


async def test_a_bot_that_was_blocked_leaves_a_dead_letter_and_serves_the_others(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url):
        anna, boris = telegram.person(7), telegram.person(8)
        anna.chat.blocked = True
        anna.write("hello")
        boris.write("hello")
        assert (await boris.chat.answer()).text == "echo: hello"
        async with asyncio.timeout(5):
            while not await redis.llen("parley:{p0}:out.telegram.default:dead"):
                await asyncio.sleep(0.05)


async def test_two_gateways_answer_each_update_once(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with (
        TelegramSimulator() as telegram,
        bot(tmp_path / "a", telegram, llm, valkey_url),
        bot(tmp_path / "b", telegram, llm, valkey_url),
    ):
        people = [telegram.person(number) for number in range(1, 11)]
        for person in people:
            person.write("hello")
        for person in people:
            await person.chat.answer()
        await asyncio.sleep(0.3)
        assert all(person.chat.texts == ["echo: hello"] for person in people)


async def test_an_answer_whose_confirmation_was_lost_is_not_shown_twice(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with TelegramSimulator() as telegram, bot(tmp_path, telegram, llm, valkey_url):
        anna = telegram.person(7)
        telegram.fail("sendMessage", kind="drop_after")
        anna.write("hello")
        await anna.chat.answer()
        anna.write("and again")
        await anna.chat.answer(2)
        assert anna.chat.texts == ["echo: hello", "echo: and again"]
