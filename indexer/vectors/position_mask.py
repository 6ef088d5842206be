"""Which positions of an index a search may find, in the forms that FAISS and numpy want."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.vectors.recipes import faiss_module

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Allowed:
    """A mask over the n positions of an index; counts and forms are made once, when asked for.

    Safe to share between threads, and worth keeping where many searches use the same mask.
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
