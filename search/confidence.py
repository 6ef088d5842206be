"""The confidence of hits, and whether any hit is the product in the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.confidence.curve import NO_MATCH_BELOW
from indexer.errors import BadQuery
from search.live.best_rows import Candidate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.confidence.curve import Calibration
    from search.hits import Hit
    from search.query import Query


class ConfidenceScorer:
    """Applies the calibration of one generation. Without one, no hit has a confidence."""

    def __init__(
        self, calibration: Calibration | None, *, text_tower: bool, below: float | None = None
    ) -> None:
        """``text_tower`` is True if words are part of the query's vector.

        There is no close match if the confidence of the best hit is less than ``below``; None is
        the measured default.
        """
        self._calibration = calibration
        self._text_tower = text_tower
        self.below = NO_MATCH_BELOW if below is None else below

    def score(
        self, query: Query, found: list[Candidate], product: NDArray[np.int64]
    ) -> list[Candidate]:
        """Return the candidates of a vector search, best first, with their confidences.

        ``product`` (items,) is the product of each item. Returns ``found`` unchanged if the query
        has negative parts, or a vector that is not only of pictures: confidences would be wrong.
        """
        if self._calibration is None or not self._fits(query) or not found:
            return found
        items, rows, scores, _ = zip(*found, strict=True)
        products = product[list(items)]  # (f,)
        confidences = self._calibration.confidences(np.array(scores), products)  # (f,)
        return list(map(Candidate, items, rows, scores, confidences.tolist()))

    def check(self, query: Query) -> None:
        """Raise BadQuery if the query has ``min_confidence``, and no hit can have a confidence."""
        if query.min_confidence is None or (self._calibration is not None and self._fits(query)):
            return
        why = (
            "this shop has too few products to compute confidences"
            if self._calibration is None
            else "hits of words with a photo, or with negative parts, have no confidence here"
        )
        raise BadQuery(f"min_confidence: {why}; use min_score", param="min_confidence")

    def _fits(self, query: Query) -> bool:
        return all(
            part.weight > 0 and part.allows_confidence(text_tower=self._text_tower)
            for part in query.parts
        )

    def no_close_match(self, query: Query, hits: list[Hit]) -> bool:
        """Return True if the query shows a product, and the best confidence is below the limit.

        Returns False if no part shows a product, or if the hits have no confidence.
        """
        if not any(part.shows_product for part in query.parts):
            return False
        if not hits and query.min_confidence is not None:
            return query.min_confidence >= self.below
        known = [hit.confidence for hit in hits if hit.confidence is not None]
        return bool(known) and max(known) < self.below
