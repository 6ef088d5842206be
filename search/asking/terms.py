"""The terms of a question: stems of its words, equal words as one concept, in both languages.

Chinese words become the English terms that the catalog has, where they are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from indexer.drafting.glossary import chinese_names
from indexer.enrichment.gazetteer import Value, folded_words
from indexer.enrichment.tree import bundled_tree
from indexer.enrichment.values import bundled
from indexer.words.folding import fold

_FOLDER: Final = Path(__file__).parent / "data"
_WORD: Final = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_HAN: Final = re.compile("[\u3400-\u9fff]+")
_LONGEST_CATEGORY: Final = 4  # characters; longer names are put together from words


class Terms(NamedTuple):
    """The terms of a text: stems and concepts, the values that it names, unknown Chinese parts.

    ``words`` are the words to search for; Chinese words are in English.
    """

    stems: frozenset[str]
    values: tuple[Value, ...]
    unknown: tuple[str, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=50_000)
def terms_of(text: str) -> Terms:
    """Return the terms of a text, without stop words. Results are cached."""
    folded = fold(text)
    values: list[Value] = []
    for match in bundled().pattern.finditer(folded_words(text)):
        values += bundled().values[match.group()]
    words = [word for word in _words(_HAN.sub(" ", folded)) if word not in _stop_words()]
    stems = {stem_of(word) for word in words}
    unknown: list[str] = []
    for run in _HAN.findall(folded):
        known, left = _chinese(run)
        words += sorted(known)
        stems |= known
        unknown += left
    return Terms(frozenset(stems), tuple(values), tuple(unknown), tuple(dict.fromkeys(words)))


def stem_of(word: str) -> str:
    """Return the concept that a word belongs to, else its stem."""
    concept = _concepts().get(word)
    if concept is not None:
        return concept
    stem = _stem(word)
    return _concepts().get(stem, stem)


def _words(text: str) -> Iterable[str]:
    for word in _WORD.findall(text):
        yield word
        if "-" in word:
            yield from word.split("-")


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    if not word.isascii() or len(word) < 4:
        return word
    for ending, instead, least in (
        ("ies", "y", 4), ("sses", "ss", 4), ("ches", "ch", 5), ("shes", "sh", 5), ("xes", "x", 5),
        ("able", "", 8), ("ing", "", 6), ("ed", "", 5), ("s", "", 4),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) >= least and not word.endswith(("ss", "us")):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 4 and word.endswith("ie"):
        return word[:-2] + "y"  # the "hoodies" of a category
    return word.removesuffix("e") if len(word) > 4 else word


@lru_cache(maxsize=1)
def _concepts() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for concept, english, chinese in _rows():
        for word in (*english.split(), *chinese.replace("+", "").split()):
            found.setdefault(word, concept)
            if word.isascii():
                found.setdefault(_stem(word), concept)
    return found


def _rows() -> Iterable[tuple[str, str, str]]:
    for line in _lines("concepts.tsv"):
        concept, english, chinese = line.split("\t")
        yield concept, english, chinese


def _lines(name: str) -> list[str]:
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    return frozenset(word for line in _lines("stop_en.txt") for word in line.split())


@lru_cache(maxsize=1)
def _chinese_stops() -> re.Pattern[str]:
    words = [word for line in _lines("stop_zh.txt") for word in line.split()]
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))


@lru_cache(maxsize=1)
def _dictionary() -> tuple[Mapping[str, frozenset[str]], int]:
    """Return the terms of Chinese words, and the length of the longest word."""
    found: dict[str, frozenset[str]] = {}
    for english, chinese in chinese_names():
        stems = frozenset(stem_of(word) for word in _words(english) if word not in _stop_words())
        if stems:
            found.setdefault(fold(chinese), stems)
    for word, values in bundled().values.items():
        if values and _HAN.fullmatch(word):
            names = frozenset(
                stem_of(part) for value in values for part in _words(fold(value.name))
            )
            found[word] = names
    for concept, _, chinese in _rows():
        for word in chinese.split():
            name = word.removeprefix("+")
            besides = found.get(name, frozenset()) if name != word else frozenset()
            found[name] = besides | {concept}
    tree = bundled_tree()
    for word, categories in tree.chinese.items():
        parts = list(_words(fold(tree.node(categories[0].code).name)))
        of_name = frozenset(stem_of(part) for part in parts if part not in _stop_words())
        if of_name and len(parts) <= 2 and len(word) <= _LONGEST_CATEGORY:
            found.setdefault(fold(word), of_name)
    return found, max(map(len, found))


def _chinese(run: str) -> tuple[set[str], list[str]]:
    """Split a run of Chinese characters into its terms and the parts that no word covers."""
    words, longest = _dictionary()
    known: set[str] = set()
    left = ""
    at = 0
    while at < len(run):
        size = next(
            (n for n in range(min(longest, len(run) - at), 0, -1) if run[at : at + n] in words), 0
        )
        stop = _chinese_stops().match(run, at)
        if stop and len(stop.group()) >= size:
            left += " "
            at = stop.end()
        elif size:
            known |= words[run[at : at + size]]
            left += " "
            at += size
        else:
            left += run[at]
            at += 1
    return known, left.split()
