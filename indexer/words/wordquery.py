"""Turn a typed text into the words to search for.

Each typed word becomes a group of equal words and of weaker ones, which only resemble it. A stemmer
alone would not find ``Winterjacke`` by ``jacke``, ``T-Shirt`` by ``tshirt`` or ``men`` by ``man``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from indexer.words.compounds import Compounds, other_endings, without_umlauts
from indexer.words.folding import fold
from indexer.words.negation import negated
from indexer.words.regional import names_beginning_with, names_elsewhere, regional_words
from indexer.words.spellings import EMPTY_WORDS, EQUAL_WORDS
from indexer.words.synonyms import Synonyms
from indexer.words.translator import Translator
from indexer.words.typed import MAX_UNITS, Unit, take_apart, unique

if TYPE_CHECKING:
    from indexer.words.vocabulary import Vocabulary

_BEGINNING_FROM = 3  # letters
_MAX_WORDS = 30  # longer words that are searched for in place of one word
_MAX_SPLITS = 4
_MAX_CORRECTIONS = 3
_MAX_COMPARED = 12  # words near a mistyped one, of which those that items are named by count
_SURE_FROM = 7  # letters of a word that is also corrected to one of descriptions
_NUMBER_AND_UNIT = re.compile(r"\d+|[^\W\d_]+")
_HAN = re.compile("[\u4e00-\u9fff]")
_NOUN_ENDINGS = frozenset("子儿兒")
LABELS = "{title categories attributes}"  # the columns that say what an item is

BOTH = " & "
"""Between two words that an item must have, in place of one."""


class WordGroup(NamedTuple):
    """The words and phrases that are searched for in place of one typed word.

    ``strong`` ones mean the same. ``weak`` ones begin or end like the word, or correct it. An item
    with any of them matches the word. ``counts`` is False for words without content, such as
    "for", which are searched for only if the text has no other words. A group that ``modifies``
    counts less than the next one, whatever its scores.
    """

    strong: tuple[str, ...]
    weak: tuple[str, ...]
    counts: bool
    modifies: bool = False


class WordQuery(NamedTuple):
    """A typed text as a query. An item matches if it matches any group and all of ``required``.

    Items with one of ``excluded`` are not found. ``corrected`` is the text with corrected words,
    or empty if no word was corrected. ``plain`` is the text as it was understood, without what is
    required or excluded: its words are corrected, and in the language of the shop.
    """

    groups: list[WordGroup]
    required: list[str]
    excluded: list[str]
    corrected: str
    plain: str = ""


class Interpreter:
    """Interprets typed texts for the words of one index."""

    def __init__(
        self, vocabulary: Vocabulary, synonyms: Synonyms, finds: Callable[[str], bool]
    ) -> None:
        """``finds`` returns True if an item matches a full-text expression."""
        self._vocabulary = vocabulary
        self._compounds = Compounds(vocabulary)
        self._synonyms = synonyms
        self._finds = finds
        self._translator = Translator(vocabulary, self._compounds, self._has, self._is_name)

    def interpret(self, text: str) -> WordQuery:
        """Interpret a text. The result has no groups if the text has no words."""
        typed = negated(take_apart(text), self._any)
        units = unique(self._translator.translated(self._loosened(self._joined(typed.units))))
        units = self._decomposed(units)
        others = self._other_words(units)
        elsewhere = names_elsewhere(units)
        groups: list[WordGroup] = []
        pairs = [unit for unit in units if unit.is_unspaced]
        has_pairs = len(pairs) > 1 and any(
            self._any([*self._forms(unit), *_looser_pair(unit, is_joint=False)]) for unit in pairs
        )
        corrected = fold(text)
        plain: list[str] = []
        for place, unit in enumerate(units):
            strong = list(dict.fromkeys([*self._forms(unit), *others[place]]))
            is_last = place == len(units) - 1
            weak, correction = self._weak_forms(
                unit, strong, elsewhere[place], is_last=is_last, has_pairs=has_pairs
            )
            if correction:
                corrected = re.sub(rf"(?<!\w){re.escape(unit.text)}(?!\w)", correction, corrected)
            if place and unit.is_unspaced and unit.words[0] == units[place - 1].words[-1]:
                plain[-1] += "".join(unit.words[1:])  # the pairs of a text overlap
            else:
                plain.append(correction or ("" if unit.is_unspaced else " ").join(unit.words))
            counts = " ".join(unit.words) not in EMPTY_WORDS
            groups.append(WordGroup(tuple(strong), tuple(weak), counts, unit.modifies))
        # Words without content are in most texts: they find nothing, and would take long.
        groups = [group for group in groups if group.counts] or groups
        return WordQuery(
            groups=groups,
            required=typed.required,
            excluded=self._excluded(typed.excluded),
            corrected="" if corrected == fold(text) else corrected,
            plain=" ".join(plain),
        )

    def _excluded(self, units: list[Unit]) -> list[str]:
        known = self._translator.translated(units)
        found = [[*self._forms(unit), *regional_words(unit.words)] for unit in known]
        return [form for forms in found for form in forms]

    def _decomposed(self, units: list[Unit]) -> list[Unit]:
        """Take compounds apart that no item has, if items have both of their parts."""
        kept: list[Unit] = []
        for place, unit in enumerate(units):
            is_word = len(unit.words) == 1 and unit.text.isalpha() and not unit.is_unspaced
            parts = None
            if is_word and not self._synonyms.of(unit.words) and not self._any(self._forms(unit)):
                weak = self._alike(unit, is_found=False, is_last=place == len(units) - 1)
                parts = None if self._any(weak) else self._compounds.parts_of(unit.text)
            if parts is None:
                kept.append(unit)
            else:
                first, head = parts
                kept += [Unit((first,), first, modifies=True), Unit((head,), head)]
        return kept[:MAX_UNITS]

    def _joined(self, units: list[Unit]) -> list[Unit]:
        """Join a single letter with the next word, if items have both as neighbors: "t shirt"."""
        kept: list[Unit] = []
        for unit in units:
            letter = kept[-1].text if kept else ""
            if len(letter) == 1 and letter.isascii() and letter.isalpha() and unit.text.isalpha():
                pair = Unit((letter, *unit.words), f"{letter} {unit.text}")
                if (
                    letter not in EMPTY_WORDS
                    and not unit.is_unspaced
                    and self._any(self._forms(pair))
                ):
                    kept[-1] = pair
                    continue
            kept.append(unit)
        return kept

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
        forms = [phrase, *unit.also]
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
            forms.extend(self._spelled_out(joined))
        return forms

    def _spelled_out(self, word: str) -> list[str]:
        """Return ``grosse`` for ``groesse``, if the latter is no word of the shop."""
        plain = without_umlauts(word)
        return [] if plain == word or self._vocabulary.has(word) else [plain]

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
        self,
        unit: Unit,
        strong: list[str],
        elsewhere: list[str],
        *,
        is_last: bool,
        has_pairs: bool = False,
    ) -> tuple[list[str], str]:
        """Return the words that resemble a unit, and its correction, or empty.

        ``elsewhere`` are its names in other countries. ``has_pairs`` is True if items have other
        neighboring letters of the text.
        """
        word = unit.words[-1]
        if unit.is_unspaced and not self._any(strong):
            return [*elsewhere, *_looser_pair(unit, is_joint=has_pairs)], ""
        if unit.is_unspaced or (len(unit.words) > 1 and not is_last):
            return elsewhere, ""
        found_strong = self._any(strong)
        is_found = found_strong or self._any(elsewhere)
        weak = [*elsewhere, *self._alike(unit, is_found=is_found, is_last=is_last)]
        if found_strong and len(unit.words) == 1 and self._compounds.are_usual:
            weak.extend(self._both_parts(unit.text))
        is_word = len(unit.words) == 1 and unit.words[0] not in EMPTY_WORDS
        if is_word and not found_strong and not self._any(weak):
            if corrections := self._corrections(word):
                return corrections, corrections[0]
            if head := self._compounds.head_of(word):
                is_found = self._any([head])
                alike = self._alike(Unit((head,), head), is_found=is_found, is_last=False)
                return [head, *alike], ""
            return [], ""
        return [form for form in dict.fromkeys(weak) if form not in strong], ""

    def _corrections(self, word: str) -> list[str]:
        """Return the words that a mistyped one may be, all equally near.

        What an item is comes before what is said of it. A short word is only corrected to the
        former: ``dress`` is not mistyped in a shop that has no dresses, but says "press".
        """
        similar = self._vocabulary.similar_to(word, _MAX_COMPARED)
        labels = [term for term in similar if self._is_name(term)]
        if not labels and len(word) >= _SURE_FROM:
            labels = [term for term in similar if self._any([term])]
        return labels[:_MAX_CORRECTIONS]

    def _both_parts(self, word: str) -> list[str]:
        """Return the form for items that have both parts of a compound: ``Jacke für Kinder``."""
        parts = self._compounds.parts_of(word)
        if parts is None:
            return []
        first, head = parts
        return [BOTH.join((first if self._vocabulary.has(first) else f"{first}*", head))]

    def _alike(self, unit: Unit, *, is_found: bool, is_last: bool) -> list[str]:
        """Return words that begin or end like a unit; ``is_found`` if items have it itself."""
        word = unit.words[-1]
        found: list[str] = []
        if is_last and len(word) >= _BEGINNING_FROM:
            found.extend(self._beginnings(unit))
            if not is_found and not self._any(found) and len(word) > _BEGINNING_FROM:
                found.extend(names_beginning_with(word))
        if len(unit.words) > 1:
            return found
        for form in (word, *self._spelled_out(word)):
            found.extend(self._compounds.ending_in(form, is_found=is_found))
            if not is_found and len(form) >= _BEGINNING_FROM:
                endings = other_endings(form, self._compounds.languages)
                found.extend(filter(self._vocabulary.has, endings))
        return found

    def _beginnings(self, unit: Unit) -> list[str]:
        """Return words that begin like an unfinished one; ``*`` marks the beginning of a stem."""
        if len(unit.words) == 1 and unit.text.isascii():
            word = unit.words[0]
            found = self._vocabulary.beginning_with(word, _MAX_WORDS)
            return [term for term in found if term not in (f"{word}s", f"{word}es")]  # same stem
        return [f"{' '.join(unit.words)}*"]

    def _has(self, form: str) -> bool:
        return self._any([form])

    def _is_name(self, form: str) -> bool:
        """Return True if an item has a form where it says what it is."""
        return self._finds(f"{LABELS} : ({expression_of([form])})")

    def _any(self, forms: list[str]) -> bool:
        return bool(forms) and self._finds(expression_of(forms))


def _looser_pair(unit: Unit, *, is_joint: bool) -> list[str]:
    """Return what to search for in place of two neighboring Chinese letters that no item has.

    It is the noun without its ending, as in ``杯子`` for a cup. If they may be the ``is_joint`` of
    two words, as in ``红色杯`` for a red cup, it is both of them anywhere.
    """
    if len(unit.words) != 2 or not all(_HAN.fullmatch(letter) for letter in unit.words):
        return []
    first, second = unit.words
    if second in _NOUN_ENDINGS:
        return [first]
    return [BOTH.join((first, second))] if is_joint else []


def expression_of(forms: list[str] | tuple[str, ...]) -> str:
    """Return the full-text expression for any of these words and phrases.

    All are quoted, so that user input never acts as an operator. A form that ends in ``*`` is a
    beginning, and one with ``BOTH`` is two words that may be anywhere.
    """
    return " OR ".join(map(_expression, forms))


def _expression(form: str) -> str:
    if BOTH in form:
        return f"({' AND '.join(map(_expression, form.split(BOTH)))})"
    return f'"{form[:-1]}" *' if form[-1:] == "*" else f'"{form}"'
