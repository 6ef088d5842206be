"""The painterly styler: classical filters, run on a small copy, transferred to the full size."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np

from style.arrays import Alpha, Floats, Pixels
from style.art.attenuation import attenuated, on_clean_page
from style.art.canvas import SIDE
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.fullsize import add_change
from style.shrink import shrunk
from style.styler import Provenance, StyleInfo

__all__ = ["PainterStyler"]

_VERSION = 4  # of the filters; increase it when their pixels change


class _Art(NamedTuple):
    module: str
    strength: float
    spared: float | None = None  # see ``style.art.attenuation``; None changes nothing


_ARTS = {
    "ink": _Art("ink", 0.65),
    "mosaic": _Art("mosaic", 0.4, 0.7),
    "oil": _Art("oil", 0.7),
    "pencil": _Art("pencil", 0.45, 0.5),
    "pointillism": _Art("pointillism", 0.5, 0.7),
    "pop-art": _Art("popart", 0.45, 0.5),
    "watercolor": _Art("watercolor", 0.6),
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
        change = on_clean_page(paint(picture, seed) - picture, picture)  # (y, x, 3)
        spared = _ARTS[style].spared
        if spared is not None:
            change = attenuated(change, picture, spared)
        return add_change(change, small, pixels, strength, mask)

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
