"""Copy the environments beside the store: reviews, suggestions, questions and answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from indexer.errors import BadPrimary
from indexer.shop.snapshot import BESIDE
from indexer.store.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from indexer.replication.messages import LogPage
    from indexer.replication.primary import Primary
    from indexer.store.lmdb_transactions import WriteTransaction

_MOST_DATABASES = 16
_ADVICE = "delete it, and it is copied again"


def copy_logs(
    shop: Path, primary: Primary, logs: Mapping[str, int], known: Mapping[str, int]
) -> None:
    """Bring the environments of a replica to the state of the primary's.

    ``logs`` has the last transaction of each on the primary, ``known`` what was copied before.
    Compares page by page and writes what differs. Raises BadPrimary, StoreFull.
    """
    for name, transaction in logs.items():
        if name not in BESIDE:
            raise BadPrimary(f"the primary names an environment {name[:40]!r}, which no shop has")
        if known.get(name) != transaction:
            databases = primary.log_names(name)
            if len(databases) > _MOST_DATABASES:
                raise BadPrimary(f"the primary names {len(databases)} databases of {name}")
            with Environment(shop / name, databases, create=True, advice=_ADVICE) as environment:
                for database in databases:
                    ask = partial(primary.log_page, name, database)
                    copy_database(environment.write, ask, database)


def copy_database(
    write: Callable[[], AbstractContextManager[WriteTransaction]],
    ask: Callable[[bytes], LogPage],
    database: str,
    *,
    delete: Callable[[WriteTransaction, bytes, bytes], None] | None = None,
    put: bool = True,
) -> None:
    """Bring a database to the state of the primary's, page by page, and write what differs.

    ``ask`` returns the page of the primary after a key. ``delete`` deletes an entry that the
    primary lacks; by default, only that entry. Without ``put``, missing entries are not written.
    Raises BadPrimary if pages come out of order, StoreFull.
    """
    after, last = b"", False
    while not last:
        page = ask(after)
        last = page.last
        end = page.entries[-1][0] if page.entries else after
        if not last and end <= after:
            raise BadPrimary(f"the primary sends {database} out of order")
        new = dict(page.entries)
        with write() as txn:
            old: dict[bytes, bytes] = {}
            for key, value in txn.entries(database, after + b"\0" if after else b""):
                if not last and key > end:
                    break
                old[key] = value
            for key in old.keys() - new.keys():
                if delete is None:
                    txn.delete(database, key)
                else:
                    delete(txn, key, old[key])
            for key, value in new.items() if put else ():
                if old.get(key) != value:
                    txn.put(database, key, value)
        after = end
