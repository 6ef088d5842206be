"""Oil paint: patches of color along the edges, with the relief of a bristle brush."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.canvas import detail, flattened, grain, smeared, standardized, tangents, unit
from style.guided import luma
from style.planes import gaussian, gradient, smoothstep

__all__ = ["paint"]


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
