"""From pixels of any size to the square an encoder was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels

Fit = Literal["squash", "pad", "crop"]
Resample = Literal["box", "bilinear", "bicubic", "lanczos"]

_RESAMPLE = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class Preprocess(msgspec.Struct, frozen=True):
    """How an encoder wants its input: ``size`` x ``size`` pixels, brought there by ``fit``.

    ``squash`` ignores the aspect ratio, ``pad`` keeps it and fills with white, ``crop``
    scales the shorter side and cuts the middle.
    """

    size: int
    fit: Fit = "squash"
    resample: Resample = "bicubic"

    def apply(self, pixels: Pixels) -> Pixels:
        """(h, w, 3) to (size, size, 3); applying it twice changes nothing.

        Thread-safe, and releases the interpreter lock in the resize: callers run it beside
        the decoding, and the encoder then finds its input ready.
        """
        height, width = pixels.shape[:2]
        if (height, width) == (self.size, self.size):
            return pixels
        image = Image.fromarray(pixels)
        if self.fit == "squash":
            return self._resized(image, self.size, self.size)
        pick = max if self.fit == "pad" else min
        scale = self.size / pick(width, height)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        inner = self._resized(image, w, h)  # (h, w, 3)
        if self.fit == "crop":
            top, left = (h - self.size) // 2, (w - self.size) // 2
            return inner[top : top + self.size, left : left + self.size]
        square = np.full((self.size, self.size, 3), 255, dtype=np.uint8)
        top, left = (self.size - h) // 2, (self.size - w) // 2
        square[top : top + h, left : left + w] = inner
        return square

    def batch(self, pixels: Sequence[Pixels]) -> Pixels:
        """A batch (n, size, size, 3) of images of any sizes; n may be 0."""
        if not len(pixels):
            return np.empty((0, self.size, self.size, 3), dtype=np.uint8)
        return np.stack([self.apply(one) for one in pixels])

    def _resized(self, image: Image.Image, width: int, height: int) -> Pixels:
        resized = image.resize((width, height), _RESAMPLE[self.resample], reducing_gap=2.0)
        return np.asarray(resized, dtype=np.uint8)
