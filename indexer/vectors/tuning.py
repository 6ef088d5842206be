"""Choosing how an index is laid out, by measuring on the shop's own vectors.

Small shops are searched exactly, which nothing beats. For larger ones every recipe that fits the
memory is built on a sample, and ranked by the time it takes to reach the wished recall; then the
best is built on everything and measured again, and the next one where it does not keep its word.
Queries are held out: catalog vectors moved by the difference between two others, so that they lie
where photos of shoppers lie and none of them is in the index.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from indexer.arrays import unit
from indexer.errors import CannotPromise
from indexer.vectors.contract import FLAT, MEASURED_K, Contract, Effort, Level, Tried, Wishes
from indexer.vectors.index import VectorIndex
from indexer.vectors.recipe import Recipe
from indexer.vectors.recipes import recipes_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Rows, Scores, Vectors

    Near = Callable[[Vectors, int, Effort], tuple[object, Scores]]  # as VectorIndex.near

SAMPLE = 50_000
_TRUTH = "Flat-fp16"  # what every approximate recipe scores its candidates with in the end
QUERIES = 500
TOP = 10  # the promise is about the first ten
_NEAREST, _FARTHEST = 0.1, 0.7  # how far a query lies from its item, in lengths of a difference
_TIE = 2e-5  # scores that differ by less are equally good: the same picture twice
_SURE = 1.64  # standard errors below the mean: the true recall is above with 95 %
_SPARE_LEVELS = 3  # thorough ones measured beyond the promise, for a service that must try harder
_TIMED = 200  # queries timed one by one for each effort


class Trial(NamedTuple):
    """Queries (q, dim), what exact search gives them (q, TOP), and what it cost for each row."""

    queries: Vectors
    best: Scores
    row_us: float
    p95_us: float


def choose_recipe(
    vectors: Vectors,
    rows: Rows,
    wishes: Wishes | None = None,
    *,
    strict: bool = True,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
) -> VectorIndex:
    """The index of (n, dim) unit vectors that best keeps the wishes, with its contract.

    Raises CannotPromise, naming what comes nearest and what to relax, when nothing keeps them;
    without ``strict`` that one is taken, and its contract says that it is not met. ``watch`` is
    told how many of how many steps are done.
    """
    wishes = wishes or Wishes()
    n, dim = vectors.shape
    if n < wishes.exact_below and _fits(FLAT, n, dim, wishes):
        index = VectorIndex.build(vectors, rows)
        note = f"exact: {n} rows, and below {wishes.exact_below} nothing need be approximate"
        return _kept(index, _exact_contract(index, vectors, wishes, note), wishes, strict)
    names = [FLAT, *(recipes_for(n, dim) if wishes.recall < 1 else ["Flat-fp16"])]
    fitting = [name for name in names if _fits(name, n, dim, wishes)]
    if not fitting:
        least = min(names, key=lambda name: Recipe.parse(name).bytes_per_row(dim))
        raise CannotPromise(
            f"no index of {n} vectors of {dim} numbers fits in {_bytes(wishes.ram_bytes or 0)}; "
            f"the smallest, {least}, takes {_bytes(Recipe.parse(least).bytes_per_row(dim) * n)}: raise --ram",
            param="ram",
        )
    steps = len(fitting) + 1
    sampled = _probe(fitting, vectors, wishes, lambda done: watch(done, steps))
    tried = [one for one, _ in sampled]
    sampled.sort(key=lambda pair: (pair[0].recall < wishes.recall, pair[0].median_us))
    best: VectorIndex | None = None
    for one, known in sampled:
        if known is None:
            index = VectorIndex.build(vectors, rows, one.recipe)
        else:
            index = known.with_rows(rows)
        contract = msgspec.structs.replace(_measured(index, vectors, wishes), tried=tried)
        if best is None or _distance(contract) < _distance(best.contract):
            best = index.with_contract(contract)
        if contract.met:
            break
    watch(steps, steps)
    assert best is not None
    return _kept(best, best.contract, wishes, strict)


def held_out(vectors: Vectors, count: int = QUERIES, *, seed: int = 0) -> Vectors:
    """Queries (count, dim) near the catalog's vectors, none of them in it.

    Each is a vector moved by a share of the difference between two others, as an embedding moves
    with light, crop and background. With fewer than three vectors they are moved at random.
    """
    rng = np.random.default_rng(seed)
    n, dim = vectors.shape
    start = vectors[rng.integers(0, n, count)]  # (count, dim)
    if n < 3:
        step = unit(rng.normal(size=(count, dim)))
    else:
        step = vectors[rng.integers(0, n, count)] - vectors[rng.integers(0, n, count)]
    far = rng.uniform(_NEAREST, _FARTHEST, (count, 1))  # (count, 1), times (count, dim)
    noise = rng.normal(scale=1e-3, size=(count, dim))  # where both others are the same
    return unit(start + far * step + noise)


def recall_of(scores: Scores, best: Scores) -> Scores:
    """Which share of the exact answers each query found: (q, k) and (q, top) to (q,).

    Judged by scores, so that pictures that are the same to the encoder may stand for each other.
    Where fewer than ``top`` rows exist, ``best`` ends in -inf, and they do not count.
    """
    there = np.isfinite(best)  # (q, top)
    wanted = there.sum(axis=1)  # (q,)
    floor = np.where(there, best, np.inf).min(axis=1, keepdims=True)  # (q, 1)
    found = (scores[:, : best.shape[1]] >= floor - _TIE).sum(axis=1)  # (q,)
    return np.asarray(np.minimum(found, wanted) / np.maximum(1, wanted), dtype=np.float32)


def _probe(
    names: list[str], vectors: Vectors, wishes: Wishes, watch: Callable[[int], None]
) -> list[tuple[Tried, VectorIndex | None]]:
    """Each recipe on a sample of the rows, with the index where the sample is everything."""
    n = len(vectors)
    rng = np.random.default_rng(1)
    some = vectors if n <= SAMPLE else vectors[np.sort(rng.permutation(n)[:SAMPLE])]
    trial = _trial(VectorIndex.build(some, np.arange(len(some)), _TRUTH), some)
    tried: list[tuple[Tried, VectorIndex | None]] = []
    for done, name in enumerate(names):
        watch(done)
        start = time.perf_counter()
        index = VectorIndex.build(some, np.arange(len(some)), name)
        seconds = time.perf_counter() - start
        levels, level = levels_of(index.near, Recipe.parse(name).efforts(len(index)), trial, wishes)
        one = levels[level] if levels else _exact_level(index, trial)
        found = Tried(
            recipe=name,
            rows=len(some),
            recall=one.recall,
            median_us=one.median_us,
            p95_us=one.p95_us,
            bytes_per_row=round(Recipe.parse(name).bytes_per_row(vectors.shape[1]), 1),
            build_seconds=round(seconds, 2),
        )
        tried.append((found, index if len(some) == n else None))
    return tried


def _measured(index: VectorIndex, vectors: Vectors, wishes: Wishes) -> Contract:
    """The contract of an index on everything it holds."""
    trial = _trial(index, vectors)
    n, dim = vectors.shape
    levels, level = levels_of(index.near, index.layout.efforts(n), trial, wishes)
    ram = round(index.layout.bytes_per_row(dim) * n)
    if not levels:
        note = "exact: nothing approximate is faster at the wished recall"
        return _exact_contract(index, vectors, wishes, note)
    one = levels[level]
    return Contract(
        recipe=index.recipe,
        wishes=wishes,
        levels=levels,
        level=level,
        row_us=trial.row_us,
        ram_bytes=ram,
        met=one.recall >= wishes.recall and _in_time(one.p95_us, wishes),
        note=f"recall@{TOP} {one.recall:.4f} at {one.p95_us / 1e3:.2f} ms p95 on one core, "
        f"measured with {len(trial.queries)} held-out queries on {n} rows",
    )


def _exact_contract(index: VectorIndex, vectors: Vectors, wishes: Wishes, note: str) -> Contract:
    if not len(index):
        return Contract(recipe=index.recipe, wishes=wishes, note=note)
    trial = _trial(index, vectors)
    return Contract(
        recipe=index.recipe,
        wishes=wishes,
        row_us=trial.row_us,
        ram_bytes=round(index.layout.bytes_per_row(index.dim) * len(index)),
        met=_in_time(trial.p95_us, wishes),
        note=f"{note}; {trial.p95_us / 1e3:.2f} ms p95 on one core",
    )


def _trial(index: VectorIndex, vectors: Vectors) -> Trial:
    queries = held_out(vectors)
    best = index.exact(queries, TOP)[1]  # (q, TOP)
    times = _times(lambda query: index.exact(query, MEASURED_K), queries[: _few(len(index))])
    row_us = float(np.median(times)) / max(1, len(index))
    return Trial(queries, best, round(row_us, 6), round(float(np.percentile(times, 95)), 1))


def levels_of(
    near: Near, efforts: list[Effort], trial: Trial, wishes: Wishes
) -> tuple[list[Level], int]:
    """Efforts measured from cheap to thorough, and the first that surely has the wished recall.

    A little beyond that one, so that a service can try harder. The best one where none has.
    """
    levels: list[Level] = []
    promised: int | None = None
    for effort in efforts:
        level, sure = _level(near, effort, trial)
        levels.append(level)
        if promised is None and sure >= wishes.recall:
            promised = len(levels) - 1
        if promised is not None and len(levels) > promised + _SPARE_LEVELS:
            break
    if promised is None and levels:
        promised = int(np.argmax([level.recall for level in levels]))
    return levels, promised or 0


def _level(near: Near, effort: Effort, trial: Trial) -> tuple[Level, float]:
    scores = near(trial.queries, MEASURED_K, effort)[1]
    found = recall_of(scores, trial.best)  # (q,)
    sure = float(found.mean() - _SURE * found.std() / np.sqrt(len(found)))
    times = _times(lambda query: near(query, MEASURED_K, effort), trial.queries[:_TIMED])
    return Level(
        effort=effort,
        recall=round(float(found.mean()), 5),
        median_us=round(float(np.median(times)), 1),
        p95_us=round(float(np.percentile(times, 95)), 1),
    ), sure


def _times(search: Callable[[Vectors], object], queries: Vectors) -> list[float]:
    """Microseconds of each query, one at a time; the first is done twice."""
    search(queries[:1])
    times = []
    for at in range(len(queries)):
        start = time.perf_counter()
        search(queries[at : at + 1])
        times.append((time.perf_counter() - start) * 1e6)
    return times


def _few(n: int) -> int:
    """How many exact searches to time: about half a second of them."""
    return int(np.clip(10_000_000 // max(1, n), 20, _TIMED))


def _exact_level(index: VectorIndex, trial: Trial) -> Level:
    times = _times(lambda query: index.exact(query, MEASURED_K), trial.queries[: _few(len(index))])
    return Level(
        effort=Effort(len(index)),
        recall=1.0,
        median_us=round(float(np.median(times)), 1),
        p95_us=round(float(np.percentile(times, 95)), 1),
    )


def _fits(recipe: str, n: int, dim: int, wishes: Wishes) -> bool:
    return (
        wishes.ram_bytes is None or Recipe.parse(recipe).bytes_per_row(dim) * n <= wishes.ram_bytes
    )


def _in_time(p95_us: float, wishes: Wishes) -> bool:
    return wishes.p95_ms is None or p95_us <= wishes.p95_ms * 1e3


def _distance(contract: Contract) -> tuple[bool, float, float]:
    """How far a contract is from the wishes: smaller is nearer; a lost promise weighs most."""
    short = max(0.0, contract.wishes.recall - contract.recall)
    return not contract.met, short, contract.levels[contract.level].p95_us if contract.levels else 0


def _kept(index: VectorIndex, contract: Contract, wishes: Wishes, strict: bool) -> VectorIndex:
    if strict and not contract.met:
        raise CannotPromise(
            f"no index of {len(index)} rows keeps recall {wishes.recall:g}"
            f"{'' if wishes.p95_ms is None else f' within {wishes.p95_ms:g} ms'}"
            f"{'' if wishes.ram_bytes is None else f' in {_bytes(wishes.ram_bytes)}'}; nearest is "
            f"{contract.recipe}: {contract.note}. Lower --recall, or raise --p95-ms or --ram",
            param="recall" if contract.recall < wishes.recall else "p95_ms",
        )
    return index.with_contract(contract)


def _bytes(count: float) -> str:
    size, unit_ = next(
        (s, u) for s, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= s or u == "kB"
    )
    return f"{count / size:.3g} {unit_}"
