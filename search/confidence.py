"""How sure the hits of a query are, and whether any of them is what the photo shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.confidence.curve import NO_MATCH_BELOW
from search.live.view import Candidate
from search.query import EmbeddingPart, ImagePart, Query, TextPart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.confidence.curve import Calibration
    from search.hits import Hit


class Judge:
    """Applies the calibration of one generation. Without one, no hit has a confidence."""

    def __init__(
        self, calibration: Calibration | None, *, text_tower: bool, below: float | None = None
    ) -> None:
        """``text_tower``: words go into the query's vector. ``below`` is the confidence of the
        best hit under which there is no close match; None is the measured default."""
        self._calibration = calibration
        self._text_tower = text_tower
        self.below = NO_MATCH_BELOW if below is None else below

    def judged(
        self, query: Query, found: list[Candidate], product: NDArray[np.int64]
    ) -> list[Candidate]:
        """What a query's vector found, with confidences: best first, as it came.

        ``product`` (items,) is the product of each item. Queries that say what to avoid, or
        whose vector holds words, ask for something else than a product that was seen: their
        hits get no confidence.
        """
        visual = all(
            part.weight > 0 and not (self._text_tower and isinstance(part, TextPart))
            for part in query.parts
        )
        if self._calibration is None or not visual or not found:
            return found
        scores = np.array([one.score for one in found], dtype=np.float64)  # (f,)
        products = product[[one.item for one in found]]  # (f,)
        sure = self._calibration.confidences(scores, products)
        return [
            Candidate(one.item, one.row, one.score, value)
            for one, value in zip(found, sure.tolist(), strict=True)
        ]

    def none_close(self, query: Query, hits: list[Hit]) -> bool:
        """Whether a photo was asked for, and the shop has nothing that it clearly shows.

        False where that cannot be told: without photo or embedding, or without confidences.
        """
        if not any(isinstance(part, ImagePart | EmbeddingPart) for part in query.parts):
            return False
        known = [hit.confidence for hit in hits if hit.confidence is not None]
        return bool(known) and max(known) < self.below
