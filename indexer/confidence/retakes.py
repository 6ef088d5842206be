"""Simulate shopper photos of catalog pictures, and pictures without a product.

They replace real photos when scores are calibrated. All randomness comes from a generator: the
same seed gives the same pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from indexer.imaging.cutout import object_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Pixels

_TILT = 12.0  # degrees, one standard deviation
_WARP = 0.06  # of a side, one standard deviation: stretch and perspective


def retake(pixels: Pixels, other: Pixels, rng: np.random.Generator) -> Pixels:
    """Turn a square picture (s, s, 3) into one of the same size that looks like a phone photo.

    The background becomes a piece of ``other`` (s, s, 3) or a plain wall. The view is tilted,
    scaled and in perspective, sometimes mirrored or partly covered; lighting, noise and blur vary.
    """
    side = len(pixels)
    thing = object_mask(pixels)
    mask = np.ones((side, side), dtype=np.bool_) if thing is None else thing
    moved = _viewpoint(side, rng)
    picture = Image.fromarray(pixels).transform(
        (side, side), Image.Transform.PERSPECTIVE, moved, Image.Resampling.BICUBIC
    )
    seen = Image.fromarray(mask.astype(np.uint8) * 255).transform(
        (side, side), Image.Transform.PERSPECTIVE, moved, Image.Resampling.BILINEAR
    )
    photo = Image.composite(picture, _backdrop(other, rng), seen.filter(ImageFilter.GaussianBlur()))
    if rng.random() < 0.35:
        x, y = rng.uniform(-0.1, 0.8, 2) * side
        w, h = rng.uniform(0.15, 0.5, 2) * side
        color = tuple(int(value) for value in rng.integers(0, 256, 3))
        photo.paste(color, (int(x), int(y), int(x + w), int(y + h)))
    lit = Image.fromarray(_change_lighting(np.asarray(photo), rng))
    if rng.random() < 0.5:
        lit = lit.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.012) * side))
    return np.asarray(lit)


def no_product(side: int, rng: np.random.Generator) -> Pixels:
    """Draw a picture (side, side, 3) without a product: noise, grain, stripes or a gradient.

    Several kinds, since one may look like a product of the shop: colored noise resembles fruit.
    """
    kind = rng.integers(5)
    if kind == 0:
        return scene(side, rng)
    if kind == 1:
        return np.repeat(scene(side, rng)[:, :, :1], 3, axis=2)
    first, second = rng.uniform(0, 255, (2, 3))
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    across = (x * np.cos(angle) + y * np.sin(angle))[:, :, None]  # (side, side, 1), to 1.4
    if kind == 2:
        values = rng.normal(first, rng.uniform(20, 80), (side, side, 3))
    elif kind == 3:
        values = np.where(np.sin(rng.uniform(10, 120) * across) > 0, first, second)
    else:
        share = (across / 1.5 + 1) / 2
        values = share * first + (1 - share) * second
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def scene(side: int, rng: np.random.Generator) -> Pixels:
    """Draw colored noise (side, side, 3) with the spectrum of photos.

    The amplitude falls with the frequency, as in photos of any subject (Field, "Relations between
    the statistics of natural images", 1987).
    """
    waves = np.fft.fftfreq(side)
    frequency = np.hypot(waves[:, None], waves[None, :]) + 1 / side  # (side, side)
    spectrum = np.fft.fft2(rng.normal(size=(3, side, side))) / frequency ** rng.uniform(0.7, 1.8)
    noise = np.real(np.fft.ifft2(spectrum)).transpose(1, 2, 0)  # (side, side, 3)
    noise = (noise - noise.mean((0, 1))) / (noise.std((0, 1)) + 1e-9)
    values = rng.uniform(40, 215, 3) + rng.uniform(20, 70) * noise
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def _viewpoint(side: int, rng: np.random.Generator) -> list[float]:
    """Return Pillow's eight perspective coefficients (output to input) for a random viewpoint."""
    angle = np.deg2rad(rng.normal(0, _TILT))
    zoom = rng.uniform(0.55, 1.15)  # below 1 is nearer
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    stretch = 1 + rng.normal(0, _WARP, 2)
    shift = rng.uniform(-0.12, 0.12, 2)
    lean = rng.normal(0, _WARP, 2)
    view = np.array(
        [[cos * stretch[0], -sin, shift[0]], [sin, cos * stretch[1], shift[1]], [*lean, 1.0]]
    )
    if rng.random() < 0.5:
        view[0] *= -1
    centered = np.array([[2 / side, 0, -1], [0, 2 / side, -1], [0, 0, 1]])  # pixels to [-1, 1]
    matrix = np.linalg.inv(centered) @ view @ centered
    return [float(value) for value in (matrix / matrix[2, 2]).ravel()[:8]]


def _backdrop(other: Pixels, rng: np.random.Generator) -> Image.Image:
    side = len(other)
    if rng.random() < 0.6:
        share = rng.uniform(0.3, 1.0) * side
        x, y = rng.uniform(0, side - share, 2)
        piece = Image.fromarray(other).resize(
            (side, side), Image.Resampling.BILINEAR, (x, y, x + share, y + share)
        )
        return piece.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.02) * side))
    slope = np.linspace(-40, 40, side)[None, :, None]  # light from one side
    wall = rng.integers(30, 240, 3) + slope + rng.normal(0, 10, (side, side, 1))
    return Image.fromarray(np.clip(wall, 0, 255).astype(np.uint8))


def _change_lighting(pixels: Pixels, rng: np.random.Generator) -> NDArray[np.uint8]:
    light = np.clip(pixels.astype(np.float32) / 255, 1e-3, 1)  # (s, s, 3)
    light = light ** np.exp(rng.normal(0, 0.35)) * np.exp(rng.normal(0, 0.1, 3))
    gray = light.mean(2, keepdims=True)  # (s, s, 1)
    light = gray + (light - gray) * rng.uniform(0.6, 1.3)
    light = 0.5 + (light - 0.5) * rng.uniform(0.7, 1.2) + rng.normal(0, 0.06)
    light = light + rng.normal(0, rng.uniform(0, 0.04), light.shape)
    return np.asarray(np.clip(light, 0, 1) * 255, dtype=np.uint8)
