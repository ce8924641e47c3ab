"""A process that runs one turn of an assistant with a tool that writes, to be killed: `REDIS_URL MODEL_URL`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from redis.asyncio import Redis

from agents.checkpoints import Checkpoints
from agents.memory.redis import RedisMemory
from agents.models.catalog import Models, open_session
from agents.moderation.moderator import Moderators
from agents.tools.toolbox import Toolbox, ToolServices
from agents.turn import TurnEngine
from agents.types import Answer, Final
from config.settings import ModelSettings
from tests.unit.agents.making import Library, assistant, context, turn

HELPER = assistant(tools=("take_note",))


async def run(redis_url: str, model_url: str, *, attempt: int) -> Answer:
    """Run the turn with clients of its own, as a worker does."""

    def key(conversation: str, name: str) -> str:
        return f"{conversation}:{name}"

    redis: Redis = Redis.from_url(redis_url, decode_responses=True)
    services = ToolServices(retriever=Library(), redis=redis, key=key, clock=lambda: datetime.now(UTC))
    async with redis, open_session() as session:
        engine = TurnEngine(
            models=Models({"default": ModelSettings(base_url=model_url)}, session),
            memory=RedisMemory(redis, key),
            retriever=Library(),
            tools=Toolbox(services),
            checkpoints=Checkpoints(redis, lambda _: "parley:{p0}"),
            moderators=Moderators(),
        )
        events = [event async for event in engine.run(turn("Note: milk", of=HELPER), context(attempt=attempt))]
    assert isinstance(events[-1], Final)
    return events[-1].answer


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], attempt=1))
