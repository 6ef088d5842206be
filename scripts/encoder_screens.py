"""Distortions by screens and catalog padding: uint8 (h, w, 3) to uint8, deterministic."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.uint8]
Color = tuple[int, int, int]

_TALL = 19 / 9
_WORDS = ["Lamp", "Chair", "Blue", "Fresh", "Summer", "Cotton", "Organic", "Small", "New", "Oak"]


def on_tall_canvas(pixels: Pixels, color: Color = (255, 255, 255)) -> Pixels:
    """Center on a canvas of 9:19 that contains the photo."""
    height, width = pixels.shape[:2]
    w = max(width, round(height / _TALL))
    h = max(height, round(w * _TALL))
    canvas = np.empty((h, w, 3), dtype=np.uint8)
    canvas[:] = color
    top, left = (h - height) // 2, (w - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def barred(pixels: Pixels) -> Pixels:
    """Add black bars above and below, up to 9:19."""
    return on_tall_canvas(pixels, (0, 0, 0))


def framed(pixels: Pixels) -> Pixels:
    """Add a border of 20 % of the longer side, in a color that depends on the photo."""
    rng = _random(pixels)
    height, width = pixels.shape[:2]
    edge = round(0.2 * max(height, width))
    canvas = np.empty((height + 2 * edge, width + 2 * edge, 3), dtype=np.uint8)
    canvas[:] = rng.integers(0, 256, 3, dtype=np.uint8)
    canvas[edge : edge + height, edge : edge + width] = pixels
    return canvas


def app_screenshot(pixels: Pixels) -> Pixels:
    """Draw in a shop's app: clock above; title, price and a colored button below the photo."""
    rng = _random(pixels)
    height, width = pixels.shape[:2]
    edge = round(width * float(rng.choice([0.0, 0.05])))  # some apps show photos without a margin
    w = width + 2 * edge
    h = max(round(w * _TALL), round(height + 0.6 * w))
    page = Image.new("RGB", (w, h), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    unit = w / 100
    draw.text((4 * unit, 2 * unit), "9:41", (20, 20, 20), ImageFont.load_default(4.5 * unit))
    draw.text((80 * unit, 2 * unit), "5G 87%", (20, 20, 20), ImageFont.load_default(4.5 * unit))
    top = round(14 * unit)
    page.paste(Image.fromarray(pixels), (edge, top))
    below = top + height + 5 * unit
    title = " ".join(str(word) for word in rng.choice(_WORDS, 3))
    draw.text((5 * unit, below), title, (30, 30, 30), ImageFont.load_default(6 * unit))
    price = f"{rng.integers(3, 200)}.99"
    draw.text((5 * unit, below + 11 * unit), price, (90, 90, 90), ImageFont.load_default(6 * unit))
    color = tuple(int(value) for value in rng.integers(0, 200, 3))
    button = (5 * unit, h - 20 * unit, 95 * unit, h - 8 * unit)
    draw.rounded_rectangle(button, 3 * unit, fill=color)
    word = ImageFont.load_default(5 * unit)
    draw.text((38 * unit, h - 17 * unit), "Add to cart", (255, 255, 255), word)
    return np.asarray(page)


def photographed_screen(pixels: Pixels) -> Pixels:
    """Simulate a photo of a screen: moire, slight perspective, blur, and overexposure."""
    rng = _random(pixels)
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    period = max(height, width) / rng.uniform(25, 45)
    waves = np.stack(  # (h, w, 3): the three subpixels of a screen lie side by side
        [np.sin(2 * np.pi * (x + 0.35 * y) / period + phase) for phase in (0.0, 2.1, 4.2)], axis=2
    )
    lit = 255 * (pixels / 255.0) ** 0.8 + 9 * waves + 6
    picture = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    # The corners of the screen are up to 4 % of the sides inside the photo, with black outside.
    dx, dy = rng.uniform(0, 0.04, 4) * width, rng.uniform(0, 0.04, 4) * height
    corners = [
        (-dx[0], -dy[0]),
        (-dx[1], height + dy[1]),
        (width + dx[2], height + dy[2]),
        (width + dx[3], -dy[3]),
    ]
    flat = tuple(float(value) for corner in corners for value in corner)
    seen = picture.transform((width, height), Image.Transform.QUAD, flat, Image.Resampling.BILINEAR)
    return np.asarray(seen.filter(ImageFilter.GaussianBlur(0.004 * max(height, width))))


def turned(quarters: int, pixels: Pixels) -> Pixels:
    """Rotate left by quarter turns, like a camera that writes no EXIF orientation."""
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def gray(pixels: Pixels) -> Pixels:
    """Convert to gray."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def tiny(pixels: Pixels) -> Pixels:
    """Scale to 96 pixels on the longer side."""
    image = Image.fromarray(pixels)
    image.thumbnail((96, 96), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _random(pixels: Pixels) -> np.random.Generator:
    """Return a generator seeded by the photo."""
    return np.random.default_rng(zlib.crc32(pixels.tobytes()))
