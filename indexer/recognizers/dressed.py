"""Name and mask the garments on a person, from a close-up of the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from indexer.recognizers.edges import follow_edges
from indexer.recognizers.plain import connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.imaging.images import Box
    from indexer.recognizers.base import Thing

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]

NOTHING, PERSON, OTHER = "background", ("hair", "skin"), "other"
"""Names of the parts that are no kind of garment."""

_MARGIN = 0.04  # around a person, as a share of the height, as in training
_COMPANION = 0.3  # of the largest person's area, from which another one is in the close-up
_ENLARGED = 2  # points of a mask for each one of the close-up, on each side
_HAIR, _SKIN = 0.001, 0.01  # shares of a close-up of somebody, at least
_CLEAR = 0.74  # mean probability of the likeliest parts in a close-up of somebody
_WORN = 0.15  # share of garments in a box that may be named
_SURE = 0.5  # fit of a kind that names a box
_MASK_SIDE = 256


def person_region(person: Mask) -> Box | None:
    """Return the region of the largest person in a grid (y, x) over a photo, and those beside it.

    None if there is nobody.
    """
    numbers = connected(person)
    sizes = np.bincount(numbers.ravel())[1:]
    if not len(sizes):
        return None
    shown = np.isin(numbers, 1 + np.flatnonzero(sizes >= _COMPANION * sizes.max()))
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    height, width = person.shape
    y0, y1 = rows[0] / height, (rows[-1] + 1) / height
    x0, x1 = columns[0] / width, (columns[-1] + 1) / width
    margin = _MARGIN * (y1 - y0)
    return (
        float(max(0.0, x0 - margin)),
        float(max(0.0, y0 - margin)),
        float(min(1.0, x1 + margin)),
        float(min(1.0, y1 + margin)),
    )


class CloseUp(NamedTuple):
    """What each point of a region of a photo shows.

    ``found`` (p, y, x) is the probability of each of the ``parts``; ``dressed`` (y, x) is that of
    any garment, with the edges of the picture.
    """

    found: Floats
    dressed: Floats
    region: Box
    parts: tuple[str, ...]

    @classmethod
    def of(
        cls, found: Floats, pixels: Pixels, region: Box, parts: tuple[str, ...]
    ) -> CloseUp | None:
        """Enlarge what a network found (p, y, x) in the pixels (h, w, 3) of a region.

        None if it is not sure that they show somebody: it was trained on people only.
        """
        likeliest = found.argmax(axis=0)
        hair, skin = (float((likeliest == parts.index(name)).mean()) for name in PERSON)
        if hair < _HAIR or skin < _SKIN or float(found.max(axis=0).mean()) < _CLEAR:
            return None
        height, width = found.shape[1:]
        size = (_ENLARGED * width, _ENLARGED * height)
        layers = [Image.fromarray(f).resize(size, Image.Resampling.BILINEAR) for f in found]
        fine = np.stack([np.asarray(layer) for layer in layers])
        picture = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
        bare = [parts.index(name) for name in (NOTHING, *PERSON)]
        dressed = 1 - found[bare].sum(axis=0)
        return cls(fine, follow_edges(dressed, np.asarray(picture)), region, parts)

    @property
    def worn(self) -> Mask:
        """Which points (y, x) show a garment."""
        return self.dressed > 0.5

    def cells(self, box: Box) -> tuple[slice, slice]:
        """Return the rows and columns of a box of the photo; empty if it is elsewhere."""
        height, width = self.dressed.shape
        x0, y0, x1, y1 = self.region
        across, down = width / (x1 - x0), height / (y1 - y0)
        left, right = (box[0] - x0) * across, (box[2] - x0) * across
        top, bottom = (box[1] - y0) * down, (box[3] - y0) * down
        return (
            slice(max(0, round(top)), max(0, round(bottom))),
            slice(max(0, round(left)), max(0, round(right))),
        )

    def parts_in_photo(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return the number of the likeliest part at each pixel (height, width) of the photo.

        Beyond the region it is that of the background.
        """
        bare = [self.parts.index(name) for name in (NOTHING, *PERSON)]
        garments = [number for number in range(len(self.parts)) if number not in bare]
        number_of = np.array(garments, np.uint8)[self.found[garments].argmax(axis=0)]
        bare_of = np.array(bare, np.uint8)[self.found[bare].argmax(axis=0)]
        x0, y0, x1, y1 = self.region
        left, top, right, bottom = (
            round(edge * side)
            for edge, side in zip((x0, y0, x1, y1), (width, height, width, height), strict=True)
        )
        size = (max(1, right - left), max(1, bottom - top))
        worn = Image.fromarray(self.dressed).resize(size, Image.Resampling.BILINEAR)
        numbers, others = (
            np.asarray(Image.fromarray(found).resize(size, Image.Resampling.NEAREST))
            for found in (number_of, bare_of)
        )
        shown = np.where(np.asarray(worn) > 0.5, numbers, others)
        whole = np.full((height, width), self.parts.index(NOTHING), np.uint8)
        whole[top : top + size[1], left : left + size[0]] = shown[: height - top, : width - left]
        return whole

    def in_photo(self, mask: Mask) -> Mask:
        """Return a mask of the close-up as one of the photo, (_MASK_SIDE, _MASK_SIDE)."""
        x0, y0, x1, y1 = (round(_MASK_SIDE * edge) for edge in self.region)
        whole = np.zeros((_MASK_SIDE, _MASK_SIDE), np.bool_)
        size = (max(1, x1 - x0), max(1, y1 - y0))
        grown = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
        inside = np.asarray(grown) > 127
        whole[y0 : y0 + size[1], x0 : x0 + size[0]] = inside[: _MASK_SIDE - y0, : _MASK_SIDE - x0]
        return whole


