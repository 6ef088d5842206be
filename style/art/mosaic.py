"""Mosaic: small stones that follow the outlines, set in grout."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.canvas import cells, cloud, unit
from style.planes import gradient, smoothstep

__all__ = ["paint"]

_GROUT = np.array([0.80, 0.785, 0.755], np.float32)


def paint(picture: Floats, seed: int) -> Floats:
    """Lay (h, w, 3) in stones of one color each, a little uneven and lit from the upper left."""
    size = unit(picture)
    cut = cells(picture, 15 * size, seed, jitter=0.65, color=2.6)
    rng = np.random.default_rng(seed + 1)
    stones = cut.mean(picture)  # (n, 3)
    stones = stones * (1 + 0.05 * rng.standard_normal((len(stones), 1), np.float32))
    gray = stones.mean(axis=1, keepdims=True)
    stones = np.clip(gray + 1.15 * (stones - gray), 0, 1)
    laid = stones[cut.label]
    slope_x, slope_y = gradient(np.minimum(cut.border, 2.6 * size))
    bevel = np.clip(-(slope_x + slope_y), -1, 1) * smoothstep(3.4 * size, 1.0 * size, cut.border)
    laid = (
        laid
        + 0.13 * bevel[..., None]
        + 0.012 * cloud(picture.shape[:2], 3 * size, seed + 2)[..., None]
    )
    joint = smoothstep(1.15 * size, 0.45 * size, cut.border)[..., None]
    grout = _GROUT * (0.35 + 0.65 * laid.mean(axis=2, keepdims=True))
    return np.clip(laid + (grout - laid) * 0.9 * joint, 0, 1)
