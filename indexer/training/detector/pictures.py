"""Read pictures and masks of the training sets, and change them at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.arrays import Pixels

SIDE = 288
"""Side of the detector's input in pixels; photos are resized to it without keeping their shape."""

Boxes = NDArray[np.float32]


def read_picture(path: Path) -> Image.Image:
    """Decode a picture of a training set, as RGB."""
    with Image.open(path) as image:
        return image.convert("RGB")


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Read the label of each pixel, (h, w), from a PNG mask."""
    with Image.open(path) as image:
        return np.asarray(image)


def squashed(
    image: Image.Image, region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
) -> Pixels:
    """Resize a region, in shares of the sides, to the detector's input (SIDE, SIDE, 3)."""
    x0, y0, x1, y1 = region
    width, height = image.size
    # Rounding may put a side of the region beyond the picture, which Pillow refuses.
    box = (x0 * width, y0 * height, min(x1 * width, width), min(y1 * height, height))
    return np.asarray(
        image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    )


def relit(pixels: Pixels, rng: np.random.Generator, strength: float = 1.0) -> Pixels:
    """Change brightness, contrast and white balance at random; sometimes to gray."""
    values = pixels.astype(np.float32)
    gains = np.exp(rng.normal(0, 0.06 * strength, 3) + rng.normal(0, 0.16 * strength))
    values *= gains.astype(np.float32)
    mean = values.mean()
    contrast = np.float32(np.exp(rng.normal(0, 0.14 * strength)))
    values = (values - mean) * contrast + mean
    if rng.random() < 0.04 * strength:
        values[:] = values.mean(axis=2, keepdims=True)
    return to_pixels(values)


def to_pixels(values: NDArray[np.floating]) -> Pixels:
    """Clip to 0 to 255, and round down."""
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def random_crop(
    rng: np.random.Generator, boxes: Boxes, least: float
) -> tuple[tuple[float, float, float, float], Boxes, NDArray[np.bool_]]:
    """Choose a crop of at least ``least`` of each side; return it, the boxes in it, and a mask.

    The boxes are given as shares of the picture, and returned as shares of the crop. The mask is
    false for boxes with less than 40 % in the crop; these regions are neither things nor
    background.
    """
    width, height = rng.uniform(least, 1.0, 2)
    x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    offset = np.array([x, y, x, y], np.float32)
    scale = np.array([width, height, width, height], np.float32)
    moved = (boxes - offset) / scale
    clipped = np.clip(moved, 0, 1)
    kept = area(clipped) >= 0.4 * np.maximum(area(moved), 1e-9)
    return (x, y, x + width, y + height), clipped, kept


def area(boxes: Boxes) -> NDArray[np.float32]:
    """Return the areas (n,) of boxes (n, 4)."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def flipped(pixels: Pixels, boxes: Boxes) -> tuple[Pixels, Boxes]:
    """Mirror a picture and its boxes, left to right."""
    mirrored = boxes[:, [2, 1, 0, 3]].copy()
    mirrored[:, [0, 2]] = 1 - mirrored[:, [0, 2]]
    return np.ascontiguousarray(pixels[:, ::-1]), mirrored


def read_rgba(path: Path) -> tuple[Pixels, NDArray[np.uint8]]:
    """Read a PNG with opacity: its colors (h, w, 3), and its opacity (h, w)."""
    with Image.open(path) as image:
        values = np.asarray(image.convert("RGBA"))
    return values[..., :3].copy(), values[..., 3].copy()
