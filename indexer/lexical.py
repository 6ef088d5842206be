"""Full-text search of titles, categories, attributes and descriptions.

SQLite's FTS5 searches and ranks by BM25. It has no tokenizer for scripts without spaces: its
``trigram`` cannot find a word of two Chinese characters. So letters of these scripts are indexed
one by one, and a query searches each pair of neighbors as a phrase, like Lucene's CJKAnalyzer.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
import threading
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import IndexCorrupt, StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from indexer.arrays import Scores
    from indexer.items import Item

# Han, kana, Hangul, Thai, Lao, Myanmar, Khmer and their extensions.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+")
_LETTER = re.compile(f"([{_UNSPACED}])")

# BM25 weight of each column, in the order of the table below.
_WEIGHTS = (8.0, 4.0, 3.0, 1.0)
_MAX_TERMS = 32
_SCHEMA = (
    "CREATE VIRTUAL TABLE words USING fts5("
    "title, categories, attributes, description, content='', "
    # Combining marks belong to words: without them Hindi and Tamil would split into consonants.
    "tokenize=\"porter unicode61 remove_diacritics 2 categories 'L* N* M* Co'\")"
)
# The full-text table has no text or ids; this table maps its row ids to item ids.
_IDS = "CREATE TABLE items(number INTEGER PRIMARY KEY, item_id TEXT NOT NULL)"

# A live index is searched while it changes. A text is valid from change ``born`` to just before
# change ``died``, so a search sees exactly the texts that are valid at its sequence number.
_NEVER = 2**63 - 1
_LIVE = (
    "ALTER TABLE items ADD COLUMN born INTEGER NOT NULL DEFAULT 0",
    f"ALTER TABLE items ADD COLUMN died INTEGER NOT NULL DEFAULT {_NEVER}",
    "CREATE INDEX by_id ON items(item_id)",
    # Incremental merging costs more than the inserts; without it FTS5 still merges as soon as
    # there are sixteen segments of one size.
    "INSERT INTO words(words, rank) VALUES ('automerge', 0)",
)
_BATCH = 200  # items written per transaction; searches run in between


class LexicalIndex:
    """A full-text index of items. Thread-safe."""

    def __init__(
        self, connection: sqlite3.Connection, sequence: int = 0, *, live: bool = False
    ) -> None:
        """Wrap a connection that any thread may use; see ``load`` and ``in_memory``."""
        self.sequence = sequence  # the last change that the index contains
        self._connection = connection
        self._live = live
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path, sequence: int = 0) -> LexicalIndex:
        """Open an index file that contains all changes up to ``sequence``.

        Raise IndexCorrupt if the file is not an index.
        """
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        connection = None
        try:
            connection = sqlite3.connect(address, uri=True, check_same_thread=False)
            connection.execute("SELECT count(*) FROM words").fetchone()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise IndexCorrupt(f"{path} cannot be read: {error}") from error
        return cls(connection, sequence)

    @classmethod
    def in_memory(cls, items: Iterable[Item], sequence: int = 0) -> LexicalIndex:
        """Build an index of the items as of change ``sequence``, without a file."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        _fill(connection, items)
        _add_validity(connection)
        return cls(connection, sequence, live=True)

    @classmethod
    def write(cls, path: Path, items: Iterable[Item]) -> None:
        """Write an index of the items to a new file; raise StoreFull if it cannot be written."""
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")  # the caller syncs the whole file
            _fill(connection, items)
        except sqlite3.Error as error:
            raise StoreFull(f"cannot write {path}: {error}") from error
        finally:
            connection.close()

    def search(
        self, text: str, limit: int, *, sequence: int = _NEVER - 1
    ) -> tuple[list[str], Scores]:
        """Find up to ``limit`` items that contain any of the words, best first.

        Return item ids and BM25 scores (n,), all > 0. Both are empty if no item matches or the
        text has no word. Changes after ``sequence`` are ignored.
        """
        expression = match_expression(text)
        if not expression:
            return [], np.empty(0, dtype=np.float32)
        with self._lock:
            is_valid = "AND born <= ? AND died > ?" if self._live else ""
            bounds = (sequence, sequence) if self._live else ()
            found = self._connection.execute(
                "SELECT item_id, bm25(words, ?, ?, ?, ?) AS badness FROM words "  # noqa: S608
                f"JOIN items ON number = words.rowid WHERE words MATCH ? {is_valid} "
                "ORDER BY badness, item_id LIMIT ?",
                (*_WEIGHTS, expression, *bounds, limit),
            ).fetchall()
        # SQLite's bm25() is negative, and smaller is better.
        ids = [item_id for item_id, _ in found]
        return ids, np.array([-badness for _, badness in found], dtype=np.float32)

    def change(self, items: Mapping[str, Item | None], sequence: int) -> None:
        """Replace the texts of items, by id, for searches at ``sequence`` or later.

        None deletes an item. The first change copies the index into memory; its file is never
        modified. Searches may run meanwhile, but no other change. A failed change can be repeated,
        because searches ignore what it wrote.
        """
        pairs = list(items.items())
        if pairs:
            self.make_live()
        for start in range(0, len(pairs), _BATCH):
            with self._lock:
                self._connection.execute("BEGIN")
                try:
                    for item_id, item in pairs[start : start + _BATCH]:
                        self._replace(item_id, item, sequence)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
        self.sequence = sequence

    def make_live(self) -> None:
        """Copy the index into memory now instead of at the first change."""
        with self._lock:
            if self._live:
                return
            copy = sqlite3.connect(":memory:", check_same_thread=False)
            self._connection.backup(copy)
            _add_validity(copy)
            self._connection.close()
            self._connection, self._live = copy, True

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _replace(self, item_id: str, item: Item | None, sequence: int) -> None:
        self._connection.execute(
            "UPDATE items SET died = ? WHERE item_id = ? AND died = ?",
            (sequence, item_id, _NEVER),
        )
        if item is None:
            return
        added = self._connection.execute(
            "INSERT INTO items(item_id, born) VALUES (?, ?)", (item_id, sequence)
        )
        assert added.lastrowid is not None
        _add_words(self._connection, added.lastrowid, item)


