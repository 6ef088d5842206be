"""Check that a text says nothing but the facts of an item.

Facts that a sentence repeats word for word are removed from it first. The rest may contain only
neutral words and words of the facts. A number or a negation is accepted only as part of a whole
fact: a price of 52 does not support "52% wool", and "no-roll waistband" does not support "no".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from indexer.drafting.facts import Fact
from indexer.drafting.planfile import data_lines, plans_of
from indexer.enrichment.gazetteer import folded_words
from indexer.enrichment.language import Language
from indexer.enrichment.values import bundled
from indexer.words.folding import fold
from style.namedcolors import family_of

Trouble = Literal[
    "number", "color", "material", "pattern", "gender", "claim", "nothing", "repeated"
]  # fmt: skip

MOST_LETTERS: Final = 4_000  # of a text
_HAN_RUN: Final = re.compile("[\u3400-\u9fff]+")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBER: Final = re.compile(
    r"[$€£¥₩₹]?\d+(?:[.,:/]\d+)*\s?(?:%|°|[\"″])?|[¼½¾²³]"
    r"|(?<![^\W\d_])[〇一二两三四五六七八九十百千万半双倍]+(?=[个成折倍种年天日元号码层])"
)
_MONEY: Final = re.compile(r"\b(?:costs?|price[ds]?|pay|buy|only)\b|[价售元]|[$€£¥]")
# Words that change the meaning of others. A fact supports them only as a whole.
_TURNING: Final = frozenset(
    {"no", "not", "non", "none", "never", "without", "free", "less", "more", "than", "nor", "only",
     "all", "best"}
)  # fmt: skip
_LETTERS: Final = re.compile(r"\w", re.UNICODE)
_SPLIT: Final = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？!?；;])|\n+")


class DraftProblem(msgspec.Struct, frozen=True):
    """Words that no fact supports, and their kind; ``nothing`` is a sentence without a fact."""

    kind: Trouble
    text: str


class CheckedSentence(msgspec.Struct, frozen=True):
    """A sentence, the positions of the facts that it says, and its problems."""

    text: str
    facts: list[int]
    problems: list[DraftProblem]


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences, in order; blank ones are left out."""
    return [part.strip() for part in _SPLIT.split(text) if _LETTERS.search(part)]


def check_text(
    sentences: Sequence[str], facts: Sequence[Fact], language: Language
) -> list[CheckedSentence]:
    """Check sentences against the facts, in order. A fact that is said twice is a problem too."""
    known = Checker(facts, language)
    checked: list[CheckedSentence] = []
    said: set[int] = set()
    for sentence in sentences:
        found = known.check(sentence[:MOST_LETTERS])
        again = [at for at in found.facts if at in said and facts[at].kind != "name"]
        said.update(found.facts)
        repeated = [DraftProblem("repeated", facts[at].values[0]) for at in again]
        checked.append(CheckedSentence(found.text, found.facts, [*found.problems, *repeated]))
    return checked


