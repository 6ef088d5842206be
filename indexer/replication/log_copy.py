"""Copy the environments beside the store: reviews, suggestions, questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import BadPrimary
from indexer.shop.snapshot import BESIDE
from indexer.store.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from indexer.replication.primary import Primary

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
                    _copy_database(environment, primary, name, database)


def _copy_database(environment: Environment, primary: Primary, name: str, database: str) -> None:
    after, last = b"", False
    while not last:
        page = primary.log_page(name, database, after)
        last = page.last
        end = page.entries[-1][0] if page.entries else after
        if not last and end <= after:
            raise BadPrimary(f"the primary sends {name} out of order")
        new = dict(page.entries)
        with environment.write() as txn:
            old: dict[bytes, bytes] = {}
            for key, value in txn.entries(database, after + b"\0" if after else b""):
                if not last and key > end:
                    break
                old[key] = value
            for key in old.keys() - new.keys():
                txn.delete(database, key)
            for key, value in new.items():
                if old.get(key) != value:
                    txn.put(database, key, value)
        after = end
