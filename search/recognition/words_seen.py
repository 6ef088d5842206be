"""Match the words that were read from a photo with those of its hits."""

from __future__ import annotations

import re
from math import log
from typing import TYPE_CHECKING

from indexer.words.folding import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORTEST = 3  # letters of a word that is compared; two of Chinese
_FORGIVING = 5  # letters of a word from which one may be misread
_WORD = re.compile(r"[^\W\d_]+")


def words_in(texts: Sequence[str]) -> frozenset[str]:
    """Return the words of texts, folded; short ones and numbers are left out."""
    found = set()
    for text in texts:
        for word in _WORD.findall(fold(text)):
            if len(word) >= (_SHORTEST if word.isascii() else 2):
                found.add(word)
    return frozenset(found)


def likenesses(read: frozenset[str], hits: Sequence[frozenset[str]]) -> list[float]:
    """Return for each hit the weighted share of the words read that it has, from 0 to 1.

    A word that all hits have weighs nothing, and a rare one most. Words that no hit has are left
    out, because they are misread or not of this shop.
    """
    has = [{word for word in read if _is_in(word, words)} for words in hits]
    weights = {}
    for word in read:
        count = sum(word in words for words in has)
        if 0 < count < len(hits):
            weights[word] = log(len(hits) / count)
    total = sum(weights.values())
    if not total:
        return [0.0] * len(hits)
    return [sum(weights.get(word, 0.0) for word in words) / total for words in has]


def _is_in(word: str, words: frozenset[str]) -> bool:
    if word in words:
        return True
    return len(word) >= _FORGIVING and any(_one_apart(word, known) for known in words)


def _one_apart(first: str, second: str) -> bool:
    """Return True if one letter is replaced, added or left out."""
    if abs(len(first) - len(second)) > 1:
        return False
    at = 0
    while at < min(len(first), len(second)) and first[at] == second[at]:
        at += 1
    rest, other = first[at:], second[at:]
    return rest[1:] == other[1:] or rest[1:] == other or rest == other[1:]
