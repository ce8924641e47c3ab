"""An assistant without tools needs no agent loop: one streamed call, and the fallbacks of its model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from agents.errors import ModelError
from agents.models.catalog import Models
from agents.runtimes.offline import OfflineRuntime
from agents.types import Delta, Prompt, Reply, RuntimeEvent, Turn, TurnContext, Usage

log = structlog.get_logger()


class DirectRuntime:
    """Answers with one call of the assistant's model; with its fallbacks as long as nothing was shown."""

    def __init__(self, models: Models, offline: OfflineRuntime) -> None:
        self._models = models
        self._offline = offline

    async def run(self, prompt: Prompt, turn: Turn, context: TurnContext) -> AsyncGenerator[RuntimeEvent, None]:
        """Yield the answer; see `Runtime.run`."""
        chain = self._models.chain(turn.assistant.model)
        for place, alias in enumerate(chain, start=1):
            try:
                offline = self._models.is_offline(alias)
                answer = self._offline.run(prompt, turn, context) if offline else self._call(alias, prompt, turn)
                async with aclosing(answer):
                    async for event in answer:
                        yield event
            except ModelError as error:
                if error.shown or place == len(chain):
                    raise
                log.warning("model.fallback", trace=context.trace, alias=alias, error=repr(error))
            else:
                return

    async def _call(self, alias: str, prompt: Prompt, turn: Turn) -> AsyncGenerator[RuntimeEvent, None]:
        model = self._models.model(alias)
        messages = [{"role": "system", "content": prompt.system}]
        messages += [{"role": message.role, "content": message.text} for message in prompt.messages]
        said: list[str] = []
        usage = Usage()
        async with aclosing(model.stream(messages, options=turn.options)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    said.append(chunk.text)
                    yield Delta(text=chunk.text)
                usage = chunk.usage or usage
        yield Reply(text="".join(said), usage=usage, model=model.name)
