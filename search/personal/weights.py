"""Learn the mixer's weights from logged events: from which of many items the user took next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from search.personal.mixer import FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_STEPS: Final = 30
_L2: Final = 1e-3  # of standardized weights, times the number of choices
_CLOSE_ENOUGH: Final = 1e-6


def learn_weights(choices: NDArray[np.float32]) -> Mapping[str, float]:
    """Return weights that make the chosen items the likeliest, by name of the feature.

    ``choices`` (n, c, features) are the features of the item that was taken, first, and of c - 1
    others that were not. Fits a conditional logit (McFadden, 1974) by Newton's method; it is
    concave, so there is one optimum. A feature that never differs within a choice has weight 0.
    Weights are scaled so that the largest is 1 in size.
    """
    weights = fit_logit(choices)
    largest = np.abs(weights).max()
    weights = weights / largest if largest > 0 else weights
    return dict(zip(FEATURES, weights.tolist(), strict=True))


def fit_logit(choices: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the weights (f,) of a conditional logit, of choices (n, c, f) with the taken first."""
    differences = (choices - choices[:, :1]).astype(np.float64)  # (n, c, f), 0 for the one taken
    scale = differences.std(axis=(0, 1))
    scale[scale < 1e-9] = np.inf
    standardized = differences / scale
    weights = np.zeros(choices.shape[2])
    likelihood = _likelihood(standardized, weights)
    for _ in range(_STEPS):
        step = _newton_step(standardized, weights)
        # A full step may overshoot far from the optimum.
        while (better := _likelihood(standardized, weights + step)) < likelihood:
            step = step / 2
            if np.abs(step).max() < _CLOSE_ENOUGH:
                break
        if np.abs(step).max() < _CLOSE_ENOUGH:
            break
        weights, likelihood = weights + step, better
    found: NDArray[np.float64] = weights / scale
    return found


def _likelihood(differences: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the log-likelihood of the choices, less the penalty of the weights."""
    scores = differences @ weights  # (n, c), 0 for the item that was taken
    largest = scores.max(axis=1)
    logs = largest + np.log(np.exp(scores - largest[:, None]).sum(axis=1))
    return float(-logs.sum() - _L2 * len(differences) * (weights @ weights) / 2)


def _newton_step(
    differences: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    count, _, size = differences.shape
    scores = differences @ weights
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)  # (n, c)
    means = np.einsum("nc,ncf->nf", shares, differences)
    gradient = -means.sum(axis=0) - _L2 * count * weights
    second = np.einsum("nc,ncf,ncg->fg", shares, differences, differences, optimize=True)
    hessian = second - means.T @ means + _L2 * count * np.eye(size)
    step: NDArray[np.float64] = np.linalg.solve(hessian, gradient)
    return step
