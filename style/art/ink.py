"""Ink and wash: brush lines along the contours over a few pale tones."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.backdrop import Stage
from style.art.canvas import cloud, flattened, hatching, smeared, tangents, unit
from style.guided import luma
from style.planes import gaussian, smoothstep

__all__ = ["lines", "paint", "surround"]

_INK = np.array([0.09, 0.09, 0.13], np.float32)
_WASH = np.array([0.30, 0.33, 0.40], np.float32)
_PAPER = np.array([0.985, 0.975, 0.945], np.float32)


def lines(picture: Floats, width: float, sharpness: float = 18.0, offset: float = 0.011) -> Floats:
    """Return the contour lines (h, w): 0 is paper, 1 is ink.

    H. Winnemöller, J. E. Kyprianidis, S. C. Olsen, "XDoG: an extended difference-of-Gaussians
    compendium including advanced image stylization", 2012, smoothed along the edges.
    """
    light = luma(picture)
    flow = tangents(light, 2 * width)
    difference = gaussian(light, width) - gaussian(light, 1.6 * width)
    difference = smeared(difference, flow, max(2, round(5 * width)))
    inked: Floats = np.clip(-np.tanh(sharpness * (difference + np.float32(offset))), 0, 1)
    return inked


def paint(picture: Floats, seed: int) -> Floats:
    """Draw (h, w, 3) in ink: lines, four tones of gray wash, and faint colors."""
    size = unit(picture)
    shape = picture.shape[:2]
    flat = flattened(picture, 4 * size, 1.6 * size)
    fine = lines(picture, max(0.6, 1.1 * size))
    bold = lines(flat, max(0.8, 2.0 * size))
    drawn = np.maximum(fine * 0.85, bold)
    light = (
        luma(flat)
        + 0.006 * cloud(shape, 3 * size, seed)
        + 0.007 * cloud(shape, 24 * size, seed + 1)
    )
    wash = np.zeros(shape, np.float32)
    for level, depth in ((0.82, 0.14), (0.62, 0.20), (0.42, 0.22), (0.22, 0.24)):
        wash += np.float32(depth) * smoothstep(level + 0.09, level - 0.09, light)
    gray = luma(flat)[..., None]
    color = 0.9 * (flat - gray)
    paper = _PAPER * (1 - wash[..., None]) + color
    paper = paper + 0.008 * cloud(shape, 2 * size, seed + 2)[..., None]
    return np.asarray(np.clip(paper + (_INK - paper) * drawn[..., None], 0, 1), np.float32)


def surround(stage: Stage, seed: int) -> Floats:
    """Brush a gray wash over the page around a product, with a dry brush: factors (h, w, 3)."""
    size, shape = stage.size, stage.shape
    broad = hatching(shape, -0.22, 55 * size, seed + 20, 9 * size)
    fine = hatching(shape, -0.22, 60 * size, seed + 21, 1.6 * size)
    field = stage.near + 0.30 * (broad - 0.5) + 0.22 * (fine - 0.5)
    depth = smoothstep(0.40, 0.54, field) * (0.16 + 0.26 * broad + 0.14 * fine)
    return np.asarray(1 - (1 - _WASH) * depth[..., None], np.float32)
