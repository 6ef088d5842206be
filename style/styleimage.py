"""The styler of style images: a photo takes the colors and the strokes of a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

import numpy as np

from style.arrays import Alpha, Floats, Pixels
from style.art.backdrop import Stage, stage_of
from style.art.canvas import flattened, unit
from style.brushwork import Patches, patches_of, strokes, texture_share
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.fullsize import add_change
from style.guided import luma
from style.lut import NEVER, ColorMap
from style.oklab import from_oklab, to_oklab
from style.palette import Palette, palette_lut, palette_of
from style.planes import resized, smoothstep
from style.shrink import shrunk
from style.strips import blend, over_strips
from style.styler import Provenance, StyleInfo

__all__ = ["STRENGTH", "StyleImage", "StyleImageStyler"]

STRENGTH = 0.7
"""The strength by default: a product still finds itself, see docs/style.md."""


class _Shares(NamedTuple):
    """The shares of a full style that a picture takes at strength 1."""

    colors: float
    brush: float  # of the smoothing by a brush
    strokes: float


_WHOLE = _Shares(1.0, 1.0, 1.0)
_PRODUCT = _Shares(0.5, 0.3, 0.15)  # on a plain page, where the page around it takes the rest
_AROUND = 1.0  # of the strokes beside the product
_RIM, _RAGGED = (0.25, 0.5), 2.0  # where the paint there ends, and how much strokes move its end
_BLOTCHES = 9  # of the image along its longer side, in this paint
_GROUND_LIGHT, _GROUND_RANGE = 0.84, 0.10  # of the paint
_GROUND_CHROMA, _GROUND_GAIN = 0.07, 2.0  # its mean, and how much that of the image may grow

_SIDE = 480  # of the copy of the photo that is painted, and at most of what is seen of the image
_VERSION = 3  # of the strokes; increase it when their pixels change


@dataclass(frozen=True, eq=False)
class StyleImage:
    """A picture (h, w, 3) whose colors and strokes photos take; at most 512 pixels are enough."""

    pixels: Pixels

    @cached_property
    def palette(self) -> Palette:
        """Its colors."""
        return palette_of(self.pixels)

    @cached_property
    def patches(self) -> Callable[[int, int], Patches]:
        """Its patches for the longer side of a photo and a seed; the last few are kept."""
        return lru_cache(maxsize=2)(partial(patches_of, shrunk(self.pixels, 512)))

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
        stage = stage_of(small)
        shares = _WHOLE if stage is None else _PRODUCT
        lut = palette_lut(palette_of(pixels), image.palette).weakened(shares.colors)
        colors = ColorMap(lut, after=NEVER)
        painted = _painted(small, colors.apply(small), image, seed, shares, stage)
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


def _painted(
    small: Pixels,
    colored: Pixels,
    image: StyleImage,
    seed: int,
    shares: _Shares,
    stage: Stage | None,
) -> Floats:
    """Return the change (y, x, 3) from the colored copy of a photo to the painted one."""
    level = np.float32(255)
    picture = colored.astype(np.float32) / level
    size = unit(picture)
    flat = flattened(picture, 4 * size, 1.6 * size)  # the brush omits small things
    change = np.float32(shares.brush) * (flat - picture)
    share = texture_share(small.astype(np.float32) / level)[..., None] * np.float32(shares.strokes)
    laid = strokes(picture, image.patches(max(picture.shape[:2]), seed), seed)
    if stage is not None:
        # The paint ends where a stroke ends.
        cover = smoothstep(*_RIM, stage.near + np.float32(_RAGGED) * luma(laid))[..., None]
        paint = 1 - cover * (1 - _ground(image, *stage.shape))
        change = change + stage.laid(picture, paint) - picture
        share = share + cover * stage.open[..., None] * (np.float32(_AROUND) - share)
    return np.asarray(change + laid * share, np.float32)


def _ground(image: StyleImage, height: int, width: int) -> Floats:
    """Return the paint around a product (h, w, 3): the style image, but blurred, pale and clear."""
    lab = to_oklab(shrunk(image.pixels, _BLOTCHES).astype(np.float32) / np.float32(255))
    light = lab[..., 0]
    lab[..., 0] = _GROUND_LIGHT + _GROUND_RANGE * np.tanh(3 * (light - light.mean()))
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    gain = _GROUND_CHROMA / max(float(chroma.mean()), _GROUND_CHROMA / _GROUND_GAIN)
    lab[..., 1:] *= np.minimum(gain, 2 * _GROUND_CHROMA / np.maximum(chroma, 1e-6))[..., None]
    colors = np.clip(from_oklab(lab), 0, 1)
    return np.stack([resized(colors[..., c], height, width) for c in range(3)], axis=-1)
