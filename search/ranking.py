"""A bound question and its ranking: the values that the steps of a search hand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search.hits import Mode
    from search.live.columns import Mask
    from search.live.view import Candidate, ShopView
    from search.query import Query


class Asked(NamedTuple):
    """A question as one view of the shop sees it.

    ``groups`` (size,) numbers what counts as one hit; ``allowed`` (size,) are the items that may
    be found, only to be read; ``matches`` are those of them with the words, best first, and
    ``worded`` the numbers of all items with the words, allowed or not.
    """

    query: Query
    view: ShopView
    groups: NDArray[np.int64]
    allowed: Mask
    matches: list[Candidate]
    worded: NDArray[np.int64]


class Ranking(NamedTuple):
    """Hits to be, best first; where the page begins; how they came; how deep words were fused."""

    ranked: list[Ranked]
    begin: int
    mode: Mode
    fuse_depth: int


class Ranked(NamedTuple):
    """A hit to be, and the items folded into it as near copies."""

    found: Candidate
    copies: list[int]
