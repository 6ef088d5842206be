"""Take apart what a shopper typed: words, phrases in quotes, and words after a minus."""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import NamedTuple

from indexer.words.folding import RUN, fold, pieces_of, spaced, words_of

MAX_UNITS = 32
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))
# A quote opens a phrase only before a word: 12" is a size.
_PARTS = re.compile(r'(?<!\S)(?P<minus>-?)"(?P<phrase>[^"]+)"(?!\S)|(?P<chunk>\S+)')
# "A coat without a hood" in Chinese, which has no spaces: 不带帽子的外套.
_WITHOUT = re.compile(r"(?:不要|不带|不帶|不含|没有|沒有)([^\s的]{1,12})(?:的|(?=\s|$))")
_JOINERS = frozenset("-'._&+\u2010\u2011")


class Unit(NamedTuple):
    """One word, or several that were typed as one, such as ``t-shirt``: they are neighbors.

    ``text`` is the folded text that it was typed as. ``is_unspaced`` is True for two neighboring
    letters of a script without spaces. ``modifies`` is True for the first part of a compound that
    was taken apart: it says more of the next unit. ``also`` are words and phrases that mean the
    same.
    """

    words: tuple[str, ...]
    text: str
    is_unspaced: bool = False
    modifies: bool = False
    also: tuple[str, ...] = ()


class Typed(NamedTuple):
    """The parts of a typed text, all folded.

    An item must have the phrases ``required`` and must not have those ``excluded``.
    """

    units: list[Unit]
    required: list[str]
    excluded: list[Unit]


def take_apart(text: str) -> Typed:
    """Take a text apart. Any text is allowed; it may have no word.

    A text of symbols alone has their names as words: a picture of an apple is "red apple".
    """
    units: list[Unit] = []
    required: list[str] = []
    excluded: list[Unit] = []
    plain = _WITHOUT.sub(r" -\1 ", text.translate(_QUOTES))
    for part in _PARTS.finditer(fold(plain)):
        if phrase := part["phrase"]:
            words = words_of(spaced(phrase))
            if not words:
                continue
            if part["minus"]:
                excluded.append(Unit(tuple(words), phrase))
            else:
                required.append(" ".join(words))
            continue
        chunk = part["chunk"]
        is_minus = len(chunk) > 1 and chunk[0] == "-" and chunk[1] not in "-\"'"
        (excluded if is_minus else units).extend(_units(chunk[is_minus:]))
    if not units and not required and not excluded:
        units = [unit for symbol in text[:MAX_UNITS] for unit in _named(symbol)]
    if len(units) > MAX_UNITS:
        units = unique(units)[:MAX_UNITS]
    return Typed(units, required[:MAX_UNITS], excluded[:MAX_UNITS])


def unique(units: list[Unit]) -> list[Unit]:
    """Return each unit once; the last one stays last, because it may be an unfinished word."""
    kept: dict[tuple[str, ...], Unit] = {}
    for unit in units:
        kept.pop(unit.words, None)
        kept[unit.words] = unit
    if len(kept) <= MAX_UNITS:
        return list(kept.values())
    return list({unit.words: unit for unit in units}.values())


def _units(chunk: str) -> list[Unit]:
    """Return the units of a text without spaces: ``blue/t-shirt`` has two."""
    found: list[Unit] = []
    for run in _runs(chunk):
        words = words_of(run)
        if len(words) > 1 and not any(RUN.search(word) for word in words):
            found.append(Unit(tuple(words), run))
            continue
        for word in words:
            for piece in pieces_of(word):
                if RUN.fullmatch(piece):
                    pairs = ["".join(pair) for pair in itertools.pairwise(piece)] or [piece]
                    found.extend(Unit(tuple(pair), pair, True) for pair in pairs)
                else:
                    found.append(Unit((piece,), piece))
    return found


def _named(symbol: str) -> list[Unit]:
    """Return the words of Unicode's name of a symbol; [] for other characters."""
    is_symbol = unicodedata.category(symbol) == "So"
    name = unicodedata.name(symbol, "") if is_symbol else ""
    return [unit for word in fold(name).split() for unit in _units(word)]


def _runs(chunk: str) -> list[str]:
    """Split a chunk at signs that separate words; a hyphen or a dot between letters joins them."""
    letters = [
        letter if letter in _JOINERS or unicodedata.category(letter)[0] in "LNM" else " "
        for letter in chunk
    ]
    return "".join(letters).split()
