"""Whether confidences mean what they say: calibration error, and what abstaining buys.

Judged are the first hits of queries with a known answer: ``confidence`` (n,) of each, and whether
it was the right product, ``right`` (n,).
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
    """Queries whose confidence lies in [low, high): the mean of it, and how many were right."""

    low: float
    high: float
    queries: int
    confidence: float
    right: float


class Cut(msgspec.Struct, frozen=True):
    """Answer only from this confidence on: the share of queries answered, and right of those."""

    confidence: float
    answered: float
    precision: float


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """How far confidences can be trusted.

    ``calibration_error`` is the mean distance of confidence and truth over ten equal bins,
    weighed by their queries (Naeini et al., 2015). ``curve`` answers a tenth of the queries, two
    tenths, ... all, the surest first. ``at_90`` answers as many as go with a precision of 90 %;
    None when not even one does. ``possible`` is what could be answered at that precision by
    someone who knew which first hits are right.
    """

    queries: int
    calibration_error: float
    bins: list[Bin]
    curve: list[Cut]
    at_90: Cut | None
    possible: float


class Unsold(msgspec.Struct, frozen=True, kw_only=True):
    """Photos of things that the shop does not sell, against those of things it does.

    ``auroc`` is how often a photo of something sold has the higher confidence of the two.
    ``refused`` and ``refused_wrongly`` are the shares of both that were called no close match.
    """

    photos: int
    auroc: float
    refused: float
    refused_wrongly: float


def reliability(confidence: Floats, right: Right) -> Reliability:
    """Compare (n,) confidences of first hits with (n,) truths; n >= 1."""
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)  # (n,)
    bins = [
        Bin(
            low=k / BINS,
            high=(k + 1) / BINS,
            queries=int((place == k).sum()),
            confidence=round(float(confidence[place == k].mean()), 4),
            right=round(float(right[place == k].mean()), 4),
        )
        for k in np.unique(place).tolist()
    ]
    error = sum(abs(one.confidence - one.right) * one.queries for one in bins) / len(right)
    cuts = _cuts(confidence, right)
    enough = [cut for cut in cuts if cut.precision >= PRECISION]
    tenths = np.arange(1, 11) / 10
    return Reliability(
        queries=len(right),
        calibration_error=round(error, 4),
        bins=bins,
        curve=[next(cut for cut in cuts if cut.answered >= tenth - 1e-9) for tenth in tenths],
        at_90=max(enough, key=lambda cut: cut.answered, default=None),
        possible=round(min(1.0, float(right.mean()) / PRECISION), 4),
    )


def compare_unsold(sold: Floats, others: Floats, below: float) -> Unsold:
    """Compare the best confidences of photos of sold things (n,) and of others (m,); both >= 1."""
    ranks = np.searchsorted(np.sort(others), sold, side="left")  # others below each
    ties = np.searchsorted(np.sort(others), sold, side="right") - ranks
    return Unsold(
        photos=len(others),
        auroc=round(float((ranks + ties / 2).mean() / len(others)), 4),
        refused=round(float((others < below).mean()), 4),
        refused_wrongly=round(float((sold < below).mean()), 4),
    )


def _cuts(confidence: Floats, right: Right) -> list[Cut]:
    """One cut after each distinct confidence, the highest first: equals are answered together."""
    order = np.argsort(-confidence, kind="stable")
    sure, hits = confidence[order], np.cumsum(right[order])  # (n,) each
    last = np.append(sure[1:] < sure[:-1], True)
    return [
        Cut(
            confidence=round(float(sure[at]), 4),
            answered=round((at + 1) / len(right), 4),
            precision=round(float(hits[at]) / (at + 1), 4),
        )
        for at in np.flatnonzero(last).tolist()
    ]
