"""Putting rankings of different kinds together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_K = 60.0


def fuse(rankings: Sequence[tuple[Sequence[int], float]]) -> dict[int, float]:
    """Merge rankings of the same things into one score for each, best first.

    Each ranking is a list of numbers, best first, and its weight, which may be negative: what
    ranks high there then loses. The score is reciprocal rank fusion (Cormack, Clarke and
    Buettcher, 2009, with their k = 60), scaled so that first in every positive ranking is 1.
    A cosine and a BM25 score cannot be added, since neither says how the other is spread;
    their ranks can. Ties keep the order of first appearance.
    """
    scale = (_K + 1) / (sum(weight for _, weight in rankings if weight > 0) or 1.0)
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + scale * weight / (_K + rank)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))
