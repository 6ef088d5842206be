"""Collect the facts of an item from its fields: values, and short sentences of its description.

A sentence that contradicts an attribute is left out, because shops describe all colors of a product
with one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from indexer.catalog.texts import plain_text
from indexer.drafting.glossary import translated
from indexer.enrichment.gazetteer import attribute_of, folded_words
from indexer.enrichment.language import Language, language_of
from indexer.enrichment.values import bundled
from indexer.items import Item
from indexer.words.folding import fold
from style.campaign.price import price_text
from style.namedcolors import family_of

Kind = Literal[
    "name", "brand", "color", "pattern", "style", "material", "detail", "care", "gender",
    "season", "more", "size", "category", "price",
]  # fmt: skip

_MOST_DETAILS: Final = 8
_LONGEST_DETAIL: Final = 14  # words
_LONGEST_OF_SHORT: Final = 60  # letters
_LONGEST_OF_BARE: Final = 25  # of an item of which nothing else is known
_LONGEST_DETAIL_ZH: Final = 30  # characters
_LONGEST_BRIEF: Final = 6  # words
_LONGEST_BRIEF_ZH: Final = 14  # characters
_LONGEST_VALUE: Final = 60  # letters
_LONGEST_NAME: Final = 120
_MOST_VALUES: Final = 8
_READ: Final = 20_000  # letters of a description
# A dash before a small letter is inside a sentence: "can't be beat - not in the gym".
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|[•·\n;。！？；]+|\s[-*]\s(?![a-z])")
_SIGN: Final = re.compile("[®™©]|^[A-Z0-9][A-Z0-9 .-]*$")
_HAN: Final = re.compile("[\u3400-\u9fff]")
# Values that say nothing without the name of their field.
_MEANINGLESS: Final = frozenset(
    {"yes", "no", "true", "false", "none", "n/a", "0", "1", "-", "是", "否"}
)
_NO: Final = frozenset({"no", "false", "none", "否"})
_PREPOSITIONS: Final = frozenset(
    {"with", "in", "on", "of", "to", "by", "from", "as", "at", "and", "or", "but"}
)
_LETTERS: Final = re.compile(r"[^\W\d_]{3}")
_UNSAID: Final = re.compile(r"=|\b(?:sold separately|not included)\b", re.IGNORECASE)
# A sentence that begins with one of these goes on from another one, which the draft does not have.
_CONNECTORS: Final = frozenset(
    {"and", "but", "so", "plus", "also", "however", "then", "because", "otherwise", "instead",
     "these", "those"}
) | {("after", "all"), ("in", "fact"), ("of", "course"), ("that", "s")}  # fmt: skip
_FEWEST_AFTER_PREPOSITION: Final = 4  # words; fewer are the rest of a sentence: "with filling"
_VARIANT: Final = re.compile(r"(.*?\S)\s*(?:[(（]([^()（）]+)[)）]|[,，]\s*([^,，]+))")
_SIZES: Final = frozenset({"size", "sizes", "尺码", "尺寸"})
_MORE_COLORS: Final = {"salmon": "pink", "rust": "orange", "plum": "purple", "indigo": "blue"}
_CARE: Final = re.compile(
    r"\b(?:wash|dry clean|(?:tumble|line|hang|drip|air|flat) dry|iron)\b|洗|熨", re.IGNORECASE
)
_CURRENCIES: Final = {
    "USD": "美元", "EUR": "欧元", "GBP": "英镑", "CNY": "元", "JPY": "日元", "CHF": "瑞士法郎",
}  # fmt: skip
_KINDS: Final[tuple[Kind, ...]] = ("brand", "color", "pattern", "style", "material", "season")


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the shop says of an item, in the language of a draft.

    ``field`` is the field of the item that says it. ``values`` has one value, or those of a list.
    For facts of the kind ``more``, ``label`` is the name of the field in words.
    """

    kind: Kind
    field: str
    values: list[str]
    label: str = ""


