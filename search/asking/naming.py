"""Tell which items a question names: the product that it is about, or the kind that it asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from indexer.enrichment.nouns import singular
from indexer.enrichment.tree import bundled_tree
from indexer.words.folding import fold
from search.asking.terms import stem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.asking.asked import Asked
    from search.asking.itemfacts import ItemFacts

_RARE_PRODUCTS: Final = 2  # a word that at most as many products have names one of them


def named_item(asked: frozenset[str], facts: Sequence[ItemFacts]) -> ItemFacts | None:
    """Return the item whose title has most words of a question, among them a rare one.

    A title of two words or more is enough if the question has all of them but the color.
    """
    products: dict[str, set[str]] = {}
    for item in facts:
        for stem in item.stems & asked:
            products.setdefault(stem, set()).add(item.hit.product_id)
    kinds = {stem for item in facts for stem in item.kinds}
    rare = {stem for stem, found in products.items() if len(found) <= _RARE_PRODUCTS} - kinds
    named = [item for item in facts if item.title & rare or _has_title(asked, item)]
    return max(named, key=lambda item: len(item.title & asked), default=None)


def _has_title(asked: frozenset[str], facts: ItemFacts) -> bool:
    color = facts.field("color")
    name = facts.title - (color.stems if color else frozenset())
    return len(name) > 1 and name <= asked and not name <= facts.kinds


def names_items(asked: Asked, facts: Sequence[ItemFacts]) -> bool:
    """Return True if a question asks for items by the words of titles and kinds.

    A search needs one such word; "do you have bananas?" has no other words.
    """
    names = [item.names for item in facts]
    if asked.way == "search":
        return any(asked.terms.stems & words for words in names)
    is_known = bool(asked.terms.stems) and not asked.terms.unknown
    return asked.way == "have" and is_known and any(asked.terms.stems <= of for of in names)


def only_describes(asked: Asked, facts: ItemFacts) -> bool:
    """Return True if the one thing that a question names only describes an item: a "bike short"."""
    if len(asked.terms.words) != 1:
        return False
    word = asked.terms.words[0]
    if (singular(word),) not in bundled_tree().english:
        return False
    name = re.split(r"[(,]", fold(facts.hit.title))[0].split()
    is_head = bool(name) and stem_of(name[-1]) == stem_of(word)
    return stem_of(word) in facts.title - facts.kinds and not is_head


def has_all(asked: Asked, facts: ItemFacts, terms: frozenset[str]) -> bool:
    """Return True if an item has these terms, and the values in the fields of their attributes."""
    if not terms - {"material", "color"} <= facts.stems:
        return False
    for value in asked.terms.values:
        field = facts.field(value.attribute)
        if value.attribute in ("color", "material", "pattern") and field is not None:
            wanted = {stem_of(part) for part in value.name.lower().split()}
            if not wanted <= field.stems:
                return False
    return True
