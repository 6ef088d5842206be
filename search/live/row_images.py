"""The image and the rendition behind each position of an index, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.items import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from indexer.arrays import Positions


class RowImages(NamedTuple):
    """For each position of an index, which image of its item it is, and in which rendition.

    ``image`` (n,) counts the images of the item from 0. ``rendition`` (n,) is a place in
    ``names``, a list that begins with the original and that all segments of a shop share.
    """

    image: NDArray[np.int32]
    rendition: NDArray[np.int16]
    names: Sequence[str]

    def at(self, position: int) -> tuple[int, str]:
        """Return the image number and the name of the rendition at a position."""
        return self.image.item(position), self.names[self.rendition.item(position)]

    def select(self, positions: Positions) -> RowImages:
        """Return the images at these positions (p,), in their order."""
        return self._replace(image=self.image[positions], rendition=self.rendition[positions])

    @property
    def are_original(self) -> NDArray[np.bool_]:
        """Return True for each position (n,) of an original, and False for those of a style."""
        return np.asarray(self.rendition == 0, dtype=np.bool_)

    def are_main(self, positions: Positions) -> NDArray[np.bool_]:
        """Return which positions (p,) are the original of their item's first image: (p,)."""
        main = (self.image[positions] == 0) & (self.rendition[positions] == 0)
        return np.asarray(main, dtype=np.bool_)


class RenditionNames:
    """Gives each name of a rendition a number; the original has 0."""

    def __init__(self) -> None:
        self.names = [ORIGINAL]
        self._numbers = {ORIGINAL: 0}

    def number(self, name: str) -> int:
        """Return the number of a name; a new name gets the next number."""
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number

    def images(self, image: ArrayLike, rendition: ArrayLike) -> RowImages:
        """Make ``RowImages`` from image numbers (n,) and rendition numbers (n,)."""
        return RowImages(
            np.asarray(image, dtype=np.int32), np.asarray(rendition, dtype=np.int16), self.names
        )


def concatenate_images(parts: Sequence[RowImages]) -> RowImages:
    """Concatenate the images of some segments of one shop."""
    return parts[0]._replace(
        image=np.concatenate([part.image for part in parts]),
        rendition=np.concatenate([part.rendition for part in parts]),
    )
