"""Oil paint: patches of color along the edges, with the relief of a bristle brush."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.canvas import grain, kuwahara, smeared, standardized, tangents, unit
from style.guided import luma
from style.planes import gaussian, gradient

__all__ = ["paint"]


def paint(picture: Floats, seed: int) -> Floats:
    """Paint (h, w, 3) in oil.

    A Kuwahara filter makes patches, which are smeared along the edges like strokes. Noise that is
    smeared along the same flow is the relief of the bristles, lit from the upper left.
    """
    size = unit(picture)
    flow = tangents(luma(picture), 3.0 * size)
    patches = kuwahara(picture, 5.5 * size)
    strokes = smeared(patches, flow, max(2, round(5 * size)))
    bristles = smeared(gaussian(grain(picture.shape[:2], seed), 0.9 * size), flow, round(11 * size))
    slope_x, slope_y = gradient((standardized(bristles) + 14 * luma(strokes)).astype(np.float32))
    relief = np.clip(-(slope_x + slope_y), -1.5, 1.5)  # lit from the upper left
    gray = luma(strokes)[..., None]
    rich = gray + 1.18 * (strokes - gray)
    return np.asarray(np.clip(rich + 0.055 * relief[..., None], 0, 1), np.float32)
