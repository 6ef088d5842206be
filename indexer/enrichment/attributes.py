"""Suggest attributes of items from their titles and descriptions, each with where it was read.

A suggestion is never a fact: it is stored beside the item, and what the shop wrote stays as it is.
Where the text names no value, or contradicts itself, nothing is suggested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec

from indexer.catalog.texts import plain_text
from indexer.enrichment.gazetteer import Attribute, Gazetteer, Value, attribute_of, folded_words
from indexer.items import Item

VERSION: Final = "texts-1"
Field = Literal["title", "description"]

_MOST_LETTERS: Final = 20_000  # of a description
_MANY: Final[frozenset[Attribute]] = frozenset({"material", "style"})  # an item may have several
_TITLE, _DESCRIPTION = 0.95, 0.8  # confidence of a value that the title or the description names
_GUESS: Final = 0.6  # of a value that the description names in passing
_LEAST: Final = 0.5
_SENTENCE: Final = re.compile(r"[.!?;•\n。！？；]+")
_NOT: Final = re.compile(
    r"(?:\b(?:no|not|non|without|never|faux|fake|imitation|than|unlike|over|like)|不含?|无|非|仿)\s*(?:the\s)?$"
)
_NOT_AFTER: Final = re.compile(r"^\s?(?:free|like|look|effect|style|proof|scented|flavou?red)\b")
# Words that make a color or a pattern one of a part, not of the product.
_OF_A_PART: Final = re.compile(
    r"\b(?:accents?|trim|trimmed|piping|stitch\w*|detail\w*|insets?|inserts?|lining|liner|lined|"
    r"waistband|waist|zipper|logo|contrast\w*|pocket|panels?|straps?|laces?|sole|light|blend|"
    r"buckle|handles?|screen|display|carpet)\b"
)
_OPTIONS: Final = re.compile(r"\b(?:or|choose|available in|options|colors)\b")
_MODEL: Final = re.compile(
    r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])[A-Z0-9]+(?:-?[A-Z0-9]+)*(?![\w-])"
)
_SIZE: Final = re.compile(
    r"\bsize\s+(?P<size>xxs|xs|s|m|l|xl|xxl|\d{1,3}(?:\.5)?)\b|[(,]\s*(?P<letter>XXS|XS|S|M|L|XL|XXL)\s*\)"
    r"|\b(?P<amount>\d+(?:[.,]\d+)?\s?(?:ml|cl|l|g|kg|oz|cm|mm|inch|in))\b",
    re.IGNORECASE,
)
_UNITS: Final = re.compile(
    r"\d+(?:ML|CL|L|G|KG|OZ|CM|MM|IN|W|V|GB|TB|D|K|MP|HZ|S)?|[XSML]+", re.IGNORECASE
)


class Source(msgspec.Struct, frozen=True):
    """Where a value was read: the field, the place in its plain text, and the words there."""

    field: Field
    start: int
    end: int
    text: str


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A value that an item seems to have. ``confidence`` is in [0, 1]; ``version`` is of the rules.

    ``is_new`` if the shop's own fields do not have the attribute.
    """

    attribute: Attribute
    value: str
    confidence: float
    source: Source
    is_new: bool
    version: str = VERSION


class _Find(NamedTuple):
    value: Value
    confidence: float
    source: Source


def suggest(item: Item, gazetteer: Gazetteer) -> list[Suggestion]:
    """Return what the texts of an item suggest, one value of each attribute, the surest first.

    Several materials and styles may be suggested. What the item says itself is suggested too, and
    marked: a shop may compare.
    """
    title = plain_text(item.title)
    description = plain_text(item.description)[:_MOST_LETTERS]
    finds = [*_in_title(title, gazetteer), *_in_description(description, gazetteer)]
    known = {attribute_of(name) for name in item.attributes}
    if item.categories:
        known.add("category")
    chosen = [
        find
        for name in dict.fromkeys(f.value.attribute for f in finds)
        for find in _choose(name, [f for f in finds if f.value.attribute == name])
    ]
    suggestions = [
        Suggestion(
            attribute=find.value.attribute,
            value=find.value.name,
            confidence=find.confidence,
            source=find.source,
            is_new=find.value.attribute not in known,
        )
        for find in chosen
        if find.confidence >= _LEAST
    ]
    return sorted(suggestions, key=lambda one: -one.confidence)


