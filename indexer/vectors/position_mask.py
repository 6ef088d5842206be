"""Which positions of an index a search may find, in the forms that backends want."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.vectors.recipes import faiss_module

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PositionMask:
    """A mask (n,) over the positions of an index. Counts and forms are made once, on first use.

    Threads may share one. Keep it if several searches use the same mask.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask

    def __len__(self) -> int:
        return len(self.mask)

    @cached_property
    def count(self) -> int:
        """How many positions are allowed."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """The allowed positions, rising: (count,)."""
        return np.flatnonzero(self.mask)

    @cached_property
    def selector(self) -> Any:
        """FAISS's form: a bitmap, which FAISS's wrapper keeps alive with the selector."""
        return faiss_module().IDSelectorBitmap(np.packbits(self.mask, bitorder="little"))
