"""Pointillism: dots of pure color, which the eye mixes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from style.arrays import Floats
from style.art.backdrop import Stage, tints
from style.art.canvas import kuwahara, unit
from style.oklab import from_oklab, to_oklab
from style.planes import gaussian, smoothstep

__all__ = ["paint", "surround"]

_GROUND = ((16.0, 0.9), (13.0, 0.8), (10.0, 0.7))  # the same around a product
_LAYERS = ((11.0, 1.0), (8.5, 0.75), (6.5, 0.6))  # pitch of the dots, share that is painted


def paint(picture: Floats, seed: int) -> Floats:
    """Paint (h, w, 3) in three layers of round dots on a pale ground, the finest layer last.

    Neighboring dots differ in hue and lightness; their mean is the color of the picture.
    """
    size = unit(picture)
    ground = kuwahara(picture, 3 * size)
    canvas = ground + 0.12 * (np.array([0.985, 0.975, 0.95], np.float32) - ground)
    for layer, (pitch, share) in enumerate(_LAYERS):
        rng = np.random.default_rng(seed + 10 * layer)
        dots = _dots(picture.shape[:2], pitch * size, share, rng)
        colors = _lively(ground[dots.row, dots.column], rng)
        canvas += (colors[dots.label] - canvas) * dots.cover[..., None]
    canvas += gaussian(ground - canvas, 6 * size)  # the eye sees the color of the picture
    return np.asarray(np.clip(canvas, 0, 1), np.float32)


def surround(stage: Stage, seed: int) -> Floats:
    """Scatter dots on the page around a product, fewer away from it: factors (h, w, 3)."""
    made = np.ones((*stage.shape, 3), np.float32)
    hue = np.pi + (4.2 if stage.hue is None else stage.hue)
    for layer, (pitch, share) in enumerate(_GROUND):
        rng = np.random.default_rng([seed, layer])
        dots = _dots(stage.shape, pitch * stage.size, share, rng)
        count = len(dots.row)
        near = stage.near[dots.row, dots.column]
        set_ = rng.random(count) < 1.25 * near**1.3
        hues = hue + rng.normal(0, 0.5, count) + np.pi * (rng.random(count) < 0.25)
        colors = tints(rng.normal(0.83, 0.04, count), np.array([0.10]), hues)
        cover = (0.8 * dots.cover * set_[dots.label])[..., None]
        made += (colors[dots.label] - made) * cover
    return made


class _Dots(NamedTuple):
    row: NDArray[np.intp]  # (n,): the pixel at the center of each dot
    column: NDArray[np.intp]
    label: NDArray[
        np.int32
    ]  # (h, w): the dot that covers each pixel; between dots it has no meaning
    cover: Floats  # (h, w): 1 inside a dot, 0 between dots


def _dots(shape: tuple[int, int], pitch: float, share: float, rng: np.random.Generator) -> _Dots:
    """Place round dots on a jittered grid of ``pitch`` pixels, and leave out some at random."""
    height, width = shape
    rows, columns = max(1, round(height / pitch)), max(1, round(width / pitch))
    at = np.moveaxis(np.mgrid[0:rows, 0:columns], 0, -1).reshape(-1, 2) + 0.5
    at += 0.7 * (rng.random(at.shape) - 0.5)
    at = at[rng.random(len(at)) < share] if len(at) > 4 else at
    at *= (height / rows, width / columns)
    middle = np.clip(at, 0, (height - 1, width - 1)).astype(np.intp)  # (n, 2)
    radius = 0.52 * pitch
    reach = math.ceil(radius)
    away = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    away = away[:, np.argsort(-(away**2).sum(axis=0), kind="stable")]
    # From the rim inward, so that of two dots that overlap, the one with the nearer center is seen.
    line = width + 2 * reach
    label = np.zeros((height + 2 * reach) * line, np.int32)
    first = (middle[:, 0] + reach) * line + middle[:, 1] + reach
    number = np.arange(len(at), dtype=np.int32)
    for down, right in away.T:
        label[first + (down * line + right)] = number
    label = label.reshape(-1, line)[reach : reach + height, reach : reach + width]
    center = at.astype(np.float32)
    far = np.hypot(
        np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5) - center[label, 0],
        np.arange(width, dtype=np.float32) + np.float32(0.5) - center[label, 1],
    )
    return _Dots(middle[:, 0], middle[:, 1], label, smoothstep(radius + 0.5, radius - 0.5, far))


def _lively(colors: Floats, rng: np.random.Generator) -> Floats:
    """Vary the hue, chroma and lightness of colors (n, 3) at random, around the same mean."""
    lab = to_oklab(colors)
    light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    paper = smoothstep(1.0, 0.85, light)  # white paper stays white
    spread = rng.standard_normal(lab.shape, np.float32)
    spread[:, 0] *= 0.022 * paper
    spread[:, 1:] *= (0.010 * paper + 0.075 * chroma)[:, None]
    lab[:, 1:] *= 1.1
    return np.asarray(np.clip(from_oklab(lab + spread), 0, 1), np.float32)
