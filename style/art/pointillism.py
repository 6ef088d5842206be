"""Pointillism: dots of pure color, which the eye mixes."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.canvas import cells, kuwahara, unit
from style.looks import fit_in_srgb
from style.oklab import to_oklab
from style.planes import smoothstep

__all__ = ["paint"]


def paint(picture: Floats, seed: int) -> Floats:
    """Paint (h, w, 3) as three layers of round dots on a pale ground, the finest layer last."""
    size = unit(picture)
    ground = kuwahara(picture, 4 * size)
    canvas = 0.6 * ground + 0.4 * np.array([0.985, 0.975, 0.95], np.float32)
    for layer, (width, cover) in enumerate(((11.0, 0.62), (8.0, 0.52), (6.0, 0.40))):
        cut = cells(picture, width * size, seed + 10 * layer, jitter=0.9, color=1.5)
        dabs = _lively(cut.mean(ground), seed + 10 * layer + 1)
        rng = np.random.default_rng(seed + 10 * layer + 2)
        shown = (rng.random(cut.count) < (1.0, 0.8, 0.65)[layer])[cut.label]
        inside = smoothstep(0.25 * size, 1.25 * size, cut.border) * shown
        canvas = canvas + (dabs[cut.label] - canvas) * (inside * (0.6 + cover / 1.6))[..., None]
    return np.asarray(np.clip(canvas, 0, 1), np.float32)


def _lively(colors: Floats, seed: int) -> Floats:
    """Vary the hue, chroma and lightness of colors (n, 3) at random, around the same mean."""
    rng = np.random.default_rng(seed)
    lab = to_oklab(colors)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    reach = 0.004 + 0.2 * chroma + 0.016 * smoothstep(0.95, 0.7, lab[:, 0])
    light = np.clip(
        lab[:, 0] + 0.035 * smoothstep(1.0, 0.85, lab[:, 0]) * rng.standard_normal(len(lab)), 0, 1
    )
    a = 1.15 * lab[:, 1] + reach * rng.standard_normal(len(lab))
    b = 1.15 * lab[:, 2] + reach * rng.standard_normal(len(lab))
    return fit_in_srgb(np.stack([light, a, b], axis=-1).astype(np.float32))
