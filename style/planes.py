"""Filters of float planes (h, w) and pictures (h, w, c): means, blurs, resizing, smooth steps.

Borders repeat the outermost pixel. They use NumPy, because Pillow cannot filter float pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    """Blur (h, w[, c]). A wide blur runs on a smaller copy, which is interpolated."""
    if sigma <= 0.2:
        return plane
    if sigma <= 2.5:
        return _blurred(plane, (sigma, sigma))
    if plane.ndim == 3:
        return np.stack([gaussian(plane[..., c], sigma) for c in range(plane.shape[2])], axis=-1)
    height, width = plane.shape
    down, across = (max(1, min(int(sigma / 1.25), size)) for size in plane.shape)
    small = Image.fromarray(np.ascontiguousarray(plane)).reduce((across, down))
    # Shrinking and interpolating blur too: together, their variance is factor**2 / 4.
    sigmas = [math.sqrt(sigma**2 - factor**2 / 4) / factor for factor in (down, across)]
    soft = Image.fromarray(_blurred(np.asarray(small), sigmas))
    box = (0.0, 0.0, width / across, height / down)  # the last square may be smaller
    return np.asarray(soft.resize((width, height), Image.Resampling.BILINEAR, box=box))


def _blurred(plane: Floats, sigmas: Sequence[float]) -> Floats:
    """Convolve (h, w[, c]) with a Gaussian of these widths along the two axes."""
    for axis, sigma in enumerate(sigmas):
        size = plane.shape[axis]
        radius = math.ceil(3 * sigma)
        taps = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
        taps = (taps / (2 * taps.sum() - 1)).astype(np.float32)  # of one side
        padded = np.take(plane, np.clip(np.arange(-radius, size + radius), 0, size - 1), axis)
        cuts = [
            padded[by : by + size] if axis == 0 else padded[:, by : by + size]
            for by in range(2 * radius + 1)
        ]
        plane = cuts[radius] * taps[0]
        pair = np.empty_like(plane)
        for away in range(1, radius + 1):
            np.add(cuts[radius - away], cuts[radius + away], out=pair)
            pair *= taps[away]
            plane += pair
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
