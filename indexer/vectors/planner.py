"""Plan each search, exact or approximate, so that a filter never loses results.

If a filter passes one row in five, an approximate search asks for five times as many rows and
keeps those that pass. The nearest rows that pass are among the nearest rows of all, so the recall
equals that of a search without a filter. If too few rows pass, because those that pass are far
from the query, the search is repeated exactly. An exact search compares only the rows that pass.
Both costs were measured when the index was built, and the cheaper search is chosen. A copy on
GPUs is searched first, in the same way, unless comparing the few rows that pass is cheaper on the
CPU.
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

# The costs of an exact search, in addition to comparing consecutive rows. Measured with 256 and
# 2,048 numbers per row, in fp16 and fp32.
_EXACT_CALL_US = 15.0  # per search
_FETCH_US = 0.1  # per row that does not follow the previous one; such a row is also read twice
_SELECT_ROW_US = 0.002  # per row of the index, to look up whether it passes
_SPARE = 1.5  # rows to expect behind the filter, relative to those needed, so that enough pass


class Plan(NamedTuple):
    """The effort of an approximate search, and the number of rows to ask for."""

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

    An approximate search uses ``extra_levels`` levels of effort above that of the contract.
    """
    queries = query[None, :]  # (1, dim)
    count = len(vectors) if allowed is None else allowed.count
    device = vectors.device
    if device is not None and (allowed is None or _device_pays(vectors, device, count)):
        rows, effort_factor = _rows_for(vectors, k, count), _effort_factor(vectors, k, count)
        found = device.search(queries, rows, extra_levels=extra_levels, effort_factor=effort_factor)
        best = found and _first_allowed(*found, k, allowed)
        if best:
            return Nearest(*best, "exact" if device.exact else "ann")
    plan = plan_for(vectors, k, count, extra_levels)
    if plan is not None:
        best = _first_allowed(
            *vectors.search_with_effort(queries, plan.rows, plan.effort), k, allowed
        )
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
    """Return how many rows to ask for, so that k of the ``count`` allowed ones are among them.

    At least as many as in the measurements: a graph searches wider if more rows are asked for.
    """
    n = len(vectors)
    rows = k if count == n else math.ceil(_SPARE * k * n / max(1, count))
    return min(n, max(rows, MEASURED_K))


def _effort_factor(vectors: VectorIndex, k: int, count: int) -> float:
    """Return how much more effort k of ``count`` allowed rows need than the measured searches."""
    return max(1.0, k / MEASURED_K) * len(vectors) / max(1, count)


def _exact_us(vectors: VectorIndex, count: int) -> float:
    """Return the microseconds to compare this many allowed rows on one core."""
    row_us = vectors.contract.row_us
    cost = _EXACT_CALL_US + count * row_us
    if count < len(vectors):
        cost += count * (_FETCH_US + row_us)
        if not vectors.copies_rows(count):
            cost += len(vectors) * _SELECT_ROW_US
    return cost


def _device_pays(vectors: VectorIndex, device: DeviceCopy, count: int) -> bool:
    """Return True if a GPU, comparing all rows, beats one core, comparing the allowed ones."""
    return device.levels[device.level].median_us < _exact_us(vectors, count)


def _first_allowed(
    positions: Positions, scores: Scores, k: int, allowed: PositionMask | None
) -> tuple[Positions, Scores] | None:
    """Return the first k allowed results of one query, (1, r) to (k,); None if there are fewer."""
    found, score = positions[0], scores[0]  # (r,) each
    if allowed is not None:
        passes = allowed.mask[found] & (found >= 0)
        found, score = found[passes], score[passes]
    if len(found) < k or found[k - 1] < 0:
        return None
    return found[:k], score[:k]
