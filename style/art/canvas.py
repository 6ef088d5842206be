"""Shared by the painterly filters: noise, flow along edges, edge-preserving smoothing, cells.

Pictures are float32 (h, w, 3) in [0, 1], with a longer side of at most ``SIDE``. Brush sizes are
multiples of ``unit``, a share of that side, so that a thumbnail and a poster look alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from style.arrays import Floats
from style.guided import luma
from style.planes import box_mean, gaussian, gradient, smoothstep

__all__ = [
    "Cells",
    "cells",
    "cloud",
    "detail",
    "flattened",
    "grain",
    "hatching",
    "kuwahara",
    "smeared",
    "standardized",
    "tangents",
    "unit",
]

SIDE = 800


def unit(picture: Floats) -> float:
    """Return the width of a thin line in pixels: 1 for a longer side of ``SIDE``, in proportion."""
    return float(max(picture.shape[:2]) / SIDE)


def grain(shape: tuple[int, int], seed: int) -> Floats:
    """Return noise (h, w) in [0, 1]: independent pixels, the same bytes for the same seed."""
    return np.random.default_rng(seed).random(shape, np.float32)


def cloud(shape: tuple[int, int], size: float, seed: int) -> Floats:
    """Return soft noise (h, w), mean 0, deviation 1, with blobs about ``size`` pixels wide."""
    soft = gaussian(grain(shape, seed), max(0.6, size / 2.5))
    return standardized(soft)


def standardized(plane: Floats) -> Floats:
    """Shift and scale a plane to mean 0 and deviation 1; a constant plane becomes 0."""
    moved = plane - plane.mean()
    return np.asarray(moved / max(float(moved.std()), 1e-6), np.float32)


def tangents(light: Floats, sigma: float) -> tuple[Floats, Floats]:
    """Return unit vectors (h, w) along the edges of a plane, from the smoothed structure tensor.

    J. E. Kyprianidis, J. Döllner, "Image abstraction by structure adaptive filtering", 2008.
    """
    along_x, along_y = gradient(light)
    tensor = np.stack([along_x * along_x, along_y * along_y, along_x * along_y], axis=-1)
    tensor = gaussian(tensor, sigma)
    xx, yy, xy = tensor[..., 0], tensor[..., 1], tensor[..., 2]
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)  # across the edge
    return -np.sin(angle), np.cos(angle)


def smeared(plane: Floats, flow: tuple[Floats, Floats], length: int) -> Floats:
    """Return the mean of (h, w[, c]) along the flow, ``length`` steps to either side."""
    height, width = plane.shape[:2]
    flat = plane.reshape(-1) if plane.ndim == 2 else plane.reshape(height * width, -1)
    total, weight = flat.copy(), 1.0
    y0, x0 = np.mgrid[0:height, 0:width].astype(np.float32)
    fx, fy = flow[0].reshape(-1), flow[1].reshape(-1)
    for sign in (1, -1):
        x, y = x0.reshape(-1).copy(), y0.reshape(-1).copy()
        last_x, last_y = np.float32(sign) * fx, np.float32(sign) * fy
        for step in range(1, length + 1):
            x += last_x
            y += last_y
            place = _places(x, y, width, height)
            share = np.float32(1 - step / (length + 1))
            total += share * flat[place]
            weight += float(share)
            if step < length:
                next_x, next_y = np.take(fx, place), np.take(fy, place)
                turn = np.where(next_x * last_x + next_y * last_y < 0, -1, 1).astype(np.float32)
                last_x, last_y = next_x * turn, next_y * turn
    return np.asarray(total / np.float32(weight), np.float32).reshape(plane.shape)


def _places(x: Floats, y: Floats, width: int, height: int) -> NDArray[np.int32]:
    column = np.clip(np.rint(x), 0, width - 1).astype(np.int32)
    row = np.clip(np.rint(y), 0, height - 1).astype(np.int32)
    place: NDArray[np.int32] = row * np.int32(width) + column
    return place


def hatching(
    shape: tuple[int, int], angle: float, length: float, seed: int, width: float = 1.0
) -> Floats:
    """Return noise (h, w), about evenly distributed in [0, 1], smeared in one direction.

    The noise is smeared along the rows of a sheet, which is then turned by the angle and swayed a
    little: each pixel of the result is one pixel of the sheet. A row is ``width`` pixels wide.
    """
    height, across = shape
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(across, dtype=np.float32)
    thickness = max(shape) / SIDE
    sway = np.float32(4 * thickness) * cloud(shape, 60 * thickness, seed + 7)
    column = x * cos + y * sin
    row = (y * cos - x * sin + sway) / np.float32(width)
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


def kuwahara(picture: Floats, radius: float, sharpness: float = 6.0) -> Floats:
    """Flatten (h, w, 3) into patches of paint whose borders are the picture's own edges.

    The generalized Kuwahara filter (G. Papari, N. Petkov, P. Campisi, 2007): of eight overlapping
    soft discs around a pixel, those with the least variance have the largest weight.
    """
    sigma = max(0.5, radius / 2)
    mean = gaussian(picture, sigma)
    square = gaussian(_dot(picture, picture), sigma)
    variance = np.maximum(square - _dot(mean, mean), 0) + np.float32(2e-5)
    total = np.zeros_like(picture)
    count = np.zeros_like(variance)
    reach = max(1.0, radius * 0.8)
    rim = round(reach)
    height, width = variance.shape
    weights = np.pad(variance ** np.float32(-sharpness / 2), rim, mode="edge")
    weighted = np.pad(mean, ((rim, rim), (rim, rim), (0, 0)), mode="edge") * weights[..., None]
    for sector in range(8):
        angle = np.pi * sector / 4
        top, left = rim + round(reach * np.sin(angle)), rim + round(reach * np.cos(angle))
        total += weighted[top : top + height, left : left + width]
        count += weights[top : top + height, left : left + width]
    return np.asarray(total / count[..., None], np.float32)


def flattened(picture: Floats, radius: float, fine: float, sharpness: float = 6.0) -> Floats:
    """Flatten (h, w, 3) into patches of ``radius``, and of ``fine`` where the picture has detail.

    A painter takes a smaller brush for a face or a logo (A. Hertzmann, "Painterly rendering with
    curved brush strokes of multiple sizes", 1998).
    """
    broad, narrow = (kuwahara(picture, size, sharpness) for size in (radius, fine))
    return broad + (narrow - broad) * detail(picture)[..., None]


def detail(picture: Floats) -> Floats:
    """Return where (h, w, 3) has fine detail, such as a face, a logo or a seam: (h, w), 0 to 1."""
    light = luma(picture)
    level = box_mean(light, 2)
    variance = np.maximum(box_mean(light * light, 2) - level * level, 0)
    return gaussian(smoothstep(0.01, 0.06, np.sqrt(variance)), 1.0)


def _dot(first: Floats, second: Floats) -> Floats:
    """Return the dot product of two (h, w, c) over the channels: (h, w)."""
    return np.asarray(np.einsum("hwc,hwc->hw", first, second), np.float32)


class Cells:
    """A picture cut into cells: the cell of each pixel, and its distance from the border."""

    def __init__(self, label: NDArray[np.int32], border: Floats, count: int) -> None:
        self.label, self.border, self.count = label, border, count

    def mean(self, picture: Floats) -> Floats:
        """Return the mean color of each cell of (h, w, 3): (count, 3)."""
        flat = self.label.reshape(-1)
        size = np.maximum(np.bincount(flat, minlength=self.count), 1)
        sums = [
            np.bincount(flat, picture[..., channel].reshape(-1), self.count) for channel in range(3)
        ]
        return (np.stack(sums, axis=-1) / size[:, None]).astype(np.float32)


def cells(
    picture: Floats, size: float, seed: int, *, jitter: float = 0.7, color: float = 0.0
) -> Cells:
    """Cut (h, w, 3) into cells about ``size`` pixels wide, around a jittered grid of centers.

    A pixel belongs to the cell of the nearest of nine centers. ``color`` is the weight of the color
    distance relative to the distance in pixels; it makes cells follow edges, as in SLIC (R. Achanta
    et al., 2012). ``border`` is 0 where two cells meet and grows inward, in pixels.
    """
    height, width = picture.shape[:2]
    rows, columns = max(1, round(height / size)), max(1, round(width / size))
    rng = np.random.default_rng(seed)
    at = np.moveaxis(np.mgrid[0:rows, 0:columns], 0, -1) + 0.5
    at = at + jitter * (rng.random(at.shape) - 0.5)
    centers = (at * [height / rows, width / columns]).astype(np.float32)  # (rows, columns, 2)
    places = np.clip(centers, 0, [height - 1, width - 1]).astype(np.intp)
    inks = box_mean(picture, max(1, round(size / 4)))[places[..., 0], places[..., 1]]
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)[None]
    row = (np.arange(height) * rows // height).astype(np.intp)
    column = (np.arange(width) * columns // width).astype(np.intp)
    best = np.full((height, width), np.inf, np.float32)
    second = best.copy()
    label = np.zeros((height, width), np.int32)
    scale = np.float32(color * size) ** 2
    planes = [picture[..., channel].copy() for channel in range(3)]  # whole planes are faster
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            r, c = row + down, column + right
            inside = ((r >= 0) & (r < rows))[:, None] & ((c >= 0) & (c < columns))[None]
            r, c = np.clip(r, 0, rows - 1), np.clip(c, 0, columns - 1)
            far = _spread(centers[..., 0], r, c)
            far -= y
            far *= far
            off = _spread(centers[..., 1], r, c)
            off -= x
            off *= off
            far += off
            if color:
                ink = _ink_distance(inks, planes, r, c)
                ink *= scale
                far += ink
            far[~inside] = np.inf
            nearer = far < best
            np.minimum(second, np.maximum(best, far), out=second)
            np.copyto(label, (r * columns)[:, None] + c[None], where=nearer, casting="same_kind")
            np.minimum(best, far, out=best)
    second = np.where(np.isfinite(second), second, best + size * size)
    border = np.asarray((np.sqrt(second) - np.sqrt(best)) / 2, np.float32)
    return Cells(label, border, rows * columns)


def _spread(values: Floats, row: NDArray[np.intp], column: NDArray[np.intp]) -> Floats:
    """Return the values (rows, columns) of the cell of each pixel: (h, w)."""
    return np.take(np.take(values, row, 0), column, 1)


def _ink_distance(
    inks: Floats, planes: list[Floats], row: NDArray[np.intp], column: NDArray[np.intp]
) -> Floats:
    """Return the squared distance of colors from those of cells (rows, columns, 3): (h, w)."""
    total = np.zeros_like(planes[0])
    for channel, plane in enumerate(planes):
        away = _spread(inks[..., channel], row, column)
        away -= plane
        away *= away
        total += away
    return total
