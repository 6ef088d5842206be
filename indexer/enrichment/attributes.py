"""Suggest attributes of items from their titles and descriptions, each with where it was read.

A suggestion is never a fact: it is stored beside the item, and what the shop wrote stays as it is.
Where the text names no value, or contradicts itself, nothing is suggested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from indexer.catalog.texts import plain_text
from indexer.enrichment.category import guess_category
from indexer.enrichment.chinese_words import chinese_finds
from indexer.enrichment.contexts import (
    is_alternative,
    is_denied,
    is_of_part,
    is_stated,
    just_before,
    offers_choice,
    percent_of,
)
from indexer.enrichment.gazetteer import (
    HAN,
    Attribute,
    Gazetteer,
    Value,
    attribute_of,
    folded_words,
)
from indexer.enrichment.sizes import measured_in, models_in, sizes_in
from indexer.enrichment.suggestion import Field, Source, Suggestion
from indexer.enrichment.tree import bundled_tree
from indexer.items import Item

_MOST_TITLE: Final = 1_000  # letters
_MOST_LETTERS: Final = 20_000  # of a description
_MANY: Final[frozenset[Attribute]] = frozenset({"material", "style"})  # an item may have several
_TITLE, _STATED = 0.95, 0.85  # confidence of a value that the title names, or a text states
_DESCRIPTION: Final = 0.8
_GUESS: Final = 0.6  # of a value that the description names in passing
_LEAST: Final = 0.5
_WHOLE: Final = 95  # percent of a composition
_SENTENCE: Final = re.compile(r"[.!?;•\n。！？；]+(?!\d)")
_QUOTED: Final = re.compile(r"[\"“][^\"”]*[\"”]")
_NAME: Final = re.compile(r"(?<=\w):\s.*")  # "Puzzle: Blue Lagoon" is a name
_FOR: Final = re.compile(r"\b(?:for|by|fits?)\s(?:[\w']+\s){0,2}$", re.IGNORECASE)
_SHOWN: Final[frozenset[str]] = frozenset({"color", "pattern", "material"})
# Words that name a color only as one: things of that name are commoner in descriptions.
_COLORED_THINGS: Final = frozenset(
    "rust sand wine rose olive lime mint peach coral plum tan moss wheat stone mustard emerald "
    "ruby ivory onyx charcoal indigo aqua champagne camel taupe sage lavender graphite cognac "
    "copper bronze gold silver golden amber blush canary nude multi clear transparent sapphire "
    "garnet terracotta rainbow colorful colourful ebony saffron".split()
)  # fmt: skip
_SEASONED: Final = re.compile(r"^\s(?:collection|season|summer|winter|autumn|weather|wear)\b")
_FOOD, _TOYS, _CARE, _CLOTHES = "fb", "tg", "hb", "aa"
_METALS: Final = {
    "Gold": "Gold", "Gold-plated": "Gold", "Rose gold": "Rose gold", "Sterling silver": "Silver",
    "Silver-plated": "Silver", "Silver": "Silver",
}  # fmt: skip
_JEWELRY: Final = "aa-6"
_GEMS: Final = frozenset({"Jade", "Pearl", "Crystal"})
_DEVICES: Final = frozenset({"el", "ha", "co", "vp"})


class _Find(NamedTuple):
    value: Value
    confidence: float
    source: Source


def suggest(item: Item, gazetteer: Gazetteer) -> list[Suggestion]:
    """Return what the texts of an item suggest, one value of each attribute, the surest first.

    Several materials and styles may be suggested. ``taxonomy`` is the category of the bundled tree.
    What the item says itself is suggested too, and marked: a shop may compare.
    """
    title = plain_text(item.title)[:_MOST_TITLE]
    description = plain_text(item.description)[:_MOST_LETTERS]
    known = {attribute_of(name) for name in item.attributes}
    if item.categories:
        known.add("category")
    suggestions = []
    tree = bundled_tree()
    guess = guess_category(title, description, tree)
    if guess is not None and guess.confidence >= _LEAST:
        field: Field = "title" if guess.in_title else "description"
        text = (title if guess.in_title else description)[guess.start : guess.end]
        suggestions.append(
            Suggestion(
                attribute="taxonomy",
                value=tree.path(guess.code),
                confidence=guess.confidence,
                source=Source(field, guess.start, guess.end, text),
                is_new=True,
                code=guess.code,
            )
        )
    code = guess.code if guess is not None else ""
    head = guess.start if guess is not None and guess.in_title else -1
    finds = [
        *(find for find in _in_title(title, gazetteer) if _belongs(find, code, head, title)),
        *(find for find in _in_description(description, gazetteer) if _belongs(find, code, -1, "")),
    ]
    finds = list(_without_passing_materials(finds, description))
    if guess is not None and guess.code.startswith(_JEWELRY):
        finds += list(_colors_of_metals(finds))
    chosen = [
        find
        for name in dict.fromkeys(f.value.attribute for f in finds)
        for find in _choose(name, [f for f in finds if f.value.attribute == name])
    ]
    suggestions += [
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


def _belongs(find: _Find, code: str, head: int, title: str) -> bool:
    """Return whether a value can be one of a kind of thing: food is not of oak, nor a plug male."""
    name = find.value.attribute
    root, is_jewelry = code.partition("-")[0], code.startswith(_JEWELRY)
    if root == _FOOD:
        if name == "color" and head >= 0:
            return title[find.source.end : head].strip() == "" and find.source.end <= head
        return name in ("brand", "size", "category")
    if root == _CARE:
        word = find.source.text.lower()
        is_shade = find.source.field == "title" and word not in _COLORED_THINGS
        return is_shade if name == "color" else name not in ("material", "pattern", "season")
    if name == "material" and find.value.name in _GEMS and find.confidence != _STATED:
        return is_jewelry  # a "Jade Yoga Jacket" has a name
    if root == _TOYS and name == "pattern":
        return find.value.name != "Animal"
    if root in _DEVICES and name in ("gender", "season"):
        return False
    return not (name == "model" and root in (_CLOTHES, _FOOD))


def _without_passing_materials(finds: Iterable[_Find], description: str) -> Iterator[_Find]:
    """Leave out the materials that a description names beside a whole composition.

    "Full-zip fleece. 100% polyester." is of polyester. A composition is whole if its percentages
    come to about 100, or to 200 if a part such as the lining has one of its own.
    """
    finds = list(finds)
    percents = {
        find.source.start: percent_of(description, find.source.start)
        for find in finds
        if find.value.attribute == "material" and find.source.field == "description"
    }
    is_whole = sum(percents.values()) >= _WHOLE
    for find in finds:
        is_material = find.value.attribute == "material" and find.source.field == "description"
        is_passing = is_material and not percents[find.source.start]
        if not (is_whole and is_passing and find.confidence < _STATED):
            yield find


def _colors_of_metals(finds: Iterable[_Find]) -> Iterator[_Find]:
    """Yield the colors of precious metals: a gold ring is golden."""
    for find in finds:
        if find.value.attribute == "material" and find.value.name in _METALS:
            color = Value("color", _METALS[find.value.name])
            yield _Find(color, min(find.confidence, _DESCRIPTION), find.source)


def _in_title(text: str, gazetteer: Gazetteer) -> Iterator[_Find]:
    """Yield what a title names. The category is the last one: "tank top hoodie" is a hoodie."""
    category: _Find | None = None
    names = [match.span() for match in (*_QUOTED.finditer(text), *_NAME.finditer(text))]
    for start, end, values in _matches(text, gazetteer):
        source = Source("title", start, end, text[start:end])
        is_name = any(first <= start < last for first, last in names) and not HAN.search(text)
        kinds = {value.name for value in values if value.attribute == "category"}
        for value in values:
            if _is_out(value, text, start, end, in_title=True):
                continue
            if value.attribute == "category" and len(kinds) > 1:
                category = None  # a noun of two categories of the shop
                continue
            if is_name and value.attribute in (*_SHOWN, "season", "style"):
                continue
            find = _Find(value, _TITLE, source)
            if value.attribute == "category":
                category = find
            else:
                yield find
    if category is not None:
        yield category
    for name, start, end in sizes_in(text):
        yield _Find(Value("size", name), _TITLE, Source("title", start, end, text[start:end]))
    for name, start, end in models_in(text):
        yield _Find(Value("model", name), _DESCRIPTION, Source("title", start, end, name))


def _in_description(text: str, gazetteer: Gazetteer) -> Iterator[_Find]:
    start_of = 0
    for end_of in [*(match.end() for match in _SENTENCE.finditer(text)), len(text)]:
        sentence = text[start_of:end_of]
        is_choice = offers_choice(sentence)
        for start, end, values in _matches(sentence, gazetteer):
            place = (start_of + start, start_of + end)
            source = Source("description", *place, text[place[0] : place[1]])
            for value in values:
                confidence = _confidence(value, sentence, start, end, is_choice=is_choice)
                if confidence:
                    yield _Find(value, confidence, source)
        start_of = end_of
    for name, start, end in measured_in(text):
        yield _Find(
            Value("size", name), _DESCRIPTION, Source("description", start, end, text[start:end])
        )


def _is_out(value: Value, text: str, start: int, end: int, *, in_title: bool) -> bool:
    """Return whether what is around a value denies it, or makes it one of a part."""
    of_color = value.attribute == "color"
    if value.attribute in ("brand", "category"):
        return False
    if (
        value.attribute == "season"
        and value.name in ("Spring", "Fall")
        and text[start:end].isascii()
    ):
        following = folded_words(text[end : end + 14])
        if text[start:end].lower() in ("spring", "fall") and not _SEASONED.match(following):
            return True
    of_looks = value.attribute in _SHOWN
    if is_denied(text, start, end, of_color=of_color, only_before=not of_looks):
        return True
    if value.attribute == "pattern":
        return is_of_part(text, start, end, in_title=False)
    return of_looks and is_of_part(text, start, end, in_title=in_title, of_color=of_color)


def _confidence(value: Value, sentence: str, start: int, end: int, *, is_choice: bool) -> float:
    """Return how sure a value is that a sentence of a description names; 0 if it is no sign."""
    word = sentence[start:end].lower()
    if value.attribute in ("category", "brand"):
        return 0.0  # descriptions compare, and name what goes with an item
    if _is_out(value, sentence, start, end, in_title=False):
        return 0.0
    if value.attribute in _SHOWN and (is_choice or is_alternative(sentence, start, end)):
        return 0.0
    is_chinese = bool(HAN.search(word))
    if value.attribute == "style":
        following = sentence[end : end + 8].lower()
        is_named = following.startswith((" style", " design", "风", "款")) or word.endswith("风格")
        return _GUESS if is_named else 0.0
    if value.attribute == "season":
        return _GUESS if is_chinese or " season" not in sentence.lower() else 0.0
    if value.attribute in ("gender", "age"):
        is_for = (
            bool(_FOR.search(just_before(sentence, start)))
            or word.startswith("for ")
            or "'s" in word
        )
        return _DESCRIPTION if is_for or is_chinese else 0.0
    stated = is_stated(sentence, start)
    if value.attribute == "color" and word in _COLORED_THINGS and not stated:
        before = just_before(sentence, start)
        return _GUESS if re.search(r"\b(?:in|colou?r:?)\s$", before, re.IGNORECASE) else 0
    if value.attribute == "material" and stated:
        return _STATED
    return _GUESS


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
    taken: list[tuple[int, int]] = []
    for match in gazetteer.pattern.finditer(folded):
        taken.append(match.span())
        yield match.start(), match.end(), gazetteer.values[match.group()]
    if HAN.search(text):
        for start, end, value in chinese_finds(folded):
            if not any(first < end and start < last for first, last in taken):
                yield start, end, (value,)
