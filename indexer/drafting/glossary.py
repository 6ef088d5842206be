"""Translate English values, labels and categories to Chinese."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from indexer.words.folding import fold

_FILE: Final = Path(__file__).parent / "data" / "glossary_zh.tsv"
_VALUES: Final = Path(__file__).parents[1] / "enrichment" / "weights" / "values.tsv"


def translated(text: str) -> str:
    """Return the Chinese name of an English value or label; empty if none is known."""
    words = " ".join(fold(text).split())
    return _names().get(words, "")


def chinese_names() -> Iterable[tuple[str, str]]:
    """Return pairs of an English name, folded, and its Chinese name."""
    return _names().items()


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
