"""Mosaic: small stones that follow the outlines, set in grout."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.backdrop import Stage, tints
from style.art.canvas import cells, cloud, unit
from style.planes import gradient, smoothstep

__all__ = ["paint", "surround"]

_GROUT = np.array([0.90, 0.885, 0.86], np.float32)


def paint(picture: Floats, seed: int) -> Floats:
    """Draw (h, w, 3) as stones of one color each, slightly uneven and lit from the upper left."""
    size = unit(picture)
    cut = cells(picture, 19 * size, seed, jitter=0.65, color=2.6)
    rng = np.random.default_rng(seed + 1)
    stones = cut.mean(picture)  # (n, 3)
    uneven = 0.04 - 0.03 * smoothstep(0.75, 1.0, stones.mean(axis=1, keepdims=True))
    stones = stones * (1 + uneven * rng.standard_normal((len(stones), 1), np.float32))
    gray = stones.mean(axis=1, keepdims=True)
    stones = np.clip(gray + 1.08 * (stones - gray), 0, 1)
    laid = stones[cut.label]
    laid = laid + 0.25 * (picture - laid)  # glazed: the picture shows through
    slope_x, slope_y = gradient(np.minimum(cut.border, 2.6 * size))
    bevel = np.clip(-(slope_x + slope_y), -1, 1) * smoothstep(3.4 * size, 1.0 * size, cut.border)
    laid = (
        laid
        + 0.07 * bevel[..., None]
        + 0.012 * cloud(picture.shape[:2], 3 * size, seed + 2)[..., None]
    )
    joint = 0.55 * smoothstep(1.25 * size, 0.35 * size, cut.border)[..., None]
    joint *= 1 - 0.6 * smoothstep(0.85, 0.98, laid.mean(axis=2, keepdims=True))  # quiet paper
    grout = _GROUT * (0.35 + 0.65 * laid.mean(axis=2, keepdims=True))
    return np.asarray(np.clip(laid + (grout - laid) * joint, 0, 1), np.float32)


def surround(stage: Stage, seed: int) -> Floats:
    """Set pale stones around a product, fewer away from it: factors (h, w, 3)."""
    size, shape = stage.size, stage.shape
    cut = cells(np.zeros((*shape, 3), np.float32), 26 * size, seed + 20, jitter=0.6)
    near = cut.mean(np.repeat(stage.near[..., None], 3, axis=2))[:, 0]
    rng = np.random.default_rng(seed + 21)
    set_ = smoothstep(0.0, 0.25, (near - 0.15 - 0.35 * rng.random(cut.count)).astype(np.float32))
    hue = np.pi + (4.0 if stage.hue is None else stage.hue) + rng.normal(0, 0.35, cut.count)
    colors = tints(rng.normal(0.85, 0.05, cut.count), np.array([0.07]), hue)
    laid = (1 - (1 - colors) * set_[:, None])[cut.label]
    slope_x, slope_y = gradient(np.minimum(cut.border, 3 * size))
    bevel = np.clip(-(slope_x + slope_y), -1, 1)
    bevel *= smoothstep(4.5 * size, 1.2 * size, cut.border)
    joint = smoothstep(1.6 * size, 0.5 * size, cut.border)
    shade = 1 + (0.05 * bevel - 0.28 * joint) * set_[cut.label]
    return np.asarray(laid * shade[..., None], np.float32)
