"""Ranking metrics of one query, and how sure one can be of their mean.

Every metric takes ``relevant``, bool (k,): whether each hit, best first, is right, and
``total``, how many right answers exist in the shop. They are what ``ir_measures`` calls
Success@k, RR@k, AP@k and nDCG@k; the tests compare them with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Relevant = NDArray[np.bool_]


class Estimate(msgspec.Struct, frozen=True):
    """A mean over queries, with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


def success(relevant: Relevant, k: int) -> float:
    """1 if any of the first k hits is right, else 0.

    Where one answer is right this is recall@k; where many are, it is what image retrieval
    calls Recall@k all the same.
    """
    return float(relevant[:k].any())


def reciprocal_rank(relevant: Relevant) -> float:
    """1 / the rank of the first right hit; 0 where none is."""
    ranks = np.flatnonzero(relevant)
    return float(1.0 / (ranks[0] + 1)) if len(ranks) else 0.0


def average_precision(relevant: Relevant, total: int, k: int = 10) -> float:
    """The precision at each right hit among the first k, averaged over min(total, k).

    trec_eval divides by ``total`` alone, which no ranking of k can make 1 when more than k
    answers are right; up to k right answers the two agree.
    """
    first = relevant[:k].astype(np.float64)  # (<= k,)
    if total == 0:
        return 0.0
    precision = np.cumsum(first) / np.arange(1, len(first) + 1)
    return float((precision * first).sum() / min(total, k))


def ndcg(relevant: Relevant, total: int, k: int = 10) -> float:
    """Discounted gain of the first k hits over that of a perfect ranking (log2 discount)."""
    first = relevant[:k].astype(np.float64)
    if total == 0:
        return 0.0
    discount = 1.0 / np.log2(np.arange(2, k + 2))  # (k,)
    return float((first * discount[: len(first)]).sum() / discount[: min(total, k)].sum())


def estimate(values: NDArray[np.float64], *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """The mean of (n,) values with a 95 % percentile bootstrap interval over queries.

    The same values always give the same interval. n must be at least 1.
    """
    rng = np.random.default_rng(seed)
    n = len(values)
    means = np.empty(resamples)
    for at in range(resamples):  # one at a time: (resamples, n) at once may not fit
        means[at] = values[rng.integers(0, n, n)].mean()
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(round(float(values.mean()), 4), round(float(low), 4), round(float(high), 4))
