"""Fold letters, so that texts that differ only in case, width or accents are equal.

``fold`` makes ``Straße`` equal to ``STRASSE``, ``Łódź`` to ``lodz`` and ``IŞIK`` to ``ışık``.
Scripts without spaces are split into letters, because nothing marks their words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer and their extensions.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
RUN = re.compile(f"[{UNSPACED}]+")
LETTER = re.compile(f"([{UNSPACED}])")
_RUNS = re.compile(f"([{UNSPACED}]+)")

# Letters that Unicode does not decompose into a letter and a mark.
_LETTERS = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ĸ": "k",
        "æ": "ae", "œ": "oe", "þ": "th", "ŋ": "n", "ƒ": "f", "ɓ": "b", "ɗ": "d", "ƙ": "k",
        "ʼ": "'", "’": "'", "‘": "'", "`": "'", "´": "'",
    }
)  # fmt: skip
# Marks of Latin and Greek letters, and of the Cyrillic ё. In other scripts, marks are vowels.
_MARKS = re.compile("([a-z\u0370-\u03ffе])[\u0300-\u036f]+")


def fold(text: str) -> str:
    """Return a text in lower case, without accents, and with letters of normal width.

    Marks of scripts such as Devanagari are kept, because there they are vowels.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    text = _MARKS.sub(r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=4096)
def fold_label(text: str) -> str:
    """Return ``fold`` of a value of a field, without spaces around it."""
    return fold(text).strip()


def words_of(text: str) -> list[str]:
    """Split a text into words: runs of letters, digits and combining marks."""
    kept = (letter if unicodedata.category(letter)[0] in "LNM" else " " for letter in text)
    return "".join(kept).split()


def pieces_of(word: str) -> list[str]:
    """Split a word where it changes between a script without spaces and any other script."""
    return [piece for piece in _RUNS.split(word) if piece]


def spaced(text: str) -> str:
    """Put spaces around each letter of a script without spaces."""
    return LETTER.sub(r" \1 ", text)
