"""Photos of colored things on a background."""

from __future__ import annotations

from PIL import Image

from tests.conftest import COLORS, jpeg

TEAL = (0, 110, 110)  # unlike all items, and no thing to the tiny detector


def scene(background: tuple[int, int, int] = (0, 0, 0), **squares: tuple[int, int]) -> bytes:
    """A photo of 8 x 8 cells of one color, with a cell of each named color."""
    image = Image.new("RGB", (320, 320), background)
    for color, (column, row) in squares.items():
        image.paste(COLORS[color], (40 * column, 40 * row, 40 * column + 40, 40 * row + 40))
    return jpeg(image, quality=98)
