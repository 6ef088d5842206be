"""Colored pencil: soft outlines, and denser hatching in dark areas."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.backdrop import Stage, tints
from style.art.canvas import cloud, grain, hatching, kuwahara, unit
from style.art.ink import lines
from style.guided import luma
from style.planes import gaussian, smoothstep

__all__ = ["paint", "surround"]


def paint(picture: Floats, seed: int) -> Floats:
    """Draw (h, w, 3) with colored pencils.

    The outline is a color dodge: the picture divided by its own blur. Hatching is noise smeared
    along two directions; pigment is drawn where the noise is below the darkness of the picture.
    """
    size = unit(picture)
    shape = picture.shape[:2]
    light = luma(picture)
    dodge = light / np.maximum(gaussian(light, 6 * size), 0.02)
    outline = smoothstep(0.99, 0.72, dodge.astype(np.float32))
    outline = np.maximum(0.6 * outline, 0.7 * lines(picture, max(0.6, 1.2 * size)))
    flat = kuwahara(picture, 2.5 * size)
    gray = luma(flat)[..., None]
    color = np.clip(gray + 1.15 * (flat - gray), 0, 1)
    dark = 1 - luma(color)
    first = hatching(shape, np.radians(-52), 15 * size, seed)
    second = hatching(shape, np.radians(-18), 13 * size, seed + 1)
    tooth = 0.10 * cloud(shape, 1.6 * size, seed + 2)
    tint = 1 - color.min(axis=2)  # a strong color needs pigment even if it is light
    wanted = np.clip(0.20 + 1.0 * np.maximum(dark, 0.8 * tint), 0, 1)
    wanted = wanted * smoothstep(0.02, 0.10, tint)  # white paper stays empty
    cover = smoothstep(-0.3, 0.3, (wanted - first + tooth).astype(np.float32))
    cross = smoothstep(-0.2, 0.2, (1.1 * dark - 0.1 - second + tooth).astype(np.float32))
    pigment = np.clip(0.80 * wanted + 0.18 * cover + 0.11 * cross * dark, 0, 1)[..., None]
    deep = color * (1 - 0.12 * cross[..., None])
    paper = np.array([0.985, 0.98, 0.965], np.float32) + 0.012 * tooth[..., None]
    drawn = paper + (deep - paper) * pigment
    lead = 0.32 * color
    return np.asarray(
        np.clip(drawn + (lead - drawn) * (0.45 * outline)[..., None], 0, 1), np.float32
    )


def surround(stage: Stage, seed: int) -> Floats:
    """Hatch the page around a product with two crayons: factors (h, w, 3)."""
    size, shape = stage.size, stage.shape
    dense = stage.near + 0.10 * cloud(shape, 80 * size, seed + 22)
    hue = 4.4 if stage.hue is None else stage.hue
    tooth = (0.75 + 0.25 * grain(shape, seed + 23))[..., None]
    made = np.ones((*shape, 3), np.float32)
    crayons = tints(np.array([0.62, 0.55]), np.array([0.09]), np.array([hue + 2.8, hue + 2.2]))
    strokes = ((-52, 22, 0.15, 0.15, 0.62), (-30, 18, 0.35, 0.45, 0.5))
    for number, (angle, length, late, start, depth) in enumerate(strokes):
        noise = hatching(shape, np.radians(angle), length * size, seed + 20 + number)
        drawn = smoothstep(0.1, -0.1, (noise - 0.85 * dense + late).astype(np.float32))
        drawn *= depth * smoothstep(start, start + 0.25, dense)
        made *= 1 - (1 - crayons[number]) * (drawn[..., None] * tooth)
    return made
