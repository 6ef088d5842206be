"""Find compounds by their last word, and take typed ones apart, as German or Swedish has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from indexer.words.vocabulary import Vocabulary

_MAX_WORDS: Final = 30  # compounds that are searched for in place of one word
LINKS: Final = ("", "s", "n", "e", "es", "en", "er")  # between the parts
_ENDINGS: Final = ("n", "en", "s", "e")  # of plurals
_REMOVED: Final = (*_ENDINGS, "er")  # adding it would make leather of leath
_PLURALS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "sv": (("or", "a"), ("ar", ""), ("ar", "e"), ("er", "")),
    "da": (("er", "e"), ("er", ""), ("r", "")),
    "no": (("er", "e"), ("er", ""), ("r", "")),
    "fi": (("t", ""),),
}
"""Endings of plurals, and those of their singulars."""
_UMLAUTS: Final = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_SHORTEST: Final = 3  # letters of a part
_LONGEST: Final = 60  # letters of a word that is taken apart
_BEGINNING: Final = 4  # letters of a first part that is only the beginning of a word


class Compounds:
    """Looks for compounds in the vocabulary of one index, whose lock the caller holds."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages of the shop that write compounds as one word; looked up once a query."""
        return self._vocabulary.compounding_languages()

    @property
    def are_usual(self) -> bool:
        """Whether the shop writes a language that writes compounds as one word."""
        return bool(self.languages)

    def ending_in(self, word: str, *, is_found: bool) -> list[str]:
        """Return the compounds that end in a word or its plural, at most 30.

        If items have the word itself, which ``is_found`` says, the rest of a compound must be a
        word too: ``table`` does not find comfortable. In a shop whose language writes compounds as
        one word, where ``jacke`` finds Winterjacke, it need not be one.
        """
        if len(word) < (_SHORTEST if is_found or self.are_usual else 4):
            return []
        forms = {word, *other_endings(word, self.languages)}
        found: list[str] = []
        for form in sorted(forms, key=lambda form: (form != word, form)):
            for term in self._vocabulary.ending_with(form, _MAX_WORDS):
                first = term.removesuffix(form)
                if len(first) >= _SHORTEST and (
                    not is_found or self.are_usual or self._is_word(first)
                ):
                    found.append(term)
        return found[:_MAX_WORDS]

    def parts_of(self, word: str) -> tuple[str, str] | None:
        """Return the two parts of a compound that no text has, the longest last part first.

        Both are words of the shop: ``damenwinterjacke`` is (damen, winterjacke). The first may be
        the beginning of one, as in ``laufhose``, if a text has Laufen. In such a language, the
        last may be the end of one, if there is no better way: then the first is as long as can be,
        so that ``kinderjacke`` is not Kind and the end of Winterjacke. None if there are none.
        """
        if len(word) > _LONGEST:
            return None
        shortest = _SHORTEST if self.are_usual else 4
        for at in range(_SHORTEST, len(word) - shortest + 1):
            if self._is_head(word[at:]) and (first := self._known(word[:at])):
                return first, word[at:]
        if not self.are_usual:
            return None
        for at in range(len(word) - _SHORTEST, _SHORTEST - 1, -1):
            if self._vocabulary.ending_with(word[at:], 1) and (first := self._known(word[:at])):
                return first, word[at:]
        return None

    def head_of(self, word: str) -> str:
        """Return the longest word of the shop that a typed compound ends in, or "".

        Only in a shop whose language writes them so.
        """
        if len(word) > _LONGEST or not self.are_usual:
            return ""
        ends = (word[at:] for at in range(_SHORTEST, len(word) - _SHORTEST + 1))
        return next((end for end in ends if self._is_head(end)), "")

    def _is_head(self, end: str) -> bool:
        has = self._vocabulary.has
        forms = (end, *other_endings(end, self.languages))
        return any(has(form) for form in forms if len(form) >= _SHORTEST)

    def _known(self, first: str) -> str:
        """Return the first part of a compound without its link, if a text has it, else ""."""
        for link in LINKS:
            bare = first.removesuffix(link)
            is_link = not link or bare != first
            if is_link and len(bare) >= _SHORTEST and self._vocabulary.has(bare):
                return bare
        is_beginning = len(first) >= _BEGINNING and self._vocabulary.beginning_with(first, 1)
        return first if is_beginning else ""

    def _is_word(self, first: str) -> bool:
        return any(
            first.endswith(link) and self._vocabulary.has(first.removesuffix(link))
            for link in LINKS
            if len(first) - len(link) >= _SHORTEST
        )


def other_endings(word: str, languages: Collection[str] = ()) -> list[str]:
    """Return what may be plurals or singulars of a word, which the English stemmer does not know.

    In Dutch, the letter before the ending is doubled: ``jas`` and ``jassen``. In Swedish,
    ``jackor`` is the plural of ``jacka``.
    """
    forms = [word + ending for ending in _ENDINGS]
    forms += [word.removesuffix(end) for end in _REMOVED if len(word) - len(end) >= 4]
    for plural, single in (pair for code in languages for pair in _PLURALS.get(code, ())):
        for one, other in ((plural, single), (single, plural)):
            bare = word.removesuffix(one)
            if word.endswith(one) and len(bare) >= _SHORTEST:
                forms.append(bare + other)
    if "nl" in languages and word:
        forms.append(f"{word}{word[-1]}en")
        single = word.removesuffix("en")
        if single != word and len(single) > 3 and single[-1:] == single[-2:-1]:
            forms.append(single[:-1])
    return [form for form in forms if form != word]


def without_umlauts(word: str) -> str:
    """Return ``grosse`` for ``groesse``: how a text folds the letters that a shopper spells out."""
    for spelled_out, folded in _UMLAUTS:
        word = word.replace(spelled_out, folded)
    return word
