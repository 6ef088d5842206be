"""The tone styler: named looks, and custom LUTs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache

from style.arrays import Alpha, Pixels
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.looks import LOOKS, grade
from style.lut import SIZE, ColorMap, Lut, identity_table
from style.styler import Provenance, StyleInfo

__all__ = ["ToneStyler", "look_lut"]

_KEPT = 4  # color maps in the cache; each may take 64 MiB


@cache
def look_lut(name: str) -> Lut:
    """Return the LUT of a built-in look. Raises UnknownStyle."""
    if name not in LOOKS:
        raise UnknownStyle(name, LOOKS)
    return Lut(grade(identity_table(SIZE), LOOKS[name]), name)


class ToneStyler:
    """Changes colors by LUTs, pixel by pixel, at full size. Thread-safe."""

    name = "tone"

    def __init__(self, luts: Mapping[str, Lut] | None = None) -> None:
        """Offer the built-in looks and ``luts``; a LUT with the name of a look replaces it.

        A LUT is looked up when its style is first used.
        """
        self._luts: Mapping[str, Lut] = luts or {}
        self._maps: OrderedDict[tuple[str, float], ColorMap] = OrderedDict()
        self._lock = threading.Lock()

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name; custom LUTs have the default strength 1."""
        own = {name: StyleInfo(name, "tone", 1.0) for name in self._luts}
        looks = {name: StyleInfo(name, "tone", look.strength) for name, look in LOOKS.items()}
        return [info for _, info in sorted((looks | own).items())]

    def lut(self, style: str) -> Lut:
        """Return the LUT of a style at full strength. Raises UnknownStyle."""
        if style in self._luts:
            return self._luts[style]
        if style not in LOOKS:
            raise UnknownStyle(style, {*LOOKS, *self._luts})
        return look_lut(style)

    def apply(
        self,
        pixels: Pixels,
        style: str,
        strength: float,
        mask: Alpha | None = None,
        seed: int = 0,  # noqa: ARG002 - part of the protocol
    ) -> Pixels:
        """Return (h, w, 3) in the style; see ``Styler.apply``. The seed has no effect."""
        check_pixels(pixels)
        lut = self.lut(style)
        strength = check_strength(strength)
        mask = check_mask(mask, pixels)
        if strength == 0:
            return pixels.copy()
        return self._map(style, lut, strength).apply(pixels, mask)

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises UnknownStyle."""
        return Provenance(self.name, self.lut(style).digest, style, strength, seed)

    def _map(self, style: str, lut: Lut, strength: float) -> ColorMap:
        key = (style, strength)
        with self._lock:
            if key not in self._maps:
                self._maps[key] = ColorMap(lut.weakened(strength))
                if len(self._maps) > _KEPT:
                    self._maps.popitem(last=False)
            self._maps.move_to_end(key)
            return self._maps[key]
