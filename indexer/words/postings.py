"""Read from a full-text index which texts have a word, how often, and how long texts are.

FTS5 finds the texts of a word quickly, but hands out each as a row. Here one statement joins them
to one string, which numpy parses. What was read is kept for the next search.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COLUMN_WEIGHTS = (8.0, 4.0, 3.0, 1.0)  # title, categories, attributes, description
_COLUMNS = len(COLUMN_WEIGHTS)
_MAX_KEPT = 32 << 20  # bytes of postings that are kept
_OVERHEAD = 500  # bytes of a posting beside its numbers
_CHUNK = 100_000  # texts whose lengths are read at a time
# A text's number and the column of one occurrence, as one number.
_OCCURRENCES = (
    "SELECT group_concat(doc * 4 + CASE col WHEN 'description' THEN 3 WHEN 'title' THEN 0 "
    "WHEN 'attributes' THEN 2 ELSE 1 END) FROM temp.occurrences WHERE term = ? AND doc > ?"
)
_LENGTHS = (
    "SELECT group_concat(hex(sz), '') FROM (SELECT sz FROM words_docsize WHERE id > ? "
    "ORDER BY id LIMIT ?)"
)


class Posting(NamedTuple):
    """The texts that have a word, by rising number, and its occurrences, weighted: both (m,).

    Texts after number ``last`` were not read.
    """

    numbers: NDArray[np.int32]
    occurrences: NDArray[np.int32]
    last: int

    @property
    def nbytes(self) -> int:
        """The bytes that it takes in memory."""
        return self.numbers.nbytes + self.occurrences.nbytes + _OVERHEAD


class Postings:
    """Reads the postings of one connection. The caller holds its lock.

    All methods raise sqlite3.DatabaseError if the tables of the index contradict each other.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.occurrences "
            "USING fts5vocab(main, words, instance)"
        )
        self._kept: OrderedDict[str, Posting] = OrderedDict()
        self._kept_bytes = 0
        self._lengths = np.zeros(1, dtype=np.int32)  # (last + 1,); texts are numbered from 1
        self._total = 0

    @property
    def texts(self) -> int:
        """The number of texts, which is also that of the last one."""
        (last,) = self._connection.execute("SELECT max(id) FROM words_docsize").fetchone()
        return last or 0

    @property
    def average_length(self) -> float:
        """The words of a text, on average. 1 if there are no words."""
        self.lengths()
        return (self._total or self.texts) / max(1, self.texts)

    def lengths(self) -> NDArray[np.int32]:
        """Return the words of each text: (texts + 1,). Do not write to it."""
        last, texts = len(self._lengths) - 1, self.texts
        if last < texts:
            parts = [self._lengths]
            for start in range(last, texts, _CHUNK):
                (found,) = self._connection.execute(_LENGTHS, (start, _CHUNK)).fetchone()
                parts.append(_decoded(bytes.fromhex(found or "")))
            lengths = np.concatenate(parts)
            if len(lengths) != texts + 1:
                raise sqlite3.DatabaseError("the index has not one length for each text")
            self._lengths = lengths
            self._total = int(self._lengths.sum())
        return self._lengths

    def of(self, stem: str) -> Posting:
        """Return the posting of a stem; it is empty if no text has it."""
        texts = self.texts
        known = self._kept.get(stem)
        if known is not None and known.last == texts:
            self._kept.move_to_end(stem)
            return known
        read = self._read(stem, known.last if known else 0, texts)
        if known is not None:
            self._kept_bytes -= known.nbytes
            read = Posting(
                np.concatenate([known.numbers, read.numbers]),
                np.concatenate([known.occurrences, read.occurrences]),
                texts,
            )
        self._kept[stem] = read
        self._kept.move_to_end(stem)
        self._kept_bytes += read.nbytes
        while self._kept_bytes > _MAX_KEPT and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.nbytes
        return read

    def _read(self, stem: str, after: int, texts: int) -> Posting:
        (found,) = self._connection.execute(_OCCURRENCES, (stem, after)).fetchone()
        if found is None:
            nothing = np.zeros(0, dtype=np.int32)
            return Posting(nothing, nothing, texts)
        each = np.fromstring(found, dtype=np.int64, sep=",")  # (o,)
        of_text, column = each // _COLUMNS, each % _COLUMNS
        if int(of_text[-1]) > texts or bool((np.diff(of_text) < 0).any()):
            raise sqlite3.DatabaseError("the index has a word in texts that do not exist")
        starts = np.flatnonzero(np.diff(of_text, prepend=0))  # (m,)
        weights = np.array(COLUMN_WEIGHTS, dtype=np.int32)[column]  # (o,)
        numbers = of_text[starts].astype(np.int32)
        return Posting(numbers, np.add.reduceat(weights, starts, dtype=np.int32), texts)


def _decoded(sizes: bytes) -> NDArray[np.int32]:
    """Return the sums of the columns' sizes: (texts,).

    FTS5 writes the size of each column as a varint: seven bits a byte, the high ones first, and a
    high bit in all bytes but the last.
    """
    each = np.frombuffer(sizes, dtype=np.uint8)
    ends = np.flatnonzero(each < 0x80)  # (texts * columns,)
    if len(ends) % _COLUMNS or not len(ends) or ends[-1] != len(each) - 1:
        raise sqlite3.DatabaseError("the index has lengths of texts that are cut off")
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.repeat(ends, ends - starts + 1) - np.arange(len(each))  # bytes that follow
    values: NDArray[np.int64] = np.add.reduceat((each & 0x7F).astype(np.int64) << 7 * place, starts)
    lengths: NDArray[np.int64] = values.reshape(-1, _COLUMNS).sum(axis=1)
    return lengths.astype(np.int32)
