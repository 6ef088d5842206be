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

import math
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
        exact = np.asarray(scores, dtype=np.float64)  # (n,)
        margin = margins(exact, products, self.floor)  # (n,)
        right = sigmoid(self.offset + self.score_weight * exact + self.margin_weight * margin)
        sold = sigmoid((exact[0] - self.sold_at) / self.sold_width)
        # Without this, a second image of the best product could exceed the hit above it.
        return np.minimum.accumulate(right * sold)


def margins(scores: AnyFloats, products: NDArray[np.int64], floor: float) -> Floats:
    """Return how far each hit is above the other products, (n,).

    ``scores`` (n,) are best first, ``products`` is (n,). The rivals are the best ``RIVALS`` other
    products and ``floor``; without other products the margin is the score minus ``floor``.
    """
    # Plain Python for the few products: numpy's calls would take longer.
    exact = np.asarray(scores, dtype=np.float64)
    places: dict[int, int] = {}
    place = [places.setdefault(product, len(places)) for product in products.tolist()]
    best = min(len(places), RIVALS + 1)
    tops = [float(exact[place.index(product)]) for product in range(best)]  # of the best products
    first = _soft_maximum([*tops[1:], floor])
    # All others have the first product as a rival, so nothing large cancels out of the mass.
    top = max(tops[0], floor)
    masses = [math.exp(_SHARPNESS * (score - top)) for score in tops]
    mass = sum(masses) + math.exp(_SHARPNESS * (floor - top))
    further = mass - sum(masses[RIVALS:])  # for all products after these
    rivals = [first]
    rivals += [top + math.log(mass - own) / _SHARPNESS for own in masses[1:]]
    last = top + math.log(further) / _SHARPNESS
    rivals += [last] * (len(places) - best)
    found: Floats = exact - np.array([rivals[product] for product in place])
    return found


def sigmoid(x: Floats | float) -> Floats:
    """Return the logistic function of ``x``, in [0, 1], without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(x, dtype=np.float64) / 2)))


def _soft_maximum(values: list[float]) -> float:
    """Return the soft maximum of at least one value."""
    top = max(values)
    return (
        top + math.log(sum(math.exp(_SHARPNESS * (value - top)) for value in values)) / _SHARPNESS
    )
