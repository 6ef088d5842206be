"""Exact or approximate: how one search of one index is done, so that no filter costs an answer.

Under a filter that lets one row in five pass, an approximate search asks for five times as many
rows and keeps those that pass. Whatever is among the nearest rows of all and passes is also the
nearest that passes: so the answer is as good as without a filter, however the filter and the query
go together. Where too few pass (what passes lies away from the query) the search is done again
exactly. An exact search compares only the rows that pass. Both costs were measured when the index
was built, and the cheaper one is taken.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from indexer.contract import MEASURED_K

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from indexer.allowed import Allowed
    from indexer.arrays import Embedding, Scores
    from indexer.contract import Effort
    from indexer.vectors import VectorIndex

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
    plan = plan_for(vectors, k, len(vectors) if allowed is None else allowed.count, raised)
    if plan is not None:
        positions, scores = (one[0] for one in vectors.near(queries, plan.rows, plan.effort))
        if allowed is not None:
            passes = allowed.mask[positions] & (positions >= 0)
            positions, scores = positions[passes], scores[passes]
        if len(positions) >= k and positions[k - 1] >= 0:
            return Nearest(positions[:k], scores[:k], "ann")
    positions, scores = vectors.exact(queries, k, allowed)
    return Nearest(positions[0], scores[0], "exact")


def plan_for(vectors: VectorIndex, k: int, count: int, raised: int = 0) -> Plan | None:
    """How to search approximately for k of ``count`` allowed rows; None means exactly."""
    contract = vectors.contract
    on_gpu = vectors.placement.kind != "cpu" and count == len(vectors)
    if contract.exact or count <= k or on_gpu:
        return None
    level = contract.levels[min(contract.level + raised, len(contract.levels) - 1)]
    share = count / len(vectors)
    harder = max(1.0, k / MEASURED_K) / share
    exact_us = _EXACT_CALL_US + count * contract.row_us
    if share < 1:
        exact_us += count * (_FETCH_US + contract.row_us)
        if not vectors.picks(count):
            exact_us += len(vectors) * _SELECT_ROW_US
    if exact_us <= level.median_us * harder:
        return None
    rows = k if share == 1 else min(len(vectors), math.ceil(_SPARE * k / share))
    return Plan(level.effort.times(harder), rows)
