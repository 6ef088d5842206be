"""The painterly styler: classical filters, run on a small copy, transferred to the full size."""

from __future__ import annotations

import hashlib
import importlib
from typing import NamedTuple, Protocol, cast

import numpy as np

from style.arrays import Alpha, Floats, Pixels
from style.art.attenuation import attenuated, on_clean_page
from style.art.backdrop import Stage, stage_of
from style.art.canvas import SIDE
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.fullsize import add_change
from style.shrink import shrunk
from style.styler import Provenance, StyleInfo

__all__ = ["PainterStyler"]

_VERSION = 7  # of the filters; increase it when their pixels change


class _Module(Protocol):
    """A module of ``style.art``."""

    def paint(self, picture: Floats, seed: int) -> Floats:
        """Paint (h, w, 3) in [0, 1]."""
        ...

    def surround(self, stage: Stage, seed: int) -> Floats:
        """Return by what to multiply the page around a product, (h, w, 3) from 0 to 1."""
        ...


class _Art(NamedTuple):
    module: str
    strength: float
    spared: float | None = None  # see ``style.art.attenuation``; None changes nothing
    product: float = 1.0  # share of the filter's change that a product on a plain page takes
    around: float = 1.0  # share of the paint on the page around it, see ``style.art.backdrop``


_ARTS = {
    "ink": _Art("ink", 0.7, product=0.5, around=0.9),
    "mosaic": _Art("mosaic", 0.7, 0.7, product=0.18, around=0.65),
    "oil": _Art("oil", 0.7, product=0.2, around=0.7),
    "pencil": _Art("pencil", 0.7, 0.5, product=0.16, around=0.7),
    "pointillism": _Art("pointillism", 0.7, 0.7, product=0.25, around=0.8),
    "pop-art": _Art("popart", 0.7, 0.5, product=0.25, around=0.75),
    "watercolor": _Art("watercolor", 0.7, product=0.4, around=0.9),
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
        module = _module(style)
        strength = check_strength(strength)
        mask = check_mask(mask, pixels)
        if strength == 0:
            return pixels.copy()
        small = shrunk(pixels, SIDE)
        picture = small.astype(np.float32) / np.float32(255)
        art = _ARTS[style]
        change = on_clean_page(module.paint(picture, seed) - picture, picture)  # (y, x, 3)
        if art.spared is not None:
            change = attenuated(change, picture, art.spared)
        stage = stage_of(small)
        if stage is not None:
            change = _on_stage(change, picture, stage, module.surround(stage, seed), art)
        return add_change(change, small, pixels, strength, mask)

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises UnknownStyle."""
        _module(style)
        digest = hashlib.sha256(f"{style} {_VERSION}".encode()).hexdigest()[:16]
        return Provenance(self.name, digest, style, strength, seed)


def _on_stage(change: Floats, picture: Floats, stage: Stage, factors: Floats, art: _Art) -> Floats:
    """Return a change (h, w, 3) with less of it on the product, and with paint around it.

    ``factors`` (h, w, 3) are those of ``surround``.
    """
    product = 1 - stage.open[..., None]
    painted = picture + change * (1 - np.float32(1 - art.product) * product)
    factors = 1 + np.float32(art.around) * (factors - 1)
    return np.asarray(stage.laid(painted, factors) - picture, np.float32)


def _module(style: str) -> _Module:
    """Return the module of a style. Raises UnknownStyle."""
    if style not in _ARTS:
        raise UnknownStyle(style, _ARTS)
    return cast("_Module", importlib.import_module(f"style.art.{_ARTS[style].module}"))
