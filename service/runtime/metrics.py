"""Metrics of the service, in Prometheus's format.

Every series of a single process has the label ``pid``: if several services share a port, each
scrape reaches one of them, and Prometheus must not mix up their counters. The worker processes of
one service share files instead, in the multiprocess mode of prometheus_client, so each can return
the sums of all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from service.runtime.tracing import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from search.hits import Mode
    from search.status import Vitals

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_PHOTOS = (1, 2, 4, 8, 16, 32, 64)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Metrics:
    """The metrics of this process, and those of the other worker processes. Thread-safe."""

    def __init__(self, shared: Path | None = None) -> None:
        """``shared`` is the folder that ``share_metrics`` got, if there are other processes."""
        self._shared = shared
        self._last_generation = ""
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
        stages = Histogram(
            "vitrine_search_stage_seconds",
            "Stages of a search: waiting (queue), decode and encode for each photo; query, search, "
            "rank and fields for each search that is not kept; total for each search.",
            ("stage",), registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        names = ("queue", "decode", "encode", *STAGES.values(), "total")
        self._stages = {name: stages.labels(name) for name in names}
        self._answers = Counter(
            "vitrine_answers", "Answers to searches: kept (hit), not kept (miss), or never kept.",
            ("cache",), registry=registry,
        )  # fmt: skip
        self._kept = Gauge(
            "vitrine_answer_cache_bytes", "Memory of the answers that are kept.",
            registry=registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self._batches = Histogram(
            "vitrine_batch_photos", "Photos encoded together.", registry=registry, buckets=_PHOTOS
        )
        self._waiting = Gauge(
            "vitrine_queue_depth", "Calls that wait for a thread.", ("queue",),
            registry=registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self._generation = Gauge(
            "vitrine_generation", "1 for the generation that serves.", ("generation",),
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip
        self._created = _gauge(
            registry, "vitrine_generation_created_seconds",
            "When the generation that serves was built, in seconds since 1970.",
        )  # fmt: skip
        self._map_fill = _gauge(
            registry, "vitrine_store_map_fill", "Share of the store's map that is used, 0 to 1."
        )
        self._items = _gauge(registry, "vitrine_items", "Items that searches can find.")
        self._rows = _gauge(registry, "vitrine_index_rows", "Rows of the index.")
        self._delta = _gauge(
            registry, "vitrine_delta_rows", "Rows outside the index, and deleted rows in it."
        )
        self._recall = _gauge(
            registry, "vitrine_recall",
            "Recall@10: promised, measured at the build, live of real queries.", "kind",
        )  # fmt: skip
        self._samples = _gauge(
            registry, "vitrine_recall_samples", "Real queries that were repeated exactly."
        )
        self._raised = _gauge(
            registry, "vitrine_effort_raised", "Effort levels added to keep the promised recall."
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

    def answer(self, cache: Literal["hit", "miss", "never"], bytes_kept: int) -> None:
        """Count an answer by its place in the cache, which has so many bytes now."""
        self._answers.labels(cache).inc()
        self._kept.set(bytes_kept)

    def search(self, mode: Mode, timings: Mapping[str, float], photo_ms: float = 0.0) -> None:
        """Count a search, and record the times of its stages in milliseconds.

        ``photo_ms`` is how long its photos took before it; the timings are without them.
        """
        self._searches.labels(mode).inc()
        for name, stage in STAGES.items():
            if name in timings:
                self.stage(stage, timings[name] / 1e3)
        self.stage("total", (timings.get("total_ms", 0.0) + photo_ms) / 1e3)

    def kept_search(self, mode: Mode, seconds: float) -> None:
        """Count a search whose answer was kept, and record its time."""
        self._searches.labels(mode).inc()
        self.stage("total", seconds)

    def stage(self, stage: str, seconds: float) -> None:
        """Record the time of a stage of a search."""
        self._stages[stage].observe(seconds)

    def batch(self, photos: int) -> None:
        """Record the size of a batch."""
        self._batches.observe(photos)

    def observe(self, vitals: Vitals | None, waiting: Mapping[str, int]) -> None:
        """Set the gauges of this process; ``vitals`` is None while no index is open."""
        for name, depth in waiting.items():
            self._waiting.labels(name).set(depth)
        generation = "" if vitals is None else vitals.generation
        if generation != self._last_generation:
            self._forget_generation()
            self._last_generation = generation
        if vitals is not None:
            self._generation.labels(vitals.generation).set(1)
            self._created.set(vitals.created)
            self._map_fill.set(vitals.map_fill)
            self._items.set(vitals.items)
            self._rows.set(vitals.indexed_rows)
            self._delta.set(vitals.delta_rows)
            self._recall.labels("promised").set(vitals.recall.promised)
            self._recall.labels("measured").set(vitals.recall.measured)
            if vitals.recall.live is not None:
                self._recall.labels("live").set(vitals.recall.live)
            self._samples.set(vitals.recall.samples)
            self._raised.set(vitals.recall.raised)

    def text(
        self,
        vitals: Vitals | None,
        waiting: Mapping[str, int],
        *,
        per_worker: bool = False,
    ) -> bytes:
        """Set the gauges, and return all series in the text format.

        The series of several worker processes are summed (gauges of the shop are not: they are the
        largest), or with ``per_worker`` those of each have the label ``worker``.
        """
        self.observe(vitals, waiting)
        if self._shared is None:
            return bytes(generate_latest(_PidRegistry(self._registry)))
        return bytes(generate_latest(_SharedRegistry(self._shared, per_worker=per_worker)))

    def _forget_generation(self) -> None:
        if self._shared is None:
            self._generation.clear()
            self._recall.clear()
        elif self._last_generation:  # shared files keep their series: see _SharedRegistry
            self._generation.labels(self._last_generation).set(0)


def share_metrics(folder: Path, number: int) -> None:
    """Keep the metrics of this process in files of a folder, under its number among the workers.

    Call this before ``Metrics`` is made. A process that follows another one under the same number
    continues its counters.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]


def _gauge(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Gauge:
    """Return a gauge whose value is the largest of all worker processes; they are nearly equal."""
    return Gauge(name, about, labels, registry=registry, multiprocess_mode="livemax")


class _SharedRegistry(CollectorRegistry):
    """The series in the files of all worker processes."""

    def __init__(self, folder: Path, *, per_worker: bool) -> None:
        super().__init__()
        self._folder = folder
        self._per_worker = per_worker

    def collect(self) -> Iterator[Metric]:
        files = sorted(map(str, self._folder.glob("*.db")))
        if not self._per_worker:
            yield from _read(files)
            return
        families: dict[str, Metric] = {}
        for number in sorted({_worker_of(file) for file in files}):
            for metric in _read([file for file in files if _worker_of(file) == number]):
                family = families.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                family.samples += [
                    sample._replace(labels={**sample.labels, "worker": number})
                    for sample in metric.samples
                ]
        yield from families.values()


def _read(files: list[str]) -> Iterable[Metric]:
    """Return the series of some files, without generations that no longer serve."""
    found: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    for metric in found:
        if metric.name == "vitrine_generation":
            metric.samples = [sample for sample in metric.samples if sample.value]
    return found


def _worker_of(file: str) -> str:
    return file.rpartition("_")[2].removesuffix(".db")


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
