"""Find the many small things on a shelf; ``look.count_products`` counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from indexer.recognizers.boxes import areas, best_of_each, intersections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from indexer.imaging.images import Box
    from indexer.imaging.photos import Photo
    from indexer.recognizers.base import Recognizer, Thing

MOST_SHELF_THINGS = 200
_TILES = (2, 3)  # rows and columns of the parts that are looked at, beside the whole photo
_OVERLAP = 0.3  # of neighboring parts, as a share of their sides
_SAME = 0.5  # overlap of two boxes of one thing
_EDGE = 0.01  # a box this near to the inner edge of a part is cut off by it
_INSIDE = 0.75  # share of a box inside another one
_AS_TALL, _NARROWER = 0.7, 0.65  # sides of a product in a row, as shares of those of the row
_ROW_SIDE, _ROW_WIDEST = 48, 384  # pixels of the copy in which repeats are looked for
_ALIKE = 0.75  # correlation of a row with itself, shifted
_NARROWEST = 0.6  # width of a product, as a share of the distance to the next
_MOST_OF_PART = 0.6  # a larger box in a part is seen better in the whole photo


def shelf_things(recognizer: Recognizer, photo: Photo) -> list[Thing]:
    """Return the things of a photo with many small ones, best first. Raises BadImage.

    A recognizer sees a small copy of a photo, so overlapping parts of the photo are examined too.
    Takes as long as 14 photos.
    """
    found = list(recognizer.recognize([photo.cut(side=recognizer.side)])[0])
    boxes = [box for tiles in _TILES for box in _parts(tiles)]
    cut = [photo.cut(box, side=recognizer.side) for box in boxes]
    for part, things in zip(boxes, recognizer.recognize(cut), strict=True):
        found += _inside(part, things)
    if not found:
        return []
    found = [single for thing in found for single in split_repeats(photo, thing)]
    kept = best_of_each(
        np.array([thing.box for thing in found], np.float32),
        np.array([thing.score for thing in found], np.float32),
        _SAME,
    )
    return _without_groups([found[place] for place in kept.tolist()])[:MOST_SHELF_THINGS]


def _parts(tiles: int) -> Iterator[Box]:
    side = 1 / (tiles - (tiles - 1) * _OVERLAP)
    for row in range(tiles):
        for column in range(tiles):
            x, y = column * side * (1 - _OVERLAP), row * side * (1 - _OVERLAP)
            yield x, y, min(1.0, x + side), min(1.0, y + side)


def _inside(part: Box, things: Sequence[Thing]) -> Iterator[Thing]:
    """Yield the things that the edge of a part does not cut off, with boxes in the photo.

    They have no masks: those of the recognizer are over the part.
    """
    left, top, right, bottom = part
    for thing in things:
        x0, y0, x1, y1 = thing.box
        is_cut = (
            (x0 < _EDGE and left > 0)
            or (y0 < _EDGE and top > 0)
            or (x1 > 1 - _EDGE and right < 1)
            or (y1 > 1 - _EDGE and bottom < 1)
        )
        if is_cut or (x1 - x0) * (y1 - y0) > _MOST_OF_PART:
            continue
        width, height = right - left, bottom - top
        box = (left + x0 * width, top + y0 * height, left + x1 * width, top + y1 * height)
        yield thing._replace(box=box, mask=None)


def split_repeats(photo: Photo, thing: Thing) -> list[Thing]:
    """Return a thing for each of the equal products side by side in its box, else the thing itself.

    A row of equal products looks the same after a shift by the distance between two of them.
    """
    pixels = photo.cut(thing.box, side=_ROW_SIDE)
    height, width = pixels.shape[:2]
    row = Image.fromarray(pixels).resize(
        (max(8, min(_ROW_WIDEST, round(width * _ROW_SIDE / height))), _ROW_SIDE)
    )
    step = _period(np.asarray(row, np.float32))
    if step is None:
        return [thing]
    share = step / row.width
    count = round(1 / share)
    x0, y0, x1, y1 = thing.box
    wide = x1 - x0
    single = wide * (1 - (count - 1) * share)
    if single < _NARROWEST * wide * share:
        return [thing]
    lefts = [x0 + n * share * wide for n in range(count)]
    boxes = [(left, y0, min(1.0, left + single), y1) for left in lefts]
    return [thing._replace(box=box, mask=None) for box in boxes]


def _period(row: NDArray[np.float32]) -> int | None:
    """Return the shift in columns by which (h, w, 3) repeats itself, or None."""
    width = row.shape[1]
    shifts = np.arange(max(2, width // 8), int(width * 0.6))
    if len(shifts) < 3:
        return None
    alike = []
    for shift in shifts:
        left, right = row[:, :-shift], row[:, shift:]
        left, right = left - left.mean(axis=(0, 1)), right - right.mean(axis=(0, 1))
        scale = float(np.sqrt((left * left).sum() * (right * right).sum()))
        alike.append(float((left * right).sum()) / max(scale, 1.0))
    scores = np.array(alike)
    is_peak = (scores[1:-1] >= scores[:-2]) & (scores[1:-1] >= scores[2:])
    peaks = np.flatnonzero(is_peak & (scores[1:-1] >= _ALIKE)) + 1
    if not len(peaks):
        return None
    # Twice the period is a peak too: take the first that is nearly as good as the best.
    good = peaks[scores[peaks] >= scores[peaks].max() - 0.1]
    return int(shifts[good[0]])


def _without_groups(things: Sequence[Thing]) -> list[Thing]:
    """Leave out boxes around several products side by side, and boxes of parts of a product."""
    boxes = np.array([thing.box for thing in things], np.float32)
    size = boxes[:, 2:] - boxes[:, :2]  # (n, 2)
    shared = intersections(boxes, boxes) / areas(boxes)[None]  # [i, j]: share of j inside i
    as_tall = size[None, :, 1] >= _AS_TALL * size[:, None, 1]
    narrower = size[None, :, 0] <= _NARROWER * size[:, None, 0]
    is_group = ((shared >= _INSIDE) & as_tall & narrower).sum(axis=1) >= 2
    kept = ~is_group
    larger = areas(boxes)[:, None] > 1.2 * areas(boxes)[None]
    kept &= ~((shared >= _INSIDE) & larger & kept[:, None]).any(axis=0)
    return [thing for thing, keep in zip(things, kept.tolist(), strict=True) if keep]
