"""The values of attributes, and the words that name them: bundled ones and those of a shop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from indexer.items import Item
from indexer.words.folding import fold

Attribute: TypeAlias = Literal[
    "age",
    "brand",
    "category",
    "color",
    "gender",
    "material",
    "model",
    "pattern",
    "season",
    "size",
    "style",
]

_FILE: Final = Path(__file__).parent / "weights" / "values.tsv"
_OTHERS: Final = _FILE.with_name("not_values.txt")
# Materials that a shop may call by a broader name.
_BROADER: Final = {
    "Merino": "wool", "Stoneware": "ceramic", "Earthenware": "ceramic",
    "Porcelain": "ceramic", "Bone china": "porcelain", "Sherpa": "fleece", "Velour": "velvet",
}  # fmt: skip
_MOST_VALUES: Final = 3_000  # of a shop
_MOST_WORDS: Final = 5  # of a value of a shop
_LONGEST: Final = 40  # letters of a value of a shop
HAN: Final = re.compile("[\u3400-\u9fff]")
_SIGNS: Final = re.compile(r"[®™©]")
_SEPARATOR: Final = re.compile(r"[-_/\s]+")
# Names of attributes as shops write them, folded.
_NAMES: Final[dict[str, Attribute]] = {
    "brand": "brand", "manufacturer": "brand", "vendor": "brand", "品牌": "brand",
    "color": "color", "colour": "color", "颜色": "color",
    "gender": "gender", "target gender": "gender", "性别": "gender",
    "age": "age", "age group": "age", "recommended age": "age", "适用年龄": "age", "年龄段": "age",
    "material": "material", "fabric": "material", "材质": "material", "面料": "material",
    "pattern": "pattern", "图案": "pattern", "season": "season", "季节": "season",
    "style": "style", "风格": "style",
}  # fmt: skip


class Value(NamedTuple):
    """A value of an attribute; ``is_own`` if the shop uses it, by that name."""

    attribute: Attribute
    name: str
    is_own: bool = False


class Gazetteer(NamedTuple):
    """Finds values: ``values`` by folded words, and the pattern that finds the longest first.

    A phrase such as "olive oil" that has the word of a value, and means none, has no values.
    """

    values: Mapping[str, tuple[Value, ...]]
    pattern: re.Pattern[str]


def folded_words(text: str) -> str:
    """Return a text as it is matched, of the same length: folded, without signs and hyphens.

    Letters whose folding has another length keep their case, so that places stay right.
    """
    is_plain = text.isascii()
    folded = text.lower() if is_plain else "".join(_folded_letter(letter) for letter in text)
    return re.sub(r"[-_/\s®™©’]", lambda match: "'" if match[0] == "’" else " ", folded)


@lru_cache(maxsize=4096)
def _folded_letter(letter: str) -> str:
    folded = fold(letter)
    return folded if len(folded) == 1 else letter


def attribute_of(name: str) -> Attribute | None:
    """Return the attribute that a shop means by a name, or None for one that is not known."""
    folded = _SEPARATOR.sub(" ", fold(name)).strip()
    if folded.startswith("style ") or folded.endswith(" style"):
        return "style"
    return _NAMES.get(folded)


@lru_cache(maxsize=1)
def _bundled() -> dict[str, tuple[Value, ...]]:
    values: dict[str, tuple[Value, ...]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        attribute, name, english, chinese = line.split("\t")
        known = next(of for of in _NAMES.values() if of == attribute)
        for word in filter(None, (*english.split(","), *chinese.split(","))):
            key = _key(word)
            values[key] = (*values.get(key, ()), Value(known, name))
    for line in _OTHERS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            values.setdefault(_key(line), ())
    return values


def gazetteer_of(items: Iterable[Item] = ()) -> Gazetteer:
    """Return the bundled values and those that the items use: attributes and leaf categories.

    A bundled value that the shop calls by one of its words takes the shop's name. Merino is wool to
    a shop that has wool, and no merino. Categories are
    found by the nouns of their names, such as "tank" for "Women/Tops/Bras & Tanks".
    """
    values = dict(_bundled())
    own: dict[str, list[Value]] = {}
    own_values = _own(items)
    for value, words in own_values.items():
        for key in dict.fromkeys(map(_key, words)):
            own.setdefault(key, []).append(value)
    renamed = {
        bundled: value
        for key, named in own.items()
        for value in named
        for bundled in values.get(key, ())
        if bundled.attribute == value.attribute
    }
    used = {value.name.lower(): value for value in own_values if value.attribute == "material"}
    for narrow, broad in _BROADER.items():
        value = Value("material", narrow)
        if broad in used and value not in renamed:
            renamed[value] = used[broad]
    values = {
        key: tuple(renamed.get(value, value) for value in known) for key, known in values.items()
    }
    for key, named in own.items():
        attributes = {value.attribute for value in named}
        others = (value for value in values.get(key, ()) if value.attribute not in attributes)
        values[key] = (*others, *named)
    parts = sorted(values, key=len, reverse=True)
    spaced = "|".join(re.escape(word) for word in parts if not HAN.search(word))
    unspaced = "|".join(re.escape(word) for word in parts if HAN.search(word))
    return Gazetteer(values, re.compile(rf"(?<![\w'])(?:{spaced})(?![\w'])|(?:{unspaced})"))


def _own(items: Iterable[Item]) -> dict[Value, set[str]]:
    """Return the values of a shop, as it spells each most often, with the words that name it."""
    words: dict[tuple[Attribute, str], set[str]] = {}  # by value without regard to case and signs
    spellings: dict[tuple[Attribute, str], Counter[str]] = {}
    for item in items:
        for name, given in item.attributes.items():
            attribute = attribute_of(name)
            if attribute is None:
                continue
            for text in given if isinstance(given, list) else [given]:
                if isinstance(text, str) and _is_name(text) and len(words) < _MOST_VALUES:
                    key = (attribute, _key(text))
                    spellings.setdefault(key, Counter())[text] += 1
                    words.setdefault(key, set()).update(_forms(text, attribute))
        for path in item.categories[:1]:
            leaf = path.rsplit("/", 1)[-1].strip()
            if _is_name(leaf) and len(words) < _MOST_VALUES:
                spellings.setdefault(("category", leaf), Counter())[leaf] += 1
                words.setdefault(("category", leaf), set()).update(_nouns(leaf))
    return {
        Value(key[0], spellings[key].most_common(1)[0][0], True): known
        for key, known in words.items()
    }


def _is_name(text: str) -> bool:
    """Return whether a text is short enough for a value, and has a letter."""
    return len(text) <= _LONGEST and len(text.split()) <= _MOST_WORDS and bool(_key(text))


def _forms(text: str, attribute: Attribute) -> set[str]:
    """Return the ways to write a value: as it is, and without its sign or a generic last word.

    A Chinese color is also written with 色.
    """
    plain = _SIGNS.sub("", text)
    short = re.sub(r"\s+(?:performance fabric|fabric|technology)$", "", plain, flags=re.IGNORECASE)
    if attribute == "color" and HAN.search(plain):
        return {plain, short, plain.removesuffix("色") + "色"}
    return {plain, short}


def _nouns(leaf: str) -> set[str]:
    """Return the names in the name of a category, in the plural and the singular."""
    names = [name.strip() for name in re.split(r"&|,|/|\+|\band\b", leaf) if name.strip()]
    return {form for name in names for form in (name, _singular(name))}


def _singular(name: str) -> str:
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss")):
        if name.lower().endswith(ending) and len(name) > len(ending) + 2:
            if name.lower() == "hoodies":
                return name[:-1]
            return name[: -len(ending)] + instead
    return name[:-1] if name.lower().endswith("s") and not name.lower().endswith("ss") else name


def _key(word: str) -> str:
    return " ".join(folded_words(word).split())