class Checker:
    """Checks single sentences against the facts of one item."""

    def __init__(self, facts: Sequence[Fact], language: Language) -> None:
        self._facts = facts
        self._neutral = _neutral(language)
        self._patterns: list[tuple[int, re.Pattern[str]]] = []
        pairs = [(at, value) for at, fact in enumerate(facts) for value in fact.values if value]
        pairs += [(-1, fact.label) for fact in facts if fact.label]  # -1: a label is not a fact
        for at, value in sorted(pairs, key=lambda pair: -len(pair[1])):
            is_exact = at >= 0 and facts[at].kind == "size"
            self._patterns.append((at, _pattern(value, exact=is_exact)))
        texts = [value for fact in facts for value in (*fact.values, fact.label)]
        self._words = {_stem(word) for text in texts for word in _WORD.findall(fold(text))}
        self._words -= _TURNING
        self._han = {fold(fact.label) for fact in facts if fact.label}
        for text in texts:
            for run in _HAN_RUN.findall(text):
                self._han |= {
                    run[start:end]
                    for start in range(len(run))
                    for end in range(start + 2, len(run) + 1)
                }

    def check(self, sentence: str) -> CheckedSentence:
        """Return the facts that a sentence says, and its problems."""
        rest, linked = self._without_facts(sentence)
        folded = fold(rest)
        problems = [DraftProblem("number", found.strip()) for found in _NUMBER.findall(folded)]
        stems = set()
        for word in _WORD.findall(_NUMBER.sub(" ", _HAN_RUN.sub(" ", folded))):
            stem = _stem(word)
            stems.add(stem)
            if word not in self._neutral and (stem not in self._words or word in _TURNING):
                problems.append(_problem(word))
        for run in _HAN_RUN.findall(_NUMBER.sub(" ", folded)):
            problems += [_problem(left) for left in self._unknown_parts(run)]
        others = (at for at in range(len(self._facts)) if at not in linked)
        linked += [at for at in others if self._says(stems, at)]
        kinds = {self._facts[at].kind for at in linked}
        if _MONEY.search(fold(sentence)) and "size" in kinds and "price" not in kinds:
            problems.append(DraftProblem("number", "a size as a price"))
        if not linked:
            problems.append(DraftProblem("nothing", sentence[:80]))
        return CheckedSentence(sentence, sorted(linked), list(dict.fromkeys(problems)))

    def _without_facts(self, sentence: str) -> tuple[str, list[int]]:
        """Return the sentence without the values that it repeats word for word, and their facts."""
        rest, linked = sentence, []
        for at, pattern in self._patterns:
            rest, count = pattern.subn(" ¦ ", rest)
            if count and at >= 0 and at not in linked:
                linked.append(at)
        return rest, linked

    def _says(self, stems: set[str], at: int) -> bool:
        """Return True if a sentence has most words of a detail, in any order."""
        if self._facts[at].kind not in ("detail", "more"):
            return False
        own = {
            _stem(word)
            for value in self._facts[at].values
            for word in _WORD.findall(fold(value))
            if word not in self._neutral
        }
        return bool(own) and len(own & stems) * 2 > len(own)

    def _unknown_parts(self, run: str) -> list[str]:
        """Split a run of characters into known words, longest first; return what is left."""
        left, at, unknown = [], 0, ""
        while at < len(run):
            size = next(
                (length for length in range(min(8, len(run) - at), 0, -1)
                 if run[at : at + length] in self._neutral or run[at : at + length] in self._han),
                0,
            )  # fmt: skip
            if not size:
                unknown += run[at]
            elif unknown:
                left.append(unknown)
                unknown = ""
            at += size or 1
        return [*left, unknown] if unknown else left


def _pattern(value: str, *, exact: bool) -> re.Pattern[str]:
    words = [re.escape(part) for part in value.split()]
    flags = re.UNICODE if exact else re.IGNORECASE | re.UNICODE
    joined = r"\s+".join(words)
    if _HAN_RUN.search(value):
        return re.compile(joined, flags)
    return re.compile(rf"(?<![\w$€£¥])(?<!\d[.,]){joined}(?![\w%]|[.,]\d)", flags)


def _problem(word: str) -> DraftProblem:
    for value in bundled().values.get(" ".join(folded_words(word).split()), ()):
        if value.attribute in ("color", "material", "pattern", "gender"):
            return DraftProblem(value.attribute, word)
    if family_of(word):
        return DraftProblem("color", word)
    return DraftProblem("number" if word in _NUMBER_WORDS else "claim", word)


_NUMBER_WORDS: Final = frozenset(
    {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
     "twelve", "dozen", "hundred", "thousand", "half", "double", "twice", "triple", "percent"}
)  # fmt: skip


def _stem(word: str) -> str:
    """Return a word without the commonest endings of English."""
    word = word.replace("’", "'").removesuffix("'s")
    for ending, least in (("ing", 5), ("ies", 4), ("ed", 4), ("es", 4), ("s", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            cut = word[: -len(ending)]
            return cut + "y" if ending == "ies" else cut.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


@lru_cache(maxsize=2)
def _neutral(language: Language) -> frozenset[str]:
    words = {word for line in data_lines(f"neutral_{language}.txt") for word in line.split()}
    for plan in (form for forms in plans_of(language) for form in forms):
        bare = fold(plan.bare)
        words.update(_WORD.findall(bare) if language == "en" else _HAN_RUN.findall(bare))
    return frozenset(words)
