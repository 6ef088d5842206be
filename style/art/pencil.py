"""Colored pencil: soft outlines, and denser hatching in dark areas."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.canvas import cloud, grain, kuwahara, standardized, unit
from style.art.ink import lines
from style.guided import luma
from style.planes import gaussian, smoothstep

__all__ = ["paint"]


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
    first = _strokes(shape, np.radians(-52), 15 * size, seed)
    second = _strokes(shape, np.radians(-18), 13 * size, seed + 1)
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


def _strokes(shape: tuple[int, int], angle: float, length: float, seed: int) -> Floats:
    """Return noise (h, w), about evenly distributed in [0, 1], smeared in one direction.

    The noise is smeared along the rows of a sheet, which is then turned by the angle and swayed a
    little: each pixel of the result is one pixel of the sheet.
    """
    height, width = shape
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
    thickness = max(shape) / 800
    sway = np.float32(4 * thickness) * cloud(shape, 60 * thickness, seed + 7)
    column = x * cos + y * sin
    row = y * cos - x * sin + sway
    column, row = column - column.min(), row - row.min()
    reach = max(2, round(length)) + 1
    sheet = grain((int(row.max()) + 2, int(column.max()) + 2 * reach), seed)
    for _ in range(2):  # two means of ``reach`` pixels: nearer pixels count more
        span = sheet.shape[1] - reach + 1
        total = sheet[:, :span].copy()
        for place in range(1, reach):
            total += sheet[:, place : place + span]
        sheet = total
    column = np.minimum(np.rint(column), sheet.shape[1] - 1)
    noise = standardized(sheet)[np.rint(row).astype(np.intp), column.astype(np.intp)]
    return np.asarray(0.5 + 0.5 * np.tanh(0.9 * noise), np.float32)
