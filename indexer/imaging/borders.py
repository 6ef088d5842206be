"""Plain borders of a picture: white canvas, black bars, the page around a photo in a screenshot.

A side is a border where its outermost line has one color, and so have the lines behind it. What
lies inside is one of two things, and each is cut in its own way:

* *a photo*: a rectangle that begins all at once. It is cut where it begins, and looked at again,
  since a video with bars may lie on a page. But a book on white is a rectangle too, and its cover
  no border: inside a frame only black or white bars on two sides are cut.
* *a thing*, such as a mug on white: its outline begins bit by bit. It keeps a margin, and becomes
  as square as its picture allows: squashed to a square, a bottle alone would look like a barrel.

Pixels are compared on a copy of about 256 a side. Only lines' extremes and means are looked at, so
that it costs less than a millisecond, and next to nothing where no outermost line is plain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Pixels

_WORKING = 256  # pixels of the longer side of the copy, up to twice as many
_SPREAD = 10.0  # levels that a plain line's pixels may lie from its mean
_NEAR, _FAR = 5.0, 12.0  # levels from a border's color that still are border: calm and noisy ones
_DRIFT = 1.5  # levels that the mean of a border's lines may wander: soft JPEG, no gradient
_SLOPE = 0.7  # levels that the middle of a border may have wandered: more is a gradient
_SHORT = 12  # lines too few to tell a gradient from compression; a thing's margin covers them
_BARS = (25.0, 230.0)  # levels below and above which bars around a video lie
_STRONG = 20.0  # levels from a border's color that a photo's edge has and ringing seldom
_RINGING = 20  # lines that compression may have spoiled in front of a photo's edge
_CALM = 9.0  # levels that the mean of such a line may wander
_SOFT = 2  # lines before an edge that its colors run into
_BEYOND = 6  # lines behind an edge that are looked at: a gradient goes on
_FULL, _STRAY = 0.5, 0.12  # shares of strong pixels in a photo's edge, and before it
_MARGIN = 0.06  # of a thing's longer side
_SLENDER = 1.85  # a rectangle longer than this is a thing, such as a carton
_LEAST = 0.03  # of the sides: what is smaller is dust
_ROUNDS = 4
_STRIP, _SHARE = 0.25, 0.6  # of the photo's height that lines beside it may have; its own share


class Region(NamedTuple):
    """Pixels ``x0 <= x < x1``, ``y0 <= y < y1`` of a picture; never empty."""

    x0: int
    y0: int
    x1: int
    y1: int


def inside_border(pixels: Pixels) -> Region:
    """Find what lies inside the plain border of (h, w, 3); the whole picture if it has no border.

    Borders may have any color, a different one on each side, and lie in one another. Gradients,
    textures and blank pictures have none. The same pixels give the same region.
    """
    height, width = pixels.shape[:2]
    whole = Region(0, 0, width, height)
    if min(height, width) < 8 or not any(map(_is_plain, _outermost(pixels))):
        return whole
    scale = max(1, max(height, width) // _WORKING)
    image = Image.fromarray(pixels)
    small = np.asarray(image.reduce(scale) if scale > 1 else image)
    planes = np.ascontiguousarray(small.transpose(2, 0, 1))  # (3, h, w): lines lie in one piece
    found = _inside(planes)
    x0, x1 = found.x0 * scale, min(found.x1 * scale, width)
    y0, y1 = found.y0 * scale, min(found.y1 * scale, height)
    if scale > 1:  # lines of the copy are several of these, some border, some not
        across = pixels[:, x0:x1]
        y0 += _leftover(across[y0 - 1 : y0 + scale]) if y0 else 0
        y1 -= _leftover(across[y1 - scale : y1 + 1][::-1]) if y1 < height else 0
        upright = pixels[y0:y1].transpose(1, 0, 2)
        x0 += _leftover(upright[x0 - 1 : x0 + scale]) if x0 else 0
        x1 -= _leftover(upright[x1 - scale : x1 + 1][::-1]) if x1 < width else 0
    return Region(x0, y0, x1, y1)


def _leftover(lines: Pixels) -> int:
    """Count the lines (n, m, 3) after the first, which was cut, that are plain and of its color."""
    color = lines[0].mean(axis=0)  # (3,)
    near = np.abs(lines[1:] - color).max(axis=(1, 2)) <= _FAR  # (n - 1,)
    return len(near) if near.all() else int(near.argmin())


def trimmed(pixels: Pixels) -> Pixels:
    """Cut a picture (h, w, 3) to what lies inside its plain border: a view, never empty."""
    x0, y0, x1, y1 = inside_border(pixels)
    return pixels[y0:y1, x0:x1]


class _Side(NamedTuple):
    """One side of a picture: how many lines are border, of what color (3,); None of no color."""

    lines: int
    color: NDArray[np.float32] | None


class _Sides(NamedTuple):
    top: _Side
    bottom: _Side
    left: _Side
    right: _Side


def _inside(planes: NDArray[np.uint8]) -> Region:
    """``inside_border`` of (3, h, w), pixel by pixel."""
    _, height, width = planes.shape
    region = Region(0, 0, width, height)
    framed = False
    for _ in range(_ROUNDS):
        view = planes[:, region.y0 : region.y1, region.x0 : region.x1]
        sides = _sides(view)
        if sides is None or (framed and not _are_bars(sides)):
            break
        found = _once(view, sides)
        if found is None:
            break
        inner, again = found
        framed = framed or (sum(bool(side.lines) for side in sides) > 2)
        region = Region(
            region.x0 + inner.x0,
            region.y0 + inner.y0,
            region.x0 + inner.x1,
            region.y0 + inner.y1,
        )
        if not again:
            break
    return region


def _once(planes: NDArray[np.uint8], sides: _Sides) -> tuple[Region, bool] | None:
    """What lies inside the outermost border, and whether it may have one of its own.

    None where there is no border, or nothing inside.
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
    edges = _edges(planes, sides, box)
    if _is_photo(sides, edges):
        cut = _shrunk(box, edges)
        if _slenderness(cut) <= _SLENDER:
            return cut, True
    return _with_margin(box, width, height), False


