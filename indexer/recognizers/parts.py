"""What each part of a photo shows: removes boxes of faces, and names and masks garments on people.

A detector with ``parts`` (see ``settings``) scores, for each cell of a grid over the photo, how
likely it shows background, hair, skin, or a kind of garment; and for each kind of garment, how well
it names a box that the cell is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.imaging.images import Box
    from indexer.recognizers.base import Thing
    from indexer.recognizers.settings import DetectorSettings

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]

NOTHING, PERSON = "background", ("hair", "skin")
"""Names of the parts that are no garment."""

_BARE = 0.4  # share of hair and skin in a box, from which it may show a face or a leg
_DRESSED = 4.0  # unless there is more than a fourth as much of garments
_PERSON = 0.003  # share of hair, and of skin, in a photo that shows a person
_NEAR = 0.5  # share of a person in a photo that is taken from too near
_WORN = 0.15  # share of garments in a box that may be named
_SURE = 0.3  # score of a kind that names a box
_FINE = 4  # a mask has 4 x 4 points in each cell


class PartMaps(NamedTuple):
    """The scores of one photo: parts (p, y, x), and kinds (k, y, x) of boxes."""

    parts: Floats
    kinds: Floats

    @classmethod
    def of(cls, output: Floats, settings: DetectorSettings) -> PartMaps:
        """Split an output (p + k, y, x)."""
        count = len(settings.parts)
        return cls(output[:count], output[count:])


def dressed_things(
    things: Sequence[Thing], maps: PartMaps, settings: DetectorSettings, *, plain: bool = False
) -> list[Thing]:
    """Return things (best first) without faces and bare skin; name and mask garments of people.

    Things have a name and a mask only in a photo that shows hair and skin of somebody from some
    distance, as those do from which the kinds were learned, and not on a ``plain`` background.
    """
    shown = maps.parts.argmax(axis=0)  # (y, x)
    hair, skin = (shown == settings.parts.index(name) for name in PERSON)
    person = hair | skin
    worn = ~person & (shown != settings.parts.index(NOTHING))
    kept = [thing for thing in things if not _is_bare(thing.box, person, worn)]
    near = (person | worn).mean() > _NEAR
    if plain or near or min(hair.mean(), skin.mean()) < _PERSON:
        return kept
    named = [thing._replace(label=_kind_of(thing.box, maps, worn, settings)) for thing in kept]
    return _masked(named, maps, settings)


def _is_bare(box: Box, person: Mask, worn: Mask) -> bool:
    """Return True if a box shows hair and skin, and hardly anything that is worn."""
    cells = _cells(box, person.shape)
    bare = float(person[cells].mean())
    return bare >= _BARE and bare >= _DRESSED * float(worn[cells].mean())


def _kind_of(box: Box, maps: PartMaps, worn: Mask, settings: DetectorSettings) -> str | None:
    """Return the kind of garment in a box, or None if that is not sure."""
    cells = _cells(box, worn.shape)
    if worn[cells].mean() < _WORN:
        return None
    scores = maps.kinds[(slice(None), *cells)].mean(axis=(1, 2))  # (k,)
    best = int(scores.argmax())
    return settings.kinds[best] if scores[best] >= _SURE else None


def _masked(things: Sequence[Thing], maps: PartMaps, settings: DetectorSettings) -> list[Thing]:
    """Add masks to the named things: what is worn in the box, and more of its kind than others."""
    fine = _enlarged(maps.parts)  # (p, y, x)
    others = [settings.parts.index(name) for name in (NOTHING, *PERSON)]
    worn = ~np.isin(fine.argmax(axis=0), others)
    best = np.full(worn.shape, -np.inf, np.float32)
    owner = np.full(worn.shape, -1)
    for number, thing in enumerate(things):
        if thing.label in settings.parts:
            cells = _cells(thing.box, worn.shape)
            score = fine[settings.parts.index(thing.label)][cells]
            wins = worn[cells] & (score > best[cells])
            best[cells] = np.where(wins, score, best[cells])
            owner[cells] = np.where(wins, number, owner[cells])
    masks = [owner == number for number in range(len(things))]
    return [
        thing._replace(mask=mask) if mask.any() else thing
        for thing, mask in zip(things, masks, strict=True)
    ]


def _cells(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that a box touches, at least one of each."""
    height, width = shape
    x0, y0, x1, y1 = box
    left, top = min(int(x0 * width), width - 1), min(int(y0 * height), height - 1)
    right, bottom = int(np.ceil(x1 * width)), int(np.ceil(y1 * height))
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


def _enlarged(scores: Floats) -> Floats:
    height, width = scores.shape[1:]
    size = (_FINE * width, _FINE * height)
    return np.stack(
        [np.asarray(Image.fromarray(s).resize(size, Image.Resampling.BILINEAR)) for s in scores]
    )
