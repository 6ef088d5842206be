"""Find the plain border of a picture: white canvas, black bars, the page around a screenshot.

A side has a border if its outermost line, and the lines after it, have one color. The content is
cut in one of two ways:

* *A photo* is a rectangle with a sharp edge on every side. It is cut at its edges, and searched
  again, since a letterboxed video may lie on a page. Inside a frame only black or white bars on
  two opposite sides are cut: a book on white is a rectangle too, and its cover is not a border.
* *An object*, such as a mug on white, has an outline that begins gradually. It keeps a margin, and
  its region is made as square as the picture allows, because encoders squash it to a square.

Pixels are compared on a copy of about 256 pixels a side, by the minimum, maximum and mean of each
line. This takes under a millisecond, and almost nothing if no outermost line is plain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from indexer.imaging.sides import FAR, NEAR, find_sides, has_bars_only, is_plain, photo_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.imaging.sides import BorderSides

_WORKING_SIDE = 256  # least pixels on the longer side of the copy; it has under twice as many
_MARGIN = 0.06  # of an object's longer side
_SLENDER = 1.85  # a rectangle with a larger aspect ratio is an object, such as a carton
_LEAST = 0.03  # content below this share of a side is dust
_ROUNDS = 4  # nested borders
_STRIP, _SHARE = 0.25, 0.6  # height of text lines relative to the photo; the photo's least share


class Region(NamedTuple):
    """Pixels ``x0 <= x < x1``, ``y0 <= y < y1`` of a picture; never empty."""

    x0: int
    y0: int
    x1: int
    y1: int


def inside_border(pixels: Pixels) -> Region:
    """Find the region inside the plain border of (h, w, 3); the whole picture without a border.

    Borders may have any color, differ from side to side, and be nested. Gradients, textures and
    blank pictures have none. Deterministic.
    """
    height, width = pixels.shape[:2]
    whole = Region(0, 0, width, height)
    if min(height, width) < 8 or not any(map(is_plain, _outermost(pixels))):
        return whole
    scale = max(1, max(height, width) // _WORKING_SIDE)
    image = Image.fromarray(pixels)
    small = np.asarray(image.reduce(scale) if scale > 1 else image)
    planes = np.ascontiguousarray(small.transpose(2, 0, 1))  # (3, h, w): lines are contiguous
    found = _inside(planes)
    x0, x1 = found.x0 * scale, min(found.x1 * scale, width)
    y0, y1 = found.y0 * scale, min(found.y1 * scale, height)
    if scale > 1:  # a line of the copy covers several lines, of which some may be border
        across = pixels[:, x0:x1]
        y0 += _count_border_lines(across[y0 - 1 : y0 + scale]) if y0 else 0
        y1 -= _count_border_lines(across[y1 - scale : y1 + 1][::-1]) if y1 < height else 0
        upright = pixels[y0:y1].transpose(1, 0, 2)
        x0 += _count_border_lines(upright[x0 - 1 : x0 + scale]) if x0 else 0
        x1 -= _count_border_lines(upright[x1 - scale : x1 + 1][::-1]) if x1 < width else 0
    return Region(x0, y0, x1, y1)


def _count_border_lines(lines: Pixels) -> int:
    """Count the lines (n, m, 3) after the first that still have its color; the first is border."""
    color = lines[0].mean(axis=0)  # (3,)
    near = np.abs(lines[1:] - color).max(axis=(1, 2)) <= FAR  # (n - 1,)
    return len(near) if near.all() else int(near.argmin())


def trimmed(pixels: Pixels) -> Pixels:
    """Return a view of a picture (h, w, 3) without its plain border; never empty."""
    x0, y0, x1, y1 = inside_border(pixels)
    return pixels[y0:y1, x0:x1]


def _inside(planes: NDArray[np.uint8]) -> Region:
    """Find the region inside the borders of (3, h, w), nested ones included."""
    _, height, width = planes.shape
    region = Region(0, 0, width, height)
    framed = False
    for _ in range(_ROUNDS):
        view = planes[:, region.y0 : region.y1, region.x0 : region.x1]
        sides = find_sides(view)
        if sides is None or (framed and not has_bars_only(sides)):
            break
        found = _inside_outermost(view, sides)
        if found is None:
            break
        inner, is_photo = found
        framed = framed or (sum(bool(side.lines) for side in sides) > 2)
        region = Region(
            region.x0 + inner.x0,
            region.y0 + inner.y0,
            region.x0 + inner.x1,
            region.y0 + inner.y1,
        )
        if not is_photo:
            break
    return region


def _inside_outermost(planes: NDArray[np.uint8], sides: BorderSides) -> tuple[Region, bool] | None:
    """Find the region inside the outermost border, and whether it is a photo.

    A photo may have a border inside; an object may not. None without a border or content.
    """
    _, height, width = planes.shape
    if not any(side.lines for side in sides):
        return None
    box = _box(sides, width, height)
    photo = _photo_among_lines(planes, box)
    if photo is not None:
        return photo, True
    if box.x1 - box.x0 < _LEAST * width or box.y1 - box.y0 < _LEAST * height:
        return None
    edges = photo_edges(planes[:, box.y0 : box.y1, box.x0 : box.x1], sides)
    if _is_photo(sides, edges):
        cut = _shrunk(box, edges)
        if _slenderness(cut) <= _SLENDER:
            return cut, True
    return _with_margin(box, width, height), False


def _photo_among_lines(planes: NDArray[np.uint8], box: Region) -> Region | None:
    """Find the photo on a page with lines of text or buttons above and below; None without one.

    The photo must be a rectangle, most of the page wide, with the page's color above and below;
    everything else must be much lower. Two objects, such as a bottle and its cap, are not a page.
    """
    view = planes[:, box.y0 : box.y1, box.x0 : box.x1]
    low, high = view.min(axis=2).astype(np.int16), view.max(axis=2)
    busy = (high - low).max(axis=0) > 2 * NEAR  # (lines,)
    steps = np.flatnonzero(np.diff(np.concatenate([[False], busy, [False]]).astype(np.int8)))
    begins, ends = steps[::2], steps[1::2]
    if len(begins) < 2:
        return None
    heights = ends - begins
    tallest = int(heights.argmax())
    rest = np.delete(heights, tallest)
    if rest.max() > _STRIP * heights[tallest] or heights[tallest] < _SHARE * heights.sum():
        return None
    # The photo with the page up to its neighbors is a picture with a border.
    top = box.y0 + int(ends[tallest - 1]) if tallest else 0
    bottom = box.y0 + int(begins[tallest + 1]) if tallest + 1 < len(begins) else planes.shape[1]
    page = planes[:, top:bottom]
    sides = find_sides(page)
    if sides is None or not (sides.top.lines and sides.bottom.lines):
        return None
    inner = _box(sides, page.shape[2], page.shape[1])
    edges = photo_edges(page[:, inner.y0 : inner.y1, inner.x0 : inner.x1], sides)
    cut = _shrunk(inner, edges)
    if None in edges[:2] or not _is_photo(sides, edges) or _slenderness(cut) > _SLENDER:
        return None
    if cut.x1 - cut.x0 < _SHARE * page.shape[2]:
        return None
    return Region(cut.x0, top + cut.y0, cut.x1, top + cut.y1)


def _is_photo(sides: BorderSides, edges: tuple[int | None, ...]) -> bool:
    """Return True if the content is a rectangle.

    With borders on three or four sides, one edge may be missing: as bright as the page.
    """
    cut = sum(bool(side.lines) for side in sides)
    missing = sum(edge is None for edge in edges)
    return missing == 0 or (cut > 2 and missing == 1)


def _box(sides: BorderSides, width: int, height: int) -> Region:
    top, bottom, left, right = (side.lines for side in sides)
    return Region(left, top, width - right, height - bottom)


def _shrunk(box: Region, edges: tuple[int | None, ...]) -> Region:
    top, bottom, left, right = (edge or 0 for edge in edges)
    return Region(box.x0 + left, box.y0 + top, box.x1 - right, box.y1 - bottom)


def _slenderness(box: Region) -> float:
    width, height = box.x1 - box.x0, box.y1 - box.y0
    return max(width, height) / max(1, min(width, height))


def _with_margin(box: Region, width: int, height: int) -> Region:
    """Add a margin around an object and make the region as square as the picture allows."""
    longer = max(box.x1 - box.x0, box.y1 - box.y0)
    wanted = longer + 2 * max(1, round(_MARGIN * longer))
    x0, x1 = _widened(box.x0, box.x1, wanted, width)
    y0, y1 = _widened(box.y0, box.y1, wanted, height)
    return Region(x0, y0, x1, y1)


def _widened(start: int, end: int, wanted: int, size: int) -> tuple[int, int]:
    """Widen a span around its middle to length ``wanted``, or to the room there is."""
    start = max(0, start - max(0, wanted - (end - start)) // 2)
    end = min(size, max(end, start + wanted))
    return max(0, min(start, end - wanted)), end


def _outermost(pixels: Pixels) -> tuple[Pixels, ...]:
    return pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]
