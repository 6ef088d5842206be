"""The available styles, and the styler of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from style.arrays import Alpha, Pixels
from style.checks import check_mask, check_pixels, check_strength
from style.errors import UnknownStyle
from style.painter import PainterStyler
from style.strips import blend, over_strips
from style.stylefolder import StyleFolder
from style.styleimage import StyleImageStyler
from style.styler import StyleInfo, Styler
from style.tone import ToneStyler

__all__ = ["FoundStyle", "StyleRegistry", "apply_apart", "built_in", "with_folder"]


class FoundStyle(NamedTuple):
    """A style and its styler."""

    styler: Styler
    info: StyleInfo


class StyleRegistry:
    """The styles of several stylers; of two styles with the same name, the later one counts."""

    def __init__(self, stylers: Sequence[Styler]) -> None:
        self._found = {
            info.name: FoundStyle(styler, info) for styler in stylers for info in styler.styles()
        }

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name."""
        return [found.info for _, found in sorted(self._found.items())]

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def find(self, name: str) -> FoundStyle:
        """Return the style and its styler. Raises UnknownStyle."""
        if name not in self._found:
            raise UnknownStyle(name, self._found)
        return self._found[name]


def built_in() -> StyleRegistry:
    """Return the built-in styles, which need no shop: looks and painterly filters."""
    return StyleRegistry([ToneStyler(), PainterStyler()])


def with_folder(folder: Path) -> StyleRegistry:
    """Return the built-in styles and those of a folder, such as a shop's ``styles``.

    Files are read when a style is used. Raises BadStyleFile if the folder cannot be listed.
    """
    own = StyleFolder(folder)
    return StyleRegistry(
        [ToneStyler(own.luts()), PainterStyler(), StyleImageStyler(own.palettes())]
    )


def apply_apart(
    styler: Styler,
    pixels: Pixels,
    style: str,
    strength: float,
    background_strength: float,
    product: Alpha,
    seed: int = 0,
) -> Pixels:
    """Style product and background of (h, w, 3) with different strengths; ``product`` is the mask.

    Raises what ``Styler.apply`` raises.
    """
    check_pixels(pixels)
    alpha = check_mask(product, pixels)
    assert alpha is not None
    behind = check_strength(background_strength, "background_strength")
    styled = styler.apply(pixels, style, strength, seed=seed)
    if behind == strength:
        return styled
    ground = styler.apply(pixels, style, behind, seed=seed)

    def work(top: int, bottom: int) -> None:
        ground[top:bottom] = blend(ground[top:bottom], styled[top:bottom], alpha[top:bottom])

    over_strips(pixels.shape[0], pixels.shape[1], work)
    return ground
