"""Figures of the service for Prometheus, in a registry of its own: two services in a process do not add up."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What is counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "warmstart_requests", "Requests, by route and status", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "warmstart_request_seconds",
            "From the request's head to the end of the answer",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.queue = Gauge("warmstart_queue_inputs", "Inputs that wait or are being answered", registry=self.registry)
        self.batches = Histogram(
            "warmstart_batch_inputs",
            "Inputs that went through the network together",
            buckets=SIZES,
            registry=self.registry,
        )
        self.inputs = Counter(
            "warmstart_inputs", "Inputs, by what became of them", ("outcome",), registry=self.registry
        )
        self.rejected = Counter(
            "warmstart_rejected", "Requests refused, by reason", ("reason",), registry=self.registry
        )

    def request(self, route: str, status: int, seconds: float) -> None:
        """One request that was answered."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
