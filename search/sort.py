"""The field by which a query sorts its hits."""

from __future__ import annotations

import re
from typing import NamedTuple

from indexer.errors import BadQuery

MAX_SORT = 200  # characters
NEWEST = "newest"
_DIRECTION = re.compile(r"[\s:]+(asc|desc)$", re.IGNORECASE)


class Sort(NamedTuple):
    """The field to sort by: ``price``, an attribute, or ``newest`` (what was added last)."""

    key: str
    descending: bool


def parse_sort(text: str) -> Sort | None:
    """Return how to sort; None for ``score``, the order without sorting.

    ``price`` sorts from low to high, ``-price`` and ``price desc`` from high to low. ``newest``
    begins with the item that was added last, ``oldest`` ends with it. Raises BadQuery for an empty
    or very long text.
    """
    text = text.strip()
    if not text.lstrip("-") or len(text) > MAX_SORT:
        raise BadQuery(
            f"sort takes the name of a field such as price or -price, or newest, got {text[:40]!r}",
            param="sort",
        )
    given = _DIRECTION.search(text)
    key = text[: given.start()] if given else text
    descending = (given is not None and given[1].lower() == "desc") != key.startswith("-")
    key = key.removeprefix("-").strip()
    if key in ("score", "relevance"):
        return None
    if key == NEWEST:
        return Sort(NEWEST, not descending)
    return Sort(NEWEST, descending) if key == "oldest" else Sort(key, descending)
