"""Measure the recall and the time of the searches of an index."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.vectors.contract import MEASURED_K, Effort, Level
from indexer.vectors.recall import TOP, held_out_queries, recall_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Scores, Vectors
    from indexer.vectors.contract import Targets
    from indexer.vectors.index import VectorIndex

    # VectorIndex.search_with_effort, or that of a copy on GPUs
    EffortSearch = Callable[[Vectors, int, Effort], tuple[object, Scores]]

_CONFIDENCE = 1.64  # standard errors; the true recall is above mean minus these with 95 %
_SPARE_LEVELS = 3  # levels measured above the promise, in case live queries need more effort
_TIMED = 200  # queries that are timed one by one for each effort


class Benchmark(NamedTuple):
    """Queries (q, dim), their best exact scores (q, TOP), and the time of exact searches.

    ``row_us`` is the median time of a search divided by the rows; ``p95_us`` is the 95th percentile
    of a whole search.
    """

    queries: Vectors
    best: Scores
    row_us: float
    p95_us: float


def exact_benchmark(index: VectorIndex, vectors: Vectors) -> Benchmark:
    """Draw held-out queries near these vectors (n, dim), and time exact searches of the index."""
    queries = held_out_queries(vectors)
    best = index.exact(queries, TOP)[1]  # (q, TOP)
    times = search_times(
        lambda query: index.exact(query, MEASURED_K), queries[: _exact_searches(len(index))]
    )
    row_us = float(np.median(times)) / max(1, len(index))
    return Benchmark(queries, best, round(row_us, 6), round(float(np.percentile(times, 95)), 1))


def measure_levels(
    search: EffortSearch, efforts: list[Effort], benchmark: Benchmark, targets: Targets
) -> tuple[list[Level], int]:
    """Measure efforts from cheap to thorough; return them and the first with the target recall.

    An effort reaches the target if its recall is above it with 95 % confidence. If none does, the
    one with the best recall is returned. A few higher levels are measured too, for live queries
    that need more effort.
    """
    levels: list[Level] = []
    promised: int | None = None
    for effort in efforts:
        level, lower_bound = _measure_level(search, effort, benchmark)
        levels.append(level)
        if promised is None and lower_bound >= targets.recall:
            promised = len(levels) - 1
        if promised is not None and len(levels) > promised + _SPARE_LEVELS:
            break
    if promised is None and levels:
        promised = int(np.argmax([level.recall for level in levels]))
    return levels, promised or 0


def exact_level(index: VectorIndex, benchmark: Benchmark) -> Level:
    """Time exact searches of an index; their recall is 1."""
    times = search_times(
        lambda query: index.exact(query, MEASURED_K),
        benchmark.queries[: _exact_searches(len(index))],
    )
    return Level(
        effort=Effort(len(index)),
        recall=1.0,
        median_us=round(float(np.median(times)), 1),
        p95_us=round(float(np.percentile(times, 95)), 1),
    )


def _measure_level(
    search: EffortSearch, effort: Effort, benchmark: Benchmark
) -> tuple[Level, float]:
    scores = search(benchmark.queries, MEASURED_K, effort)[1]
    found = recall_of(scores, benchmark.best)  # (q,)
    lower_bound = float(found.mean() - _CONFIDENCE * found.std() / np.sqrt(len(found)))
    times = search_times(
        lambda query: search(query, MEASURED_K, effort), benchmark.queries[:_TIMED]
    )
    return Level(
        effort=effort,
        recall=round(float(found.mean()), 5),
        median_us=round(float(np.median(times)), 1),
        p95_us=round(float(np.percentile(times, 95)), 1),
    ), lower_bound


def search_times(search: Callable[[Vectors], object], queries: Vectors) -> list[float]:
    """Return the microseconds of each query, searched one at a time after a warm-up."""
    search(queries[:1])
    times = []
    for place in range(len(queries)):
        start = time.perf_counter()
        search(queries[place : place + 1])
        times.append((time.perf_counter() - start) * 1e6)
    return times


def _exact_searches(n: int) -> int:
    """Return how many exact searches to time: together about half a second."""
    return int(np.clip(10_000_000 // max(1, n), 20, _TIMED))
