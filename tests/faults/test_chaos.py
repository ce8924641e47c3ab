"""A small dose of `benchmarks/chaos.py`: workers that are killed and stalled, updates that come twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos import Chaos, Plan


@pytest.mark.timeout(240)
async def test_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    plan = Plan(workers=2, chats=8, messages=160, kills=2, stalls=1, lease_s=2.0)
    outcome = await Chaos(plan, tmp_path).run()
    assert (outcome.asked, outcome.kills, outcome.stalls) == (160, 2, 1)
    assert outcome.redelivered > 5
    assert (outcome.lost, outcome.doubled, outcome.disordered) == ([], [], [])
