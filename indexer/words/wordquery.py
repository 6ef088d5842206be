"""Turn a typed text into the words to search for.

Each typed word becomes a group of equal words and of weaker ones, which only resemble it. A stemmer
alone would not find ``Winterjacke`` by ``jacke``, ``T-Shirt`` by ``tshirt`` or ``men`` by ``man``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from indexer.words.folding import fold
from indexer.words.regional import LONGEST, regional_words
from indexer.words.spellings import EMPTY_WORDS, EQUAL_WORDS
from indexer.words.synonyms import Synonyms
from indexer.words.typed import MAX_UNITS, Typed, Unit, take_apart

if TYPE_CHECKING:
    from indexer.words.vocabulary import Vocabulary

_BEGINNING_FROM = 3  # letters
_MAX_WORDS = 30  # longer words or compounds that are searched for in place of one word
_MAX_SPLITS = 4
_MAX_CORRECTIONS = 3
_NUMBER_AND_UNIT = re.compile(r"\d+|[^\W\d_]+")
_LINKS = ("", "s", "n", "e", "es", "en", "er")  # between the parts of German and Dutch compounds
_ENDINGS = ("n", "en", "s", "e")  # of German and Dutch plurals
_REMOVED = (*_ENDINGS, "er")  # adding it would make leather of leath
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"))


class WordGroup(NamedTuple):
    """The words and phrases that are searched for in place of one typed word.

    ``strong`` ones mean the same. ``weak`` ones begin or end like the word, or correct it. An item
    with any of them matches the word. ``counts`` is False for words without content, such as
    "for", which are searched for only if the text has no other words.
    """

    strong: tuple[str, ...]
    weak: tuple[str, ...]
    counts: bool


class WordQuery(NamedTuple):
    """A typed text as a query. An item matches if it matches any group and all of ``required``.

    Items with one of ``excluded`` are not found. ``corrected`` is the text with corrected words,
    or empty if no word was corrected.
    """

    groups: list[WordGroup]
    required: list[str]
    excluded: list[str]
    corrected: str


class Interpreter:
    """Interprets typed texts for the words of one index."""

    def __init__(
        self, vocabulary: Vocabulary, synonyms: Synonyms, finds: Callable[[str], bool]
    ) -> None:
        """``finds`` returns True if an item matches a full-text expression."""
        self._vocabulary = vocabulary
        self._synonyms = synonyms
        self._finds = finds

    def interpret(self, text: str) -> WordQuery:
        """Interpret a text. The result has no groups if the text has no words."""
        typed = take_apart(text)
        units = self._loosened(typed.units)
        others = self._other_words(units)
        elsewhere = _names_elsewhere(units)
        groups: list[WordGroup] = []
        corrected = fold(text)
        for place, unit in enumerate(units):
            strong = list(dict.fromkeys([*self._forms(unit), *others[place]]))
            is_last = place == len(units) - 1
            weak, correction = self._weak_forms(unit, strong, elsewhere[place], is_last=is_last)
            if correction:
                corrected = re.sub(rf"(?<!\w){re.escape(unit.text)}(?!\w)", correction, corrected)
            counts = " ".join(unit.words) not in EMPTY_WORDS
            groups.append(WordGroup(tuple(strong), tuple(weak), counts))
        # Words without content are in most texts: they find nothing, and would take long.
        groups = [group for group in groups if group.counts] or groups
        return WordQuery(
            groups=groups,
            required=typed.required,
            excluded=self._excluded(typed),
            corrected="" if corrected == fold(text) else corrected,
        )

    def _excluded(self, typed: Typed) -> list[str]:
        return [form for unit in typed.excluded for form in self._forms(unit)]

    def _loosened(self, units: list[Unit]) -> list[Unit]:
        """Split the units of several words that no item has as neighbors."""
        kept: list[Unit] = []
        for unit in units:
            if len(unit.words) > 1 and not unit.is_unspaced and not self._any(self._forms(unit)):
                kept.extend(Unit((word,), word) for word in unit.words)
            else:
                kept.append(unit)
        return kept[:MAX_UNITS]

    def _forms(self, unit: Unit) -> list[str]:
        """Return a unit's words, then other spellings of the same."""
        words = unit.words
        phrase = " ".join(words)
        if unit.is_unspaced:
            return [phrase]
        joined = "".join(words)
        forms = [phrase]
        if len(words) > 1:
            if words[-1] == "s":  # men's, or a plural of an abbreviation
                forms.append(" ".join(words[:-1]))
            forms.append(joined)
        forms.extend(EQUAL_WORDS.get(joined, ()))
        if len(words) == 1:
            pieces = _NUMBER_AND_UNIT.findall(joined)
            if 1 < len(pieces) <= 6:
                forms.append(" ".join(pieces))
        if len(words) == 1 and len(joined) >= 4:
            splits = self._vocabulary.splits(joined, _MAX_SPLITS)
            forms.extend(" ".join(parts) for parts in splits)
            forms.extend(self._without_umlauts(joined))
        return forms

    def _without_umlauts(self, word: str) -> list[str]:
        """Return ``grosse`` for ``groesse``, if only the former is a word of the shop."""
        plain = word
        for spelled_out, folded in _UMLAUTS:
            plain = plain.replace(spelled_out, folded)
        if plain == word or self._vocabulary.has(word):
            return []
        return [plain]

    def _other_words(self, units: list[Unit]) -> list[list[str]]:
        """Return more forms for each unit: joined with its neighbors, and synonyms."""
        others: list[list[str]] = [[] for _ in units]
        words = [" ".join(unit.words) for unit in units]
        for length in (2, 3):
            for start in range(len(units) - length + 1):
                span = units[start : start + length]
                joined = "".join(words[start : start + length]).replace(" ", "")
                if any(unit.is_unspaced for unit in span) or not self._vocabulary.has(joined):
                    continue
                for place in range(start, start + length):
                    others[place].append(joined)
        for start in range(len(units)):
            for end in range(start + 1, min(len(units), start + self._synonyms.longest) + 1):
                found = self._synonyms.of(tuple(" ".join(words[start:end]).split()))
                for place in range(start, end):
                    others[place].extend(found)
        return others

    def _weak_forms(
        self, unit: Unit, strong: list[str], elsewhere: list[str], *, is_last: bool
    ) -> tuple[list[str], str]:
        """Return the words that resemble a unit, and its correction, or empty.

        ``elsewhere`` are its names in other countries.
        """
        word = unit.words[-1]
        if unit.is_unspaced or (len(unit.words) > 1 and not is_last):
            return elsewhere, ""
        found_strong = self._any(strong)
        weak = list(elsewhere)
        if is_last and len(word) >= _BEGINNING_FROM:
            weak.extend(self._beginnings(unit))
        if len(unit.words) == 1:
            weak.extend(self._compounds(word, is_found=found_strong))
            if not found_strong:
                weak.extend(self._other_endings(word))
                if unit.words[0] not in EMPTY_WORDS and not self._any(weak):
                    similar = self._vocabulary.similar_to(word, _MAX_CORRECTIONS)
                    valid = [term for term in similar if self._any([term])]
                    return valid, valid[0] if valid else ""
        return [form for form in dict.fromkeys(weak) if form not in strong], ""

    def _beginnings(self, unit: Unit) -> list[str]:
        """Return words that begin like an unfinished one; ``*`` marks the beginning of a stem."""
        if len(unit.words) == 1 and unit.text.isascii():
            word = unit.words[0]
            found = self._vocabulary.beginning_with(word, _MAX_WORDS)
            return [term for term in found if term not in (f"{word}s", f"{word}es")]  # same stem
        return [f"{' '.join(unit.words)}*"]

    def _compounds(self, word: str, *, is_found: bool) -> list[str]:
        """Return the compounds that end in a word, as German and Dutch write them.

        If items have the word itself, the rest of a compound must be a word too.
        """
        if len(word) < (3 if is_found else 4):
            return []
        forms = {word, *(word + ending for ending in _ENDINGS)}
        forms |= {word.removesuffix(end) for end in _REMOVED if len(word) - len(end) >= 4}
        found: list[str] = []
        for form in sorted(forms, key=lambda form: (form != word, form)):
            for term in self._vocabulary.ending_with(form, _MAX_WORDS):
                first = term.removesuffix(form)
                if len(first) >= 3 and (not is_found or self._is_word(first)):
                    found.append(term)
        return found[:_MAX_WORDS]

    def _is_word(self, first: str) -> bool:
        return any(
            first.endswith(link) and self._vocabulary.has(first.removesuffix(link))
            for link in _LINKS
            if len(first) - len(link) >= 3
        )

    def _other_endings(self, word: str) -> list[str]:
        """Return plurals or singulars that the English stemmer does not know."""
        if len(word) < 4:
            return []
        forms = [word + ending for ending in _ENDINGS]
        forms += [word.removesuffix(end) for end in _REMOVED if len(word) - len(end) >= 4]
        return [form for form in forms if form != word and self._vocabulary.has(form)]

    def _any(self, forms: list[str]) -> bool:
        return bool(forms) and self._finds(expression_of(forms))


def _names_elsewhere(units: list[Unit]) -> list[list[str]]:
    """Return for each unit what it, or a phrase that it is in, is called in other countries."""
    found: list[list[str]] = [[] for _ in units]
    for start in range(len(units)):
        for end in range(start + 1, min(len(units), start + LONGEST) + 1):
            words = tuple(word for unit in units[start:end] for word in unit.words)
            for place in range(start, end):
                found[place].extend(regional_words(words))
    return found


def expression_of(forms: list[str] | tuple[str, ...]) -> str:
    """Return the full-text expression for any of these words and phrases.

    All are quoted, so that user input never acts as an operator. A form that ends in ``*`` is a
    beginning.
    """
    return " OR ".join(f'"{form[:-1]}" *' if form[-1:] == "*" else f'"{form}"' for form in forms)
