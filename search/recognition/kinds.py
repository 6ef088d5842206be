"""Compare the kind of garment that a recognizer sees with what the shop calls an item.

The words of an item name categories of the bundled taxonomy, in English or Chinese. Words of other
languages name none, and contradict nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from indexer.enrichment.category import guess_category
from indexer.enrichment.tree import bundled_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.hits import Hit

_CLOTHING: Final = "aa-1"
_CODES: Final = {
    "bag": ("lb", "aa-5"),
    "belt": ("aa-2-6",),
    "dress": ("aa-1-4", "aa-1-22"),
    "glasses": ("aa-2-27", "hb-3-19-4"),
    "hat": ("aa-2-17", "aa-2-18"),
    "jewelry": ("aa-6",),
    "longsleeve": ("aa-1-13", "aa-1-1-2", "aa-1-1-7"),
    "outwear": ("aa-1-10-2", "aa-1-10-6", "aa-1-13-3", "aa-1-1-8"),
    "pants": ("aa-1-12", "aa-1-1-1", "aa-1-10-3", "aa-1-10-5"),
    "scarf": ("aa-2-26",),
    "shirt": ("aa-1-13-1", "aa-1-13-5", "aa-1-13-6", "aa-1-13-7"),
    "shoes": ("aa-8",),
    "shorts": ("aa-1-14", "aa-1-1-4"),
    "skirt": ("aa-1-15", "aa-1-16"),
    "t-shirt": ("aa-1-13-6", "aa-1-13-8"),
    "tights": ("aa-1-12-8", "aa-1-1-1", "aa-1-18"),
    "top": ("aa-1-13", "aa-1-1-2", "aa-1-1-6"),
    "watch": ("aa-6-11", "aa-6-12"),
}
"""The categories of the taxonomy that the labels of garments stand for."""

_ALIKE: Final = (
    frozenset({"longsleeve", "outwear", "shirt", "t-shirt", "top"}),
    frozenset({"pants", "shorts", "skirt", "tights"}),
    frozenset({"dress", "skirt"}),
    frozenset({"jewelry", "watch"}),
)
"""Labels that recognizers, or shops, may mean the same garment by."""


def is_of_kind(label: str | None, hit: Hit) -> bool:
    """Return True if the words of an item name the kind of a label."""
    own = _CODES.get(label or "", ())
    return any(_is_in(code, own) for code in _codes_of(hit)) if own else False


def is_of_other_kind(label: str | None, hit: Hit) -> bool:
    """Return True if the words of an item only name kinds that a label cannot mean.

    A shirt may be called a sweater, but no shoe.
    """
    if label not in _CODES:
        return False
    alike = {label}.union(*(group for group in _ALIKE if label in group))
    codes = _codes_of(hit)
    return bool(codes) and not any(_may_be(code, alike) for code in codes)


def _may_be(code: str, labels: Iterable[str]) -> bool:
    """Return True if a category is of one of these labels, or broader, or of no label's."""
    allowed = [own for label in labels for own in _CODES[label]]
    if _is_in(code, allowed) or any(_is_in(own, (code,)) for own in allowed):
        return True
    is_clothing = any(_is_in(own, (_CLOTHING,)) for own in allowed)
    known = any(_is_in(code, own) for own in _CODES.values())
    return is_clothing and _is_in(code, (_CLOTHING,)) and not known


def _is_in(code: str, above: Iterable[str]) -> bool:
    return any(code == one or code.startswith(f"{one}-") for one in above)


def _codes_of(hit: Hit) -> set[str]:
    names = [hit.title, *(path.rpartition("/")[2] for path in hit.categories)]
    return {code for name in names if (code := _code_of(name))}


@lru_cache(maxsize=4096)
def _code_of(text: str) -> str:
    """Return the category that a text names, or ""."""
    guess = guess_category(text, "", bundled_tree())
    return guess.code if guess else ""