def garments_of(things: Sequence[Thing], close_up: CloseUp) -> list[Thing]:
    """Name and mask the things (best first) that a person wears; others stay as they are.

    A thing whose kind is not sure has no name, and the mask of the kind that fits best. Each point
    belongs to one thing: of those in whose boxes it lies, the one of whose kind it probably is.
    """
    worn = close_up.worn
    kinds = [_kind_of(thing.box, close_up, worn) for thing in things]
    best = np.full(worn.shape, -np.inf, np.float32)
    owner = np.full(worn.shape, -1)
    for number, (thing, kind) in enumerate(zip(things, kinds, strict=True)):
        if kind is not None:
            cells = close_up.cells(thing.box)
            score = close_up.found[close_up.parts.index(kind.name)][cells]
            wins = worn[cells] & (score > best[cells])
            best[cells] = np.where(wins, score, best[cells])
            owner[cells] = np.where(wins, number, owner[cells])
    dressed = []
    for number, (thing, kind) in enumerate(zip(things, kinds, strict=True)):
        mask = owner == number
        if kind is not None and kind.fit >= _SURE:
            thing = thing._replace(label=kind.name, fit=kind.fit)
        if mask.any():
            thing = thing._replace(mask=close_up.in_photo(mask), unsure=thing.label is None)
        dressed.append(thing)
    return dressed


class _Kind(NamedTuple):
    """The kind of garment that fits a box best, and how well, from 0 to 1."""

    name: str
    fit: float


def _kind_of(box: Box, close_up: CloseUp, worn: Mask) -> _Kind | None:
    """Return the kind of garment that a box is around, or None if hardly anything in it is worn.

    A kind fits a box if most of the garments in the box are of this kind, and most of what is of
    this kind is in the box; its fit is the geometric mean of both shares.
    """
    cells = close_up.cells(box)
    if not worn[cells].size or worn[cells].mean() < _WORN:
        return None
    others = {NOTHING, *PERSON, OTHER}
    kinds = [number for number, part in enumerate(close_up.parts) if part not in others]
    inside = (close_up.found[(slice(None), *cells)] * worn[cells]).sum(axis=(1, 2))  # (p,)
    total = (close_up.found * worn).sum(axis=(1, 2))
    share = inside[kinds] / max(float(inside.sum()), 1e-6)
    held = inside[kinds] / np.maximum(total[kinds], 1e-6)
    fit = np.sqrt(share * held)
    best = int(fit.argmax())
    return _Kind(close_up.parts[kinds[best]], float(fit[best]))
