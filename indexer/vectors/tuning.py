"""Choose the recipe of an index by measuring recipes on the shop's own vectors.

Small shops are searched exactly, because nothing is faster. For larger ones, every recipe that
fits in memory is built on a sample, and ranked by the time it takes to reach the target recall.
The best one is then built on all vectors and measured again; if it misses the targets, the next
one is tried. Queries are held out: see ``indexer.vectors.recall``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from indexer.errors import CannotPromise
from indexer.vectors.contract import (
    FLAT,
    MEASURED_K,
    Contract,
    Effort,
    Level,
    RecipeMeasurement,
    Targets,
)
from indexer.vectors.index import VectorIndex
from indexer.vectors.recall import TOP, held_out_queries, recall_of
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import recipes_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Rows, Scores, Vectors

    # VectorIndex.search_with_effort, or that of a copy on GPUs
    EffortSearch = Callable[[Vectors, int, Effort], tuple[object, Scores]]

SAMPLE = 50_000
_TRUTH = "Flat-fp16"  # the vectors that every approximate recipe rescores with
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


def choose_recipe(
    vectors: Vectors,
    rows: Rows,
    targets: Targets | None = None,
    *,
    strict: bool = True,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
) -> VectorIndex:
    """Build the index of (n, dim) unit vectors that best meets the targets, with its contract.

    If none meets them, raise CannotPromise, naming the closest index and the targets to relax; if
    not ``strict``, return the closest index, with ``met`` False in its contract. ``watch`` is
    called with the numbers of steps done and of all steps.
    """
    targets = targets or Targets()
    n, dim = vectors.shape
    if n < targets.exact_below and _fits(FLAT, n, dim, targets):
        index = VectorIndex.build(vectors, rows)
        note = f"exact: {n} rows are below the limit of {targets.exact_below}"
        contract = _exact_contract(index, vectors, targets, note)
        return _with_contract(index, contract, targets, strict)
    names = _fitting(n, dim, targets)
    steps = len(names) + 1
    sampled = _measure_on_sample(names, vectors, targets, lambda done: watch(done, steps))
    measurements = [measured for measured, _ in sampled]
    sampled.sort(key=lambda pair: (pair[0].recall < targets.recall, pair[0].median_us))
    best: VectorIndex | None = None
    for measured, whole_index in sampled:
        if whole_index is None:
            index = VectorIndex.build(vectors, rows, measured.recipe)
        else:
            index = whole_index.with_rows(rows)
        contract = msgspec.structs.replace(
            _contract_of(index, vectors, targets), measurements=measurements
        )
        if best is None or _distance(contract) < _distance(best.contract):
            best = index.with_contract(contract)
        if contract.met:
            break
    watch(steps, steps)
    assert best is not None
    return _with_contract(best, best.contract, targets, strict)


def _fitting(n: int, dim: int, targets: Targets) -> list[str]:
    """Return the recipes that fit in memory. Raise CannotPromise if none does."""
    names = [FLAT, *(recipes_for(n, dim) if targets.recall < 1 else ["Flat-fp16"])]
    fitting = [name for name in names if _fits(name, n, dim, targets)]
    if not fitting:
        least = min(names, key=lambda name: Recipe.parse(name).bytes_per_row(dim))
        smallest = _bytes(Recipe.parse(least).bytes_per_row(dim) * n)
        raise CannotPromise(
            f"no index of {n} vectors of {dim} numbers fits in {_bytes(targets.ram_bytes or 0)}; "
            f"the smallest, {least}, takes {smallest}: raise --ram",
            param="ram",
        )
    return fitting


def _measure_on_sample(
    names: list[str], vectors: Vectors, targets: Targets, watch: Callable[[int], None]
) -> list[tuple[RecipeMeasurement, VectorIndex | None]]:
    """Measure each recipe on a sample; return its index too if the sample is all vectors."""
    n = len(vectors)
    rng = np.random.default_rng(1)
    sample = vectors if n <= SAMPLE else vectors[np.sort(rng.permutation(n)[:SAMPLE])]
    benchmark = _benchmark(VectorIndex.build(sample, np.arange(len(sample)), _TRUTH), sample)
    results: list[tuple[RecipeMeasurement, VectorIndex | None]] = []
    for done, name in enumerate(names):
        watch(done)
        start = time.perf_counter()
        index = VectorIndex.build(sample, np.arange(len(sample)), name)
        seconds = time.perf_counter() - start
        efforts = index.layout.efforts(len(index))
        levels, promised = levels_of(index.search_with_effort, efforts, benchmark, targets)
        level = levels[promised] if levels else _exact_level(index, benchmark)
        measured = RecipeMeasurement(
            recipe=name,
            rows=len(sample),
            recall=level.recall,
            median_us=level.median_us,
            p95_us=level.p95_us,
            bytes_per_row=round(index.layout.bytes_per_row(vectors.shape[1]), 1),
            build_seconds=round(seconds, 2),
        )
        results.append((measured, index if len(sample) == n else None))
    return results


def _contract_of(index: VectorIndex, vectors: Vectors, targets: Targets) -> Contract:
    """Measure an index on all its vectors."""
    benchmark = _benchmark(index, vectors)
    n, dim = vectors.shape
    levels, promised = levels_of(
        index.search_with_effort, index.layout.efforts(n), benchmark, targets
    )
    if not levels:
        note = "exact: no approximate recipe is faster at the target recall"
        return _exact_contract(index, vectors, targets, note)
    level = levels[promised]
    return Contract(
        recipe=index.recipe,
        targets=targets,
        levels=levels,
        level=promised,
        row_us=benchmark.row_us,
        ram_bytes=round(index.layout.bytes_per_row(dim) * n),
        met=level.recall >= targets.recall and _in_time(level.p95_us, targets),
        note=f"recall@{TOP} {level.recall:.4f} at {level.p95_us / 1e3:.2f} ms p95 on one core, "
        f"measured with {len(benchmark.queries)} held-out queries on {n} rows",
    )


def _exact_contract(index: VectorIndex, vectors: Vectors, targets: Targets, note: str) -> Contract:
    if not len(index):
        return Contract(recipe=index.recipe, targets=targets, note=note)
    benchmark = _benchmark(index, vectors)
    return Contract(
        recipe=index.recipe,
        targets=targets,
        row_us=benchmark.row_us,
        ram_bytes=round(index.layout.bytes_per_row(index.dim) * len(index)),
        met=_in_time(benchmark.p95_us, targets),
        note=f"{note}; {benchmark.p95_us / 1e3:.2f} ms p95 on one core",
    )


def _benchmark(index: VectorIndex, vectors: Vectors) -> Benchmark:
    queries = held_out_queries(vectors)
    best = index.exact(queries, TOP)[1]  # (q, TOP)
    times = _times(
        lambda query: index.exact(query, MEASURED_K), queries[: _exact_searches(len(index))]
    )
    row_us = float(np.median(times)) / max(1, len(index))
    return Benchmark(queries, best, round(row_us, 6), round(float(np.percentile(times, 95)), 1))


def levels_of(
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
        level, lower_bound = _level(search, effort, benchmark)
        levels.append(level)
        if promised is None and lower_bound >= targets.recall:
            promised = len(levels) - 1
        if promised is not None and len(levels) > promised + _SPARE_LEVELS:
            break
    if promised is None and levels:
        promised = int(np.argmax([level.recall for level in levels]))
    return levels, promised or 0


def _level(search: EffortSearch, effort: Effort, benchmark: Benchmark) -> tuple[Level, float]:
    scores = search(benchmark.queries, MEASURED_K, effort)[1]
    found = recall_of(scores, benchmark.best)  # (q,)
    lower_bound = float(found.mean() - _CONFIDENCE * found.std() / np.sqrt(len(found)))
    times = _times(lambda query: search(query, MEASURED_K, effort), benchmark.queries[:_TIMED])
    return Level(
        effort=effort,
        recall=round(float(found.mean()), 5),
        median_us=round(float(np.median(times)), 1),
        p95_us=round(float(np.percentile(times, 95)), 1),
    ), lower_bound


def _times(search: Callable[[Vectors], object], queries: Vectors) -> list[float]:
    """Return the microseconds of each query, searched one at a time after a warm-up."""
    search(queries[:1])
    times = []
    for at in range(len(queries)):
        start = time.perf_counter()
        search(queries[at : at + 1])
        times.append((time.perf_counter() - start) * 1e6)
    return times


def _exact_searches(n: int) -> int:
    """Return how many exact searches to time: together about half a second."""
    return int(np.clip(10_000_000 // max(1, n), 20, _TIMED))


def _exact_level(index: VectorIndex, benchmark: Benchmark) -> Level:
    times = _times(
        lambda query: index.exact(query, MEASURED_K),
        benchmark.queries[: _exact_searches(len(index))],
    )
    return Level(
        effort=Effort(len(index)),
        recall=1.0,
        median_us=round(float(np.median(times)), 1),
        p95_us=round(float(np.percentile(times, 95)), 1),
    )


def _fits(recipe: str, n: int, dim: int, targets: Targets) -> bool:
    return (
        targets.ram_bytes is None
        or Recipe.parse(recipe).bytes_per_row(dim) * n <= targets.ram_bytes
    )


def _in_time(p95_us: float, targets: Targets) -> bool:
    return targets.p95_ms is None or p95_us <= targets.p95_ms * 1e3


def _distance(contract: Contract) -> tuple[bool, float, float]:
    """Return a sort key for how far a contract is from its targets: recall first, then time."""
    missing = max(0.0, contract.targets.recall - contract.recall)
    return (
        not contract.met,
        missing,
        contract.levels[contract.level].p95_us if contract.levels else 0,
    )


def _with_contract(
    index: VectorIndex, contract: Contract, targets: Targets, strict: bool
) -> VectorIndex:
    """Return the index with its contract. Raise CannotPromise if ``strict`` and it is not met."""
    if strict and not contract.met:
        within = "" if targets.p95_ms is None else f" within {targets.p95_ms:g} ms"
        memory = "" if targets.ram_bytes is None else f" in {_bytes(targets.ram_bytes)}"
        raise CannotPromise(
            f"no index of {len(index)} rows keeps recall {targets.recall:g}{within}{memory}; "
            f"nearest is {contract.recipe}: {contract.note}. Lower --recall, or raise --p95-ms or "
            "--ram",
            param="recall" if contract.recall < targets.recall else "p95_ms",
        )
    return index.with_contract(contract)


def _bytes(count: float) -> str:
    size, unit_ = next(
        (s, u) for s, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= s or u == "kB"
    )
    return f"{count / size:.3g} {unit_}"
