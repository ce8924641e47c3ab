"""Logs and metrics: an event and its fields, never a message's text."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from config.settings import LogSettings

if TYPE_CHECKING:
    from structlog.typing import Processor


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = Counter(
            "parley_messages_total", "Inbound messages.", ["channel", "acceptance"], registry=self.registry
        )
        self.turns = Counter("parley_turns_total", "Turns by how they ended.", ["outcome"], registry=self.registry)
        self.turn_seconds = Histogram(
            "parley_turn_seconds",
            "From claim to the answer in the outbox.",
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
            registry=self.registry,
        )
        self.deliveries = Counter(
            "parley_deliveries_total", "Delivery attempts.", ["channel", "code"], registry=self.registry
        )
        self.tokens = Counter("parley_tokens_total", "Tokens as models count them.", ["kind"], registry=self.registry)
        self.knowledge = Counter(
            "parley_knowledge_answers_total",
            "Answers by how far they rest on the knowledge bases.",
            ["coverage"],
            registry=self.registry,
        )
        self.lanes = Gauge("parley_lanes", "Lanes by family and state.", ["lanes", "state"], registry=self.registry)
        self.dead_letters = Gauge(
            "parley_dead_letters", "Messages given up, waiting for an operator.", ["lanes"], registry=self.registry
        )

    def text(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self.registry)


def configure_logging(settings: LogSettings) -> None:
    """Send structured logs to standard error: colourful on a terminal, JSON lines elsewhere."""
    as_text = settings.format == "text" or (settings.format == "auto" and sys.stderr.isatty())
    renderer: Processor = structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer()
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not as_text:
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
