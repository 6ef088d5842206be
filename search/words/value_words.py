"""Words that are values of a field: ``green`` beside a photo of a mug means green mugs.

They are not searched for in texts. Each is a mask of the items that have the value, and an item
without it loses a share of its likeness to the photo (``search.rank``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.words.folding import LETTER, spaced, words_of
from indexer.words.regional import regional_words
from indexer.words.spellings import EMPTY_WORDS, LONGEST_NAME, name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from indexer.arrays import Mask
    from indexer.words.wordquery import WordGroup, WordQuery
    from search.live.layers import LayeredColumns

MAX_VALUES = 4
LONGEST = 8  # words of a value, or letters of one without spaces


class ValueMatch(NamedTuple):
    """A value that words name: the items that have it (size,), and its condition as a filter.

    A negative ``weight`` prefers the items without it.
    """

    weight: float
    mask: Mask
    condition: str

    @property
    def is_category(self) -> bool:
        """True if the value is a category."""
        return self.condition.startswith("category = ")


def take_values(text: str, weight: float, columns: LayeredColumns) -> tuple[str, list[ValueMatch]]:
    """Take the values out of a text; return the rest of it, and the values, at most MAX_VALUES.

    The longest values are taken first: ``sky blue`` is one color. ``text`` is that of
    ``WordQuery.plain``.
    """
    words = _words_of(text)
    values: list[ValueMatch] = []
    rest = words
    for span, (mask, condition) in _named(words, columns.items_with):
        values.append(ValueMatch(weight, mask, condition))
        rest = [*rest[: span.start], *[""] * (span.stop - span.start), *rest[span.stop :]]
        if len(values) == MAX_VALUES:
            break
    if not values or all(word in EMPTY_WORDS for word in filter(None, rest)):
        return (text, []) if not values else ("", values)
    return " ".join(filter(None, rest)), values


def named_kinds(query: WordQuery, columns: LayeredColumns) -> Mask | None:
    """Return the items (size,) of the categories that the words of a query name, or None.

    A typed word may name one by another name: ``trousers`` names the category Pants.
    """
    found = [mask for _, (mask, _) in _named(_words_of(query.plain), columns.items_of_kind)]
    if not found:
        for group in query.groups:
            keys = map(name_key, _other_names(group))
            kinds = (columns.items_of_kind(key) for key in keys if key)
            found += [mask for mask, _ in list(filter(None, kinds))[:1]]
    return np.logical_or.reduce(found) if found else None


def _other_names(group: WordGroup) -> list[str]:
    """Return what a typed word is called too, or may become: not the compounds that end in it."""
    typed = group.strong[0]
    elsewhere = regional_words(tuple(typed.split()))
    ends = [form for form in group.weak if form.startswith(typed) or form in elsewhere]
    return [*group.strong, *ends]


def _named(
    words: list[str], items_with: Callable[[tuple[str, ...]], tuple[Mask, str] | None]
) -> Iterator[tuple[slice, tuple[Mask, str]]]:
    """Find the values that words name, the longest first; no word is part of two of them."""
    taken = [False] * len(words)
    for length in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            span = slice(start, start + length)
            if any(taken[span]):
                continue
            key = _key_of(words[span])
            if key and len(key) <= LONGEST_NAME and (found := items_with(key)) is not None:
                taken[span] = [True] * length
                yield span, found


def _words_of(text: str) -> list[str]:
    """Return the words of a text; the letters of a script without spaces are words."""
    return words_of(spaced(text))


def _key_of(words: list[str]) -> tuple[str, ...]:
    """Return the key of ``Columns.values_with``, in which such letters stand together."""
    if all(LETTER.fullmatch(word) for word in words):
        return ("".join(words),)
    return name_key(" ".join(words))
