"""A query bound to one view of a shop: the items that it may find, and those with its words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.filters.jsonform import without_key
from search.words.asked_words import ask_words
from search.words.most_words import with_most_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Embedding, Mask
    from indexer.words.lexical import LexicalIndex
    from indexer.words.meaning import MeaningIndex
    from indexer.words.textmatches import TextMatches
    from search.hits import FacetValue
    from search.live.view import ShopView
    from search.query import Query
    from search.words.asked_words import AskedWords
    from search.words.value_words import ValueMatch

FEW = 16  # items that are dropped from what is found, rather than searched around
MAX_ALIKE = 100  # items found by the meaning of the words of a part
_NONE: NDArray[np.int64] = np.empty(0, dtype=np.int64)


class WordMatches(NamedTuple):
    """The items with the words of one part, including items that the query may not find.

    ``items`` and their BM25 ``scores`` are (m,), in no order; ``weight`` is the part's.
    """

    weight: float
    items: NDArray[np.integer]
    scores: NDArray[np.float64]

    def ranked(self, view: ShopView, allowed: Mask) -> list[int]:
        """Return the ``allowed`` items, best first."""
        kept = allowed[self.items]
        items = self.items[kept]
        ranked: list[int] = items[view.by_score(items, self.scores[kept])].tolist()
        return ranked


class BoundQuery(NamedTuple):
    """A query and its vector, with the items of one view that they refer to.

    ``vector`` is (dim,) and of unit length; None if only words are searched for. ``groups``
    (size,) has the group of each item: a page shows one hit of each group. ``allowed`` (size,) is
    the mask of items that may be found; it may be the view's own, so do not write to it.
    ``barred`` (b,) are the items that it may not find whatever the filter is: those that it names,
    with their groups, and those that its words exclude. ``words`` has the matches of each part with
    words to search for, in the order of the parts. ``matching``
    (m,) are the items that match any part of positive weight. ``values`` are the values of fields
    that words name. ``corrected`` and ``understood`` are for the reply. ``sort`` is the query's, or
    what its words ask for.
    """

    query: Query
    vector: Embedding | None
    view: ShopView
    groups: NDArray[np.int64]
    allowed: Mask
    barred: NDArray[np.int64]
    words: Sequence[WordMatches]
    matching: NDArray[np.int64]
    values: Sequence[ValueMatch] = ()
    corrected: str = ""
    understood: Sequence[str] = ()
    sort: str | None = None

    def count_items(self) -> int:
        """Return how many items pass the filter and, for a query of words alone, match a word."""
        if self.vector is not None:
            return int(np.count_nonzero(self.allowed))
        return int(np.count_nonzero(self.allowed[self.matching]))

    def count_products(self) -> int:
        """Return how many products these items belong to."""
        view = self.view
        if self.vector is None:
            found = np.zeros(view.size, dtype=np.bool_)
            found[self.matching] = self.allowed[self.matching]
            return view.columns.count_products(found, view.product)
        if not self.names_few:
            return view.columns.count_products(self.allowed, view.product)
        # All products but those that are barred as a whole, which is cheaper than counting.
        barred = Counter(view.product[self.barred].tolist())
        sizes = view.columns.product_sizes(view.product)
        gone = [product for product, count in barred.items() if sizes[product] == count]
        return view.products - len(gone)

    @property
    def names_few(self) -> bool:
        """Return True if all items may be found but a few, which the query names or excludes."""
        return self.query.filter is None and 0 < len(self.barred) <= FEW

    def count_facets(self) -> dict[str, list[FacetValue]]:
        """Count the values of each facet field among those items, as if it were not filtered."""
        # Counting takes seconds in a large shop, so a field that is named twice is counted once.
        return {
            field: self.view.columns.facet(field, self._facet_mask(field), self.view.product)
            for field in dict.fromkeys(self.query.facets)
        }

    def _facet_mask(self, field: str) -> Mask:
        """Return the items to count for a field: (size,). Do not write to it."""
        other_conditions = without_key(self.query.filter, field)
        if other_conditions == self.query.filter:
            mask = self.allowed
        else:
            mask = self.view.columns.mask(other_conditions)
            mask[self.barred] = False
        if self.vector is None:
            matching = np.zeros(self.view.size, dtype=np.bool_)
            matching[self.matching] = True
            mask = mask & matching
        return mask


def bind(
    query: Query,
    vector: Embedding | None,
    view: ShopView,
    index: LexicalIndex,
    *,
    meaning: MeaningIndex | None = None,
    text_tower: bool = False,
) -> BoundQuery:
    """Bind a query to a view. ``index`` and ``meaning`` are the shop's indexes of words.

    With a ``text_tower``, words are part of the vector, so values of fields are not looked for.
    Raises BadQuery if the filter uses a field that no item has.
    """
    groups = view.product if query.group == "product" else np.arange(view.size)
    with_values = vector is not None and not text_tower
    asked = ask_words(query.parts, view, index, alone=vector is None, with_values=with_values)
    allowed = view.columns.alive if query.filter is None else view.columns.mask(query.filter)
    # Words beside an item may ask for another variant of it.
    adds_words = not index.is_plain and any(words.weight > 0 for words in asked)
    barred = _barred_items(query, view, None if adds_words else groups, asked)
    if len(barred):
        allowed = allowed.copy()
        allowed[barred] = False
    sort = query.sort or next((words.sort for words in asked if words.sort), None)
    wanted = [words for words in asked if words.weight > 0]
    if sort is not None and vector is None:
        allowed = with_most_words(wanted, view, index, allowed)
    words = [
        WordMatches(words.weight, *_find_matches(words, view, index, meaning))
        for words in asked
        if words.text
    ]
    if vector is None and not any(words.text for words in wanted) and _narrows(wanted):
        everything = np.flatnonzero(view.columns.alive)
        words.append(WordMatches(1.0, everything, np.ones(len(everything))))
    return BoundQuery(
        query,
        vector,
        view,
        groups,
        allowed,
        barred,
        words,
        matching=_matching(words, view.size),
        values=[value for words in asked for value in words.values],
        corrected=next((words.corrected for words in asked if words.corrected), ""),
        understood=[condition for words in asked for condition in words.understood],
        sort=sort,
    )


def _narrows(asked: Sequence[AskedWords]) -> bool:
    """Return True if words that search for nothing still say what is wanted: "under 20"."""
    return any(words.price is not None or words.order or len(words.excluded) for words in asked)


def _barred_items(
    query: Query,
    view: ShopView,
    groups: NDArray[np.int64] | None,
    asked: Sequence[AskedWords],
) -> NDArray[np.int64]:
    """Return the items of the view that the query may not find, each once: (b,).

    With ``groups``, the whole group of a named item is barred, otherwise only the item itself.
    """
    parts: list[NDArray[np.integer]] = [words.excluded for words in asked]
    parts += [
        np.flatnonzero(~view.columns.mask(words.price))
        for words in asked
        if words.price is not None
    ]
    for item_id in [item_id for part in query.parts for item_id in part.named_items]:
        if (number := view.number(item_id)) >= 0:
            parts.append(np.array([number]) if groups is None else _group(number, groups, view))
    if not parts:
        return _NONE
    barred = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))
    found: NDArray[np.int64] = barred[view.columns.alive[barred]].astype(np.int64, copy=False)
    return found


def _group(number: int, groups: NDArray[np.int64], view: ShopView) -> NDArray[np.int64]:
    """Return the items of an item's group, which most items have to themselves: (g,)."""
    group = groups[number]
    if groups is not view.product or view.columns.product_sizes(view.product)[group] == 1:
        return np.array([number])
    return np.flatnonzero(groups == group)


