"""The training photos in memory, each as one square, to be cropped anew at every step."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.training.data import Box, Photo

SIDE = 224


@cache
def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def whole(photo: Photo) -> Box:
    """Return the box worth seeing: the file, or the thing with a sixth of its size around it."""
    width, height = _size(photo.path)
    if photo.box is None:
        return 0, 0, width, height
    left, top, right, bottom = photo.box
    dx, dy = (right - left) // 6, (bottom - top) // 6
    return max(0, left - dx), max(0, top - dy), min(width, right + dx), min(height, bottom + dy)


def read_square(photo: Photo, size: int) -> NDArray[np.uint8]:
    """Decode a photo's whole box, squashed to (size, size, 3)."""
    with Image.open(photo.path) as image:
        return np.asarray(
            image.convert("RGB").resize(
                (size, size), Image.Resampling.BICUBIC, whole(photo), reducing_gap=2.0
            )
        )


def read_squares(photos: Sequence[Photo], size: int = SIDE) -> NDArray[np.uint8]:
    """Decode all photos: (n, size, size, 3), 150 kB of memory each at 224 px."""
    squares = np.empty((len(photos), size, size, 3), dtype=np.uint8)

    def read(number: int) -> None:
        squares[number] = read_square(photos[number], size)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(read, range(len(photos))):
            pass
    return squares


def random_box(rng: np.random.Generator, least: float, most: float) -> NDArray[np.float32]:
    """Draw a box of ``least`` to ``most`` of the unit square's area: (4,) [x0, y0, x1, y1]."""
    share = rng.uniform(least, most)
    stretch = np.exp(rng.uniform(-0.29, 0.29))
    width, height = min(1.0, np.sqrt(share * stretch)), min(1.0, np.sqrt(share / stretch))
    x, y = rng.uniform(0, 1.0 - width), rng.uniform(0, 1.0 - height)
    return np.array([x, y, x + width, y + height], dtype=np.float32)
