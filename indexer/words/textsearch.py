"""Search the tables of a full-text index with SQL: items that match, and their scores."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import numpy as np

from indexer.words.bm25 import bm25
from indexer.words.postings import COLUMN_WEIGHTS, Postings
from indexer.words.stems import Stemmer
from indexer.words.textmatches import FormScores, TextMatches, match_groups
from indexer.words.wordquery import expression_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from indexer.words.wordquery import WordQuery

# A live index is searched while it changes. A text is valid from change ``born`` to just before
# change ``died``, so a search sees exactly the texts that are valid at its sequence number.
NEVER = 2**63 - 1

_BM25 = "bm25(words, ?, ?, ?, ?)"  # negative in SQLite, and smaller is better
_WEAK = 0.5  # of the score of a word that only resembles the typed one
# The texts that are not valid at a change. Both conditions are those of an index of few texts.
_INVALID = (
    "SELECT number FROM items WHERE born > 0 AND born > ? UNION ALL "  # noqa: S608
    f"SELECT number FROM items WHERE died < {NEVER} AND died <= ?"
)


class TextSearch:
    """Searches the texts of one connection. The caller holds its lock."""

    def __init__(self, connection: sqlite3.Connection, *, live: bool) -> None:
        """``live`` is True if texts are valid from one change to another."""
        self._connection = connection
        self._live = live
        self._postings = Postings(connection)
        self._stemmer = Stemmer()

    def match(self, expression: str, sequence: int) -> TextMatches:
        """Return the texts that match an expression, which counts as one word."""
        found = self._select_scores(expression)
        one = np.ones(len(found.numbers), dtype=np.int64)
        matches = TextMatches(found.numbers.astype(np.int64), found.scores, one)
        return matches.those(self._is_valid(matches.numbers, sequence))

    def match_groups(self, query: WordQuery, sequence: int) -> TextMatches:
        """Return the texts that match any group of a query, and all of what it requires.

        Only the best form of each group counts. The query must have a group.
        """
        groups = [
            [
                (share, [self._scores(form) for form in forms])
                for forms, share in ((group.strong, 1.0), (group.weak, _WEAK))
                if forms
            ]
            for group in query.groups
        ]
        modifying = [group.modifies for group in query.groups]
        found = match_groups(groups, self._postings.texts, modifying)
        if query.required:
            required = self.numbers(all_of(query.required), sequence)
            found = found.those(np.isin(found.numbers, required))
        return found.those(self._is_valid(found.numbers, sequence))

    def item_ids(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return the ids of the items of these texts, by number."""
        found = self._connection.execute(
            "SELECT number, item_id FROM items WHERE number IN (SELECT value FROM json_each(?))",
            (str(list(numbers)),),
        )
        return dict(found.fetchall())

    def ids_after(self, number: int) -> list[str]:
        """Return the ids of the items of all texts after this one, in their order."""
        found = self._connection.execute(
            "SELECT item_id FROM items WHERE number > ? ORDER BY number", (number,)
        )
        return [item_id for (item_id,) in found]

    def _scores(self, form: str) -> FormScores:
        """Return the texts that have a form, and their BM25 scores."""
        stem = None if " " in form or form.endswith("*") else self._stemmer.stem_of(form)
        if stem is None:
            return self._select_scores(expression_of([form]))
        found = self._postings.of(stem)
        if not len(found.numbers):
            return FormScores(found.numbers, np.zeros(0))
        lengths = self._postings.lengths()[found.numbers]  # (m,)
        scores = bm25(
            found.occurrences, lengths, self._postings.average_length, self._postings.texts
        )
        return FormScores(found.numbers, scores)

    def _select_scores(self, expression: str) -> FormScores:
        rows = self._connection.execute(
            f"SELECT rowid, -{_BM25} FROM words WHERE words MATCH ?",  # noqa: S608
            (*COLUMN_WEIGHTS, expression),
        ).fetchall()
        pairs = np.array(rows, dtype=np.float64).reshape(-1, 2)  # (m, 2)
        return FormScores(pairs[:, 0].astype(np.int64), pairs[:, 1])

    def _select(self, statement: str, *values: object) -> NDArray[np.int64]:
        found = self._connection.execute(statement, values)
        return np.fromiter((number for (number,) in found), dtype=np.int64)

    def finds(self, expression: str, sequence: int) -> bool:
        """Return True if an item matches an expression."""
        is_valid, bounds = self._validity(sequence)
        found = self._connection.execute(
            f"SELECT 1 FROM words JOIN items ON number = words.rowid "  # noqa: S608
            f"WHERE words MATCH ? {is_valid} LIMIT 1",
            (expression, *bounds),
        )
        return found.fetchone() is not None

    def numbers(self, expression: str, sequence: int) -> NDArray[np.int64]:
        """Return the numbers of all texts that match an expression, rising: (m,)."""
        found = self._select("SELECT rowid FROM words WHERE words MATCH ?", expression)
        return found[self._is_valid(found, sequence)]

    def _is_valid(self, numbers: NDArray[np.int64], sequence: int) -> NDArray[np.bool_]:
        """Return whether texts (m,) are valid at a change: (m,)."""
        if not self._live:
            return np.ones(len(numbers), dtype=np.bool_)
        return ~np.isin(numbers, self._select(_INVALID, sequence, sequence))

    def _validity(self, sequence: int) -> tuple[str, tuple[int, ...]]:
        """Return the condition, and its values, for texts that are valid at a change."""
        if not self._live:
            return "", ()
        return "AND born <= ? AND died > ?", (sequence, sequence)


def all_of(phrases: Sequence[str]) -> str:
    """Return the full-text expression for all of these phrases."""
    return " AND ".join(f'"{phrase}"' for phrase in phrases)
