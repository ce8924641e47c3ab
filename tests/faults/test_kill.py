"""`kill -9` of a whole Parley under load: every update that Telegram regards as confirmed is answered."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.processes import Measured, start
from tests.running import write_files
from tests.simulators.llm import LLMSimulator
from tests.simulators.telegram import TelegramSimulator

CHATS = 12
MESSAGES = 96


def parley(folder: Path, telegram: TelegramSimulator, model: LLMSimulator, number: int) -> Measured:
    environment = {
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_BASE": telegram.api_base,
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "sk-test",
        "PARLEY_DATA_DIR": str(folder / "data"),
        "PARLEY_HTTP_PORT": "0",
    }
    command = [sys.executable, "-m", "bot", "run", "--config", str(folder)]
    return start(f"run-{number}", command, env=environment, folder=folder)


def answered(telegram: TelegramSimulator) -> int:
    return sum(len(chat.answers) for chat in telegram.world.chats.values())


async def until(telegram: TelegramSimulator, count: int, timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while answered(telegram) < count:
            await asyncio.sleep(0.05)


@pytest.mark.timeout(180)
async def test_after_kill_9_and_a_restart_every_message_is_answered_in_order(tmp_path: Path) -> None:
    write_files(tmp_path)
    chance = random.Random(7)
    async with TelegramSimulator() as telegram, LLMSimulator(delay_s=0.1, chunk_delay_s=0.01) as model:
        people = [telegram.person(100 + number) for number in range(CHATS)]
        process = parley(tmp_path, telegram, model, 1)
        try:
            asked = 0
            for kill in (20, 45, 70, None):
                while asked < MESSAGES and (kill is None or answered(telegram) < kill):
                    if asked - answered(telegram) < 40:
                        person = people[asked % CHATS]
                        person.write(f"{person.id}-{asked}")
                        asked += 1
                    await asyncio.sleep(chance.uniform(0, 0.02))
                if kill is not None:
                    process.signal(signal.SIGKILL)
                    process.process.wait()
                    process = parley(tmp_path, telegram, model, kill)
            await until(telegram, asked)
            await asyncio.sleep(1)
            for person in people:
                questions = [message.text for message in person.chat.messages.values() if message.sender != 0]
                answers = [text.removeprefix("echo: ") for text in person.chat.texts]
                assert Counter(answers) == Counter(questions)
                assert answers == questions
        finally:
            process.stop()
