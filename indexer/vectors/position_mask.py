"""A mask over the positions of an index, in the forms that backends need."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.vectors.recipes import faiss_module

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PositionMask:
    """A mask (n,) over the positions of an index: True where a search may find a vector.

    The other forms are computed on first use and cached, so reuse a mask for several searches.
    Threads may share it.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask

    def __len__(self) -> int:
        return len(self.mask)

    @cached_property
    def count(self) -> int:
        """The number of allowed positions."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """The allowed positions, ascending: (count,)."""
        return np.flatnonzero(self.mask)

    @cached_property
    def selector(self) -> Any:
        """The mask as FAISS's selector; its wrapper also keeps the bitmap alive."""
        return faiss_module().IDSelectorBitmap(np.packbits(self.mask, bitorder="little"))