def _matching(words: Sequence[WordMatches], size: int) -> NDArray[np.int64]:
    """Return the items that match any part of positive weight: (m,), rising."""
    if not words:
        return _NONE
    wanted = np.zeros(size, dtype=np.bool_)
    for match in words:
        if match.weight > 0:
            wanted[match.items] = True
    return np.flatnonzero(wanted)


def _find_matches(
    words: AskedWords, view: ShopView, index: LexicalIndex, meaning: MeaningIndex | None
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    """Return the items of the view with these words, and their scores: both (m,), in no order.

    Of items with as many of the words, those of a kind that the words name are first: "apple" finds
    apples before apple juice. With ``meaning``, items whose title means something similar are found
    too.
    """
    found = index.find(words.text, sequence=view.sequence)
    items = view.items_of(found.numbers)
    known = items >= 0
    # Rounded, so that equal texts have equal scores whatever the order of summing was.
    scores = found.totals[known].astype(np.float32).astype(np.float64)
    items = items[known]
    ahead = _ahead_of_others(found.those(known), items, words.kinds)
    if meaning is None:
        return items, scores + ahead
    alike = meaning.search(words.text, MAX_ALIKE, sequence=view.sequence)
    numbers = view.numbers_of([item_id for item_id, _ in alike])
    likeness = np.array([likeness for _, likeness in alike])
    total = np.zeros(view.size)
    total[items] = scores
    total = add_meaning(total, numbers[numbers >= 0], likeness[numbers >= 0])
    total[items] += ahead
    matching = np.flatnonzero(total)
    return matching, total[matching]


def _ahead_of_others(
    found: TextMatches, items: NDArray[np.integer], kinds: Mask | None
) -> NDArray[np.float64]:
    """Return what is added to the scores of items (m,), so that those of ``kinds`` are first.

    Items with more words stay before those with fewer.
    """
    is_kind = np.zeros(len(items), dtype=np.bool_) if kinds is None else kinds[items]
    if not is_kind.any() or is_kind.all():
        return np.zeros(len(items))
    most = float(np.float32(found.scores.max(initial=0.0)))
    ahead: NDArray[np.float64] = (found.words - 1 + is_kind) * most
    return ahead


def add_meaning(
    scores: NDArray[np.float64], alike: NDArray[np.int64], likeness: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Add the likeness in [0, 1] of the items ``alike``, both (a,), to the scores of words (n,).

    A likeness counts as a share of the best score of the words, because the scores of one query
    cannot be compared with those of another.
    """
    total = scores.copy()
    total[alike] += (scores.max(initial=0.0) or 1.0) * likeness
    return total
