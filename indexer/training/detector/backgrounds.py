"""Backgrounds without things, for composed scenes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from indexer.arrays import Pixels
from indexer.sample import backdrops
from indexer.training.detector.pictures import read_picture, to_pixels
from indexer.training.detector.streets import Street, empty_part

_ROOMS = 160


class Backgrounds:
    """Draws backgrounds: rooms, walls and floors; streets, textures, blurred photos, plain colors.

    ``blurred`` and ``textures`` are files; the streets give the parts beside their person.
    """

    def __init__(
        self, blurred: Sequence[Path], textures: Sequence[Path], streets: Sequence[Street]
    ) -> None:
        self._blurred, self._textures = blurred, textures
        self._streets = [part for street in streets if (part := empty_part(street)) is not None]
        self._rooms: list[Pixels] = []

    def draw(self, rng: np.random.Generator, width: int, height: int) -> Pixels:
        """Return a background (height, width, 3)."""
        draws = (self._plain, self._room, self._street, self._texture, self._photo)
        kind = draws[int(rng.choice(len(draws), p=(0.22, 0.24, 0.18, 0.14, 0.22)))]
        return kind(rng, width, height)

    def _plain(self, rng: np.random.Generator, width: int, height: int) -> Pixels:
        """Draw one color, mostly light, with a gradient and a little noise."""
        color = rng.uniform(0, 255, 3) if rng.random() < 0.4 else np.full(3, rng.uniform(200, 255))
        color = color + rng.normal(0, 4, 3)
        slope = rng.normal(0, 22, (2, 1)) * (rng.random() < 0.7)
        y, x = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
        light = slope[0] * x + slope[1] * y  # (height, width)
        noise = rng.normal(0, rng.uniform(0, 5), (height, width))
        values = color + light[..., None] + noise[..., None]
        return to_pixels(values)

    def _room(self, rng: np.random.Generator, width: int, height: int) -> Pixels:
        """Draw a crop of a room or of a surface; each is drawn once and used several times."""
        if len(self._rooms) < _ROOMS and (len(self._rooms) < 8 or rng.random() < 0.3):
            if rng.random() < 0.6:
                drawn = backdrops.room(rng, 480, 480, float(rng.uniform(0.15, 0.6)))
            else:
                drawn = backdrops.flat(rng, 480, 480, backdrops.PLACES)
            self._rooms.append(to_pixels(drawn))
        return _crop(self._rooms[int(rng.integers(len(self._rooms)))], rng, width, height, 0.6)

    def _street(self, rng: np.random.Generator, width: int, height: int) -> Pixels:
        if not self._streets:
            return self._plain(rng, width, height)
        part = self._streets[int(rng.integers(len(self._streets)))]
        return _crop(part, rng, width, height, 0.5)

    def _texture(self, rng: np.random.Generator, width: int, height: int) -> Pixels:
        if not self._textures:
            return self._plain(rng, width, height)
        path = self._textures[int(rng.integers(len(self._textures)))]
        return _crop(np.asarray(read_picture(path)), rng, width, height, 0.3)

    def _photo(self, rng: np.random.Generator, width: int, height: int) -> Pixels:
        """Draw a small part of a photo, blurred, so that no thing in it can be recognized."""
        if not self._blurred:
            return self._plain(rng, width, height)
        path = self._blurred[int(rng.integers(len(self._blurred)))]
        pixels = _crop(np.asarray(read_picture(path)), rng, width, height, 0.4)
        blur = ImageFilter.GaussianBlur(float(rng.uniform(2.5, 9)))
        return np.asarray(Image.fromarray(pixels).filter(blur))


def _crop(
    pixels: Pixels, rng: np.random.Generator, width: int, height: int, least: float
) -> Pixels:
    """Resize a random part of at least ``least`` of each side, sometimes mirrored."""
    h, w = pixels.shape[:2]
    share = rng.uniform(least, 1.0, 2)
    x, y = rng.uniform(0, 1 - share) * [w, h]
    box = (x, y, x + share[0] * w, y + share[1] * h)
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, box)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image)
