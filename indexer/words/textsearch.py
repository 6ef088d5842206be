"""Search the tables of a full-text index with SQL: items that match, and their scores."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from indexer.words.wordquery import expression_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.words.wordquery import WordQuery

# A live index is searched while it changes. A text is valid from change ``born`` to just before
# change ``died``, so a search sees exactly the texts that are valid at its sequence number.
NEVER = 2**63 - 1

LABELS = "{title categories attributes}"  # the columns that say what an item is

# BM25 weight of title, categories, attributes and description.
_WEIGHTS = (8.0, 4.0, 3.0, 1.0)
_BM25 = "bm25(words, ?, ?, ?, ?)"  # negative in SQLite, and smaller is better
_WEAK = 0.5  # of the score of a word that only resembles the typed one


class TextSearch:
    """Searches the texts of one connection. The caller holds its lock."""

    def __init__(self, connection: sqlite3.Connection, *, live: bool) -> None:
        """``live`` is True if texts are valid from one change to another."""
        self._connection = connection
        self._live = live

    def match(self, expression: str, limit: int, sequence: int) -> list[tuple[str, float]]:
        """Return the items that match an expression, and their BM25 scores, best first."""
        is_valid, bounds = self._validity(sequence)
        return self._connection.execute(
            f"SELECT item_id, -{_BM25} AS score FROM words "  # noqa: S608
            f"JOIN items ON number = words.rowid WHERE words MATCH ? {is_valid} "
            "ORDER BY score DESC, item_id LIMIT ?",
            (*_WEIGHTS, expression, *bounds, limit),
        ).fetchall()

    def match_groups(
        self, query: WordQuery, limit: int, sequence: int
    ) -> list[tuple[str, float, int]]:
        """Return items, the sums of the scores of their words, and how many words they have.

        Items with more words come first. Only the best form of each group counts. The query must
        have a group.
        """
        selects: list[str] = []
        values: list[object] = []
        for number, group in enumerate(query.groups):
            for forms, share in ((group.strong, 1.0), (group.weak, _WEAK)):
                if forms:
                    selects.append(
                        f"SELECT {number} AS word, rowid AS number, "  # noqa: S608
                        f"-{share} * {_BM25} AS score FROM words WHERE words MATCH ?"
                    )
                    values += [*_WEIGHTS, expression_of(forms)]
        is_valid, bounds = self._validity(sequence)
        values += bounds
        if query.required:
            is_valid += " AND number IN (SELECT rowid FROM words WHERE words MATCH ?)"
            values.append(all_of(query.required))
        statement = (
            f"WITH hits AS MATERIALIZED ({' UNION ALL '.join(selects)}), "  # noqa: S608
            "best AS (SELECT number, MAX(score) AS score FROM hits GROUP BY number, word), "
            "sums AS (SELECT number, SUM(score) AS score, COUNT(*) AS matched FROM best "
            "GROUP BY number) "
            "SELECT item_id, score, matched FROM sums JOIN items USING (number) "
            f"WHERE 1 {is_valid} ORDER BY matched DESC, score DESC, item_id LIMIT ?"
        )
        return self._connection.execute(statement, (*values, limit)).fetchall()

    def finds(self, expression: str, sequence: int) -> bool:
        """Return True if an item matches an expression."""
        is_valid, bounds = self._validity(sequence)
        found = self._connection.execute(
            f"SELECT 1 FROM words JOIN items ON number = words.rowid "  # noqa: S608
            f"WHERE words MATCH ? {is_valid} LIMIT 1",
            (expression, *bounds),
        )
        return found.fetchone() is not None

    def ids(self, expression: str, sequence: int) -> list[str]:
        """Return the ids of all items that match an expression, in no order."""
        is_valid, bounds = self._validity(sequence)
        found = self._connection.execute(
            f"SELECT item_id FROM words JOIN items ON number = words.rowid "  # noqa: S608
            f"WHERE words MATCH ? {is_valid}",
            (expression, *bounds),
        )
        return [item_id for (item_id,) in found]

    def _validity(self, sequence: int) -> tuple[str, tuple[int, ...]]:
        """Return the condition, and its values, for texts that are valid at a change."""
        if not self._live:
            return "", ()
        return "AND born <= ? AND died > ?", (sequence, sequence)


def all_of(phrases: Sequence[str]) -> str:
    """Return the full-text expression for all of these phrases."""
    return " AND ".join(f'"{phrase}"' for phrase in phrases)
