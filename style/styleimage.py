"""The styler of style images: a photo takes the colors and the strokes of a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from style.arrays import Alpha, Floats, Pixels
from style.art.canvas import flattened, unit
from style.brushwork import strokes, texture_share
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.fullsize import add_change
from style.lut import NEVER, ColorMap
from style.palette import Palette, palette_lut, palette_of
from style.shrink import shrunk
from style.strips import blend, over_strips
from style.styler import Provenance, StyleInfo

__all__ = ["STRENGTH", "StyleImage", "StyleImageStyler"]

STRENGTH = 0.6
"""The strength by default: a product still finds itself, see docs/style.md."""

_SIDE = 480  # of the copy of the photo that is painted, and at most of what is seen of the image
_VERSION = 1  # of the strokes; increase it when their pixels change


@dataclass(frozen=True, eq=False)
class StyleImage:
    """A picture (h, w, 3) whose colors and strokes photos take; at most 512 pixels are enough."""

    pixels: Pixels

    @cached_property
    def palette(self) -> Palette:
        """Its colors."""
        return palette_of(self.pixels)

    @cached_property
    def digest(self) -> str:
        """16 hex digits of a hash of the pixels and of the version of the strokes."""
        kind = f"{_VERSION} {self.pixels.shape}".encode()
        return hashlib.sha256(kind + self.pixels.tobytes()).hexdigest()[:16]


class StyleImageStyler:
    """Paints photos in the colors and the strokes of style images. Thread-safe.

    A LUT gives the full picture the colors. Strokes are laid on a copy of at most 480 pixels a
    side, and a guided filter transfers them to the full picture.
    """

    name = "style-image"

    def __init__(self, images: Mapping[str, StyleImage]) -> None:
        """Offer these styles; an image is looked up when its style is first used."""
        self._images = images

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name."""
        return [StyleInfo(name, "texture", STRENGTH) for name in sorted(self._images)]

    def apply(
        self, pixels: Pixels, style: str, strength: float, mask: Alpha | None = None, seed: int = 0
    ) -> Pixels:
        """Return (h, w, 3) in the style; see ``Styler.apply``.

        Raises BadStyleFile if the style's image is damaged.
        """
        check_pixels(pixels)
        image = self._image(style)
        strength = check_strength(strength)
        mask = check_mask(mask, pixels)
        if strength == 0:
            return pixels.copy()
        small = shrunk(pixels, _SIDE)
        colors = ColorMap(palette_lut(palette_of(pixels), image.palette), after=NEVER)
        painted = _strokes(small, colors.apply(small), image, seed)
        made = add_change(painted, small, colors.apply(pixels), 1, None)

        def work(top: int, bottom: int) -> None:
            part = pixels[top:bottom]
            away = made[top:bottom].astype(np.float32) - part
            styled = np.rint(part + np.float32(strength) * away).astype(np.uint8)
            made[top:bottom] = styled if mask is None else blend(part, styled, mask[top:bottom])

        over_strips(pixels.shape[0], pixels.shape[1], work)
        return made

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises as ``apply`` does."""
        return Provenance(self.name, self._image(style).digest, style, strength, seed)

    def _image(self, style: str) -> StyleImage:
        if style not in self._images:
            raise UnknownStyle(style, self._images)
        return self._images[style]


def _strokes(small: Pixels, colored: Pixels, image: StyleImage, seed: int) -> Floats:
    """Return the change (y, x, 3) from the colored copy of a photo to the painted one."""
    level = np.float32(255)
    picture = colored.astype(np.float32) / level
    size = unit(picture)
    paint = flattened(picture, 4 * size, 1.6 * size) - picture  # the brush omits small things
    share = texture_share(small.astype(np.float32) / level)
    painted = strokes(picture, shrunk(image.pixels, 512), seed) * share[..., None]
    return np.asarray(paint + painted, np.float32)
