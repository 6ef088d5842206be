"""What goes with a kind of thing in a shop: the category and the department of its other items.

An item is of a kind if its texts map it to the node of the taxonomy. A value is suggested where
nearly all other products of the kind have it; attributes that differ from item to item, such as
colors, are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from indexer.catalog.texts import plain_text
from indexer.enrichment.category import guess_category
from indexer.enrichment.gazetteer import attribute_of
from indexer.enrichment.suggestion import Source, Suggestion
from indexer.enrichment.tree import CategoryTree
from indexer.items import Item

_LEAST_SURE: Final = 0.6  # of the guess of a kind
_FEWEST: Final = 3  # products of a kind that have a value
_LEAST_SHARE: Final = 0.9  # of the products of a kind
_MOST_VALUES: Final = 40  # of an attribute
_VARYING: Final = frozenset({"color", "material", "pattern", "size", "model", "brand", "style"})
_CATEGORY: Final = "category"


class _Vote(NamedTuple):
    product: str
    value: str


class KindVotes:
    """The values of the items of each kind in a shop. Immutable."""

    def __init__(self, items: Iterable[Item], tree: CategoryTree) -> None:
        """Read the items of a shop; takes some 0.2 ms an item."""
        self._tree = tree
        self._codes: dict[str, str] = {}
        listed = list(items)
        names = _names(listed)
        votes: dict[tuple[str, str], set[_Vote]] = {}
        for item in listed:
            guess = guess_category(plain_text(item.title), plain_text(item.description), tree)
            if guess is None or guess.confidence < _LEAST_SURE:
                continue
            self._codes[item.item_id] = guess.code
            for name, value in _values_of(item, names):
                for node in tree.above(guess.code)[1:]:
                    votes.setdefault((name, node.code), set()).add(_Vote(item.product_id, value))
        self._votes = votes
        self._names = [*names, _CATEGORY]

    def suggestions(self, item: Item) -> list[Suggestion]:
        """Return what the other products of an item's kind have, if the item lacks it.

        Products of its own ``product_id`` are left out. A kind of few products stands for the one
        above it, but not for a root.
        """
        code = self._codes.get(item.item_id)
        if code is None:
            return []
        found = []
        for name in self._names:
            if item.categories if name == _CATEGORY else item.attributes.get(name):
                continue
            for node in reversed(self._tree.above(code)[1:]):
                others = {
                    vote
                    for vote in self._votes.get((name, node.code), ())
                    if vote.product != item.product_id
                }
                if len({vote.product for vote in others}) < _FEWEST:
                    continue
                value, count = Counter(vote.value for vote in others).most_common(1)[0]
                total = len({vote.product for vote in others})
                if count >= _LEAST_SHARE * total:
                    text = f"{count} of {total} other products of {node.name}"
                    found.append(
                        Suggestion(
                            attribute=attribute_of(name) or name,
                            value=value,
                            confidence=round((count + 1) / (total + 2), 3),
                            source=Source("items", 0, 0, text),
                            is_new=True,
                        )
                    )
                break
        return found


def _names(items: list[Item]) -> list[str]:
    """Return the attributes of a shop that may go with a kind: texts of few values."""
    values: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for item in items:
        for name, value in item.attributes.items():
            if isinstance(value, str) and attribute_of(name) not in _VARYING:
                values.setdefault(name, set()).add(value)
                counts[name] += 1
    return [
        name
        for name, known in values.items()
        if 2 <= len(known) <= min(_MOST_VALUES, counts[name] / 2)
    ]


def _values_of(item: Item, names: list[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        value = item.attributes.get(name)
        if isinstance(value, str) and value:
            yield name, value
    for path in item.categories[:1]:
        yield _CATEGORY, path.rsplit("/", 1)[-1].strip()
