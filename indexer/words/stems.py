"""Ask the full-text index's own tokenizer for the stem of a word."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from weakref import finalize

# Combining marks belong to words: without them Hindi and Tamil would split into consonants.
TOKENIZER = "porter unicode61 remove_diacritics 2 categories 'L* N* M* Co'"


class Stemmer:
    """Finds the stems under which a full-text index has its words. The caller holds a lock."""

    def __init__(self) -> None:
        # SQLite offers its tokenizers only to tables: a table takes the word, another lists it.
        self._connection = sqlite3.connect(
            ":memory:", check_same_thread=False, isolation_level=None
        )
        finalize(self, self._connection.close)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE words USING fts5(word, content='', tokenize=\"{TOKENIZER}\")"
        )
        self._connection.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(words, instance)")
        self.stem_of = lru_cache(maxsize=10_000)(self._stem_of)

    def _stem_of(self, word: str) -> str | None:
        """Return the stem of a folded word; None if the index has it as none or several."""
        self._connection.execute("INSERT INTO words(rowid, word) VALUES (1, ?)", (word,))
        stems = self._connection.execute("SELECT term FROM stems").fetchall()
        self._connection.execute("INSERT INTO words(words) VALUES ('delete-all')")
        return stems[0][0] if len(stems) == 1 else None
