"""Evaluate confidences: their calibration error, and precision if only sure queries are answered.

The input is the first hit of each query with a known answer: its ``confidence`` (n,), and whether
it is of the right product, ``right`` (n,).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Right = NDArray[np.bool_]

BINS = 10
PRECISION = 0.9


class Bin(msgspec.Struct, frozen=True):
    """The queries with a confidence in [low, high): its mean, and the share that was right."""

    low: float
    high: float
    queries: int
    confidence: float
    right: float


class Threshold(msgspec.Struct, frozen=True):
    """A least confidence: the share of queries that reach it, and the share of those right."""

    confidence: float
    answered: float
    precision: float


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """The reliability of the confidences.

    ``calibration_error`` is the mean difference between confidence and share right over ten equal
    bins, weighted by their queries (Naeini et al., 2015). ``curve`` has the thresholds at which a
    tenth, two tenths, ... all of the queries are answered. ``at_90`` is the threshold that answers
    most queries with a precision of at least 90 %; None if no threshold reaches that. ``possible``
    is the share that could be answered with that precision if all right hits were known.
    """

    queries: int
    calibration_error: float
    bins: list[Bin]
    curve: list[Threshold]
    at_90: Threshold | None
    possible: float


class Unsold(msgspec.Struct, frozen=True, kw_only=True):
    """How well confidences separate photos of products that are not sold from those that are.

    ``auroc`` is how often, of two such photos, that of the sold product has the higher confidence.
    ``refused`` is the share of photos of unsold products for which the reply says that nothing is
    close, ``refused_wrongly`` the same share for sold products.
    """

    photos: int
    auroc: float
    refused: float
    refused_wrongly: float


def reliability(confidence: Floats, right: Right) -> Reliability:
    """Compare the confidences of first hits (n,) with the truth (n,); n >= 1."""
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)  # (n,)
    bins = [
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            queries=int((place == number).sum()),
            confidence=round(float(confidence[place == number].mean()), 4),
            right=round(float(right[place == number].mean()), 4),
        )
        for number in np.unique(place).tolist()
    ]
    error = sum(abs(bin_.confidence - bin_.right) * bin_.queries for bin_ in bins) / len(right)
    thresholds = _thresholds(confidence, right)
    enough = [threshold for threshold in thresholds if threshold.precision >= PRECISION]
    tenths = np.arange(1, 11) / 10
    return Reliability(
        queries=len(right),
        calibration_error=round(error, 4),
        bins=bins,
        curve=[
            next(threshold for threshold in thresholds if threshold.answered >= tenth - 1e-9)
            for tenth in tenths
        ],
        at_90=max(enough, key=lambda threshold: threshold.answered, default=None),
        possible=round(min(1.0, float(right.mean()) / PRECISION), 4),
    )


def compare_unsold(sold: Floats, others: Floats, below: float) -> Unsold:
    """Compare the best confidences of photos of sold products (n,) and of others (m,).

    n and m must be at least 1.
    """
    ranks = np.searchsorted(np.sort(others), sold, side="left")  # (n,): others below each
    ties = np.searchsorted(np.sort(others), sold, side="right") - ranks
    return Unsold(
        photos=len(others),
        auroc=round(float((ranks + ties / 2).mean() / len(others)), 4),
        refused=round(float((others < below).mean()), 4),
        refused_wrongly=round(float((sold < below).mean()), 4),
    )


def _thresholds(confidence: Floats, right: Right) -> list[Threshold]:
    """Return a threshold for each distinct confidence, the highest first."""
    order = np.argsort(-confidence, kind="stable")
    falling, hits = confidence[order], np.cumsum(right[order])  # (n,) each
    last = np.append(falling[1:] < falling[:-1], True)
    return [
        Threshold(
            confidence=round(float(falling[at]), 4),
            answered=round((at + 1) / len(right), 4),
            precision=round(float(hits[at]) / (at + 1), 4),
        )
        for at in np.flatnonzero(last).tolist()
    ]
