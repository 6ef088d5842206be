"""The styler of style images: a photo takes the colors of a picture of the shop's."""

from __future__ import annotations

from collections.abc import Mapping

from style.arrays import Alpha, Pixels
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.lut import NEVER, ColorMap
from style.palette import Palette, palette_lut, palette_of
from style.styler import Provenance, StyleInfo

__all__ = ["STRENGTH", "StyleImageStyler"]

STRENGTH = 0.6
"""The strength by default: a product still finds itself, see docs/style.md."""


class StyleImageStyler:
    """Gives photos the colors of style images, pixel by pixel. Safe to share between threads.

    It takes palette and contrast from a style image, and no strokes: edges cannot move.
    """

    name = "palette"

    def __init__(self, palettes: Mapping[str, Palette]) -> None:
        """Offer these styles; a palette is looked up when it is first asked for."""
        self._palettes = palettes

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name."""
        return [StyleInfo(name, "tone", STRENGTH) for name in sorted(self._palettes)]

    def apply(
        self,
        pixels: Pixels,
        style: str,
        strength: float,
        mask: Alpha | None = None,
        seed: int = 0,  # noqa: ARG002 - of the protocol
    ) -> Pixels:
        """Return (h, w, 3) in the style; see ``Styler.apply``. The seed changes nothing.

        Raises BadStyleFile if the style's image is damaged.
        """
        check_pixels(pixels)
        palette = self._palette(style)
        strength = check_strength(strength)
        mask = check_mask(mask, pixels)
        if strength == 0:
            return pixels.copy()
        lut = palette_lut(palette_of(pixels), palette)
        return ColorMap(lut.weakened(strength), after=NEVER).apply(pixels, mask)

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises as ``apply`` does."""
        return Provenance(self.name, self._palette(style).digest, style, strength, seed)

    def _palette(self, style: str) -> Palette:
        if style not in self._palettes:
            raise UnknownStyle(style, self._palettes)
        return self._palettes[style]
