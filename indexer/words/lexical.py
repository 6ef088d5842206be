"""Full-text search of titles, categories, attributes and descriptions.

SQLite's FTS5 searches and ranks by BM25. It has no tokenizer for scripts without spaces: its
``trigram`` cannot find a word of two Chinese characters. So letters of these scripts are indexed
one by one, and a query searches each pair of neighbors as a phrase, like Lucene's CJKAnalyzer.

Beside the full-text table, an index has the vocabulary of its texts, by which typed words are
interpreted first (``indexer.words.wordquery``). The tables are in ``indexer.words.wordtables``.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import finalize

import numpy as np

from indexer.errors import IndexCorrupt, StoreFull
from indexer.words.format1 import match_expression
from indexer.words.synonyms import Synonyms
from indexer.words.textmatches import NO_MATCHES, TextMatches
from indexer.words.textsearch import NEVER, TextSearch, all_of
from indexer.words.vocabulary import Vocabulary, has_vocabulary
from indexer.words.wordquery import LABELS, Interpreter, WordGroup, WordQuery, expression_of
from indexer.words.wordtables import add_texts, add_validity, fill_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Scores
    from indexer.items import Item

WORDS_FORMAT = 2  # 1 has no vocabulary
_BATCH = 200  # items written per transaction; searches run in between


class LexicalIndex:
    """A full-text index of items. Thread-safe."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        sequence: int = 0,
        *,
        live: bool = False,
        source: str = "the words in memory",
    ) -> None:
        """Wrap a connection that any thread may use; see ``load`` and ``in_memory``.

        It is closed with the index, also if that is only dropped. Errors name the ``source``.
        Raises IndexCorrupt if the tables cannot be read.
        """
        self._source = source
        self.sequence = sequence  # the last change that the index contains
        self._connection = connection
        self._close = finalize(self, connection.close)
        self._live = live
        self._lock = threading.Lock()
        self.synonyms = Synonyms([])
        with self._reading():
            # An index without a vocabulary finds what it found when an earlier version wrote it.
            self.is_plain = not has_vocabulary(connection)
            self._vocabulary = Vocabulary(connection)
            self._texts = TextSearch(connection, live=live)
        self._read: tuple[tuple[str, int, int], Synonyms, WordQuery] | None = None

    @classmethod
    def load(cls, path: Path, sequence: int = 0) -> LexicalIndex:
        """Open an index file that contains all changes up to ``sequence``.

        Raises IndexCorrupt if the file is not an index.
        """
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        connection = None
        try:
            connection = sqlite3.connect(address, uri=True, check_same_thread=False)
            connection.execute("SELECT count(*) FROM words").fetchone()
            return cls(connection, sequence, source=str(path))
        except (sqlite3.Error, IndexCorrupt) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, IndexCorrupt):
                raise
            raise IndexCorrupt(f"{path} cannot be read: {error}") from error

    @classmethod
    def in_memory(cls, items: Iterable[Item], sequence: int = 0) -> LexicalIndex:
        """Build an index of the items as of change ``sequence``, without a file."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        fill_tables(connection, items)
        add_validity(connection)
        return cls(connection, sequence, live=True)

    @classmethod
    def write(cls, path: Path, items: Iterable[Item]) -> None:
        """Write an index of the items to a new file; raise StoreFull if it cannot be written."""
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")  # the caller syncs the whole file
            fill_tables(connection, items)
        except sqlite3.Error as error:
            raise StoreFull(f"cannot write {path}: {error}") from error
        finally:
            connection.close()

    def search(
        self, text: str, limit: int, *, sequence: int = NEVER - 1
    ) -> tuple[list[str], Scores]:
        """Find up to ``limit`` items as ``find`` does; return ids and scores (n,), best first.

        Items of equal score are in the order of their ids.
        """
        found = self.find(text, sequence=sequence)
        numbers = found.numbers.tolist()
        with self._reading():
            ids = self._texts.item_ids(numbers)
        pairs = zip((ids[number] for number in numbers), found.totals.tolist(), strict=True)
        ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:limit]
        return [item_id for item_id, _ in ranked], np.array(
            [score for _, score in ranked], dtype=np.float32
        )

    def find(self, text: str, *, sequence: int = NEVER - 1) -> TextMatches:
        """Find the texts of the index that contain any of the words, with their BM25 scores.

        Texts are numbered from 1, and ``ids_after`` gives their items. None match a text without
        words. Changes after ``sequence`` are ignored.
        """
        if self.is_plain:
            expression, query = match_expression(text), None
        else:
            query = self.read(text, sequence=sequence)
            expression = "" if query.groups else all_of(query.required)
        with self._reading():
            if query is not None and query.groups:
                return self._texts.match_groups(query, sequence)
            return self._texts.match(expression, sequence) if expression else NO_MATCHES

    def ids_after(self, number: int) -> list[str]:
        """Return the ids of the items of all texts after this number, in the texts' order.

        Texts are numbered from 1, also those that are no longer valid.
        """
        with self._reading():
            return self._texts.ids_after(number)

    def read(self, text: str, *, sequence: int = NEVER - 1) -> WordQuery:
        """Return how a text is understood. An index without a vocabulary corrects no word."""
        if self.is_plain:
            return WordQuery([], [], [], "")
        key = (text, sequence, self.sequence)
        known = self._read
        if known is not None and known[0] == key and known[1] is self.synonyms:
            return known[2]
        with self._reading():
            query = Interpreter(
                self._vocabulary,
                self.synonyms,
                lambda expression: self._texts.finds(expression, sequence),
            ).interpret(text)
        self._read = (key, self.synonyms, query)
        return query

    def named(self, group: WordGroup, *, sequence: int = NEVER - 1) -> NDArray[np.int64]:
        """Return the texts (m,), by rising number, that are named by a form of a group.

        They have it in their title, categories or attributes.
        """
        expression = expression_of([*group.strong, *group.weak])
        with self._reading():
            return self._texts.numbers(f"{LABELS} : ({expression})", sequence)

    def without(self, forms: list[str], *, sequence: int = NEVER - 1) -> NDArray[np.int64]:
        """Return the texts (m,), by rising number, that these forms after a minus exclude.

        They have a form in their title, categories or attributes. A form that no item has there
        excludes those that have it in their description: ``pepper -green`` finds a red pepper that
        is described as sweeter than a green one.
        """
        found = [NO_MATCHES.numbers]
        with self._reading():
            for form in forms:
                expression = expression_of([form])
                labeled = self._texts.numbers(f"{LABELS} : ({expression})", sequence)
                found.append(labeled if len(labeled) else self._texts.numbers(expression, sequence))
        return np.unique(np.concatenate(found))

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
            add_validity(copy)
            self._close()
            self._close = finalize(self, copy.close)
            self._connection, self._live = copy, True
            self._vocabulary, self._texts = Vocabulary(copy), TextSearch(copy, live=True)

    def close(self) -> None:
        """Close the file."""
        self._close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Hold the connection. Raises IndexCorrupt if SQLite finds its pages damaged."""
        with self._lock:
            try:
                yield
            except sqlite3.DatabaseError as error:
                raise IndexCorrupt(f"{self._source} cannot be read: {error}") from error

    def _replace(self, item_id: str, item: Item | None, sequence: int) -> None:
        self._connection.execute(
            "UPDATE items SET died = ? WHERE item_id = ? AND died = ?",
            (sequence, item_id, NEVER),
        )
        if item is None:
            return
        added = self._connection.execute(
            "INSERT INTO items(item_id, born) VALUES (?, ?)", (item_id, sequence)
        )
        assert added.lastrowid is not None
        add_texts(self._connection, added.lastrowid, item)
