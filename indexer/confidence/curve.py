"""From scores to the probability that a hit is the product in the photo.

A score alone cannot be trusted: one photo's 0.6 is another's 0.8. What tells is how far a hit
stands above the other products of the same query (its margin), and whether anything of the
shop is near at all. The confidence of a hit is the product of two logistic curves:

    right  = sigmoid(offset + score_weight * score + margin_weight * margin)
    sold   = sigmoid((best - sold_at) / sold_width)

where ``best`` is the query's best score, and ``margin`` is the score less a soft maximum of the
best scores of other products (and of ``floor``, what a picture of nothing scores).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    AnyFloats = NDArray[np.floating]

RIVALS = 10  # products that a hit is compared with
NO_MATCH_BELOW = 0.15  # confidence of the best hit; measured in docs/encoder.md
_SHARPNESS = 20.0  # of the soft maximum: rivals 0.05 below the best count for a third


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the two curves, as fitted at build; see ``indexer.confidence.calibrate``.

    ``queries`` is how many test queries they were fitted on. Both weights are >= 0, so that
    confidence never falls as the score rises.
    """

    score_weight: float
    margin_weight: float
    offset: float
    sold_at: float
    sold_width: float
    floor: float
    queries: int

    def confidences(self, scores: AnyFloats, products: NDArray[np.int64]) -> Floats:
        """How sure each hit is: (n,), in [0, 1], never rising from hit to hit.

        ``scores`` (n,) are the cosines of all that was found for one query, best first, and
        ``products`` (n,) what they belong to. At least ``RIVALS`` + 1 products should be among
        them where the shop has so many. n = 0 gives (0,).
        """
        if not len(scores):
            return np.empty(0)
        margin = margins(scores, products, self.floor)
        right = sigmoid(
            self.offset
            + self.score_weight * np.asarray(scores, dtype=np.float64)
            + self.margin_weight * margin
        )
        sold = sigmoid((float(scores[0]) - self.sold_at) / self.sold_width)
        # A second image of the best product has weaker rivals than the hit above it.
        return np.asarray(np.minimum.accumulate(right * sold))


def margins(scores: AnyFloats, products: NDArray[np.int64], floor: float) -> Floats:
    """How far each hit stands above the products that are not its own: (n,).

    ``scores`` (n,) best first, ``products`` (n,). The rivals are the best ``RIVALS`` other
    products, and ``floor``: without any other product the margin is the score less ``floor``.
    """
    exact = np.asarray(scores, dtype=np.float64)
    _, first, kind = np.unique(products, return_index=True, return_inverse=True)
    leaders = np.sort(first)[: RIVALS + 1]  # the best hit of each of the best products
    tops = exact[leaders]  # (m,)
    others = np.tile(np.append(tops, floor), (len(tops), 1))  # (m, m + 1)
    np.fill_diagonal(others, -np.inf)  # a product is no rival of its own
    outside = _soft_maximum(np.append(tops[:RIVALS], floor)[None, :])  # of all further products
    rivals = np.full(len(first), outside[0])
    rivals[kind[leaders]] = _soft_maximum(others)
    return np.asarray(exact - rivals[kind])


def sigmoid(x: Floats | float) -> Floats:
    """The logistic curve, from 0 to 1; far ends do not overflow."""
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(x, dtype=np.float64) / 2)))


def _soft_maximum(values: Floats) -> Floats:
    """Of each row of (m, k) values, at least one of them finite: (m,)."""
    top = values.max(1)
    mass = np.exp(_SHARPNESS * (values - top[:, None])).sum(1)
    return np.asarray(top + np.log(mass) / _SHARPNESS)