def facts_of(item: Item, language: Language) -> list[Fact]:
    """Return the facts of an item in a language, its name first.

    Values that have no name in the language are left out, except signs such as "CoolTech™".
    """
    facts = [Fact(kind="name", field="title", values=[_name(item)])]
    facts += _attributes(item, language)
    if item.categories:
        # "Sale" or "Eco Collection" have fewer levels and say less of what an item is.
        leaf = max(item.categories, key=lambda path: path.count("/")).rsplit("/", 1)[-1].strip()
        values = _values([leaf], language, "category")
        if values:
            facts.append(Fact(kind="category", field="categories", values=values))
    facts += _gender(item, language)
    price = "" if item.price is None else _price(item.price, item.currency, language)
    if price:
        facts.append(Fact(kind="price", field="price", values=[price]))
    is_bare = all(fact.kind in ("name", "category") for fact in facts)
    for detail in _details(item, language, is_bare=is_bare):
        kind: Kind = "care" if _CARE.search(detail) and is_brief(detail) else "detail"
        facts.append(Fact(kind=kind, field="description", values=[detail]))
    return facts


def _name(item: Item) -> str:
    """Return the title, without the variant at its end: "Boxy tee (White)", "Boxy tee, white"."""
    title = plain_text(item.title).strip()[:_LONGEST_NAME] or item.item_id
    values = {fold(str(value)) for value in item.attributes.values() if isinstance(value, str)}
    found = _VARIANT.fullmatch(title)
    return found[1] if found and fold(found[2] or found[3]) in values else title


def _attributes(item: Item, language: Language) -> Iterator[Fact]:
    for name, given in item.attributes.items():
        texts = [str(value).strip() for value in (given if isinstance(given, list) else [given])]
        if isinstance(given, bool | float | int) or not any(texts):
            continue
        kind: Kind = "more"
        attribute = attribute_of(name)
        if name.casefold() in _SIZES:
            kind = "size"
        elif attribute == "gender":
            continue
        else:
            kind = next((known for known in _KINDS if known == attribute), "more")
        values = _values(texts, language, kind)
        label = _label(name, item.categories, language) if kind == "more" else ""
        if kind == "material" and len(values) < len({fold(text) for text in texts if text}):
            continue  # some of the materials would be taken for all of them
        if values and (label or kind != "more"):
            yield Fact(kind=kind, field=name, values=values, label=label)


def _label(name: str, categories: Sequence[str], language: Language) -> str:
    """Return the name of a field in words, without the kind of product ("strap_bags")."""
    parts = re.split(r"[_\s-]+", name.strip().lower())
    if "category" in parts or "department" in parts:  # the shelves of the shop: "category_gear"
        return ""
    kinds = {word for path in categories for word in _words(path)}
    words = " ".join([part for part in parts if part not in kinds] or parts)
    if language == "zh":
        return words if _HAN.search(words) else translated(words)
    return "" if _HAN.search(words) else words


def _values(given: Iterable[str], language: Language, kind: Kind) -> list[str]:
    """Return the values in a language, each once, in order; unknown ones are left out."""
    found: dict[str, str] = {}
    given = list(given)
    # "Origin: Peru" keeps its capital. "Double" beside "Adjustable", which is a word, is a word.
    may_be_names = kind == "more" and not any(map(translated, given))
    for value in given:
        text = plain_text(value).strip()
        if not text or len(text) > _LONGEST_VALUE or fold(text) in _MEANINGLESS:
            continue
        is_sign = kind in ("size", "brand") or bool(_SIGN.search(text))
        if language == "zh" and not _HAN.search(text) and not is_sign:
            text = translated(text)
            if kind == "pattern":  # the plans say that it is one
                text = text.removesuffix("图案")
        elif language == "en" and _HAN.search(text):
            continue
        elif language == "en" and not is_sign and kind != "category" and not may_be_names:
            text = text.lower()
        if text:
            found.setdefault(fold(text), text)
    return list(found.values())[:_MOST_VALUES]


def _gender(item: Item, language: Language) -> list[Fact]:
    """Return for whom an item is: its attribute, or else the top level of its first categories."""
    given = [
        str(value) for name, value in item.attributes.items() if attribute_of(name) == "gender"
    ]
    field = "gender" if given else "categories"
    given = given or [part for path in item.categories[:2] for part in path.split("/")[:1]]
    names = {"Men": ("men", "男士"), "Women": ("women", "女士"), "Boys": ("boys", "男童"),
             "Girls": ("girls", "女童")}  # fmt: skip
    for text in given:
        key = " ".join(folded_words(text).split())
        for value in _gazetteer_values(key):
            if value in names:
                return [Fact(kind="gender", field=field, values=[names[value][language == "zh"]])]
    return []


