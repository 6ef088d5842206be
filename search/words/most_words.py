"""Find the items that have most words of a query, for a query that is sorted by a field."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Mask
    from indexer.words.lexical import LexicalIndex
    from search.live.view import ShopView
    from search.words.asked_words import AskedWords


Counts: TypeAlias = NDArray[np.int64]


def with_most_words(
    asked: Sequence[AskedWords], view: ShopView, index: LexicalIndex, allowed: Mask
) -> Mask:
    """Return the mask (size,) of those ``allowed`` items that have most of the words.

    Of these, it keeps those that have most of them where items are named: in title, categories and
    attributes. Ranked by score, such items come first. Sorted by a field, others would come between
    them: a search for "red mug" by price would begin with red sofas, and "backpack" with a bottle
    that fits into one. Returns ``allowed`` if no item has any of the words.
    """
    for count in (_count_words, _count_names):
        counts = np.zeros(view.size, dtype=np.int64)
        for words in asked:
            if words.text:
                count(words, view, index, counts)
        most = int(counts[allowed].max(initial=0))
        allowed = allowed & (counts >= most) if most else allowed
    return allowed


def _count_words(words: AskedWords, view: ShopView, index: LexicalIndex, counts: Counts) -> None:
    if any(group.counts for group in index.read(words.text, sequence=view.sequence).groups):
        found = index.find(words.text, sequence=view.sequence)
        items = view.items_of(found.numbers)
        counts[items[items >= 0]] += found.words[items >= 0]


def _count_names(words: AskedWords, view: ShopView, index: LexicalIndex, counts: Counts) -> None:
    for group in index.read(words.text, sequence=view.sequence).groups:
        if group.counts:
            items = view.items_of(index.named(group, sequence=view.sequence))
            counts[items[items >= 0]] += 1
