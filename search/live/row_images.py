"""Which image of its item each position of an index stands for, as columns."""

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
    """The image of its item (n,) that each position stands for, and its rendition (n,).

    ``rendition`` counts in ``names``, which begins with the original and which all segments of a
    shop share.
    """

    image: NDArray[np.int32]
    rendition: NDArray[np.int16]
    names: Sequence[str]

    def at(self, position: int) -> tuple[int, str]:
        """Return the image of its item, and the name of its rendition."""
        return self.image.item(position), self.names[self.rendition.item(position)]

    def at_all(self, positions: Positions) -> RowImages:
        """Return what these positions (p,) stand for."""
        return self._replace(image=self.image[positions], rendition=self.rendition[positions])

    @property
    def are_original(self) -> NDArray[np.bool_]:
        """Which positions (n,) stand for an image as it came, in no style."""
        return np.asarray(self.rendition == 0, dtype=np.bool_)

    def are_main(self, positions: Positions) -> NDArray[np.bool_]:
        """Return which positions (p,) stand for the first image of their item, as it came."""
        main = (self.image[positions] == 0) & (self.rendition[positions] == 0)
        return np.asarray(main, dtype=np.bool_)


class RenditionNames:
    """Numbers the names of renditions, the original first."""

    def __init__(self) -> None:
        self.names = [ORIGINAL]
        self._numbers = {ORIGINAL: 0}

    def number(self, name: str) -> int:
        """Return the number of a name, a new one if it has none yet."""
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number

    def images(self, image: ArrayLike, rendition: ArrayLike) -> RowImages:
        """Return columns of these images (n,) and numbers of renditions (n,)."""
        return RowImages(
            np.asarray(image, dtype=np.int32), np.asarray(rendition, dtype=np.int16), self.names
        )


def joined(parts: Sequence[RowImages]) -> RowImages:
    """Return the columns of some segments of one shop, one after the other."""
    return parts[0]._replace(
        image=np.concatenate([part.image for part in parts]),
        rendition=np.concatenate([part.rendition for part in parts]),
    )
