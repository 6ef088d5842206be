"""A 3D LUT: a table that maps colors to colors, with interpolation between its entries."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageFilter

from style.arrays import Alpha, Floats, Pixels
from style.strips import blend, over_strips

__all__ = ["MAX_SIZE", "NEVER", "SIZE", "ColorMap", "Lut", "identity_table"]

SIZE = 33  # entries a side of the looks
MAX_SIZE = 65  # the largest that Pillow supports
NEVER = 1 << 62
"""For ``ColorMap(after=)``: a map that serves one photo, for which no table of all colors pays."""
_COLORS = 1 << 24  # of uint8 (3,)


def identity_table(size: int) -> Floats:
    """Return the table (size, size, size, 3) that changes nothing, by blue, green and red."""
    steps = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1)


@dataclass(frozen=True, eq=False)
class Lut:
    """A table (n, n, n, 3) of sRGB in [0, 1], indexed by blue, green, red; 2 <= n <= 65."""

    table: Floats
    title: str = ""

    @property
    def size(self) -> int:
        """Entries a side."""
        return int(self.table.shape[0])

    @cached_property
    def digest(self) -> str:
        """A hash of the entries, which are rounded to multiples of 1 / 65,535: 16 hex digits."""
        levels = np.round(np.clip(self.table, 0, 1) * 65535).astype("<u2")
        return hashlib.sha256(levels.tobytes()).hexdigest()[:16]

    def weakened(self, strength: float) -> Lut:
        """Mix the table with the identity: strength 0 changes nothing, 1 is this table."""
        identity = identity_table(self.size)
        return Lut(identity + np.float32(strength) * (self.table - identity), self.title)


class ColorMap:
    """Applies a LUT to uint8 pictures. Thread-safe.

    Pixels are interpolated at first. After as many pixels as there are colors, all colors are
    interpolated once and looked up from then on: the result is the same, several times faster, for
    64 MiB. Both map each pixel separately, so edges do not move.
    """

    def __init__(self, lut: Lut, after: int = _COLORS) -> None:
        """``after`` is the number of pixels to interpolate before all colors are tabulated."""
        self._filter = ImageFilter.Color3DLUT(lut.size, lut.table.reshape(-1), channels=3)
        self._left = after
        self._lock = threading.Lock()
        self._all: np.ndarray[tuple[int], np.dtype[np.uint32]] | None = None

    def apply(self, pixels: Pixels, mask: Alpha | None = None) -> Pixels:
        """Map (h, w, 3); the mask, (h, w), blends with the input."""
        height, width = pixels.shape[:2]
        out = np.empty_like(pixels)
        looked_up = self._table(height * width)

        def work(top: int, bottom: int) -> None:
            part = pixels[top:bottom]
            mapped = self._interpolated(part) if looked_up is None else _gathered(part, looked_up)
            out[top:bottom] = mapped if mask is None else blend(part, mapped, mask[top:bottom])

        over_strips(height, width, work)
        return out

    def _interpolated(self, pixels: Pixels) -> Pixels:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).filter(self._filter))

    def _table(self, pixels: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]] | None:
        """Return all colors, (2**24,), red in the lowest byte; None if that is not worth it yet."""
        with self._lock:
            self._left -= pixels
            if self._all is None and self._left <= 0:
                self._all = self._every_color()
            return self._all

    def _every_color(self) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        table = np.zeros((4096, 4096, 4), np.uint8)

        def work(top: int, bottom: int) -> None:
            index = np.arange(top * 4096, bottom * 4096, dtype="<u4").reshape(-1, 4096)
            colors = index[..., None].view(np.uint8)[..., :3]  # (rows, 4096, 3)
            table[top:bottom, :, :3] = self._interpolated(colors)

        over_strips(4096, 4096, work)
        return table.view("<u4").reshape(-1)


def _gathered(pixels: Pixels, table: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> Pixels:
    """Look up (h, w, 3) in a table of all colors."""
    height, width = pixels.shape[:2]
    index = np.zeros((height, width, 4), np.uint8)
    for channel in range(3):  # three strided copies are faster than one of triples
        index[..., channel] = pixels[..., channel]
    found = table.take(index.view("<i4")[..., 0], mode="wrap").view(np.uint8)
    found = found.reshape(height, width, 4)
    out = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        out[..., channel] = found[..., channel]
    return out
