"""Find the items that have most words of a query, for a query that is sorted by a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Mask
    from indexer.words.lexical import LexicalIndex
    from search.live.view import ShopView


def with_most_words(
    texts: Sequence[str], view: ShopView, index: LexicalIndex, allowed: Mask
) -> Mask:
    """Return the mask (size,) of those ``allowed`` items that have most words of ``texts``.

    Ranked by score, such items come first. Sorted by a field, items with fewer of the words would
    come between them: a search for "red mug" by price would begin with red sofas. Returns
    ``allowed`` if no item has any of the words.
    """
    counts = np.zeros(view.size, dtype=np.int64)
    for text in texts:
        if any(group.counts for group in index.read(text, sequence=view.sequence).groups):
            found = index.find(text, sequence=view.sequence)
            items = view.items_of(found.numbers)
            counts[items[items >= 0]] += found.words[items >= 0]
    most = int(counts[allowed].max(initial=0))
    return allowed & (counts >= most) if most else allowed
