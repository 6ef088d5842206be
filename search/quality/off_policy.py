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
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_RESAMPLES: Final = 500
_LEAST_PROPENSITY: Final = 1e-9  # the squares of weights are finite


class Impressions(NamedTuple):
    """Logged impressions, (n,) each: their rewards, and their propensities in (0, 1].

    ``target`` is the probability with which the other ranker would have shown the same item there.
    ``users`` are the numbers of the users who saw them: intervals resample users, because the
    impressions of one user depend on each other. Without them, impressions are resampled.
    """

    rewards: Values
    propensities: Values
    target: Values
    users: NDArray[np.int64] | None = None


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

    return _with_interval(weights * logged.rewards, weights, weights, logged.users, seed)


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

    return _with_interval(terms, np.ones(len(terms)), weights, logged.users, seed)


def as_shown(logged: Impressions, *, seed: int = 1) -> OffPolicyEstimate:
    """Return the mean reward of what was shown, with its interval. Raises BadQuery as ``snips``."""
    return snips(logged._replace(target=logged.propensities), seed=seed)


def _weights(logged: Impressions) -> Values:
    if not len(logged.rewards):
        raise BadQuery("no impression with a propensity was logged", param="propensity")
    shown = logged.propensities
    if not ((shown >= _LEAST_PROPENSITY) & (shown <= 1)).all():
        raise BadQuery(
            f"propensities must be from {_LEAST_PROPENSITY:g} to 1, got {shown.min():g}",
            param="propensity",
        )
    weights = logged.target / shown
    if not weights.sum() > 0:
        raise BadQuery("the other ranker would have shown none of the items", param="target")
    return weights


def _with_interval(
    earned: Values, places: Values, weights: Values, users: NDArray[np.int64] | None, seed: int
) -> OffPolicyEstimate:
    """Return the sum of ``earned`` (n,) by that of ``places`` (n,), with its interval."""
    if users is not None:
        owner = np.unique(users, return_inverse=True)[1]
        earned = np.bincount(owner, earned).astype(np.float64)
        places = np.bincount(owner, places).astype(np.float64)
    count = len(earned)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_RESAMPLES):
        times = np.bincount(rng.integers(0, count, size=count), minlength=count)
        total = float(times @ places)
        drawn.append(float(times @ earned) / total if total else nan)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return OffPolicyEstimate(
        value=float(earned.sum() / places.sum()),
        low=float(low),
        high=float(high),
        effective=float(weights.sum() ** 2 / (weights**2).sum()),
    )
