"""Merge the boxes of one thing on a plain background, as in catalog pictures.

A detector often finds a large thing and its halves too. On a plain background, what is connected
is usually one thing, so its boxes are merged. A picture that may show a person is not changed:
the garments of a person are connected, but they are several things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from indexer.recognizers.boxes import areas, intersections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.recognizers.base import Thing

_SIDE = 96  # of the copy that is analyzed; enough, since boxes are at least that precise
_FAR = 26  # levels of a color channel between a thing and the background
_PLAIN_BORDER = 0.8  # share of the border that has the background's color
_LEAST_AREA = 0.004  # of a thing, as a share of the picture
_SKIN = (0.07, 0.5)  # share of a thing's pixels, if it may be a person; more is a wooden chair
_INSIDE = 0.7  # share of a box inside the thing that it is a part of
_AROUND = 0.85  # share of a thing inside a box that is around it


def merge_on_plain(things: Sequence[Thing], pixels: Pixels) -> list[Thing]:
    """Merge the things (best first) that are parts of one thing on a plain background.

    On any other background, return them unchanged.
    """
    if len(things) < 2:
        return list(things)
    small = np.asarray(Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX))
    front = _foreground(small)
    if front is None:
        return list(things)
    labels = connected(front)
    parts = range(1, int(labels.max()) + 1)
    wholes = [box for part in parts if (box := _box_of(labels == part, small))]
    if not wholes:
        return list(things)
    boxes = np.array([thing.box for thing in things], np.float32)
    of_wholes = np.array(wholes, np.float32)
    shared = intersections(boxes, of_wholes)  # (n, m)
    inside, around = shared / areas(boxes)[:, None], shared / areas(of_wholes)
    share = np.maximum(inside / _INSIDE, around / _AROUND)
    merged: list[Thing] = []
    seen: set[int] = set()
    for thing, row in zip(things, share, strict=True):
        whole = int(row.argmax())
        if row[whole] < 1:
            merged.append(thing)
        elif whole not in seen:
            seen.add(whole)
            merged.append(thing._replace(box=wholes[whole]))
    return merged


def is_plain(pixels: Pixels) -> bool:
    """Return True if the background of (h, w, 3) has one color, as that of catalog pictures."""
    small = np.asarray(Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX))
    return _foreground(small) is not None


def _foreground(small: Pixels) -> NDArray[np.bool_] | None:
    """Return what is not background (SIDE, SIDE), or None if the background is not plain."""
    values = small.astype(np.int16)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    color = np.median(border, axis=0)
    if (np.abs(border - color).max(axis=1) < _FAR).mean() < _PLAIN_BORDER:
        return None
    far = np.abs(values - color).max(axis=2) >= _FAR
    closed = Image.fromarray(far.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(3))
    return np.asarray(closed) > 0


def connected(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number the connected parts of a mask (h, w) from 1, by 4 neighbors; 0 is outside."""
    labels = np.zeros(mask.shape, np.int32)
    count = 0
    while (left := mask & (labels == 0)).any():
        count += 1
        part = np.zeros_like(mask)
        part.flat[int(left.argmax())] = True
        size = 0
        while size != (size := int(part.sum())):
            for turned in (part, part.T):
                _spread_along_rows(turned, left if turned is part else left.T)
        labels[part] = count
    return labels


def _spread_along_rows(part: NDArray[np.bool_], mask: NDArray[np.bool_]) -> None:
    """Extend a part within the mask along rows, in place: whole runs, and one row up and down."""
    part[1:] |= part[:-1] & mask[1:]
    part[:-1] |= part[1:] & mask[:-1]
    walls = np.ones((mask.shape[0], mask.shape[1] + 1), np.bool_)
    walls[:, :-1] = ~mask
    runs = np.cumsum(walls.ravel()).reshape(walls.shape)[:, :-1]
    reached = np.zeros(int(runs.max(initial=0)) + 1, np.bool_)
    reached[runs[part]] = True
    part |= reached[runs] & mask


def _box_of(part: NDArray[np.bool_], small: Pixels) -> tuple[float, float, float, float] | None:
    """Return the box of a part, or None if it is tiny or may be a person."""
    if part.mean() < _LEAST_AREA or _SKIN[0] <= _is_skin(small[part]).mean() <= _SKIN[1]:
        return None
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    # The mask was grown by a pixel.
    x0, x1 = (columns[0] + 1) / _SIDE, columns[-1] / _SIDE
    y0, y1 = (rows[0] + 1) / _SIDE, rows[-1] / _SIDE
    if x1 <= x0 or y1 <= y0:
        return None
    return float(x0), float(y0), float(x1), float(y1)


def _is_skin(colors: Pixels) -> NDArray[np.bool_]:
    """Return which colors (n, 3) may be skin in daylight (Kovac et al. 2003); red cloth is not."""
    red, green, blue = colors.astype(np.int16).T
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    skin: NDArray[np.bool_] = (
        (red > 95) & (2 * green > red) & (blue > 20) & (spread > 15)
        & (np.abs(red - green) > 15) & (red > green) & (red > blue)
    )  # fmt: skip
    return skin
