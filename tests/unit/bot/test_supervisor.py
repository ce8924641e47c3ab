from __future__ import annotations

import asyncio

from bot.supervisor import Supervisor


async def test_a_loop_that_fails_is_started_again() -> None:
    supervisor = Supervisor()
    runs = 0

    async def loop() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError("broken")

    await asyncio.wait_for(supervisor.keep("loop", loop), 3)
    assert runs == 3


async def test_stopping_lets_work_finish_within_its_grace_and_cancels_the_rest() -> None:
    supervisor = Supervisor()
    done: list[str] = []

    async def work(name: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            done.append(f"{name} cancelled")
            raise
        done.append(name)

    supervisor.spawn("quick", work("quick", 0.05))
    supervisor.spawn("slow", work("slow", 30))
    await supervisor.stop(grace_s=0.2)
    assert done == ["quick", "slow cancelled"]
