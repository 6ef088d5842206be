"""Pictures of the same thing in another dress: other background, drawn, painted, badly compressed.

Plain functions on uint8 (h, w, 3) pixels. They are too slow for the training loop and run
once, when views are made.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def compress(pixels: Pixels, quality: int) -> Pixels:
    """Pass through JPEG at a quality of 1 to 95."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def thing_on_white(pixels: Pixels) -> Mask | None:
    """Find the thing in a catalog picture; None where the border is not nearly white.

    The (h, w) mask is true on the thing. White parts inside it stay part of it where
    each row and each column through them has color on both sides.
    """
    white = pixels.min(axis=2) > 240
    border = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    if border.mean() < 0.7:
        return None
    solid = ~white
    inside_row = np.maximum.accumulate(solid, 1) & np.maximum.accumulate(solid[:, ::-1], 1)[:, ::-1]
    inside_column = np.maximum.accumulate(solid, 0) & np.maximum.accumulate(solid[::-1], 0)[::-1]
    thing = solid | (inside_row & inside_column)
    return thing if 0.02 < thing.mean() < 0.98 else None


def put_on(pixels: Pixels, thing: Mask, background: Pixels) -> Pixels:
    """Keep the thing, (h, w) true, and show `background` elsewhere; the seam is softened."""
    soft = Image.fromarray(thing.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(1.0))
    return np.asarray(Image.composite(Image.fromarray(pixels), Image.fromarray(background), soft))


def cartoon(pixels: Pixels, levels: int) -> Pixels:
    """Flatten to a few levels a channel and draw the contours in ink."""
    image = Image.fromarray(pixels).filter(ImageFilter.MedianFilter(5))
    step = 255.0 / (levels - 1)
    flat = np.round(np.asarray(image, dtype=np.float32) / step) * step  # (h, w, 3)
    ink = np.asarray(image.convert("L").filter(ImageFilter.FIND_EDGES), dtype=np.float32)
    ink[[0, -1]] = ink[:, [0, -1]] = 0.0
    return np.asarray(flat * np.clip(1.3 - ink[:, :, None] / 60.0, 0.0, 1.0), dtype=np.uint8)


def sketch(pixels: Pixels) -> Pixels:
    """Pencil on paper: gray divided by its own blur."""
    gray = Image.fromarray(pixels).convert("L")
    blurred = np.asarray(gray.filter(ImageFilter.GaussianBlur(3.0)), dtype=np.float32)
    lines = np.clip(np.asarray(gray, dtype=np.float32) / (blurred + 1.0) * 250.0, 0.0, 255.0)
    lines = 255.0 - np.clip((255.0 - lines) * 2.0, 0.0, 255.0)
    return np.asarray(np.repeat(lines[:, :, None], 3, axis=2), dtype=np.uint8)


def paint(pixels: Pixels, brush: Pixels, strength: float) -> Pixels:
    """Give the picture the colors and the texture of `brush`, another picture of the same shape.

    Means and deviations of each channel move towards the brush, and its fine detail is laid on
    top. Strength 0 changes nothing, 1 is all brush.
    """
    image = Image.fromarray(pixels).filter(ImageFilter.ModeFilter(5))
    content = np.asarray(image, dtype=np.float32)
    style = np.asarray(brush, dtype=np.float32)
    mean, deviation = content.mean((0, 1)), content.std((0, 1)) + 1.0  # (3,) each
    moved = (content - mean) / deviation * style.std((0, 1)) + style.mean((0, 1))
    smooth = np.asarray(
        Image.fromarray(brush).filter(ImageFilter.GaussianBlur(4.0)), dtype=np.float32
    )
    mixed = content + strength * (moved - content) + strength * 0.8 * (style - smooth)
    changed: Pixels = np.clip(mixed, 0.0, 255.0).astype(np.uint8)
    return changed