def _gazetteer_values(key: str) -> list[str]:
    values = bundled().values.get(key, ())
    return [value.name for value in values if value.attribute == "gender"]


def _price(price: float, currency: str, language: Language) -> str:
    if language == "zh" and currency in _CURRENCIES and 0 <= price < 1e12:
        amount = f"{price:.2f}".removesuffix(".00")
        return f"{amount} {_CURRENCIES[currency]}"
    return price_text(price, currency, "{symbol}{amount}", ".")


def _details(item: Item, language: Language, *, is_bare: bool) -> list[str]:
    """Return sentences of the description that fit the item, the short ones first.

    Left out are sentences with the name of an attribute that the item has not ("Performance fabric:
    No"), those that name a color of an item with that attribute, as one text often serves all
    colors of a product, and those that repeat a word of the name. An item that ``is_bare`` has
    nothing else to say: the last ones are taken too, in the order of the description.
    """
    text = plain_text(item.description)[:_READ]
    known: dict[str, set[str]] = {}
    denied = [
        " ".join(_words(name.replace("_", " ")))
        for name, given in item.attributes.items()
        if given is False or fold(str(given)) in _NO
    ]
    for name, given in item.attributes.items():
        attribute = attribute_of(name)
        if attribute in ("color", "pattern", "material"):
            for value in given if isinstance(given, list) else [given]:
                known.setdefault(attribute, set()).add(fold(str(value)))
    name_words = {word for word in _words(_name(item)) if len(word) > 2}
    found: dict[str, str] = {}
    for part in _SENTENCE.split(text):
        if part.rstrip().endswith(("?", "？")):
            continue
        sentence = " ".join(part.split()).strip(" .!?,:-*–—")
        words = _words(sentence)
        is_denied = any(f" {name} " in f" {' '.join(words)} " for name in denied if name)
        longest = _LONGEST_OF_BARE if is_bare else _LONGEST_DETAIL
        if not _is_quotable(sentence, language, longest) or is_denied:
            continue
        if name_words & set(words) and not is_bare:
            continue
        if "color" in known and any(family_of(word) for word in words):
            continue
        if not contradicts(sentence, known):
            found.setdefault(fold(sentence), sentence)
    details = list(found.values())
    if not is_bare:
        details.sort(key=lambda sentence: len(sentence) > _LONGEST_OF_SHORT)
    return details[:_MOST_DETAILS]


def is_brief(detail: str) -> bool:
    """Return True for a detail that is a few words; a longer one may be a whole sentence."""
    if _HAN.search(detail):
        return len(detail) <= _LONGEST_BRIEF_ZH
    return len(detail.split()) <= _LONGEST_BRIEF and ":" not in detail


def _is_quotable(sentence: str, language: Language, longest: int) -> bool:
    """Return True for a sentence that makes sense alone, of at most so many words."""
    if language == "zh":
        return bool(_HAN.search(sentence)) and 4 <= len(sentence) <= _LONGEST_DETAIL_ZH
    count = len(sentence.split())
    is_text = sentence.isprintable() and _LETTERS.search(sentence)  # no 'W 22" x H 17"'
    if not is_text or not 2 <= count <= longest:
        return False
    words = _words(sentence)
    if _UNSAID.search(sentence):
        return False
    if "than" in words:  # than something that the draft does not name
        return False
    if words[:1] and (words[0] in _CONNECTORS or tuple(words[:2]) in _CONNECTORS):
        return False
    if words[-1:] == ["too"] or words[:3] == ["don", "t", "be"]:  # "Don't be fooled by its looks"
        return False
    is_torn = words[:1] and words[0] in _PREPOSITIONS and count < _FEWEST_AFTER_PREPOSITION
    return not is_torn and language_of(sentence) != "zh"


def contradicts(text: str, known: dict[str, set[str]]) -> bool:
    """Return True if a text names a color, pattern or material that is not among the known ones.

    ``known`` maps attributes to folded values. Attributes that it lacks contradict nothing.
    """
    families = {family_of(color) for color in known.get("color", ())} - {None}
    named = (_MORE_COLORS.get(word) or family_of(word) for word in _words(text))
    if families and any(family and family not in families for family in named):
        return True
    for match in bundled().pattern.finditer(folded_words(text)):
        for value in bundled().values[match.group()]:
            values = known.get(value.attribute)
            names = (fold(value.name), match.group())
            if values and not any(name in text for text in values for name in names):
                return True
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", fold(text))
