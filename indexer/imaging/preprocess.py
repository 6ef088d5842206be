"""Fit pixels of any size to the square that an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from PIL import Image

from indexer.imaging.borders import trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels

Fit = Literal["squash", "pad", "crop"]
Resample = Literal["box", "bilinear", "bicubic", "lanczos"]

TRIMMED_SIDE = 320
"""Pixels on the shorter side of a photo whose border is trimmed: as many as the display copy of an
index has, so that index and query find the same border."""

_RESAMPLE = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class Preprocess(msgspec.Struct, frozen=True):
    """The input of an encoder: ``size`` x ``size`` pixels, reached by ``fit``.

    ``squash`` ignores the aspect ratio, ``pad`` keeps it and fills with the color ``fill``,
    ``crop`` scales the shorter side and cuts the middle. With ``scaled`` the image is fitted to a
    square of that size, and the middle ``size`` is cut out (0: ``size`` itself). With ``trim`` a
    plain border (``indexer.imaging.borders``) is cut off first.
    """

    size: int
    fit: Fit = "squash"
    resample: Resample = "bicubic"
    scaled: int = 0
    fill: tuple[int, int, int] = (255, 255, 255)
    trim: bool = False

    @property
    def fitted_side(self) -> int:
        """Pixels on the shorter side that fitting needs; fewer would be enlarged."""
        return max(self.size, self.scaled)

    @property
    def source_side(self) -> int:
        """Pixels on the shorter side that a photo should be decoded with."""
        return max(self.fitted_side, TRIMMED_SIDE) if self.trim else self.fitted_side

    def apply(self, pixels: Pixels) -> Pixels:
        """Trim and fit (h, w, 3) to (size, size, 3). Idempotent.

        An image of this size is returned as it is, even with ``scaled`` or ``trim``:
        ``indexer.imaging.photos`` has prepared it. Thread-safe. Resizing releases the GIL, so
        callers run this in their decoding threads.
        """
        if pixels.shape[:2] == (self.size, self.size):
            return pixels
        return self.fit_trimmed(pixels)

    def fit_trimmed(self, pixels: Pixels) -> Pixels:
        """Fit (h, w, 3) to (size, size, 3), without its plain border if ``trim`` is set."""
        return self.fit_whole(trimmed(pixels) if self.trim else pixels)

    def fit_whole(self, pixels: Pixels) -> Pixels:
        """Fit (h, w, 3) to (size, size, 3) without trimming, for pixels that are already cut."""
        height, width = pixels.shape[:2]
        if (height, width) == (self.size, self.size):
            return pixels
        if self.fit == "crop" and max(height, width) > 4 * min(height, width):
            # Only the middle of a strip is used; scaling all of it could take gigabytes.
            pixels = _middle(pixels, 4 * min(height, width))
            height, width = pixels.shape[:2]
        w, h = self._fitted(width, height)
        image = Image.fromarray(pixels)
        # reducing_gap shrinks large photos with a box filter first: several times faster.
        resized = image.resize((w, h), _RESAMPLE[self.resample], reducing_gap=2.0)
        return self._square(np.asarray(resized, dtype=np.uint8))

    def batch(self, pixels: Sequence[Pixels]) -> Pixels:
        """Stack images of any sizes to (n, size, size, 3); n may be 0."""
        if not len(pixels):
            return np.empty((0, self.size, self.size, 3), dtype=np.uint8)
        return np.stack([self.apply(image) for image in pixels])

    def _fitted(self, width: int, height: int) -> tuple[int, int]:
        target = self.scaled or self.size
        if self.fit == "squash":
            return target, target
        if self.fit == "crop":  # rounded down, as open_clip, timm and torchvision do
            short = min(width, height)
            return max(target, width * target // short), max(target, height * target // short)
        scale = target / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _square(self, pixels: Pixels) -> Pixels:
        """Cut the middle (size, size, 3) out of (h, w, 3); pad with ``fill``."""
        cut = _middle(pixels, self.size)
        h, w = cut.shape[:2]
        if (h, w) == (self.size, self.size):
            return cut
        square = np.empty((self.size, self.size, 3), dtype=np.uint8)
        square[:] = self.fill
        top, left = (self.size - h) // 2, (self.size - w) // 2
        square[top : top + h, left : left + w] = cut
        return square


def _middle(pixels: Pixels, side: int) -> Pixels:
    """Return the middle of (h, w, 3), at most ``side`` high and wide."""
    height, width = pixels.shape[:2]
    # Halves are rounded to even, as in the libraries that the models were trained with.
    top, left = max(0, round((height - side) / 2)), max(0, round((width - side) / 2))
    return pixels[top : top + side, left : left + side]
