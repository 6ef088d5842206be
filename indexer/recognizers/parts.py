"""What each part of a photo shows: removes boxes of faces, and finds the people.

A detector with ``parts`` (see ``settings``) scores, for each cell of a grid over the photo, how
likely it shows background, hair, skin, or a kind of garment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from indexer.recognizers.dressed import NOTHING, PERSON, person_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from indexer.imaging.images import Box
    from indexer.recognizers.base import Thing

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]

_BARE = 0.4  # share of hair and skin in a box, from which it may show a face or a leg
_DRESSED = 4.0  # unless there is more than a fourth as much of garments
_PERSON = 0.003, 0.03  # shares of skin, and of what is worn, in a photo that may show a person
_NEAR = 0.5  # share of a person in a photo that is taken from too near


class ShownParts(NamedTuple):
    """Which cells (y, x) of a photo show hair, skin, and what is worn."""

    hair: Mask
    skin: Mask
    worn: Mask

    @classmethod
    def of(cls, scores: Floats, parts: Sequence[str]) -> ShownParts:
        """Decide by the scores (p, y, x) of the parts."""
        shown = scores.argmax(axis=0)
        hair, skin = (shown == parts.index(name) for name in PERSON)
        return cls(hair, skin, ~(hair | skin) & (shown != parts.index(NOTHING)))

    def without_bare(self, things: Sequence[Thing]) -> list[Thing]:
        """Return the things without faces and bare skin."""
        return [thing for thing in things if not self._is_bare(thing.box)]

    def person(self) -> Box | None:
        """Return where a person may be, at some distance as in the street photos of training.

        None if nobody is there. Hair is not asked for: it may be under a hat.
        """
        body = self.hair | self.skin | self.worn
        skin, worn = _PERSON
        if self.skin.mean() < skin or self.worn.mean() < worn or body.mean() > _NEAR:
            return None
        return person_region(body)

    def _is_bare(self, box: Box) -> bool:
        """Return True if a box shows hair and skin, and hardly anything that is worn."""
        cells = _cells(box, self.hair.shape)
        bare = float((self.hair | self.skin)[cells].mean())
        return bare >= _BARE and bare >= _DRESSED * float(self.worn[cells].mean())


def _cells(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that a box touches, at least one of each."""
    height, width = shape
    x0, y0, x1, y1 = box
    left, top = min(int(x0 * width), width - 1), min(int(y0 * height), height - 1)
    right, bottom = -int(-x1 * width // 1), -int(-y1 * height // 1)
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))
