"""Words that are values of a field: ``green`` beside a photo of a mug means green mugs.

They are not searched for in texts. Each is a mask of the items that have the value, and an item
without it loses a share of its likeness to the photo (``search.rank``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from indexer.words.spellings import EMPTY_WORDS, LONGEST_NAME, name_key
from indexer.words.typed import take_apart

if TYPE_CHECKING:
    from indexer.arrays import Mask
    from search.live.layers import LayeredColumns

MAX_VALUES = 4


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

    The longest values are taken first: ``sky blue`` is one color. Phrases in quotes and words after
    a minus stay in the text.
    """
    typed = take_apart(text)
    if typed.required or typed.excluded:
        return text, []
    words = [word for unit in typed.units for word in unit.words]
    if any(unit.is_unspaced for unit in typed.units):
        return text, []
    taken = [False] * len(words)
    values: list[ValueMatch] = []
    for length in range(min(LONGEST_NAME, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            span = slice(start, start + length)
            if any(taken[span]) or len(values) == MAX_VALUES:
                continue
            key = name_key(" ".join(words[span]))
            found = columns.items_with(key) if key else None
            if found is not None:
                mask, condition = found
                values.append(ValueMatch(weight, mask, condition))
                taken[span] = [True] * length
    if not values:
        return text, []
    rest = [word for word, is_taken in zip(words, taken, strict=True) if not is_taken]
    if all(word in EMPTY_WORDS for word in rest):
        rest = []
    return " ".join(rest), values