def _in_title(text: str, gazetteer: Gazetteer) -> Iterable[_Find]:
    """Yield what a title names. The category is the last one: "tank top hoodie" is a hoodie."""
    category: _Find | None = None
    for start, end, values in _matches(text, gazetteer):
        if _is_negated(text, start, end):
            continue
        source = Source("title", start, end, text[start:end])
        for value in values:
            find = _Find(value, _TITLE, source)
            if value.attribute == "category":
                category = find
            else:
                yield find
    if category is not None:
        yield category
    for match in _SIZE.finditer(text):
        name = next(group for group in match.groups() if group)
        yield _Find(Value("size", name), _TITLE, Source("title", *match.span(), match.group()))
    for match in _MODEL.finditer(text):
        if len(match.group()) >= 4 and not _UNITS.fullmatch(match.group()):
            source = Source("title", *match.span(), match.group())
            yield _Find(Value("model", match.group()), _DESCRIPTION, source)


def _in_description(text: str, gazetteer: Gazetteer) -> Iterable[_Find]:
    start_of = 0
    for end_of in [*(match.end() for match in _SENTENCE.finditer(text)), len(text)]:
        sentence = text[start_of:end_of]
        for start, end, values in _matches(sentence, gazetteer):
            if _is_negated(sentence, start, end):
                continue
            place = (start_of + start, start_of + end)
            source = Source("description", *place, text[place[0] : place[1]])
            for value in values:
                confidence = _confidence(value, sentence, start, end)
                if confidence:
                    yield _Find(value, confidence, source)
        start_of = end_of


def _confidence(value: Value, sentence: str, start: int, end: int) -> float:
    """Return how sure a value is that a sentence of a description names; 0 if it is no sign."""
    if value.attribute in ("category", "brand", "style", "season"):
        return 0.0  # descriptions compare, and name what goes with an item
    lower = sentence.lower()
    if value.attribute in ("color", "pattern", "material") and _OPTIONS.search(lower):
        return 0.0
    if value.attribute in ("color", "pattern"):
        around = lower[max(0, start - 25) : end + 25]
        return _GUESS if not _OF_A_PART.search(around) else 0.0
    if value.attribute == "material":
        around = lower[max(0, start - 12) : end + 18]
        return _GUESS if not _OF_A_PART.search(around) else 0.0
    return _DESCRIPTION


def _choose(attribute: Attribute, finds: list[_Find]) -> list[_Find]:
    """Return the finds to suggest. A description that names two colors suggests neither."""
    best: dict[str, _Find] = {}
    for find in finds:
        known = best.get(find.value.name)
        if known is None or find.confidence > known.confidence:
            best[find.value.name] = find
    if attribute in _MANY:
        return list(best.values())
    in_title = [find for find in best.values() if find.source.field == "title"]
    rivals = in_title or list(best.values())
    if attribute == "gender" and {find.value.name for find in rivals} >= {"Men", "Women"}:
        return []
    return rivals if len(rivals) == 1 else []


def _matches(text: str, gazetteer: Gazetteer) -> Iterable[tuple[int, int, tuple[Value, ...]]]:
    folded = folded_words(text)
    for match in gazetteer.pattern.finditer(folded):
        yield match.start(), match.end(), gazetteer.values[match.group()]


def _is_negated(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 14) : start].lower(), text[end : end + 12].lower()
    return bool(_NOT.search(before) or _NOT_AFTER.search(after.replace("-", " ")))
