"""Learn how sure a finding is, from errors that are planted in the shop's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.confidence.curve import sigmoid
from indexer.confidence.logistic import fit_logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_ROUNDS = 8
_CASES = 4.0  # times that each case counts: planted cases are many, and each has a small weight


def error_confidences(given: Floats, planted: Floats, error_rate: float) -> Floats:
    """Return the probability that each given case (g, f) is an error: (g,).

    ``planted`` (p, f) are errors, p >= 1, and ``error_rate`` is the share of errors expected. All
    features grow with suspicion. The given cases count as right, but less so the more they look
    planted: expectation maximization, as for learning from positive and unlabeled cases (Elkan and
    Noto, 2008).
    """
    features = np.concatenate([planted, given])
    wrong = np.arange(len(features)) < len(planted)
    doubt = np.zeros(len(given))
    for _ in range(_ROUNDS):
        mass = error_rate / (1 - error_rate) * (1 - doubt).sum() / len(planted)
        weights = np.concatenate([np.full(len(planted), mass), 1 - doubt])
        coefficients, offset = fit_logistic(features, wrong, _CASES * weights)
        doubt = sigmoid(given @ coefficients + offset)
    return np.asarray(doubt)
