"""Metrics of the service, in Prometheus's format.

Every series has the label ``pid``: if several processes share a port, each scrape reaches one of
them, and Prometheus must not mix up their counters.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from search.hits import Reply
    from search.status import Vitals

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_PHOTOS = (1, 2, 4, 8, 16, 32, 64)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Metrics:
    """The metrics of this process. Thread-safe."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "vitrine_requests",
            "Replies.",
            ("method", "route", "status"),
            registry=registry,
        )
        # Kept, because labels() takes longer than counting.
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._seconds = Histogram(
            "vitrine_request_seconds", "From request to reply.", ("route",),
            registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        self._searches = Counter(
            "vitrine_searches", "Searches, by mode.", ("mode",), registry=registry
        )
        self._stages = Histogram(
            "vitrine_search_stage_seconds", "Stages of a search.", ("stage",),
            registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        self._batches = Histogram(
            "vitrine_batch_photos", "Photos encoded together.", registry=registry, buckets=_PHOTOS
        )
        self._waiting = Gauge(
            "vitrine_queue_depth", "Calls that wait for a thread.", ("queue",), registry=registry
        )
        self._generation = Gauge(
            "vitrine_generation", "1 for the generation that serves.", ("generation",),
            registry=registry,
        )  # fmt: skip
        self._items = Gauge("vitrine_items", "Items that searches can find.", registry=registry)
        self._rows = Gauge("vitrine_index_rows", "Rows of the index.", registry=registry)
        self._delta = Gauge(
            "vitrine_delta_rows",
            "Rows outside the index, and deleted rows in it.",
            registry=registry,
        )
        self._recall = Gauge(
            "vitrine_recall", "Recall@10: promised, measured at the build, live of real queries.",
            ("kind",), registry=registry,
        )  # fmt: skip
        self._samples = Gauge(
            "vitrine_recall_samples", "Real queries that were repeated exactly.", registry=registry
        )
        self._raised = Gauge(
            "vitrine_effort_raised",
            "Effort levels added to keep the promised recall.",
            registry=registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. ``route`` must be a pattern such as /v1/items/{item_id}, not a path."""
        key = (method if method in _METHODS else "other", route, status)
        if key not in self._known:
            labels = (key[0], route, str(status))
            self._known[key] = self._requests.labels(*labels), self._seconds.labels(route)
        count, times = self._known[key]
        count.inc()
        times.observe(seconds)

    def search(self, reply: Reply) -> None:
        """Count a search, and record the times of its stages."""
        self._searches.labels(reply.mode).inc()
        for stage, milliseconds in reply.timings.items():
            self._stages.labels(stage.removesuffix("_ms")).observe(milliseconds / 1e3)

    def batch(self, photos: int) -> None:
        """Record the size of a batch."""
        self._batches.observe(photos)

    def text(self, vitals: Vitals | None, waiting: Mapping[str, int]) -> bytes:
        """Return all series in the text format; ``vitals`` is None while no index is open."""
        for name, depth in waiting.items():
            self._waiting.labels(name).set(depth)
        self._generation.clear()
        self._recall.clear()
        if vitals is not None:
            self._generation.labels(vitals.generation).set(1)
            self._items.set(vitals.items)
            self._rows.set(vitals.indexed_rows)
            self._delta.set(vitals.delta_rows)
            self._recall.labels("promised").set(vitals.recall.promised)
            self._recall.labels("measured").set(vitals.recall.measured)
            if vitals.recall.live is not None:
                self._recall.labels("live").set(vitals.recall.live)
            self._samples.set(vitals.recall.samples)
            self._raised.set(vitals.recall.raised)
        return bytes(generate_latest(_PidRegistry(self._registry)))


class _PidRegistry(CollectorRegistry):
    """Adds the label ``pid`` to every series of another registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._inner = registry
        self._pid = str(os.getpid())

    def collect(self) -> Iterator[Metric]:
        for metric in self._inner.collect():
            marked = Metric(metric.name, metric.documentation, metric.type)
            marked.samples = [
                sample._replace(labels={**sample.labels, "pid": self._pid})
                for sample in metric.samples
            ]
            yield marked
