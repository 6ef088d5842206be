"""Filters of float planes (h, w) and pictures (h, w, c): means, blurs, resizing, smooth steps.

Borders repeat the outermost pixel. They use NumPy, because Pillow cannot filter float pictures.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from style.arrays import Floats

__all__ = ["box_mean", "gaussian", "gradient", "resized", "smoothstep"]


def box_mean(plane: Floats, radius: int) -> Floats:
    """Return the mean of the square of ``2 * radius + 1`` a side around each pixel, (h, w[, c])."""
    return _slid(_slid(plane, radius, 0), radius, 1)


def _slid(plane: Floats, radius: int, axis: int) -> Floats:
    if radius < 1:
        return plane
    width = 2 * radius + 1
    size = plane.shape[axis]
    edges = [(0, 0)] * plane.ndim
    if radius <= 2:  # few additions are faster than running sums
        edges[axis] = (radius, radius)
        padded = np.moveaxis(np.pad(plane, edges, mode="edge"), axis, 0)
        total = padded[:size].copy()
        for place in range(1, width):
            total += padded[place : place + size]
        return np.moveaxis(total / np.float32(width), 0, axis)
    edges[axis] = (radius + 1, radius)
    padded = np.moveaxis(np.pad(plane, edges, mode="edge"), axis, 0)
    sums = padded.astype(np.float64, order="C")
    for place in range(1, len(sums)):  # several times as fast as numpy.cumsum, and the same sums
        np.add(sums[place - 1], sums[place], out=sums[place])
    spread = sums[width:] - sums[:size]
    spread /= width
    return np.ascontiguousarray(np.moveaxis(spread.astype(np.float32), 0, axis))


def gaussian(plane: Floats, sigma: float) -> Floats:
    """Blur (h, w[, c]); wide blurs are three box means, which is close to a Gaussian."""
    if sigma <= 0.2:
        return plane
    if sigma > 2.5:
        radius = max(1, round(np.sqrt(sigma * sigma * 12 / 3 + 1) / 2 - 0.5))
        for _ in range(3):
            plane = box_mean(plane, radius)
        return plane
    radius = int(np.ceil(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (0, 1):
        edges = [(0, 0)] * plane.ndim
        edges[axis] = (radius, radius)
        padded = np.pad(plane, edges, mode="edge")
        size = plane.shape[axis]
        cuts = [slice(None)] * plane.ndim
        total = np.zeros_like(plane)
        for place, tap in enumerate(taps):
            cuts[axis] = slice(place, place + size)
            total += padded[tuple(cuts)] * tap
        plane = total
    return plane


def gradient(plane: Floats) -> tuple[Floats, Floats]:
    """Return the slopes of (h, w) along x and y, in units per pixel (Scharr's operator)."""
    padded = np.pad(plane, 1, mode="edge")
    across = padded[:, 2:] - padded[:, :-2]  # (h + 2, w)
    down = padded[2:] - padded[:-2]  # (h, w + 2)
    along_x = (3 * across[:-2] + 10 * across[1:-1] + 3 * across[2:]) / 32
    along_y = (3 * down[:, :-2] + 10 * down[:, 1:-1] + 3 * down[:, 2:]) / 32
    return along_x.astype(np.float32), along_y.astype(np.float32)


def resized(plane: Floats, height: int, width: int, top: int = 0, bottom: int = 0) -> Floats:
    """Interpolate (h, w) to (height, width) linearly, and return rows ``top`` to ``bottom``.

    With both 0, return all rows. Rows do not depend on ``top`` and ``bottom``, so strips have no
    seams.
    """
    bottom = bottom or height
    old_height, old_width = plane.shape
    scale = old_height / height
    box = (0.0, top * scale, float(old_width), min(bottom * scale, float(old_height)))
    image = Image.fromarray(np.ascontiguousarray(plane))
    size = (width, bottom - top)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))


def smoothstep(start: float, end: float, value: Floats) -> Floats:
    """Return 0 up to ``start``, 1 from ``end`` on, and a smooth rise between."""
    share = np.clip((value - start) / (end - start), 0, 1)
    stepped: Floats = (share * share * (3 - 2 * share)).astype(np.float32)
    return stepped
