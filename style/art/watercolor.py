"""Watercolor: thin washes on white paper, darker where a wash ends."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.backdrop import Stage, tints
from style.art.canvas import cloud, flattened, grain, unit
from style.guided import luma
from style.planes import gaussian, gradient, smoothstep

__all__ = ["paint", "surround"]


def paint(picture: Floats, seed: int) -> Floats:
    """Paint (h, w, 3) in watercolor.

    After A. Bousseau et al., "Interactive watercolor rendering with temporal coherence and
    abstraction", 2006: a flattened picture C gets a pigment density d by C - (C - C**2)(d - 1).
    Density comes from turbulence, from paper grain, and from the pigment that gathers at edges.
    """
    size = unit(picture)
    shape = picture.shape[:2]
    wash = _wobbled(flattened(picture, 6 * size, 1.8 * size, 4.0), 2.0 * size, seed)
    soft = gaussian(wash, 1.2 * size)
    slopes = sum(np.hypot(*gradient(soft[..., channel])) for channel in range(3))
    edge = smoothstep(0.04, 0.35, np.asarray(slopes, np.float32) * max(size, 0.3))
    paper = cloud(shape, 2.2 * size, seed + 1) + 0.6 * cloud(shape, 5 * size, seed + 2)
    turbulence = cloud(shape, 90 * size, seed + 3) + 0.6 * cloud(shape, 30 * size, seed + 4)
    density = 1 + 0.09 * turbulence + 0.07 * paper + 1.5 * edge
    light = 1 - 0.92 * (1 - wash)  # thin paint is translucent
    gray = luma(light)[..., None]
    light = np.clip(gray + 1.15 * (light - gray), 0, 1)
    tinted = light - (light - light * light) * (np.clip(density, 0.3, 3.5)[..., None] - 1)
    speckle = (grain(shape, seed + 5) - 0.5)[..., None] * 0.02
    warm = np.array([1.0, 0.994, 0.978], np.float32)
    return np.asarray(
        np.clip((tinted + 0.012 * paper[..., None] + speckle) * warm, 0, 1), np.float32
    )


def surround(stage: Stage, seed: int) -> Floats:
    """Wash two colors over the page around a product, darker where they end: factors (h, w, 3)."""
    size, shape = stage.size, stage.shape
    field = stage.near + 0.16 * cloud(shape, 70 * size, seed + 20)
    field = field + 0.07 * cloud(shape, 20 * size, seed + 21)
    wash = smoothstep(0.42, 0.50, field)
    rim = wash * (1 - smoothstep(0.46, 0.62, field))
    hue = 4.2 if stage.hue is None else stage.hue
    first, second = tints(
        np.array([0.86, 0.88]), np.array([0.075, 0.07]), np.array([hue + 0.5, hue + 2.6])
    )
    share = smoothstep(-0.8, 0.8, cloud(shape, 110 * size, seed + 22))[..., None]
    granules = 0.10 * cloud(shape, 40 * size, seed + 23) + 0.06 * cloud(shape, 2.2 * size, seed + 1)
    density = np.clip(wash * (0.75 + granules) + 0.45 * rim, 0, 1.6)
    return np.asarray(1 - (1 - (first + (second - first) * share)) * density[..., None], np.float32)


def _wobbled(picture: Floats, reach: float, seed: int) -> Floats:
    """Move the pixels of (h, w, 3) a little, so that outlines look hand-drawn."""
    height, width = picture.shape[:2]
    size = 14 * unit(picture)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    row = np.rint(y + reach * 0.5 * cloud((height, width), size, seed + 8)).astype(np.intp)
    column = np.rint(x + reach * 0.5 * cloud((height, width), size, seed + 9)).astype(np.intp)
    moved: Floats = picture[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return moved
