"""Answer questions for items: "do you have red shorts?", "which watch is water resistant?"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from search.asking.answer import Answer
from search.asking.itemfacts import facts_of_hit
from search.asking.naming import has_all, only_describes
from search.asking.quoting import list_items, quote_passage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.asking.asked import Asked
    from search.asking.likeness import PassageLikeness
    from search.hits import Hit

# Stems that say little beside others: "can I keep it at room temperature?"
LIGHT: Final = frozenset(
    {"fit", "hold", "keep", "eat", "eaten", "count", "measur", "good", "rich"}
    | {"stay", "put", "last", "serv", "wear", "track", "monitor", "record", "support", "allow"}
    | {"work", "weather", "enough", "real", "genuin"}
)
_FOUND: Final = 0.8  # the confidence of an answer by a search
_ANYTHING: Final = re.compile(r"\b(?:any|some)thing\b|有什么|东西")  # asks for items of any kind


def search_items(asked: Asked, hits: Sequence[Hit]) -> Answer | None:
    """Return the items that have all words of a search; else those with two thirds of them."""
    facts = [facts_of_hit(hit) for hit in hits]
    terms = asked.terms.stems
    shown = [item for item in facts if terms <= item.stems]
    if not shown and len(terms) > 2:
        shown = [item for item in facts if 3 * len(terms & item.stems) >= 2 * len(terms)]
    if not shown or (asked.terms.unknown and not terms):
        return None
    if asked.order:
        named = [item for item in shown if terms <= item.names and item.hit.price is not None]
        shown = named or shown
        shown.sort(key=lambda item: asked.order * (item.hit.price or 0.0))
    return Answer(kind="search", items=list_items(shown), confidence=_FOUND)


def which_items(asked: Asked, hits: Sequence[Hit]) -> Answer | None:
    """Name the items that have all that a question asks, and quote the first of them."""
    terms = asked.terms.stems
    if not terms or asked.terms.unknown:
        return None
    known = [facts_of_hit(hit) for hit in hits]
    facts = [item for item in known if has_all(asked, item, terms)]
    if not facts:
        terms -= LIGHT
        facts = [item for item in known if has_all(asked, item, terms)]
    if not _ANYTHING.search(asked.text):
        facts = [item for item in facts if terms & item.names]
    facts = [item for item in facts if not only_describes(asked, item)]
    if not facts:
        return None
    if asked.order:
        facts = [item for item in facts if terms <= item.names and item.hit.price is not None]
        facts.sort(key=lambda item: asked.order * (item.hit.price or 0.0))
        price = facts[0].field("cost") if facts else None
        return None if price is None else quote_passage(price, facts[:1], None)
    facts.sort(key=lambda item: -len(terms & item.names))
    left = terms - facts[0].names - {"material", "color"}
    if not left or asked.way == "have":
        return Answer(kind="search", items=list_items(facts), confidence=_FOUND)
    best = max(facts[0].passages, key=lambda part: len(left & part.stems))
    if not left - LIGHT <= best.stems:
        return None
    return quote_passage(best, facts, None)


def items_by_titles(
    likeness: PassageLikeness | None, question: str, asked: Asked, hits: Sequence[Hit]
) -> Answer | None:
    """Return the items whose titles have the meaning of a question for items."""
    if likeness is None or asked.way not in ("have", "search"):
        return None
    near = likeness.near_titles(question, [facts_of_hit(hit) for hit in hits])
    if not near:
        return None
    return Answer(kind="search", items=list_items(near), confidence=_FOUND)
