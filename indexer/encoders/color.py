"""Encode colors and their positions, without weights, for tests and as a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit
from indexer.imaging.preprocess import Preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels, Vectors

_GRID = 4
_LEVELS = 4


class ColorEncoder:
    """Encode a histogram of 64 colors, then the mean color of each cell of a 4 x 4 grid.

    Its answers can be checked by eye: images of the same color are similar, whatever they show.
    """

    id = "color"
    dim = _LEVELS**3 + 3 * _GRID**2  # 64 + 48 = 112
    weights_hash = "0" * 64
    preprocess = Preprocess(size=32, fit="squash", resample="box")

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        batch = self.preprocess.batch(pixels).astype(np.int64)  # (n, 32, 32, 3)
        n = len(batch)
        levels = batch * _LEVELS // 256
        bins = (levels[..., 0] * _LEVELS + levels[..., 1]) * _LEVELS + levels[..., 2]  # (n, 32, 32)
        histogram = np.zeros((n, _LEVELS**3), dtype=np.float32)
        for counts, image_bins in zip(histogram, bins, strict=True):
            counts[:] = np.bincount(image_bins.ravel(), minlength=_LEVELS**3)
        step = self.preprocess.size // _GRID
        cells = batch.reshape(n, _GRID, step, _GRID, step, 3).mean(axis=(2, 4))  # (n, 4, 4, 3)
        layout = (cells.reshape(n, 3 * _GRID**2) / 255.0 - 0.5).astype(np.float32)  # (n, 48)
        parts = (unit(np.sqrt(histogram)), 0.5 * unit(layout))
        return unit(np.concatenate(parts, axis=1))  # (n, 112)
