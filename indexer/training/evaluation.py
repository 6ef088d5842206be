"""Retrieval evaluation of an encoder on the held-out queries of a shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.arrays import Pixels, Vectors
from indexer.training.dataset import Dataset

_FEWEST_SPLIT = 64  # with fewer queries there is no separate test half


class EncodesImages(Protocol):
    """Anything that encodes images, such as an encoder."""

    @property
    def encode_images(self) -> Callable[[list[Pixels]], Vectors]:
        """A function from n images to (n, dim) unit rows."""
        ...


class Evaluation:
    """Searches the gallery of a dataset with its held-out queries.

    Half of the queries are for validation (to choose between weights), the other half for the final
    test. With fewer than 64 queries, all of them are used for both.
    """

    def __init__(self, dataset: Dataset, size: int) -> None:
        """Split the queries. ``size`` is the side of the encoder's input in pixels."""
        self.size = size
        self._dataset = dataset
        self._gallery = np.flatnonzero(dataset.gallery)
        queries = np.random.default_rng(0).permutation(np.flatnonzero(dataset.query))
        half = len(queries) // 2 if len(queries) >= _FEWEST_SPLIT else 0
        self.validation = queries[half:]
        self.test = queries[:half] if half else queries

    def test_outcomes(self, encoder: EncodesImages) -> NDArray[np.float64]:
        """Return outcomes (q, 2) of the test queries: item first, item among the first five."""
        return self._outcomes(encoder, self.test)

    def _outcomes(
        self, encoder: EncodesImages, positions: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        queries, gallery = self.encode(encoder, positions)
        return self.outcomes(queries, gallery, positions)

    def encode(
        self, encoder: EncodesImages, positions: NDArray[np.int64]
    ) -> tuple[Vectors, Vectors]:
        """Encode the queries at ``positions`` and the gallery: (q, dim) and (g, dim)."""
        queries, gallery = (
            encoder.encode_images(list(self.pictures(part))) for part in (positions, self._gallery)
        )
        return queries, gallery

    def outcomes(
        self, queries: Vectors, gallery: Vectors, positions: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return outcomes (q, 2), 0 or 1, for query vectors (q, dim) and gallery vectors (g, dim).

        ``positions`` (q,) are the queries' rows in the dataset.
        """
        order = np.argsort(-(queries @ gallery.T), axis=1, kind="stable")[:, :5]  # (q, 5)
        items = self._dataset.item
        right = items[self._gallery][order] == items[positions][:, None]  # (q, 5)
        return np.stack([right[:, 0], right.any(1)], axis=1).astype(np.float64)

    def pictures(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the pictures at ``positions`` (p,) at the encoder's size: (p, size, size, 3)."""
        size = (self.size, self.size)
        return np.stack(
            [
                np.asarray(Image.fromarray(self._dataset.pixels[position]).resize(size))
                for position in positions.tolist()
            ]
        )
