"""Translate English values, labels and categories to Chinese.

What the glossary lacks is put together from its parts: a plural, "oak and felt", "fern print",
"recycled nylon", "wool blend".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from indexer.words.folding import fold

_FILE: Final = Path(__file__).parent / "data" / "glossary_zh.tsv"
_MODIFIERS: Final = _FILE.with_name("modifiers_zh.tsv")
_VALUES: Final = Path(__file__).parents[1] / "enrichment" / "weights" / "values.tsv"
_LONGEST: Final = 80  # letters of a value; parts are looked up one by one
_ENDINGS: Final = {"print": "图案", "pattern": "图案", "blend": "混纺"}


def translated(text: str) -> str:
    """Return the Chinese name of an English value or label; empty if none is known."""
    words = " ".join(fold(text).split())
    return _named(words) if len(words) <= _LONGEST else ""


def _named(words: str) -> str:
    """Return the Chinese name of folded words, or of their parts; empty if one is unknown."""
    names = _names()
    plain = words.replace("-", " ")
    for known in (words, plain, *_singulars(words)):
        if known in names:
            return names[known]
    first, _, second = plain.partition(" and ")
    if second:
        both = (_named(first), _named(second))
        return "和".join(both) if all(both) else ""
    before, _, last = plain.rpartition(" ")
    for ending, chinese in _ENDINGS.items():
        if before and last == ending:
            name = _named(before)
            return name.removesuffix("图案") + chinese if name else ""
    modifier, _, rest = plain.partition(" ")
    start, name = _modifiers().get(modifier, ""), _named(rest) if rest else ""
    return start + name.removeprefix(start) if start and name else ""


def _singulars(words: str) -> Iterable[str]:
    """Yield the singulars that a plural may be of: "sofas", "dresses", "accessories"."""
    if re.search(r"[^s]s$", words):
        yield words[:-1]
        if words.endswith("es"):
            yield words[:-2]
        if words.endswith("ies"):
            yield words[:-3] + "y"


def chinese_names() -> Iterable[tuple[str, str]]:
    """Return pairs of an English name, folded, and its Chinese name."""
    return _names().items()


@lru_cache(maxsize=1)
def _modifiers() -> dict[str, str]:
    lines = _MODIFIERS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            english, _, chinese = line.partition("\t")
            names[fold(english)] = chinese
    # These replace names from above: the taxonomy calls both fleece and wool 羊毛.
    for line in _VALUES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            _, name, english, chinese = line.split("\t")
            first = chinese.split(",")[0]
            if first:
                names |= {fold(word): first for word in (name, *english.split(",")[:1]) if word}
    return names
