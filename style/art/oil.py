"""Oil paint: patches of color along the edges, with the relief of a bristle brush."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.backdrop import Stage, tints
from style.art.canvas import (
    cloud,
    detail,
    flattened,
    grain,
    hatching,
    smeared,
    standardized,
    tangents,
    unit,
)
from style.guided import luma
from style.planes import gaussian, gradient, smoothstep

__all__ = ["paint", "surround"]


def paint(picture: Floats, seed: int) -> Floats:
    """Paint (h, w, 3) in oil.

    A Kuwahara filter makes patches, which are smeared along the edges like strokes. Noise that is
    smeared along the same flow is the relief of the bristles, lit from the upper left.
    """
    size = unit(picture)
    flow = tangents(luma(picture), 3.0 * size)
    patches = flattened(picture, 5.5 * size, 1.8 * size)
    fine = detail(picture)[..., None]
    strokes = smeared(patches, flow, max(2, round(5 * size)))
    strokes = strokes + (patches - strokes) * fine
    bristles = smeared(gaussian(grain(picture.shape[:2], seed), 0.9 * size), flow, round(11 * size))
    slope_x, slope_y = gradient((standardized(bristles) + 14 * luma(strokes)).astype(np.float32))
    relief = np.clip(-(slope_x + slope_y), -1.5, 1.5)  # lit from the upper left
    light = luma(strokes)
    relief *= (1 - 0.75 * smoothstep(0.88, 0.98, light)) * (1 - 0.6 * fine[..., 0])
    gray = light[..., None]
    rich = gray + 1.18 * (strokes - gray)
    return np.asarray(np.clip(rich + 0.055 * relief[..., None], 0, 1), np.float32)


def surround(stage: Stage, seed: int) -> Floats:
    """Lay broad strokes of a brush on the page around a product: factors (h, w, 3)."""
    size, shape = stage.size, stage.shape
    broad = hatching(shape, -0.75, 45 * size, seed + 20, 11 * size)
    bristle = hatching(shape, -0.75, 30 * size, seed + 21, 1.8 * size)
    field = stage.near + 0.34 * (broad - 0.5) + 0.06 * (bristle - 0.5)
    cover = smoothstep(0.36, 0.43, field)[..., None]
    hue = np.pi + (4.2 if stage.hue is None else stage.hue)
    first, second = tints(
        np.array([0.80, 0.92]), np.array([0.07, 0.04]), np.array([hue, hue + 0.9])
    )
    mixed = np.clip(0.5 + 0.7 * (broad - 0.5) + 0.3 * cloud(shape, 120 * size, seed + 22), 0, 1)
    slope_x, slope_y = gradient((2.2 * bristle + 2.2 * broad).astype(np.float32))
    relief = np.clip(-(slope_x + slope_y), -1.5, 1.5)[..., None]
    paint = (first + (second - first) * mixed[..., None]) * (1 + 0.06 * relief)
    return np.asarray(1 - (1 - paint) * cover, np.float32)
