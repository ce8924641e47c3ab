"""Which runtime answers for an assistant."""

from __future__ import annotations

from agents.base import Runtime
from agents.checkpoints import Checkpoints
from agents.models.catalog import Models
from agents.runtimes.direct import DirectRuntime
from agents.runtimes.offline import OfflineRuntime
from agents.tools.toolbox import Toolbox
from config.assistant import Assistant


class Runtimes:
    """The offline model where there is no other, an agent where there are tools, else one direct call."""

    def __init__(self, *, models: Models, tools: Toolbox, checkpoints: Checkpoints) -> None:
        self._models = models
        self._tools = tools
        self._checkpoints = checkpoints
        self._offline = OfflineRuntime()
        self._direct = DirectRuntime(models, self._offline)
        self._agent: Runtime | None = None

    def is_offline(self, assistant: Assistant) -> bool:
        """Return whether no language model answers for an assistant."""
        return self._models.is_offline(assistant.model)

    def of(self, assistant: Assistant) -> Runtime:
        """Return the runtime of an assistant."""
        if self.is_offline(assistant):
            return self._offline
        if not assistant.tools or not assistant.limits.tool_calls:
            return self._direct
        if self._agent is None:
            # LangChain's agents take a second to import: only where an assistant has tools.
            from agents.runtimes.langgraph import LangGraphRuntime

            self._agent = LangGraphRuntime(models=self._models, tools=self._tools, checkpoints=self._checkpoints)
        return self._agent
