"""The layout of a campaign picture: its shape, the safe area, and the areas of its parts."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["FORMATS", "Box", "Frame", "frame_of"]

FORMATS = {"1:1": (1080, 1080), "4:5": (1080, 1350), "9:16": (1080, 1920), "16:9": (1920, 1080)}
"""The sizes of the formats that ad tools take: (width, height)."""

Shape = Literal["wide", "square", "tall", "story"]
# Apps draw their own buttons over the top and bottom of a story, so nothing to read is there.
_STORY_TOP, _STORY_BOTTOM = 0.14, 0.20


class Box(NamedTuple):
    """A rectangle in pixels; right and bottom are outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.bottom - self.top


class Frame(NamedTuple):
    """A picture of some size: its shape, the area where text may be, and the unit of sizes.

    ``unit`` is the side that font sizes are a share of.
    """

    width: int
    height: int
    shape: Shape
    safe: Box
    unit: float

    @property
    def beside(self) -> bool:
        """True if text is to the left of the product rather than below it."""
        return self.shape == "wide"

    @property
    def column(self) -> int:
        """The width that text may have, in pixels."""
        return round(0.44 * self.safe.width) if self.beside else self.safe.width

    def zone(self, text_height: int, crown: int = 0) -> Box:
        """Return the area of the product, with text of this height below or beside it.

        ``crown`` pixels at the top stay free.
        """
        gap = round(0.045 * self.unit)
        left, top, right, bottom = self.safe
        if self.beside:
            return Box(left + self.column + gap, top + crown, right, bottom)
        return Box(left, top + crown, right, max(top + crown + 1, bottom - text_height - gap))

    def bleed(self, text_height: int) -> Box:
        """Return the area of a photo that fills its part of the picture up to the edges."""
        gap = round(0.05 * self.unit)
        if self.beside:
            return Box(self.safe.left + self.column + gap, 0, self.width, self.height)
        return Box(0, 0, self.width, max(1, self.safe.bottom - text_height - gap))


def frame_of(width: int, height: int, margin: float) -> Frame:
    """Return the frame of a picture; ``margin`` is a share of the shorter side."""
    shape = _shape_of(width / height)
    edge = round(margin * min(width, height))
    top, bottom = edge, height - edge
    if shape == "story":
        top, bottom = round(_STORY_TOP * height), round((1 - _STORY_BOTTOM) * height)
    units = {"wide": min(0.62 * width, 1.05 * height), "tall": 1.08 * width, "story": 1.2 * width}
    unit = units.get(shape, width)
    return Frame(width, height, shape, Box(edge, top, width - edge, bottom), float(unit))


def _shape_of(ratio: float) -> Shape:
    """Return the shape of a picture with this ratio of width to height."""
    if ratio >= 1.25:
        return "wide"
    if ratio > 0.9:
        return "square"
    return "tall" if ratio > 0.65 else "story"
