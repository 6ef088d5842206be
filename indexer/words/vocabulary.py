"""The vocabulary of a full-text index: the words of its texts, before stemming.

The full-text table has only stems. The vocabulary finds words by their beginning, their end or a
similar spelling, and the full-text table then finds the items. So it may keep the words of deleted
texts.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from typing import TYPE_CHECKING

from indexer.words.edits import WordMatrix, edits_allowed, other_doublings
from indexer.words.folding import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_TERM = re.compile(r"[^\W_]+")
_SPLIT = re.compile(f"[{UNSPACED}]+")
_LONGEST = 40  # letters of a word that is kept
_LAST = "\U0010ffff"
# Words that most shops of a language have, and those of others have not.
_TELLING_WORDS = {
    "de": ("und", "mit", "ohne", "oder", "zum", "herren", "damen", "kinder", "farbe", "grosse"),
    "nl": ("met", "voor", "een", "het", "zonder", "heren", "dames", "kinderen", "kleur", "maat"),
    "sv": ("och", "med", "utan", "till", "eller", "herr", "dam", "barn", "farg", "storlek"),
    "da": ("og", "med", "uden", "til", "eller", "herre", "dame", "born", "farve", "storrelse"),
    "no": ("og", "med", "uten", "til", "eller", "herre", "dame", "barn", "farge", "storrelse"),
    "fi": ("ja", "ilman", "naisten", "miesten", "lasten", "vari", "koko", "musta", "sininen"),
}
_TELLING = 2  # of them
_MAX_COMPARED = 300_000  # words that a typed word is compared with, the most frequent first
_SCHEMA = (
    "CREATE TABLE vocabulary(term TEXT PRIMARY KEY, backward TEXT NOT NULL, items INTEGER NOT NULL)"
    " WITHOUT ROWID"
)
_BY_END = "CREATE INDEX by_end ON vocabulary(backward, items)"


def terms_of(texts: Sequence[str]) -> set[str]:
    """Return the words of folded texts, without scripts that have no spaces."""
    joined = " ".join(texts)
    if not joined.isascii():
        joined = _SPLIT.sub(" ", joined)
    return {term for term in _TERM.findall(joined) if len(term) <= _LONGEST}


def has_vocabulary(connection: sqlite3.Connection) -> bool:
    """Return True if the index has a vocabulary; those of earlier versions have none."""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'vocabulary'"
    return connection.execute(query).fetchone() is not None


def write_vocabulary(connection: sqlite3.Connection, counts: Counter[str]) -> None:
    """Write the words of an index, and in how many items each occurs."""
    connection.execute(_SCHEMA)
    connection.executemany(
        "INSERT INTO vocabulary VALUES (?, ?, ?)",
        ((term, term[::-1], items) for term, items in sorted(counts.items())),
    )
    connection.execute(_BY_END)


def add_terms(connection: sqlite3.Connection, terms: Iterable[str]) -> None:
    """Add the words of one more item."""
    connection.executemany(
        "INSERT INTO vocabulary VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET items = items + 1",
        ((term, term[::-1]) for term in terms),
    )


class Vocabulary:
    """Looks words up in the vocabulary of one connection. The caller holds its lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._matrix: WordMatrix | None = None
        self._matrix_words = -1
        self._building = threading.Lock()

    def has(self, term: str) -> bool:
        """Return True if a text has this word."""
        query = "SELECT 1 FROM vocabulary WHERE term = ?"
        return self._connection.execute(query, (term,)).fetchone() is not None

    def those_of(self, terms: Collection[str]) -> set[str]:
        """Return those of up to some hundred words that a text has, by one query."""
        marks = ", ".join("?" * len(terms))
        query = f"SELECT term FROM vocabulary WHERE term IN ({marks})"  # noqa: S608
        return {term for (term,) in self._connection.execute(query, tuple(terms))}

    def compounding_languages(self) -> frozenset[str]:
        """Return the languages of the texts that write compounds as one word, by two letters."""
        return frozenset(
            language for language, words in _TELLING_WORDS.items() if self._has_some_of(words)
        )

    def _has_some_of(self, words: tuple[str, ...]) -> bool:
        marks = ", ".join("?" * len(words))
        query = f"SELECT count(*) FROM vocabulary WHERE term IN ({marks})"  # noqa: S608
        (count,) = self._connection.execute(query, words).fetchone()
        return bool(count >= _TELLING)

    def beginning_with(self, beginning: str, most: int) -> list[str]:
        """Return longer words with this beginning, those of most items first."""
        query = (
            "SELECT term FROM vocabulary WHERE term > ? AND term < ? ORDER BY items DESC, term "
            "LIMIT ?"
        )
        found = self._connection.execute(query, (beginning, beginning + _LAST, most))
        return [term for (term,) in found]

    def ending_with(self, end: str, most: int) -> list[str]:
        """Return longer words with this end, those of most items first."""
        query = (
            "SELECT term FROM vocabulary WHERE backward > ? AND backward < ? "
            "ORDER BY items DESC, term LIMIT ?"
        )
        backward = end[::-1]
        found = self._connection.execute(query, (backward, backward + _LAST, most))
        return [term for (term,) in found]

    def similar_to(self, word: str, most: int) -> list[str]:
        """Return the words nearest to a mistyped one, all equally near; [] if none is near.

        A short word is near only if a letter is doubled in one of them and single in the other.
        """
        if any(letter.isdigit() for letter in word):
            return []  # the neighbor of a number is another number
        allowed = edits_allowed(word)
        if not allowed:
            return [form for form in other_doublings(word) if self.has(form)][:most]
        near = self._compared().near(word, allowed)
        return [term for term, edits in near if edits == near[0][1]][:most]

    def splits(self, word: str, most: int, parts: int = 4) -> list[list[str]]:
        """Return ways to split a word into at most ``parts`` + 1 words of the texts.

        Those with the fewest parts are first.
        """
        found: list[list[str]] = []
        known: dict[str, bool] = {}

        def is_known(part: str) -> bool:
            if len(part) > _LONGEST:
                return False
            if part not in known:
                known[part] = self.has(part)
            return known[part]

        open_ends: list[tuple[list[str], str]] = [([], word)]
        for _ in range(parts):
            longer: list[tuple[list[str], str]] = []
            for before, rest in open_ends:
                longer.extend(
                    ([*before, rest[:at]], rest[at:])
                    for at in range(1, min(len(rest), _LONGEST + 1))
                    if is_known(rest[:at])
                )
                if before and is_known(rest):
                    found.append([*before, rest])
            open_ends = longer[:200]
            if len(found) >= most:
                break
        return found[:most]

    def _compared(self) -> WordMatrix:
        """Return the matrix of all words without digits. Makes it again if there are new words."""
        with self._building:
            (count,) = self._connection.execute("SELECT count(*) FROM vocabulary").fetchone()
            if self._matrix is None or count != self._matrix_words:
                query = (
                    "SELECT term FROM vocabulary WHERE length(term) >= 4 AND "
                    "term NOT GLOB '*[0-9]*' ORDER BY items DESC, term LIMIT ?"
                )
                found = self._connection.execute(query, (_MAX_COMPARED,))
                self._matrix = WordMatrix([term for (term,) in found])
                self._matrix_words = count
            return self._matrix