def _sides(planes: NDArray[np.uint8]) -> _Sides | None:
    """The borders of (3, h, w); None where nothing is inside."""
    top, bottom = _both_ends(planes)
    if top.lines + bottom.lines >= planes.shape[1]:
        return None
    between = planes[:, top.lines : planes.shape[1] - bottom.lines]
    left, right = _both_ends(between.transpose(0, 2, 1))
    if left.lines + right.lines >= planes.shape[2]:
        return None
    return _Sides(top, bottom, left, right)


def _both_ends(planes: NDArray[np.uint8]) -> tuple[_Side, _Side]:
    """The borders before the first and behind the last lines of (3, lines, n)."""
    first, last = _is_plain(planes[:, 0].T), _is_plain(planes[:, -1].T)
    if not (first or last):
        return _Side(0, None), _Side(0, None)
    low, high = planes.min(axis=2), planes.max(axis=2)  # (3, lines)
    mean = planes.mean(axis=2, dtype=np.float32)
    none = _Side(0, None)
    return (
        _border(low, high, mean) if first else none,
        _border(low[:, ::-1], high[:, ::-1], mean[:, ::-1]) if last else none,
    )


def _border(low: NDArray[np.uint8], high: NDArray[np.uint8], mean: NDArray[np.float32]) -> _Side:
    """How many lines from the first on are border, by extremes and means (3, lines)."""
    color = mean[:, 0]  # (3,)
    spread = float(max((high[:, 0] - color).max(), (color - low[:, 0]).max()))
    near = min(_FAR, max(_NEAR, 1.5 * spread))
    here = color[:, None]  # (3, 1)
    wander = np.abs(mean - here).max(axis=0)  # (lines,)
    plain = ((high - here).max(axis=0) <= near) & ((here - low).max(axis=0) <= near)
    plain &= wander <= _DRIFT
    lines = len(plain) if plain.all() else int(plain.argmin())
    if _SHORT <= lines < len(plain) and wander[lines // 2] > _SLOPE:
        return _Side(0, None)
    return _Side(lines, color)


def _photo_among_lines(planes: NDArray[np.uint8], box: Region) -> Region | None:
    """The photo of a page with lines of text and buttons above and below; None without one.

    It must be a rectangle, most of the page wide, with the page's color above and below, and all
    else much lower: two things, a bottle and its cap, or a bird over the sea are no such page.
    """
    view = planes[:, box.y0 : box.y1, box.x0 : box.x1]
    low, high = view.min(axis=2).astype(np.int16), view.max(axis=2)
    busy = (high - low).max(axis=0) > 2 * _NEAR  # (lines,)
    steps = np.flatnonzero(np.diff(np.concatenate([[False], busy, [False]]).astype(np.int8)))
    begins, ends = steps[::2], steps[1::2]
    if len(begins) < 2:
        return None
    heights = ends - begins
    at = int(heights.argmax())
    others = np.delete(heights, at)
    if others.max() > _STRIP * heights[at] or heights[at] < _SHARE * heights.sum():
        return None
    # With the page between it and its neighbors, the photo is a picture with a border.
    top = box.y0 + int(ends[at - 1]) if at else 0
    bottom = box.y0 + int(begins[at + 1]) if at + 1 < len(begins) else planes.shape[1]
    page = planes[:, top:bottom]
    sides = _sides(page)
    if sides is None or not (sides.top.lines and sides.bottom.lines):
        return None
    inner = _box(sides, page.shape[2], page.shape[1])
    edges = _edges(page, sides, inner)
    cut = _shrunk(inner, edges)
    if None in edges[:2] or not _is_photo(sides, edges) or _slenderness(cut) > _SLENDER:
        return None
    if cut.x1 - cut.x0 < _SHARE * page.shape[2]:
        return None
    return Region(cut.x0, top + cut.y0, cut.x1, top + cut.y1)


def _edges(
    planes: NDArray[np.uint8], sides: _Sides, box: Region
) -> tuple[int | None, int | None, int | None, int | None]:
    """How far behind each side of ``box`` a photo's edge is; None for a side without one.

    In the order of ``sides``; 0 where nothing is cut.
    """
    view = planes[:, box.y0 : box.y1, box.x0 : box.x1]
    turned = view.transpose(0, 2, 1)
    return (
        _edge(view, sides.top),
        _edge(view[:, ::-1], sides.bottom),
        _edge(turned, sides.left),
        _edge(turned[:, ::-1], sides.right),
    )


def _edge(planes: NDArray[np.uint8], side: _Side) -> int | None:
    """The line of (3, lines, n) that is a photo's first, with nothing but ringing before it."""
    if not side.lines or side.color is None:
        return 0
    away = planes[:, : _RINGING + _BEYOND].astype(np.float32) - side.color[:, None, None]
    strength = np.abs(away).max(axis=0)  # (k, n)
    strong = (strength > _STRONG).mean(axis=1)  # (k,)
    full = strong[:_RINGING] >= _FULL
    if not full.any():
        return None
    line = int(full.argmax())
    before = slice(0, max(0, line - _SOFT))
    wander = np.abs(away[:, before].mean(axis=2)).max(initial=0)
    if strong[before].max(initial=0) > _STRAY or wander > _CALM:
        return None
    mean = strength.mean(axis=1)  # (k,)
    at, beyond = min(line + _SOFT, len(mean) - 1), min(line + _BEYOND, len(mean) - 1)
    jump = mean[at] - (mean[line - _SOFT - 1] if line > _SOFT else 0)
    return line if jump >= 2 * (mean[beyond] - mean[at]) else None  # else a steep gradient


def _are_bars(sides: _Sides) -> bool:
    """Whether the border is black or white, on two opposite sides and no other."""
    if [bool(side.lines) for side in sides] not in ([1, 1, 0, 0], [0, 0, 1, 1]):
        return False
    dark, light = _BARS
    colors = [side.color for side in sides if side.color is not None and side.lines]
    return all(bool((color < dark).all() or (color > light).all()) for color in colors)


def _is_photo(sides: _Sides, edges: tuple[int | None, ...]) -> bool:
    """Whether what is inside is a rectangle; one side of several may be as bright as the page."""
    cut = sum(bool(side.lines) for side in sides)
    missing = sum(edge is None for edge in edges)
    return missing == 0 or (cut > 2 and missing == 1)


def _box(sides: _Sides, width: int, height: int) -> Region:
    top, bottom, left, right = (side.lines for side in sides)
    return Region(left, top, width - right, height - bottom)


def _shrunk(box: Region, edges: tuple[int | None, ...]) -> Region:
    top, bottom, left, right = (edge or 0 for edge in edges)
    return Region(box.x0 + left, box.y0 + top, box.x1 - right, box.y1 - bottom)


def _slenderness(box: Region) -> float:
    width, height = box.x1 - box.x0, box.y1 - box.y0
    return max(width, height) / max(1, min(width, height))


def _with_margin(box: Region, width: int, height: int) -> Region:
    """A thing with plain color around it, as square as the picture allows."""
    longer = max(box.x1 - box.x0, box.y1 - box.y0)
    wanted = longer + 2 * max(1, round(_MARGIN * longer))
    x0, x1 = _widened(box.x0, box.x1, wanted, width)
    y0, y1 = _widened(box.y0, box.y1, wanted, height)
    return Region(x0, y0, x1, y1)


def _widened(start: int, end: int, wanted: int, size: int) -> tuple[int, int]:
    """The span about ``start`` to ``end`` that is ``wanted`` long, or as long as there is room."""
    start = max(0, start - max(0, wanted - (end - start)) // 2)
    end = min(size, max(end, start + wanted))
    return max(0, min(start, end - wanted)), end


def _outermost(pixels: Pixels) -> tuple[Pixels, ...]:
    return pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]


def _is_plain(line: NDArray[np.uint8]) -> bool:
    """Whether a line (n, 3) has one color, give or take soft compression."""
    return bool((line.max(axis=0).astype(np.int16) - line.min(axis=0)).max() <= 2 * _SPREAD)
