"""Exact or approximate: how one search of one index is done, so that no filter costs a result.

Under a filter that lets one row in five pass, an approximate search asks for five times as many
rows and keeps those that pass. Whatever is among the nearest rows of all and passes is also the
nearest that passes. So the recall is that of a search without a filter, however the filter and the
query go together. If too few pass, because what passes lies away from the query, the search is
repeated exactly. An exact search compares only the rows that pass. Both costs were measured when
the index was built, and the cheaper way is taken. A copy on GPUs is asked first, in the same way,
unless so few rows pass that comparing them here is cheaper.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from indexer.vectors.backend import Nearest
from indexer.vectors.contract import MEASURED_K

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Positions, Scores
    from indexer.vectors.contract import Effort
    from indexer.vectors.gpu.devicecopy import DeviceCopy
    from indexer.vectors.index import VectorIndex
    from indexer.vectors.position_mask import PositionMask

# What an exact search costs, beside comparing one row after the other as they lie. Measured at 256
# and at 2,048 numbers, in fp16 and in fp32.
_EXACT_CALL_US = 15.0  # before the first row is compared
_FETCH_US = 0.1  # a row that does not follow the last one: twice, and this
_SELECT_ROW_US = 0.002  # looking up whether a row passes, where all are looked at
_SPARE = 1.5  # how many more rows than needed should pass a filter, so that enough do


class Plan(NamedTuple):
    """The effort of one approximate search, and how many rows to ask it for."""

    effort: Effort
    rows: int


def nearest(
    vectors: VectorIndex,
    query: Embedding,
    k: int,
    allowed: PositionMask | None,
    *,
    extra_levels: int = 0,
) -> Nearest:
    """Find the k best allowed positions for a query (dim,); fewer only if fewer are allowed.

    ``extra_levels`` is how many levels above the contract's an approximate search is done at.
    """
    queries = query[None, :]  # (1, dim)
    count = len(vectors) if allowed is None else allowed.count
    device = vectors.device
    if device is not None and (allowed is None or _device_pays(vectors, device, count)):
        rows, effort_factor = _rows_for(vectors, k, count), _effort_factor(vectors, k, count)
        there = device.search(queries, rows, extra_levels=extra_levels, effort_factor=effort_factor)
        best = there and _passing(*there, k, allowed)
        if best:
            return Nearest(*best, "exact" if device.exact else "ann")
    plan = plan_for(vectors, k, count, extra_levels)
    if plan is not None:
        best = _passing(*vectors.near(queries, plan.rows, plan.effort), k, allowed)
        if best:
            return Nearest(*best, "ann")
    positions, scores = vectors.exact(queries, k, allowed)
    return Nearest(positions[0], scores[0], "exact")


def plan_for(vectors: VectorIndex, k: int, count: int, extra_levels: int = 0) -> Plan | None:
    """Plan an approximate search for k of ``count`` allowed rows; None if exact is cheaper."""
    contract = vectors.contract
    if contract.exact or count <= k:
        return None
    level = contract.levels[min(contract.level + extra_levels, len(contract.levels) - 1)]
    effort_factor = _effort_factor(vectors, k, count)
    if _exact_us(vectors, count) <= level.median_us * effort_factor:
        return None
    return Plan(level.effort.times(effort_factor), _rows_for(vectors, k, count))


def _rows_for(vectors: VectorIndex, k: int, count: int) -> int:
    """How many rows of all to look at, so that k of the ``count`` allowed ones are among them.

    At least as many as efforts were measured with: a graph walks as wide as it is asked for rows.
    """
    n = len(vectors)
    rows = k if count == n else math.ceil(_SPARE * k * n / max(1, count))
    return min(n, max(rows, MEASURED_K))


def _effort_factor(vectors: VectorIndex, k: int, count: int) -> float:
    """How much more effort k of ``count`` allowed rows take than the measured searches."""
    return max(1.0, k / MEASURED_K) * len(vectors) / max(1, count)


def _exact_us(vectors: VectorIndex, count: int) -> float:
    """Microseconds that comparing so many allowed rows takes on one core."""
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
    positions: Positions, scores: Scores, k: int, allowed: PositionMask | None
) -> tuple[Positions, Scores] | None:
    """Keep the first k allowed positions of one query, (1, r) each; None if fewer are allowed."""
    found, score = positions[0], scores[0]  # (r,) each
    if allowed is not None:
        passes = allowed.mask[found] & (found >= 0)
        found, score = found[passes], score[passes]
    if len(found) < k or found[k - 1] < 0:
        return None
    return found[:k], score[:k]
