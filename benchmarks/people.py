"""People on a simulated Telegram who write, wait for the answer, and write again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from time import monotonic, perf_counter

from benchmarks.processes import Measured
from tests.simulators.telegram import Person, TelegramSimulator

ANSWER_S = 60.0


class NoAnswer(AssertionError):
    """A person waited in vain."""


@dataclass(slots=True)
class Crowd:
    """The people of one bot; each asks in a private chat."""

    telegram: TelegramSimulator
    _ids: count[int] = field(default_factory=lambda: count(1000))

    @property
    def env(self) -> Mapping[str, str]:
        """What the bot is started with."""
        return {"TELEGRAM_API_BASE": self.telegram.api_base, "TELEGRAM_BOT_TOKEN": self.telegram.token}

    def newcomers(self, number: int) -> list[Person]:
        """People who never wrote before."""
        return [self.telegram.person(next(self._ids)) for _ in range(number)]

    async def until_polled(self, measured: Measured) -> float:
        """Return the seconds from the start of the bot until it fetches updates, or has set its webhook."""
        counts = self.telegram.server.counts
        before = counts["getupdates"] + counts["setwebhook"]
        while counts["getupdates"] + counts["setwebhook"] == before:
            measured.check()
            await asyncio.sleep(0.01)
        return monotonic() - measured.started

    async def talk(
        self, people: list[Person], messages: int, *, text: str = "When does the office open?"
    ) -> list[float]:
        """Let everybody ask `messages` questions, side by side; return the seconds each answer took."""
        took = await asyncio.gather(*(self._talk(person, messages, text) for person in people))
        return [one for each in took for one in each]

    async def talk_for(self, people: list[Person], seconds: float) -> list[float]:
        """Let everybody ask for `seconds`; return the times of the answers, counted from now."""
        began = perf_counter()
        times: list[float] = []

        async def keep_asking(person: Person) -> None:
            while perf_counter() - began < seconds:
                await ask(person, "When does the office open?")
                times.append(perf_counter() - began)

        await asyncio.gather(*map(keep_asking, people))
        return sorted(times)

    async def _talk(self, person: Person, messages: int, text: str) -> list[float]:
        return [await ask(person, f"{text} ({number})") for number in range(messages)]


async def ask(person: Person, text: str) -> float:
    """Write, and return the seconds until the bot's message is there."""
    chat = person.chat
    person.write(text)
    began = perf_counter()
    while next(reversed(chat.messages.values())).sender != 0:
        if not await chat.change(ANSWER_S) and next(reversed(chat.messages.values())).sender != 0:
            raise NoAnswer(f"no answer within {ANSWER_S:g} s: {chat!r}")
    return perf_counter() - began
