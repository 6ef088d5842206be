"""Street photos cropped to the person, and the part that each pixel of these close-ups shows."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.arrays import Pixels
from indexer.training.detector.pictures import read_labels, read_picture, relit
from indexer.training.detector.streets import Street

HEIGHT, WIDTH = 320, 192
"""Sides of a close-up in pixels: about the shape of a person who stands."""
MARGIN = 0.04
"""Around a person, as a share of the person's height."""

_GRAY = (128, 128, 128)  # beyond the photo
_LEAST, _MOST = -0.04, 0.22  # margins of a close-up to train on, as shares of the person
_NEAR = 0.3  # share of the close-ups to train on that show a part of the person

Labels = NDArray[np.uint8]
Region = tuple[float, float, float, float]


class CloseUp(NamedTuple):
    """Pixels (HEIGHT, WIDTH, 3) of a person, and the number of the part that each shows."""

    pixels: Pixels
    parts: Labels


class LabeledPhoto(NamedTuple):
    """A street photo, and the number of the part (h, w) that each pixel shows; 0 is background."""

    image: Image.Image
    parts: Labels

    @classmethod
    def read(cls, street: Street, numbers: Labels) -> LabeledPhoto:
        """Read a photo and its mask, whose values ``numbers`` (256,) maps to parts."""
        return cls(read_picture(street.path), numbers[read_labels(street.mask)])

    def person(self) -> Region:
        """Return the box of what is no background, in pixels; all if there is nothing."""
        rows, columns = np.nonzero(self.parts)
        if not len(rows):
            return 0.0, 0.0, float(self.image.width), float(self.image.height)
        x0, x1 = float(columns.min()), float(columns.max()) + 1
        y0, y1 = float(rows.min()), float(rows.max()) + 1
        return x0, y0, x1, y1


def whole_close_up(photo: LabeledPhoto) -> CloseUp:
    """Return the close-up of the whole person with a margin, as a photo is looked at in use."""
    x0, y0, x1, y1 = photo.person()
    margin = MARGIN * (y1 - y0)
    width, height = photo.image.size
    region = (
        max(0.0, x0 - margin),
        max(0.0, y0 - margin),
        min(float(width), x1 + margin),
        min(float(height), y1 + margin),
    )
    return _cut(photo, region, turn=0.0, mirrored=False)


def random_close_up(photo: LabeledPhoto, rng: np.random.Generator) -> CloseUp:
    """Return a close-up with random margins, turned a little, mirrored or not, and relit."""
    x0, y0, x1, y1 = photo.person()
    left, top, right, bottom = rng.uniform(_LEAST, _MOST, 4)
    width, height = x1 - x0, y1 - y0
    x0, x1 = x0 - left * width, x1 + right * width
    y0, y1 = y0 - 0.7 * top * height, y1 + 0.7 * bottom * height
    if rng.random() < _NEAR:
        tall = rng.uniform(0.5, 0.9)
        wide = rng.uniform(max(tall, 0.7), 1)
        width, height = x1 - x0, y1 - y0
        x0, y0 = x0 + rng.uniform(0, 1 - wide) * width, y0 + rng.uniform(0, 1 - tall) * height
        x1, y1 = x0 + wide * width, y0 + tall * height
    turn, mirrored = rng.normal(0, 0.07), bool(rng.random() < 0.5)
    found = _cut(photo, (x0, y0, x1, y1), turn=turn, mirrored=mirrored)
    return CloseUp(relit(found.pixels, rng), found.parts)


def _cut(photo: LabeledPhoto, region: Region, *, turn: float, mirrored: bool) -> CloseUp:
    """Resize a region (pixels) to the close-up's sides, turned by an angle (radians)."""
    x0, y0, x1, y1 = region
    along, down = (x1 - x0) / WIDTH, (y1 - y0) / HEIGHT
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    sign = -1.0 if mirrored else 1.0
    a, b = sign * along * cosine, -down * sine
    d, e = sign * along * sine, down * cosine
    c = (x0 + x1) / 2 - (a * WIDTH + b * HEIGHT) / 2
    f = (y0 + y1) / 2 - (d * WIDTH + e * HEIGHT) / 2
    affine, size = (a, b, c, d, e, f), (WIDTH, HEIGHT)
    pixels = photo.image.transform(
        size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR, fillcolor=_GRAY
    )
    parts = Image.fromarray(photo.parts).transform(
        size, Image.Transform.AFFINE, affine, Image.Resampling.NEAREST
    )
    return CloseUp(np.asarray(pixels), np.asarray(parts))


def in_validation(path: Path) -> bool:
    """Return whether a training photo is kept apart to choose settings on."""
    return zlib.crc32(path.stem.encode()) % 14 == 1
