"""Fit a logistic curve to the features of hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.confidence.curve import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RIDGE = 1e-3


def fit_logistic(
    features: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic curve; return the weights of the features (f,), all >= 0, and the offset.

    ``features`` is (h, f), ``right`` and ``weights`` are (h,). A feature whose weight would be
    negative gets 0. Targets are smoothed (Platt, 1999), so that weights stay finite without a
    wrong answer.
    """
    used = list(range(features.shape[1]))
    while True:
        coefficients, offset = _logistic(features[:, used], right, weights)
        if (coefficients >= 0).all():
            break
        used.pop(int(coefficients.argmin()))
    out = np.zeros(features.shape[1])
    out[used] = coefficients
    return out, float(offset)


def _logistic(
    features: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Fit by Newton's method on scaled features; return coefficients (f,) and offset."""
    hits = float(weights[right].sum())
    misses = float(weights[~right].sum())
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))  # (h,)
    mean, spread = features.mean(0), features.std(0) + 1e-6  # (f,) each
    x = np.column_stack([(features - mean) / spread, np.ones(len(features))])  # (h, f + 1)
    share = weights / weights.sum()
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        guess = sigmoid(x @ beta)  # (h,)
        slope = x.T @ (share * (guess - target)) + _RIDGE * beta
        curve = (x * (share * guess * (1 - guess))[:, None]).T @ x + _RIDGE * np.eye(len(beta))
        step = np.linalg.solve(curve, slope)
        beta -= step * min(1.0, 4.0 / (np.abs(step).max() + 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    coefficients = beta[:-1] / spread
    return coefficients, float(beta[-1] - coefficients @ mean)