def _fill(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    connection.execute(_SCHEMA)
    connection.execute(_IDS)
    for number, item in enumerate(items, start=1):
        connection.execute("INSERT INTO items VALUES (?, ?)", (number, item.item_id))
        _add_words(connection, number, item)
    connection.execute("INSERT INTO words(words) VALUES ('optimize')")
    connection.commit()


def _add_words(connection: sqlite3.Connection, number: int, item: Item) -> None:
    connection.execute(
        "INSERT INTO words(rowid, title, categories, attributes, description) "
        "VALUES (?, ?, ?, ?, ?)",
        (number, *_columns(item)),
    )


def _add_validity(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None  # ``change`` begins and ends transactions itself
    for statement in _LIVE:
        connection.execute(statement)


def match_expression(text: str) -> str:
    """Return the FTS5 query for a text; empty if the text has no word.

    Every word is quoted, so user input never acts as an operator. The last word also matches as a
    prefix, because the user may still be typing it.
    """
    terms: list[str] = []
    words = _words(text)
    for word in words:
        for piece in _pieces(word):
            if _RUN.fullmatch(piece):
                pairs = [f"{a} {b}" for a, b in itertools.pairwise(piece)] or [piece]
                terms.extend(f'"{pair}"' for pair in pairs)
            else:
                terms.append(f'"{piece}"')
    terms = list(dict.fromkeys(terms))[:_MAX_TERMS]
    if terms and words and not _LETTER.search(words[-1]) and len(words[-1]) >= 3:
        terms.append(f'"{words[-1]}" *')
    return " OR ".join(terms)


def _words(text: str) -> list[str]:
    """Split a text into words: runs of letters, digits and combining marks."""
    normal = unicodedata.normalize("NFKC", text)
    kept = (letter if unicodedata.category(letter)[0] in "LNM" else " " for letter in normal)
    return "".join(kept).split()


def _pieces(word: str) -> list[str]:
    """Split a word where it changes between a script without spaces and any other script."""
    return [piece for piece in re.split(f"([{_UNSPACED}]+)", word) if piece]


def _columns(item: Item) -> tuple[str, str, str, str]:
    attributes: list[str] = []
    for name, value in item.attributes.items():
        values = value if isinstance(value, list) else [value]
        attributes.extend(
            name if entry is True else str(entry) for entry in values if entry is not False
        )
    return (
        _spaced(f"{item.title} {item.item_id}"),
        _spaced(" ".join(item.categories)),
        _spaced(" ".join(attributes)),
        _spaced(item.description),
    )


def _spaced(text: str) -> str:
    return _LETTER.sub(r" \1 ", unicodedata.normalize("NFKC", text))
