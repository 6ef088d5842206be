"""Store the questions and answers of a shop, and its policies, in an LMDB environment.

``entries`` maps the hash of a question to the entry. If the extra ``words`` was installed at the
import, vectors of the entries are stored too, with the name of their model.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal

import msgspec

from indexer.errors import Conflict
from indexer.layout import FAQ
from indexer.store.environment import Environment, exists
from indexer.store.replica import refuse_replica
from indexer.words.folding import fold

EntryKind = Literal["faq", "policy"]
MOST_ENTRIES: Final = 10_000  # of a shop: each question reads all of them
_DATABASE: Final = "entries"
_ADVICE: Final = "move it away and run vitrine faq import again"


class FaqEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its answer, or a heading of a policy with its text."""

    question: str
    answer: str
    kind: EntryKind = "faq"


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, and its fp16 vectors (2, DIM): of the question, and of question and answer.

    ``vector`` is empty without the extra ``words``; FAQs imported earlier have the first one alone.
    """

    entry: FaqEntry
    model: str = ""
    vector: bytes = b""


class FaqLog:
    """The FAQ of a shop; close it, or use it in a ``with`` block. Safe for threads."""

    def __init__(self, shop: Path, *, create: bool = False) -> None:
        """Open it in the folder of a shop. Errors are those of ``Environment``.

        To write, ``create`` it: a replica has those of its primary, and raises Conflict.
        """
        if create:
            refuse_replica(shop)
        self._environment = Environment(shop / FAQ, [_DATABASE], create=create, advice=_ADVICE)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._environment.close()

    def __enter__(self) -> FaqLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def entries(self) -> list[StoredEntry]:
        """Return all entries, ordered by their questions."""
        with self._environment.read() as txn:
            found = [msgspec.msgpack.decode(v, type=StoredEntry) for _, v in txn.entries(_DATABASE)]
        return sorted(found, key=lambda one: fold(one.entry.question))

    def put(self, entries: Sequence[StoredEntry], *, replace: bool = False) -> int:
        """Store entries; one of the same question is replaced. Return how many there are now.

        ``replace`` removes all others. Raises Conflict if there would be too many, and StoreFull.
        """
        with self._environment.write() as txn:
            before = txn.count(_DATABASE)
            if replace:
                for key in list(map(bytes, txn.keys(_DATABASE))):
                    txn.delete(_DATABASE, key)
            for one in entries:
                key = blake2b(fold(one.entry.question).encode(), digest_size=16).digest()
                txn.put(_DATABASE, key, msgspec.msgpack.encode(one))
            count = txn.count(_DATABASE)
            if count > max(MOST_ENTRIES, before):
                raise Conflict(
                    f"the FAQ would have {count:,} entries, at most {MOST_ENTRIES:,} are kept; "
                    "replace the others with --replace"
                )
            return count


def open_if_exists(shop: Path) -> FaqLog | None:
    """Open the FAQ of a shop's folder; None if none was ever imported."""
    return FaqLog(shop) if exists(shop / FAQ) else None
