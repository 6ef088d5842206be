"""Replicas without a network: one reads the folder of its primary directly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexer.encoders.base import Model
from indexer.errors import PrimaryLost
from indexer.replication.following import Following
from indexer.replication.replica import Replica
from indexer.replication.source import ReplicaSource
from indexer.shop.folder import ShopFolder
from indexer.store.replay import ExportReader, values_of
from indexer.store.store import Store
from tests.twomodels import silent


class Watched:
    """A primary that counts what it is asked for, and is lost from call number ``lost_from`` on."""

    def __init__(self, shop: Path) -> None:
        self._source = ReplicaSource(ShopFolder(shop))
        self.calls: Counter[str] = Counter()
        self.lost_from = 10**9
        self.sent: list[object] = []
        self.before: Callable[[str], None] = lambda _name: None

    def __getattr__(self, name: str) -> Any:
        answer = getattr(self._source, name)

        def call(*given: Any) -> Any:
            self.before(name)
            self.calls[name] += 1
            if self.calls.total() >= self.lost_from:
                raise PrimaryLost("the cable was pulled")
            if name == "values":
                found = answer(*given)
                self.sent += [key for key, value in zip(given[0], found, strict=False) if value]
                return found
            return answer(*given)

        return call


@contextmanager
def following(copy: Path, primary: Any) -> Iterator[Following]:
    """What ``vitrine replicate`` opens, for as long as the block lasts."""
    shop = ShopFolder(copy)
    copy.mkdir(exist_ok=True)
    with Store(shop.store, create=True, replicates=True) as store:
        replica = Replica(shop, store, primary, progress=silent)
        replica.check()
        yield Following(replica, copy, "http://primary", silent)


def catch_up(copy: Path, primary: Any) -> int:
    """Copy what is new; return the number of the last change."""
    with following(copy, primary) as follower:
        return follower.catch_up().sequence


def content(shop: Path) -> dict[str, Any]:
    """Items, rows, log of changes, what all rows refer to, and the index of a shop."""
    folder = ShopFolder(shop)
    manifest = folder.verify(folder.current())
    key = Model(manifest.encoder, manifest.weights_hash).key
    with Store(folder.store) as store, store.read_as(ExportReader) as reader:
        records = list(reader.items())
        keys = {value for record in records for value in values_of(record, key)}
        return {
            "items": records,
            "rows": list(reader.rows()),
            "values": {value: reader.value(value) for value in keys},
            "log": reader.log(manifest.changes, 10_000),
            "sequence": reader.sequence,
            "seal": manifest.seal,
        }
