"""Replace typed words of other languages by those that a shop has, such as ``rote Jacke``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from indexer.words.compounds import LINKS, Compounds, without_umlauts
from indexer.words.foreignnames import LONGEST, Meaning, Name, meaning_of
from indexer.words.spellings import EMPTY_WORDS, EQUAL_WORDS, singular
from indexer.words.typed import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from indexer.words.vocabulary import Vocabulary

_PART: Final = 3  # letters of a part of a compound
_FOREIGN_PART: Final = 4  # letters of one that is a foreign word
_LONGEST_WORD: Final = 40  # letters of a compound


class Translator:
    """Translates the units of a typed text for one shop.

    Only words that no item has are replaced, so a shop is searched in its own language first.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        compounds: Compounds,
        has: Callable[[str], bool],
        names: Callable[[str], bool],
    ) -> None:
        """``has`` returns True if an item has a word or phrase, and ``names`` if one is named so.

        What an item is named by is its title, categories and attributes.
        """
        self._vocabulary = vocabulary
        self._compounds = compounds
        self._has = has
        self._names = names

    def translated(self, units: list[Unit]) -> list[Unit]:
        """Return the units with those replaced that the shop has under another name.

        A word that is also an English one is replaced only if it is alone, or beside another
        foreign word: ``hose`` is a garment in ``blaue hose``, and not in ``garden hose``.
        """
        is_alone = len(units) == 1
        if not is_alone and self._replaced(units, only_sure=True) == units:
            return units
        return self._replaced(units, only_sure=False)

    def _replaced(self, units: list[Unit], *, only_sure: bool) -> list[Unit]:
        kept: list[Unit] = []
        at = 0
        while at < len(units):
            if units[at].is_unspaced:
                end = _end_of_run(units, at)
                kept += self._run(units[at:end])
                at = end
                continue
            found, length = self._span(units, at, only_sure=only_sure)
            kept += found
            at += length
        return kept

    def _span(self, units: list[Unit], at: int, *, only_sure: bool) -> tuple[list[Unit], int]:
        """Return what replaces the units from ``at`` on, and how many; the unit itself if none."""
        for length in range(min(LONGEST, len(units) - at), 0, -1):
            span = units[at : at + length]
            name = tuple(word for unit in span for word in unit.words)
            if any(unit.is_unspaced and len(unit.words) > 1 for unit in span):
                continue
            is_unfinished = at + 1 == len(units) and self._is_begun(name[-1])
            if is_unfinished or (unit := self._unit(name, only_sure=only_sure)) is None:
                continue
            return [unit], length
        return self._compound(units[at]) or [units[at]], 1

    def _unit(self, name: Name, *, only_sure: bool) -> Unit | None:
        """Return a unit for what a name means; None if it means nothing, or items have it."""
        if len(name) == 1 and name[0] in EMPTY_WORDS:
            return None
        spellings = (name, tuple(map(without_umlauts, name)), tuple(map(singular, name)))
        meaning = next(filter(None, map(meaning_of, spellings)), None)
        if meaning is None or (only_sure and not meaning.is_sure):
            return None
        if self._is_known(name, self._vocabulary.those_of(_forms_of(name[0]))):
            return None
        return self._of_meaning(meaning, " ".join(name))

    def _of_meaning(self, meaning: Meaning, text: str) -> Unit | None:
        """Return a unit of the names that items have; None if they have none.

        Names that are also English words count only if there are no others, and those that are
        only in descriptions if no item is named so.
        """
        phrases = {" ".join(name): name for name in meaning.names}
        words = {form for name in meaning.names if len(name) == 1 for form in _forms_of(name[0])}
        known = self._vocabulary.those_of(words)
        had = [phrase for phrase in phrases if self._is_known(phrases[phrase], known)]
        sure = [phrase for phrase in had if _is_sure(phrases[phrase])]
        named = [phrase for phrase in sure or had if self._names(phrase)]
        found = named or sure
        if not found:
            return None
        return Unit(phrases[found[0]], text, also=tuple(found[1:]))

    def _is_known(self, name: Name, known: Collection[str]) -> bool:
        """Return True if the shop has a name, its plural, its singular, or a compound of it.

        ``known`` are the words of the shop, or at least those of ``_forms_of`` the name.
        A stemmer would not do: it has ``veste`` and "vest" as one.
        """
        if len(name) > 1 or not name[0].isascii():
            return self._has(" ".join(name))
        word = name[0]
        is_written = any(form in known for form in _forms_of(word)) and self._has(word)
        return is_written or bool(
            self._compounds.are_usual and self._compounds.ending_in(word, is_found=False)
        )

    def _is_begun(self, word: str) -> bool:
        """Return True if a longer word has this beginning, so that it may be an unfinished word."""
        is_long = len(word) >= _PART
        return is_long and bool(self._vocabulary.beginning_with(word, 1))

    def _compound(self, unit: Unit) -> list[Unit]:
        """Return the parts of a compound of which one at least is foreign, such as ``apfelsaft``.

        The longest last part counts. [] if it has no such parts.
        """
        word = unit.text
        is_word = len(unit.words) == 1 and word.isalpha() and len(word) <= _LONGEST_WORD
        if not is_word or len(word) < _PART + _FOREIGN_PART or self._has(word):
            return []
        for at in range(_PART, len(word) - _PART + 1):
            head = self._part(word[at:])
            first = next(
                (
                    part
                    for link in LINKS
                    if word[:at].endswith(link)
                    and (part := self._part(word[: at - len(link)])) is not None
                ),
                None,
            )
            if head and first and (_is_foreign(head) or _is_foreign(first)):
                return [first._replace(modifies=True), head]
        return []

    def _part(self, part: str) -> Unit | None:
        """Return the unit of a part: as the shop has it, or of its meaning; None if neither."""
        if len(part) < _PART:
            return None
        if self._vocabulary.has(part):
            return Unit((part,), part)
        meaning = meaning_of((part,)) if len(part) >= _FOREIGN_PART else None
        return None if meaning is None else self._of_meaning(meaning, part)

    def _run(self, pairs: list[Unit]) -> list[Unit]:
        """Return the units of a text without spaces: its names, the longest first.

        It is kept if items have a letter of it, or if it has no name.
        """
        letters = [*pairs[0].words, *(unit.words[-1] for unit in pairs[1:])]
        if any(map(self._has, letters)):
            return pairs
        kept: list[Unit] = []
        at = 0
        while at < len(letters):
            lengths = range(min(LONGEST, len(letters) - at), 0, -1)
            names = (tuple(letters[at : at + length]) for length in lengths)
            unit = next(filter(None, (self._unit(name, only_sure=False) for name in names)), None)
            if unit is not None:
                kept.append(unit)
            at += 1 if unit is None else len(unit.text.split())
        return kept or pairs


def _forms_of(word: str) -> tuple[str, ...]:
    """Return a word, its plurals and its singular."""
    return (word, f"{word}s", f"{word}es", singular(word), *EQUAL_WORDS.get(word, ()))


def _is_sure(name: Name) -> bool:
    meaning = meaning_of(name)
    return meaning is None or meaning.is_sure


def _is_foreign(part: Unit) -> bool:
    return part.words != (part.text,)


def _end_of_run(units: list[Unit], at: int) -> int:
    """Return the end of the pairs that overlap, from ``at`` on: the letters of one text."""
    end = at + 1
    while end < len(units) and units[end].is_unspaced:
        if units[end].words[0] != units[end - 1].words[-1]:
            break
        end += 1
    return end
