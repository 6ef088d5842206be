"""Choose the recipe of an index by measuring recipes on the shop's own vectors.

Small shops are searched exactly, because nothing is faster. For larger ones, every recipe that
fits in memory is built on a sample, and ranked by the time it takes to reach the target recall,
as far as the sample tells that of all rows (``rank_on_sample``).
The best one is then built on all vectors and measured again; if it misses the targets, the next
one is tried. Queries are held out: see ``indexer.vectors.recall``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.errors import CannotPromise
from indexer.vectors.benchmark import exact_benchmark, exact_level, measure_levels
from indexer.vectors.contract import FLAT, Contract, RecipeMeasurement, Targets
from indexer.vectors.index import VectorIndex
from indexer.vectors.recall import TOP
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import recipes_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Rows, Vectors


SAMPLE = 50_000
_TRUTH = "Flat-fp16"  # the vectors that every approximate recipe rescores with


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
    sampled.sort(key=lambda pair: rank_on_sample(pair[0], targets, n))
    best: VectorIndex | None = None
    for measured, whole_index in sampled:
        if whole_index is None:
            index = VectorIndex.build(vectors, rows, measured.recipe)
            index.move_to_huge_pages()
        else:
            index = whole_index.with_rows(rows[whole_index.rows])  # built with places as rows
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


def rank_on_sample(measured: RecipeMeasurement, targets: Targets, n: int) -> tuple[bool, float]:
    """Return the sort key of a recipe for ``n`` rows: those that reach the recall first, by time.

    An exact search compares every row, so it takes as much longer as there are more rows than in
    the sample. The time of an approximate one grows far less, and is left as it is: if its index of
    all rows is no faster than comparing them, searches compare them.
    """
    is_exact = Recipe.parse(measured.recipe).kind == "Flat"
    growth = n / max(1, measured.rows) if is_exact else 1.0
    return measured.recall < targets.recall, measured.median_us * growth


def _fitting(n: int, dim: int, targets: Targets) -> list[str]:
    """Return the recipes that fit in memory. Raises CannotPromise if none does."""
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
    benchmark = exact_benchmark(VectorIndex.build(sample, np.arange(len(sample)), _TRUTH), sample)
    results: list[tuple[RecipeMeasurement, VectorIndex | None]] = []
    for done, name in enumerate(names):
        watch(done)
        start = time.perf_counter()
        index = VectorIndex.build(sample, np.arange(len(sample)), name)
        seconds = time.perf_counter() - start
        index.move_to_huge_pages()  # measured as it will serve
        efforts = index.layout.efforts(len(index))
        levels, promised = measure_levels(index.search_with_effort, efforts, benchmark, targets)
        level = levels[promised] if levels else exact_level(index, benchmark)
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
    benchmark = exact_benchmark(index, vectors)
    n, dim = vectors.shape
    levels, promised = measure_levels(
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
        met=level.recall >= targets.recall and targets.allow_time(level.p95_us),
        note=f"recall@{TOP} {level.recall:.4f} at {level.p95_us / 1e3:.2f} ms p95 on one core, "
        f"measured with {len(benchmark.queries)} held-out queries on {n} rows",
    )


def _exact_contract(index: VectorIndex, vectors: Vectors, targets: Targets, note: str) -> Contract:
    if not len(index):
        return Contract(recipe=index.recipe, targets=targets, note=note)
    benchmark = exact_benchmark(index, vectors)
    return Contract(
        recipe=index.recipe,
        targets=targets,
        row_us=benchmark.row_us,
        ram_bytes=round(index.layout.bytes_per_row(index.dim) * len(index)),
        met=targets.allow_time(benchmark.p95_us),
        note=f"{note}; {benchmark.p95_us / 1e3:.2f} ms p95 on one core",
    )


def _fits(recipe: str, n: int, dim: int, targets: Targets) -> bool:
    return (
        targets.ram_bytes is None
        or Recipe.parse(recipe).bytes_per_row(dim) * n <= targets.ram_bytes
    )


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
    """Return the index with its contract. Raises CannotPromise if ``strict`` and it is not met."""
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
    for size, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
