"""The configuration as it is now: a valid change of the files takes effect for the next turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from config.errors import ConfigurationInvalid
from config.loader import Configuration
from config.watch import watch_configuration

log = structlog.get_logger()


class Current:
    """Holds the last good configuration; call it to get it."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.refused: ConfigurationInvalid | None = None
        """Why the newest files were not taken, while they are not."""

    def __call__(self) -> Configuration:
        """Return the configuration that is in force."""
        return self._configuration

    async def follow(
        self, load: Callable[[], Configuration], changed: Callable[[Configuration, Configuration], Awaitable[None]]
    ) -> None:
        """Watch the files; tell `changed(before, after)` of each valid change, and log a refused one."""
        async for outcome in watch_configuration(self._configuration, load):
            if isinstance(outcome, ConfigurationInvalid):
                self.refused = outcome
                log.error("configuration.refused", problems=[str(problem) for problem in outcome.problems])
                continue
            before, self._configuration, self.refused = self._configuration, outcome, None
            log.info("configuration.changed", assistants=list(outcome.assistants))
            await changed(before, outcome)
