"""English nouns: their singular, and the names in a name such as "Coats & Jackets"."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from indexer.enrichment.gazetteer import folded_words

_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_PART: Final = re.compile(r"&|,|/|\+|\band\b")
_ASIDE: Final = re.compile(r"\([^)]*\)")
_IRREGULAR: Final = {
    "knives": "knife", "shelves": "shelf", "bookshelves": "bookshelf", "scarves": "scarf",
    "leaves": "leaf", "loaves": "loaf", "mice": "mouse", "teeth": "tooth", "feet": "foot",
    "children": "child", "kids": "kid", "women": "woman", "men": "man", "shoes": "shoe",
    "toes": "toe", "canoes": "canoe", "gas": "gas", "lens": "lens", "lenses": "lens",
    "womens": "woman", "mens": "man", "women's": "woman", "men's": "man",
}  # fmt: skip
_ENDINGS: Final = (
    ("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("oes", "o"),
)  # fmt: skip


class Word(NamedTuple):
    """A word in the form of ``singular``, and the place of its letters."""

    text: str
    start: int
    end: int


@lru_cache(maxsize=16_384)
def singular(word: str) -> str:
    """Return one form for the singular and the plural of a folded word: "hoodies" is "hoody"."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    word = word.removesuffix("'s").removesuffix("'")
    if len(word) > 4:
        for ending, instead in _ENDINGS:
            if word.endswith(ending):
                return word[: -len(ending)] + instead
        if word.endswith("ie"):
            return word[:-2] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def words_in(text: str) -> list[Word]:
    """Return the words of a text with their places, each in one form for singular and plural."""
    return [
        Word(singular(match.group()), match.start(), match.end())
        for match in _WORD.finditer(folded_words(text))
    ]


def names_in(name: str) -> set[tuple[str, ...]]:
    """Return the names in the name of a category, as words in the form of ``singular``.

    "Coats & Jackets" has two. A first part that is no plural belongs to the last noun: "Baby &
    Toddler Dresses" are baby dresses and toddler dresses.
    """
    parts = [part.split() for part in _PART.split(_ASIDE.sub(" ", name)) if part.split()]
    if not parts:
        return set()
    last = parts[-1]
    names = set()
    for part in parts:
        is_own = part is last or part[-1].endswith("s") or len(last) == 1
        whole = part if is_own else [*part, last[-1]]
        names.add(tuple(word.text for word in words_in(" ".join(whole))))
    names.discard(())
    return names
