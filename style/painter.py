"""The painterly styler: classical filters, run on a small copy, transferred to the full size."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np

from style.arrays import Alpha, Floats, Pixels
from style.art.canvas import SIDE
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.guided import fit_lines, luma
from style.shrink import shrunk
from style.strips import blend, over_strips
from style.styler import Provenance, StyleInfo

__all__ = ["PainterStyler"]

_VERSION = 1  # of the filters; increase it when their pixels change


class _Art(NamedTuple):
    module: str
    strength: float


_ARTS = {
    "ink": _Art("ink", 0.8),
    "mosaic": _Art("mosaic", 0.5),
    "oil": _Art("oil", 0.65),
    "pencil": _Art("pencil", 0.5),
    "pointillism": _Art("pointillism", 0.5),
    "pop-art": _Art("popart", 0.5),
    "watercolor": _Art("watercolor", 0.65),
}


class PainterStyler:
    """Paints pictures by filters without learned weights. Thread-safe.

    A filter runs on a copy of at most 800 pixels a side. A guided filter transfers its change to
    the full picture. So edges stay as sharp as they were, the copy and a few strips are all the
    memory needed, and a small and a large picture of the same thing look alike.
    """

    name = "painter"

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name."""
        return [StyleInfo(name, "texture", art.strength) for name, art in sorted(_ARTS.items())]

    def apply(
        self, pixels: Pixels, style: str, strength: float, mask: Alpha | None = None, seed: int = 0
    ) -> Pixels:
        """Return (h, w, 3) in the style; see ``Styler.apply``."""
        check_pixels(pixels)
        paint = self._filter(style)
        strength = check_strength(strength)
        mask = check_mask(mask, pixels)
        if strength == 0:
            return pixels.copy()
        small = shrunk(pixels, SIDE)
        picture = small.astype(np.float32) / np.float32(255)
        change = paint(picture, seed) - picture  # (y, x, 3)
        return _enlarged(change, small, pixels, strength, mask)

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises UnknownStyle."""
        self._filter(style)
        digest = hashlib.sha256(f"{style} {_VERSION}".encode()).hexdigest()[:16]
        return Provenance(self.name, digest, style, strength, seed)

    def _filter(self, style: str) -> Callable[[Floats, int], Floats]:
        if style not in _ARTS:
            raise UnknownStyle(style, _ARTS)
        module = importlib.import_module(f"style.art.{_ARTS[style].module}")
        return cast("Callable[[Floats, int], Floats]", module.paint)


def _enlarged(
    change: Floats, small: Pixels, pixels: Pixels, strength: float, mask: Alpha | None
) -> Pixels:
    """Add a change (y, x, 3) of a small copy to the picture (h, w, 3), strip by strip."""
    height, width = pixels.shape[:2]
    out = np.empty_like(pixels)
    same = small.shape == pixels.shape
    guide = luma(small)
    change = change * np.float32(255 * strength)
    lines = (
        [] if same else [fit_lines(change[..., c], guide, 2, 1e-3, exact=True) for c in range(3)]
    )

    def work(top: int, bottom: int) -> None:
        part = pixels[top:bottom]
        light = None if same else luma(part)
        styled = np.empty(part.shape, np.uint8)
        for channel in range(3):
            if light is None:
                moved = change[top:bottom, :, channel]
            else:
                moved = lines[channel].on(light, height, width, top, bottom)
            styled[..., channel] = np.clip(np.rint(part[..., channel] + moved), 0, 255)
        out[top:bottom] = styled if mask is None else blend(part, styled, mask[top:bottom])

    over_strips(height, width, work)
    return out
