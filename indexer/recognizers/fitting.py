"""Fit a photo to the square that a detector takes, and map its boxes back to the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.recognizers.settings import DetectorSettings


class Fitted(NamedTuple):
    """The square (size, size, 3), and where the photo is in it, as shares of its sides.

    ``corner`` (x, y) is its top left, ``filled`` (x, y) its width and height.
    """

    square: Pixels
    corner: tuple[float, float]
    filled: tuple[float, float]

    def to_photo(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map boxes (n, 4) from shares of the square to shares of the photo, clipped to it."""
        corner = np.array([*self.corner, *self.corner], np.float32)
        filled = np.array([*self.filled, *self.filled], np.float32)
        return np.asarray(np.clip((boxes - corner) / filled, 0, 1), dtype=np.float32)


def fit_square(pixels: Pixels, settings: DetectorSettings) -> Fitted:
    """Resize an image (h, w, 3) to the square that the detector takes."""
    height, width = pixels.shape[:2]
    image, size = Image.fromarray(pixels), settings.size
    if settings.fit == "squash":
        return Fitted(_resized(image, size, size), (0.0, 0.0), (1.0, 1.0))
    scale = size / max(width, height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.full((size, size, 3), settings.fill, dtype=np.uint8)
    left, top = ((size - w) // 2, (size - h) // 2) if settings.align == "center" else (0, 0)
    square[top : top + h, left : left + w] = _resized(image, w, h)
    return Fitted(square, (left / size, top / size), (w / size, h / size))


def _resized(image: Image.Image, width: int, height: int) -> Pixels:
    if image.size == (width, height):
        return np.asarray(image)
    # reducing_gap shrinks large photos with a box filter first: several times faster.
    resized = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(resized, dtype=np.uint8)
