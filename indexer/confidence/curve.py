"""Convert scores to the probability that a hit is the product in the photo.

Scores are not comparable between photos: 0.6 for one photo may be as good as 0.8 for another. Two
other numbers say more: how far a hit is above the other products of the query (its margin), and
how high the best score is. The confidence of a hit is the product of two curves:

    right  = sigmoid(offset + score_weight * score + margin_weight * margin)
    sold   = sigmoid((best - sold_at) / sold_width)

where ``best`` is the query's best score, and ``margin`` is the score minus a soft maximum of the
best scores of other products and of ``floor``, the score of a picture without a product.
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
_SHARPNESS = 20.0  # of the soft maximum: a rival 0.05 below the best weighs a third


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the two curves, fitted at build; see ``indexer.confidence.calibrate``.

    ``queries`` is the number of test queries. Both weights are >= 0, so that confidence never
    falls as the score rises.
    """

    score_weight: float
    margin_weight: float
    offset: float
    sold_at: float
    sold_width: float
    floor: float
    queries: int

    def confidences(self, scores: AnyFloats, products: NDArray[np.int64]) -> Floats:
        """Return the confidence of each hit, (n,), in [0, 1]; it never rises from hit to hit.

        ``scores`` (n,) are the cosines of all hits of a query, best first, and ``products`` (n,)
        their products. They should cover at least ``RIVALS`` + 1 products, if the shop has so many.
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
        # Without this, a second image of the best product could exceed the hit above it.
        return np.asarray(np.minimum.accumulate(right * sold))


def margins(scores: AnyFloats, products: NDArray[np.int64], floor: float) -> Floats:
    """Return how far each hit is above the other products, (n,).

    ``scores`` (n,) are best first, ``products`` is (n,). The rivals are the best ``RIVALS`` other
    products and ``floor``; without other products the margin is the score minus ``floor``.
    """
    exact = np.asarray(scores, dtype=np.float64)
    # Plain Python: for so few hits, np.unique takes twice as long as all of this function.
    places: dict[int, int] = {}
    place = [places.setdefault(product, len(places)) for product in products.tolist()]  # (n,)
    best = min(len(places), RIVALS + 1)
    tops = exact[[place.index(product) for product in range(best)]]  # (best,) of the best products
    others = np.empty((best + 1, best + 1))
    others[:, :best], others[:, best] = tops, floor
    np.fill_diagonal(others[:best], -np.inf)  # a product is not its own rival
    others[best, RIVALS:best] = -np.inf  # the last row is for all further products
    nearest = _soft_maximum(others)  # (best + 1,)
    rivals = np.full(len(places), nearest[best])
    rivals[:best] = nearest[:best]
    return np.asarray(exact - rivals[place])


def sigmoid(x: Floats | float) -> Floats:
    """Return the logistic function of ``x``, in [0, 1], without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(x, dtype=np.float64) / 2)))


def _soft_maximum(values: Floats) -> Floats:
    """Return the soft maximum of each row of (m, k), with at least one finite value: (m,)."""
    top = values.max(1)
    mass = np.exp(_SHARPNESS * (values - top[:, None])).sum(1)
    return np.asarray(top + np.log(mass) / _SHARPNESS)
