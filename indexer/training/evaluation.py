"""The held-out questions of a shop, asked of an encoder: which items do they find?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.arrays import Pixels, Vectors
from indexer.training.dataset import Dataset

_FEWEST_SPLIT = 64  # questions from which on half of them only judge, and choose nothing


class EncodesImages(Protocol):
    """Whatever turns images into unit vectors."""

    @property
    def encode_images(self) -> Callable[[list[Pixels]], Vectors]:
        """Images to (n, dim) unit rows."""
        ...


class Evaluation:
    """The held-out questions of a shop: which items do they find among the main pictures?

    One half validates (chooses between weights), the other half tests what was chosen. With fewer
    than 64 questions the same ones do both.
    """

    def __init__(self, dataset: Dataset, size: int) -> None:
        """``size`` is the side of the pictures that the encoder takes."""
        self.size = size
        self._dataset = dataset
        self._gallery = np.flatnonzero(dataset.main)
        asked = np.random.default_rng(0).permutation(np.flatnonzero(dataset.asked))
        judges = len(asked) // 2 if len(asked) >= _FEWEST_SPLIT else 0
        self.validation = asked[judges:]
        self.test = asked[:judges] if judges else asked

    def share(self, encoder: EncodesImages) -> float:
        """Return the share of the choosing questions whose item comes first."""
        return float(self._ask(encoder, self.validation)[:, 0].mean())

    def judge(self, encoder: EncodesImages) -> NDArray[np.float64]:
        """Outcomes (q, 2) of the judging questions: item first, among five."""
        return self._ask(encoder, self.test)

    def _ask(self, encoder: EncodesImages, places: NDArray[np.int64]) -> NDArray[np.float64]:
        asked, gallery = (
            encoder.encode_images(list(self.pictures(some))) for some in (places, self._gallery)
        )
        return self.outcomes(asked, gallery, places)

    def outcomes(
        self, asked: Vectors, gallery: Vectors, places: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Outcomes (q, 2) of the questions at ``places`` (q,), of vectors (q, dim) and (g, dim)."""
        order = np.argsort(-(asked @ gallery.T), axis=1, kind="stable")[:, :5]  # (q, 5)
        items = self._dataset.item
        right = items[self._gallery][order] == items[places][:, None]  # (q, 5)
        return np.stack([right[:, 0], right.any(1)], axis=1).astype(np.float64)

    def pictures(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures as the encoder takes them: (p, size, size, 3)."""
        size = (self.size, self.size)
        return np.stack(
            [
                np.asarray(Image.fromarray(self._dataset.pixels[at]).resize(size))
                for at in places.tolist()
            ]
        )
