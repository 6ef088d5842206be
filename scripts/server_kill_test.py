"""Kill a server of vectors while a shop is written to and rebuilt, and compare the two at the end.

    python scripts/server_kill_test.py --kills 8 [--server PROGRAM]

Runs the server of Milvus Lite in a process of its own (``pip install 'vitrine[milvus]'``), which
speaks the protocol of Milvus, or Milvus itself: PROGRAM is the ``milvus-server`` of the package
milvus, which may be in an environment of its own. One thread writes and deletes items all the time,
another kills the server with SIGKILL at a random moment of each rebuild, and starts it again on its
files. At the end each acknowledged item must be found by its vector, each deleted one must not, and
the collection must have every row once. Prints one JSON document; the exit status is 1 if anything
differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from machine import machine

from indexer.arrays import unit
from indexer.encoders.color import ColorEncoder
from indexer.errors import VectorsUnavailable
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets
from indexer.vectors.remote import reconcile
from indexer.vectors.remote.access import ACCESS, ServerAccess
from indexer.vectors.remote.address import ServerAddress
from indexer.vectors.remote.connection import close_connections, connection_to
from indexer.vectors.remote.descriptor import read_descriptor
from indexer.writing.writes import Draft, ImageInput, delete_items, put_items
from search.engine import SearchEngine
from search.query import EmbeddingPart, Query
from service.http.server import listen

if TYPE_CHECKING:
    from indexer.arrays import Embedding

ENCODER = ColorEncoder()
PATIENCE_S = 300.0
PUT_ROWS = 20  # in one call, so that a collection is filled by many


class Server:
    """Milvus, or the server of Milvus Lite, on a port that was free."""

    def __init__(self, folder: Path, program: str | None) -> None:
        with listen("127.0.0.1", 0) as free:
            port = free.getsockname()[1]
        self.address = ServerAddress("milvus", f"http://127.0.0.1:{port}")
        data = str(folder / "milvus")
        lite = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", data]
        self._command = (
            [program, "--data", data, "--proxy-port", str(port)]
            if program
            else [*lite, "--port", str(port)]
        )
        self._log = folder / "milvus.log"
        self.starts = 0
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers; if it does not, start it again, as an operator does.

        Raises TimeoutError.
        """
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.starts += 1
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, stdout=log, stderr=log, start_new_session=True
                )
            if self._answers(within_s=PATIENCE_S / 4):
                return
            self.kill()
        raise TimeoutError(self._log.read_text()[-2000:])

    def _answers(self, within_s: float) -> bool:
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            close_connections()  # forgets the pause of the circuit breaker
            with suppress(VectorsUnavailable):
                connection_to(self.address).check()
                return True
            time.sleep(0.2)
        return False

    def kill(self) -> None:
        """End it, and the processes that it started, with SIGKILL."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Writer(threading.Thread):
    """Writes and deletes items, and notes what was acknowledged."""

    def __init__(self, store: Store, items: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._store, self._items = store, items
        self._random = np.random.default_rng(seed)
        self.acknowledged: dict[str, Embedding | None] = {}  # None: deleted
        self.writes = 0
        self.stopped = threading.Event()

    def put(self, numbers: range) -> None:
        """Write items with random vectors."""
        vectors = unit(self._random.normal(size=(len(numbers), ENCODER.dim)))
        names = [f"item-{number}" for number in numbers]
        put_items(self._store, ENCODER, list(map(draft, names, vectors)))
        self.acknowledged |= dict(zip(names, vectors, strict=True))
        self.writes += len(names)

    def run(self) -> None:
        """Write until stopped."""
        while not self.stopped.wait(0.05):
            number = int(self._random.integers(self._items))
            if self._random.random() < 0.3:
                delete_items(self._store, [f"item-{number}"])
                self.acknowledged[f"item-{number}"] = None
                self.writes += 1
            else:
                self.put(range(number, number + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", help="the program of a Milvus server")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="server-kill-") as folder:
        report = run(Path(folder), options.kills, options.items, options.seed, options.server)
    print(json.dumps({"machine": machine("pymilvus", "milvus-lite"), **report}, indent=2))
    sys.exit(1 if report["different"] else 0)


def run(folder: Path, kills: int, items: int, seed: int, program: str | None) -> dict[str, Any]:
    """Run the rounds, and compare the shop with what was acknowledged."""
    chance = random.Random(seed)
    ACCESS.use(lambda: ServerAccess(timeout_s=60))
    reconcile._BATCH_BYTES = PUT_ROWS * 4 * ENCODER.dim  # noqa: SLF001 - only for this test
    server = Server(folder, program)
    shop = ShopFolder(folder / "shop")
    shop.path.mkdir()
    counts: Counter[str] = Counter()
    with Store(shop.store, create=True) as store:
        writer = Writer(store, items, seed)
        writer.put(range(items))
        began = time.monotonic()
        build(shop, server.address)
        build_s = time.monotonic() - began
        writer.start()
        for _ in range(kills):
            killer = threading.Timer(chance.uniform(0, build_s), server.kill)
            killer.start()
            counts[built(shop, server.address)] += 1
            killer.join()
            server.start()
            counts[searched(shop)] += 1
        writer.stopped.set()
        writer.join()
        counts[f"at the end, {built(shop, server.address)}"] += 1
    different = differences(shop, writer.acknowledged)
    server.kill()
    return {
        "writes": writer.writes,
        "items": sum(vector is not None for vector in writer.acknowledged.values()),
        "rounds": dict(counts),
        "starts of the server": server.starts,
        "different": different,
    }


def draft(item_id: str, vector: Embedding) -> Draft:
    """Return an item with this vector."""
    item = Item(item_id=item_id, product_id=item_id)
    return Draft(item_id, lambda _: item, [ImageInput("")], vector[None])


def build(shop: ShopFolder, address: ServerAddress) -> None:
    """Publish what the store has. Raises VectorsUnavailable."""
    with open_job(shop, "vitrine rebuild") as job:
        targets = BuildTargets(server=str(address), accept=True)
        publish(job, ENCODER, catalog=shop.path, skipped=0, targets=targets)
        job.collect_garbage()


def built(shop: ShopFolder, address: ServerAddress) -> str:
    """Return whether a rebuild succeeded."""
    try:
        build(shop, address)
    except VectorsUnavailable:
        return "rebuild failed"
    return "rebuild succeeded"


def searched(shop: ShopFolder) -> str:
    """Return whether the shop serves all its items."""
    with SearchEngine.open(shop.path, encoder=ENCODER) as engine:
        found = engine.search(Query(parts=[EmbeddingPart(unit(np.ones(ENCODER.dim)))], limit=5))
        return f"served {len(found.hits)} hits after the kill"


def differences(shop: ShopFolder, acknowledged: dict[str, Embedding | None]) -> list[str]:
    """Return what the shop and its collection have otherwise than was acknowledged."""
    found = []
    with SearchEngine.open(shop.path, encoder=ENCODER) as engine:
        there = {item_id for item_id, vector in acknowledged.items() if vector is not None}
        for item_id, vector in acknowledged.items():
            if vector is None:
                continue
            hits = engine.search(Query(parts=[EmbeddingPart(vector)], limit=2)).hits
            if [hit.item_id for hit in hits[:1]] != [item_id] or hits[0].score < 0.999:
                found.append(f"{item_id} is not found by its vector")
        status = engine.status()
        if (status.items, status.rows) != (len(there), len(there)):
            found.append(f"{status.items} items and {status.rows} rows, expected {len(there)}")
    descriptor = read_descriptor(shop.generations / shop.current(), "milvus")
    positions = connection_to(descriptor.address).call(
        lambda driver: np.concatenate(list(driver.positions(descriptor.collection)))
    )
    if sorted(positions.tolist()) != list(range(descriptor.rows)):
        found.append(f"the collection has {len(positions)} positions, expected {descriptor.rows}")
    return found


if __name__ == "__main__":
    main()
