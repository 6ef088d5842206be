"""Estimate what another ranker would have earned, from impressions logged with propensities.

Each logged impression has the probability with which it was shown (its propensity) and the reward
that followed, such as 1 for a click. The estimates weight it by the ratio of the probabilities with
which the other ranker and the logged one show the item. They are valid only if the propensities are
right, and above 0 for all that the other ranker shows; ``effective`` is the number of impressions
that an estimate rests on.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from indexer.errors import BadQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_RESAMPLES: Final = 500


class Impressions(NamedTuple):
    """Logged impressions, (n,) each: their rewards, and their propensities in (0, 1].

    ``target`` is the probability with which the other ranker would have shown the same item there.
    """

    rewards: Values
    propensities: Values
    target: Values


class OffPolicyEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """The mean reward that the other ranker would have had, with its 95 % interval.

    ``effective`` is the effective number of impressions, ``(sum w)**2 / sum(w**2)`` of the weights.
    """

    value: float
    low: float
    high: float
    effective: float


def snips(logged: Impressions, *, seed: int = 1) -> OffPolicyEstimate:
    """Estimate by self-normalized inverse propensities (Swaminathan and Joachims, 2015).

    Raises BadQuery without impressions, for propensities outside of (0, 1], or if the other ranker
    would have shown none of the items.
    """
    weights = _weights(logged)

    def estimate(rows: NDArray[np.int64]) -> Values:
        chosen = weights[rows]
        total = chosen.sum()
        found: Values = np.asarray((chosen * logged.rewards[rows]).sum() / total if total else nan)
        return found

    return _with_interval(estimate, weights, seed)


def doubly_robust(
    logged: Impressions, predicted: Values, expected: Values, *, seed: int = 1
) -> OffPolicyEstimate:
    """Estimate by a model of the rewards, corrected by the weighted errors of the model.

    ``predicted`` (n,) are the rewards that the model expects of what was shown, ``expected`` (n,)
    those that it expects of the other ranker there. The estimate is unbiased if the propensities or
    the model are right (Dudik, Langford and Li, 2011). Raises BadQuery as ``snips`` does.
    """
    weights = _weights(logged)
    terms = expected + weights * (logged.rewards - predicted)

    def estimate(rows: NDArray[np.int64]) -> Values:
        return np.asarray(terms[rows].mean())

    return _with_interval(estimate, weights, seed)


def _weights(logged: Impressions) -> Values:
    if not len(logged.rewards):
        raise BadQuery("no impression with a propensity was logged", param="propensity")
    shown = logged.propensities
    if not ((shown > 0) & (shown <= 1)).all():
        raise BadQuery("propensities must be in (0, 1]", param="propensity")
    weights = logged.target / shown
    if not weights.sum() > 0:
        raise BadQuery("the other ranker would have shown none of the items", param="target")
    return weights


def _with_interval(
    estimate: Callable[[NDArray[np.int64]], Values], weights: Values, seed: int
) -> OffPolicyEstimate:
    count = len(weights)
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [float(estimate(rng.integers(0, count, size=count))) for _ in range(_RESAMPLES)]
    )
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return OffPolicyEstimate(
        value=float(estimate(np.arange(count))),
        low=float(low),
        high=float(high),
        effective=float(weights.sum() ** 2 / (weights**2).sum()),
    )
