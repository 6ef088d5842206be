"""Exact or approximate: how one search of one index is done, so that no filter costs an answer.

Under a filter that lets one row in five pass, an approximate search asks for five times as many
rows and keeps those that pass. Whatever is among the nearest rows of all and passes is also the
nearest that passes: so the answer is as good as without a filter, however the filter and the query
go together. Where too few pass (what passes lies away from the query) the search is done again
exactly. An exact search compares only the rows that pass. Both costs were measured when the index
was built, and the cheaper one is taken. A copy on GPUs is asked first, in the same way, unless
what passes is so little that comparing it here is cheaper.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from indexer.vectors.contract import MEASURED_K

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Scores
    from indexer.vectors.contract import Effort
    from indexer.vectors.gpu.devicecopy import DeviceCopy
    from indexer.vectors.index import VectorIndex
    from indexer.vectors.position_mask import Allowed

# What an exact search costs, beside comparing one row after the other as they lie. Measured at 256
# and at 2,048 numbers, in fp16 and in fp32.
_EXACT_CALL_US = 15.0  # before the first row is compared
_FETCH_US = 0.1  # a row that does not follow the last one: twice, and this
_SELECT_ROW_US = 0.002  # looking up whether a row passes, where all are looked at
_SPARE = 1.5  # how many more rows than needed should pass a filter, so that enough do


class Nearest(NamedTuple):
    """Positions (k,), -1 where there is none, their scores (k,), best first, and how they came."""

    positions: NDArray[np.int64]
    scores: Scores
    mode: Literal["exact", "ann"]


class Plan(NamedTuple):
    """The effort of one approximate search, and how many rows to ask it for."""

    effort: Effort
    rows: int


def nearest(
    vectors: VectorIndex, query: Embedding, k: int, allowed: Allowed | None, *, raised: int = 0
) -> Nearest:
    """The k best allowed positions for a query (dim,); fewer only where no more are allowed.

    ``raised`` is by how many levels to try harder than the contract says.
    """
    queries = query[None, :]  # (1, dim)
    count = len(vectors) if allowed is None else allowed.count
    device = vectors.device
    if device is not None and (allowed is None or _device_pays(vectors, device, count)):
        rows, harder = _rows_for(vectors, k, count), _harder(vectors, k, count)
        there = device.search(queries, rows, raised=raised, harder=harder)
        best = there and _passing(*there, k, allowed)
        if best:
            return Nearest(*best, "exact" if device.exact else "ann")
    plan = plan_for(vectors, k, count, raised)
    if plan is not None:
        best = _passing(*vectors.near(queries, plan.rows, plan.effort), k, allowed)
        if best:
            return Nearest(*best, "ann")
    positions, scores = vectors.exact(queries, k, allowed)
    return Nearest(positions[0], scores[0], "exact")


def plan_for(vectors: VectorIndex, k: int, count: int, raised: int = 0) -> Plan | None:
    """How to search approximately for k of ``count`` allowed rows; None means exactly."""
    contract = vectors.contract
    if contract.exact or count <= k:
        return None
    level = contract.levels[min(contract.level + raised, len(contract.levels) - 1)]
    harder = _harder(vectors, k, count)
    if _exact_us(vectors, count) <= level.median_us * harder:
        return None
    return Plan(level.effort.times(harder), _rows_for(vectors, k, count))


def _rows_for(vectors: VectorIndex, k: int, count: int) -> int:
    """How many rows of all to look at, so that k of the ``count`` allowed ones are among them.

    At least as many as efforts were measured with: a graph walks as wide as it is asked for rows.
    """
    n = len(vectors)
    rows = k if count == n else math.ceil(_SPARE * k * n / max(1, count))
    return min(n, max(rows, MEASURED_K))


def _harder(vectors: VectorIndex, k: int, count: int) -> float:
    """How many times as hard to try for k of ``count`` allowed rows as for what was measured."""
    return max(1.0, k / MEASURED_K) * len(vectors) / max(1, count)


def _exact_us(vectors: VectorIndex, count: int) -> float:
    """What comparing so many allowed rows costs on one core."""
    row_us = vectors.contract.row_us
    cost = _EXACT_CALL_US + count * row_us
    if count < len(vectors):
        cost += count * (_FETCH_US + row_us)
        if not vectors.picks(count):
            cost += len(vectors) * _SELECT_ROW_US
    return cost


def _device_pays(vectors: VectorIndex, device: DeviceCopy, count: int) -> bool:
    """Whether a GPU, which looks at all rows, is faster than comparing the allowed ones here."""
    return device.levels[device.level].median_us < _exact_us(vectors, count)


def _passing(
    positions: NDArray[np.int64], scores: Scores, k: int, allowed: Allowed | None
) -> tuple[NDArray[np.int64], Scores] | None:
    """The first k allowed of what one query found, (1, r) each; None where they are fewer."""
    found, score = positions[0], scores[0]  # (r,) each
    if allowed is not None:
        passes = allowed.mask[found] & (found >= 0)
        found, score = found[passes], score[passes]
    if len(found) < k or found[k - 1] < 0:
        return None
    return found[:k], score[:k]
