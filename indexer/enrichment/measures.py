"""Measure moods against the truth: F1 of both classes, AUC, and the error of the calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BINS = 10


def mood_measures(probability: Floats, positive: NDArray[np.bool_]) -> dict[str, float]:
    """Measure probabilities (n,) against the truth (n,); a NaN counts as 0.5, and as unhappy.

    ``macro_f1`` and ``negative_f1`` are those at 0.5. ``calibration_error`` is of ten bins of equal
    width, over those with a probability, and ``answered`` is their share.
    """
    known = ~np.isnan(probability)
    values = np.where(known, probability, 0.5)
    said = values > 0.5
    happy, unhappy = f1(said, positive), f1(~said, ~positive)
    return {
        "macro_f1": (happy + unhappy) / 2,
        "negative_f1": unhappy,
        "auc": auc(values, positive),
        "calibration_error": calibration_error(values[known], positive[known]),
        "answered": float(known.mean()) if len(known) else 0.0,
        "reviews": float(len(known)),
    }


def f1(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return the F1 of the class True; 0 if it is neither predicted nor true."""
    hits = int((predicted & truth).sum())
    total = int(predicted.sum()) + int(truth.sum())
    return 2 * hits / total if total else 0.0


def auc(values: Floats, positive: NDArray[np.bool_]) -> float:
    """Return how often a happy review is above an unhappy one, ties half; NaN with one class."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # (n,) mean rank, from 1
    happy, unhappy = int(positive.sum()), int((~positive).sum())
    if not happy or not unhappy:
        return float("nan")
    return float((ranks[positive].sum() - happy * (happy + 1) / 2) / (happy * unhappy))


def calibration_error(probability: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the mean gap between probability and truth in ten bins, weighted by their sizes."""
    if not len(probability):
        return 0.0
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, probability - positive, minlength=_BINS)  # (bins,)
    return float(np.abs(gaps).sum() / len(probability))
