from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.simulators.llm import LLMSimulator


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator() as simulator:
        yield simulator
