"""Structured logs and Prometheus metrics. No personal data, no secret, no line per event at info."""

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LIBRARY_REPEATS_SECONDS = 10.0
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def configure_logs(service: str, level: str) -> None:
    """One JSON object per line on standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, force=True, format="%(name)s %(levelname)s %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())


class Seldom(logging.Filter):
    """Each sentence of a library once in ten seconds: without a broker aiokafka says hundreds a second."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        sentence = record.name, str(record.msg)
        if record.created - self.said.get(sentence, 0.0) < LIBRARY_REPEATS_SECONDS:
            return False
        if len(self.said) > 1_000:
            self.said.clear()
        self.said[sentence] = record.created
        return True


class Metrics:
    """The registry of one runtime."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests_total", "Answered requests", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "http_request_seconds", "Time to the answer", ["route"], buckets=LATENCY_BUCKETS, registry=self.registry
        )
        self.in_flight = Gauge("http_requests_in_flight", "Requests not yet answered", registry=self.registry)
        self.pool = Gauge(
            "database_pool_connections", "Connections of the pool: open, and idle", ["state"], registry=self.registry
        )
        self.outbox_age = Gauge("outbox_age_seconds", "Age of the oldest unsent event", registry=self.registry)
        self.published = Counter("outbox_published_total", "Events acknowledged by the broker", registry=self.registry)
        self.lag = Gauge("consumer_lag_records", "Records not yet processed", ["consumer"], registry=self.registry)
        self.silence = Gauge(
            "consumer_silence_seconds", "Since the broker last answered a fetch", ["consumer"], registry=self.registry
        )
        self.consumed = Counter("consumer_records_total", "Records processed", ["consumer"], registry=self.registry)
        self.unknown = Counter(
            "consumer_unknown_total", "Records of unknown type", ["consumer"], registry=self.registry
        )
        self.parked = Gauge("consumer_parked_keys", "Keys that wait for a person", ["consumer"], registry=self.registry)
        self.timers_parked = Gauge("timers_parked", "Deadlines that failed three times", registry=self.registry)
