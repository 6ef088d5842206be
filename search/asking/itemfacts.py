"""The texts of an item in parts that can be quoted, with the terms of each."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.catalog.texts import plain_text
from indexer.enrichment.gazetteer import attribute_of
from indexer.words.folding import fold
from search.asking.terms import stem_of, terms_of

if TYPE_CHECKING:
    from search.hits import Hit

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|[•·\n。！？；;]+|\s[-*]\s")
_MEASURE: Final = re.compile(r"\d ?(?:\"|''|″|cm\b|mm\b|in\b|inch(?:es)?\b|厘米|毫米)")
_MAX_SENTENCES: Final = 40
_MAX_LENGTH: Final = 8_000  # of a description, in characters
_KINDS: Final = frozenset({"department", "type", "product type", "product_type", "kind"})
_NO_VALUES: Final = frozenset({"", "no", "none", "false", "n/a"})


class Passage(NamedTuple):
    """A part of an item that can be quoted: its field, its text, and the stems in it."""

    field: str
    text: str
    stems: frozenset[str]


class ItemFacts(NamedTuple):
    """An item as questions see it: the stems of its title, of its kinds, and its passages.

    Kinds are its categories and attributes such as a department.
    """

    hit: Hit
    title: frozenset[str]
    kinds: frozenset[str]
    passages: tuple[Passage, ...]

    @property
    def names(self) -> frozenset[str]:
        """The stems of the title and the categories."""
        return self.title | self.kinds

    def field(self, attribute: str) -> Passage | None:
        """Return the passage of an attribute, by its common name; None if the item lacks it."""
        for passage in self.passages:
            if passage.field != "description" and _shared_name(passage.field) == attribute:
                return passage
            if attribute == "gender" and passage.field == "category" and "gender" in passage.stems:
                return passage  # see _gender
        return None

    @property
    def stems(self) -> frozenset[str]:
        """All stems of the item."""
        return self.names.union(*(passage.stems for passage in self.passages))


def facts_of_hit(hit: Hit) -> ItemFacts:
    """Return a hit in parts that can be quoted. Parts of equal texts are cached."""
    attributes = tuple(
        (name, tuple(map(str, given)) if isinstance(given, list) else (str(given),))
        for name, given in hit.attributes.items()
    )
    passages = (*_attributes(attributes), *_sentences(hit.description[:_MAX_LENGTH]))
    if hit.price is not None:
        price = f"{hit.price:.2f} {hit.currency}".strip()
        passages = (*passages, Passage("price", f"price: {price}", frozenset({"cost"})))
    if not any(_shared_name(name) == "gender" for name, _ in attributes):
        passages = (*passages, *_gender(tuple(hit.categories)))
    stock = "in stock" if hit.in_stock else "out of stock"
    passages = (*passages, Passage("in_stock", stock, frozenset({"stock"})))
    title = terms_of(hit.title).stems
    kinds = [value for name, values in attributes if fold(name) in _KINDS for value in values]
    return ItemFacts(hit, title, _category_stems((*hit.categories, *kinds)), passages)


@lru_cache(maxsize=5_000)
def _category_stems(paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset(stem for path in paths for stem in terms_of(path.replace("/", " ")).stems)


@lru_cache(maxsize=5_000)
def _gender(paths: tuple[str, ...]) -> tuple[Passage, ...]:
    """Return the categories that say for whom an item is ("Women/Tops") as a passage, or none."""
    found: dict[str, frozenset[str]] = {}
    for path in paths:
        terms = terms_of(path.partition("/")[0])
        if any(value.attribute == "gender" for value in terms.values):
            found[path] = terms.stems
    if not found:
        return ()
    stems = frozenset({"gender"}).union(*found.values())
    return (Passage("category", f"category: {', '.join(found)}", stems),)


@lru_cache(maxsize=20_000)
def _attributes(given: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[Passage, ...]:
    found = []
    for name, values in given:
        kept = [value for value in values if fold(value) not in _NO_VALUES]
        if kept:
            label = name.replace("_", " ")
            terms = terms_of(" ".join((label, *kept)))
            named = {stem_of(fold(part)) for value in terms.values for part in value.name.split()}
            stems = terms.stems | named | {_shared_name(name)}
            found.append(Passage(name, f"{label}: {', '.join(kept)}", stems))
    return tuple(found)


@lru_cache(maxsize=20_000)
def _sentences(description: str) -> tuple[Passage, ...]:
    parts = [" ".join(part.split()) for part in _SENTENCE.split(plain_text(description))]
    kept = [part for part in parts if len(part) > 2][:_MAX_SENTENCES]
    return tuple(Passage("description", part, _stems_of_sentence(part)) for part in kept)


def _stems_of_sentence(sentence: str) -> frozenset[str]:
    """Return the stems of a sentence; one that names a color or a length is about that too."""
    terms = terms_of(sentence)
    named = {value.attribute for value in terms.values}
    if _MEASURE.search(sentence):
        terms = terms._replace(stems=terms.stems | {"size"})
    return terms.stems | (named & {"color", "material", "pattern"})


def _shared_name(field: str) -> str:
    folded = fold(field)
    if folded in ("size", "sizes", "尺码", "尺寸"):
        return "size"
    return {"price": "cost", "in_stock": "stock"}.get(folded) or attribute_of(field) or folded
