"""Draw photos as screenshots of another shop's app, because many people search with those.

Its layout differs from the page in `encoder_screens`, for which trimming was developed.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]

_WIDTH, _HEIGHT = 360, 760  # about 9:19, a phone in portrait orientation
_TITLES = ("New in this week", "You may also like", "Best of the season", "Back in stock", "Offer")
_BUTTONS = ("Add to cart", "Buy now", "Save for later")
_COLORS = ((240, 90, 40), (28, 110, 220), (20, 150, 90), (25, 25, 28))
_INK, _QUIET = (30, 30, 34), (120, 120, 126)


def screenshot(pixels: Pixels) -> Pixels:
    """Draw a photo on the page of a shop app: status line, photo, title, price, button on white.

    Takes uint8 (h, w, 3) of any shape, returns (760, 360, 3). The photo keeps its proportions and
    fills the width; a tall photo is narrower, so that text and button fit below it. Words and
    colors depend on the pixels only: the same photo gives the same screenshot.
    """
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(pixels).tobytes()))
    screen = Image.new("RGB", (_WIDTH, _HEIGHT), (255, 255, 255))
    photo = Image.fromarray(pixels)
    scale = min(_WIDTH / photo.width, 0.62 * _HEIGHT / photo.height)
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    photo = photo.resize(size, Image.Resampling.BICUBIC)
    top = (_HEIGHT - photo.height) // 2 - 40  # text and button need more space than the status line
    screen.paste(photo, ((_WIDTH - photo.width) // 2, top))
    draw = ImageDraw.Draw(screen)
    clock = f"{rng.integers(24):02d}:{rng.integers(60):02d}"
    draw.text((16, 10), clock, _INK, ImageFont.load_default(15))
    draw.text((_WIDTH - 92, 10), f"LTE  {rng.integers(5, 100)} %", _INK, ImageFont.load_default(15))
    below = top + photo.height + 14
    title = _TITLES[rng.integers(len(_TITLES))]
    draw.text((16, below), title, _INK, ImageFont.load_default(20))
    price = f"{rng.integers(2, 200)}.{rng.integers(100):02d} EUR"
    draw.text((16, below + 28), price, _QUIET, ImageFont.load_default(17))
    button = (16, _HEIGHT - 66, _WIDTH - 16, _HEIGHT - 22)
    draw.rounded_rectangle(button, 10, _COLORS[rng.integers(len(_COLORS))])
    words = _BUTTONS[rng.integers(len(_BUTTONS))]
    middle = ((button[0] + button[2]) // 2, (button[1] + button[3]) // 2)
    draw.text(middle, words, (255, 255, 255), ImageFont.load_default(18), anchor="mm")
    return np.asarray(screen)
