"""Ranking metrics of one query, and the confidence interval of their mean.

Each metric takes ``relevant``, bool (k,): whether each hit, best first, is right. ``total`` is the
number of right answers in the shop. ``ir_measures`` calls these metrics Success@k, RR@k, AP@k and
nDCG@k; the tests compare the results.
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
    """Return 1 if any of the first k hits is right, else 0.

    With one right answer this is recall@k. Image retrieval also calls it Recall@k if there are
    several.
    """
    return float(relevant[:k].any())


def reciprocal_rank(relevant: Relevant) -> float:
    """Return 1 / the rank of the first right hit; 0 if no hit is right."""
    ranks = np.flatnonzero(relevant)
    return float(1.0 / (ranks[0] + 1)) if len(ranks) else 0.0


def average_precision(relevant: Relevant, total: int, k: int = 10) -> float:
    """Return the sum of the precisions at each right hit among the first k, over min(total, k).

    trec_eval divides by ``total`` instead. The result is the same for up to k right answers; for
    more, the best ranking would have less than 1.
    """
    first = relevant[:k].astype(np.float64)  # (<= k,)
    if total == 0:
        return 0.0
    precision = np.cumsum(first) / np.arange(1, len(first) + 1)
    return float((precision * first).sum() / min(total, k))


def ndcg(relevant: Relevant, total: int, k: int = 10) -> float:
    """Return the gain of the first k hits, with log2 discount, over that of a perfect ranking."""
    first = relevant[:k].astype(np.float64)
    if total == 0:
        return 0.0
    discount = 1.0 / np.log2(np.arange(2, k + 2))  # (k,)
    return float((first * discount[: len(first)]).sum() / discount[: min(total, k)].sum())


def estimate(values: NDArray[np.float64], *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Return the mean of values (n,), and its 95 % percentile bootstrap interval.

    The same values always give the same interval. n must be at least 1.
    """
    rng = np.random.default_rng(seed)
    n = len(values)
    means = np.empty(resamples)
    for index in range(resamples):  # an array (resamples, n) may not fit in memory
        means[index] = values[rng.integers(0, n, n)].mean()
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(round(float(values.mean()), 4), round(float(low), 4), round(float(high), 4))
