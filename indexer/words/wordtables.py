"""The tables of a full-text index: their schema, and the texts of an item that are written there.

The full-text table has stems. Indexes of format 1 have no vocabulary.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

from indexer.words.folding import fold, spaced
from indexer.words.format1 import plain_text
from indexer.words.stems import TOKENIZER
from indexer.words.textsearch import NEVER
from indexer.words.vocabulary import add_terms, has_vocabulary, terms_of, write_vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from indexer.items import Item

_SCHEMA = (
    "CREATE VIRTUAL TABLE words USING fts5("
    "title, categories, attributes, description, content='', "
    f'tokenize="{TOKENIZER}")'
)
# The full-text table has no text or ids; this table maps its row ids to item ids.
_IDS = "CREATE TABLE items(number INTEGER PRIMARY KEY, item_id TEXT NOT NULL)"

_LIVE = (
    "ALTER TABLE items ADD COLUMN born INTEGER NOT NULL DEFAULT 0",
    f"ALTER TABLE items ADD COLUMN died INTEGER NOT NULL DEFAULT {NEVER}",
    "CREATE INDEX by_id ON items(item_id)",
    "CREATE INDEX by_birth ON items(born) WHERE born > 0",
    f"CREATE INDEX by_death ON items(died) WHERE died < {NEVER}",
    # Incremental merging costs more than the inserts; without it FTS5 still merges as soon as
    # there are sixteen segments of one size.
    "INSERT INTO words(words, rank) VALUES ('automerge', 0)",
)


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables without a vocabulary, as those of format 1."""
    connection.execute(_SCHEMA)
    connection.execute(_IDS)


def fill_tables(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    """Make the tables, and add the texts of all items; texts are numbered from 1."""
    make_tables(connection)
    counts: Counter[str] = Counter()
    for number, item in enumerate(items, start=1):
        connection.execute("INSERT INTO items VALUES (?, ?)", (number, item.item_id))
        columns = _columns(item, _folded)
        _insert(connection, number, columns)
        counts.update(terms_of(columns))
    write_vocabulary(connection, counts)
    connection.execute("INSERT INTO words(words) VALUES ('optimize')")
    connection.commit()


def add_texts(connection: sqlite3.Connection, number: int, item: Item) -> None:
    """Add the texts of one more item, as the index has those of others."""
    if not has_vocabulary(connection):
        _insert(connection, number, _columns(item, plain_text))
        return
    columns = _columns(item, _folded)
    _insert(connection, number, columns)
    add_terms(connection, terms_of(columns))


def _insert(connection: sqlite3.Connection, number: int, columns: tuple[str, ...]) -> None:
    connection.execute(
        "INSERT INTO words(rowid, title, categories, attributes, description) "
        "VALUES (?, ?, ?, ?, ?)",
        (number, *columns),
    )


def add_validity(connection: sqlite3.Connection) -> None:
    """Add the columns that a live index needs: from and to which change a text is valid."""
    connection.isolation_level = None  # ``change`` begins and ends transactions itself
    for statement in _LIVE:
        connection.execute(statement)


def _columns(item: Item, normal: Callable[[str], str]) -> tuple[str, str, str, str]:
    attributes: list[str] = []
    for name, value in item.attributes.items():
        values = value if isinstance(value, list) else [value]
        attributes.extend(
            name if entry is True else str(entry) for entry in values if entry is not False
        )
    return (
        normal(f"{item.title} {item.item_id}"),
        normal(" ".join(item.categories)),
        normal(" ".join(attributes)),
        normal(item.description),
    )


def _folded(text: str) -> str:
    return spaced(fold(text))
