"""Kill a primary and its replica at random moments, and compare the two shops at the end.

    python scripts/replica_test.py --kills 12

A service serves a drawn shop of colors, ``vitrine replicate`` copies it, and a client writes to the
service all the time. Each round kills one of the two with SIGKILL, and starts it again; in between
the index is rebuilt and rolled back. At the end the copy must have every acknowledged write, and
the same items, rows and log as the primary. Prints one JSON document; the exit status is 1 if
anything differs.
"""

from __future__ import annotations

import argparse
import io
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
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.store.replay import ExportReader, values_of
from indexer.store.store import Store
from service.apikey import Scope
from service.http.server import listen
from service.keyfile import KeyFile

ITEMS = 40
PATIENCE_S = 600.0


class Writer(threading.Thread):
    """Puts and deletes items over HTTP, and notes what was acknowledged."""

    def __init__(self, url: str, key: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._url, self._random = url, random.Random(seed)
        self._headers = {"Authorization": f"Bearer {key}"}
        self.acknowledged: dict[str, str | None] = {}  # id to title; None: deleted
        self.counts: Counter[str] = Counter()
        self.stopped = threading.Event()

    def run(self) -> None:
        """Write until stopped; what fails is unknown, and written again."""
        pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(60))
        number = 0
        while not self.stopped.wait(0.05):
            number += 1
            item_id = f"item-{self._random.randrange(ITEMS)}"
            deletes = self._random.random() < 0.3
            title = None if deletes else f"title {number}"
            self.acknowledged.pop(item_id, None)
            try:
                if self._write(pool, item_id, title) == 200:
                    self.acknowledged[item_id] = title
                    self.counts["acknowledged"] += 1
            except (urllib3.exceptions.HTTPError, OSError):
                self.counts["failed"] += 1

    def _write(self, pool: Any, item_id: str, title: str | None) -> int:
        if title is None:
            body: dict[str, Any] = {"ids": [item_id]}
            reply = pool.request(
                "POST", f"{self._url}/v1/items/delete", json=body, headers=self._headers
            )
        else:
            items = [{"id": item_id, "title": title, "images": ["a.png"]}]
            fields = {"items": json.dumps(items), "a.png": ("a.png", self._picture())}
            reply = pool.request(
                "PUT", f"{self._url}/v1/items", fields=fields, headers=self._headers
            )
        return int(reply.status)

    def _picture(self) -> bytes:
        out = io.BytesIO()
        color = tuple(self._random.randrange(256) for _ in range(3))
        Image.new("RGB", (16, 16), color).save(out, "PNG")
        return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="replica-") as folder:
        report = run(Path(folder), options.kills, options.seed)
    print(json.dumps(report, indent=2))
    sys.exit(1 if report["different"] else 0)


def run(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Run the rounds, and compare the shops."""
    chance = random.Random(seed)
    shop, copy = folder / "shop", folder / "copy"
    build_index(open_catalog(first_catalog(folder)), ShopFolder(shop), ColorEncoder())
    key = KeyFile(shop).add("replica", Scope.ADMIN)
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "VITRINE_PRIMARY_KEY": key, "VITRINE_PORT": str(port), "VITRINE_REQUEST_LOG": "false",
    }  # fmt: skip

    def start(*words: str) -> subprocess.Popen[bytes]:
        with (folder / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "service.cli.main", *words], env=environment, stderr=log
            )

    commands = {
        "service": ("serve", "--shop", str(shop)),
        "replica": ("replicate", url, "--shop", str(copy), "--interval", "0.1"),
    }
    running = {name: start(*words) for name, words in commands.items()}
    writer = Writer(url, key, seed)
    writer.start()
    counts: Counter[str] = Counter()
    for kill in range(kills):
        before = writer.counts["acknowledged"]
        wait_for(lambda: writer.counts["acknowledged"] > before + 3)  # noqa: B023 - called at once
        time.sleep(chance.uniform(0, 2))
        name = chance.choice(list(commands))
        running[name].send_signal(signal.SIGKILL)
        running[name].wait()
        running[name] = start(*commands[name])
        counts[f"{name} killed"] += 1
        if kill % 3 == 2:
            job = "rollback" if kill % 6 == 5 else "rebuild"
            words = [sys.executable, "-m", "service.cli.main", job, "--shop", str(shop)]
            done = subprocess.run(words, env=environment, capture_output=True, check=False)
            counts[f"{job}: {done.returncode}"] += 1
    writer.stopped.set()
    writer.join()
    for process in (running["service"], running["replica"]):
        process.terminate()
    for process in running.values():
        process.wait()
    running["service"] = start(*commands["service"])
    wait_for(lambda: answers(url))
    last = start(*commands["replica"], "--once")
    last.wait()
    running["service"].terminate()
    running["service"].wait()
    return {
        "writes": dict(writer.counts),
        "rounds": dict(counts),
        "last copy, exit status": last.returncode,
        "different": differences(shop, copy, writer.acknowledged),
        "log of the replica": (folder / "replicate.log").read_text().splitlines()[-8:],
    }


def differences(shop: Path, copy: Path, acknowledged: dict[str, str | None]) -> list[str]:
    """Return what the copy lacks or has otherwise than its primary."""
    theirs, ours = content(shop), content(copy)
    found = [name for name in theirs if theirs[name] != ours[name]]
    items = {record.item.item_id: record.item.title for record in ours["items"]}
    found += [
        f"{item_id}: acknowledged {title!r}, found {items.get(item_id)!r}"
        for item_id, title in acknowledged.items()
        if items.get(item_id) != title
    ]
    rows = [(row.item_id, row.image_index, row.rendition) for _, row in ours["rows"]]
    return found + [f"twice: {row}" for row, count in Counter(rows).items() if count > 1]


def content(shop: Path) -> dict[str, Any]:
    """Return all that a copy must have."""
    folder = ShopFolder(shop)
    manifest = folder.verify(folder.current())
    with Store(folder.store) as store, store.read_as(ExportReader) as reader:
        records = list(reader.items())
        keys = {key for record in records for key in values_of(record, manifest.model.key)}
        return {
            "items": records,
            "rows": list(reader.rows()),
            "values": {msgspec.json.encode(key): reader.value(key) for key in keys},
            "sequence": reader.sequence,
            "index": manifest.seal,
        }


def first_catalog(folder: Path) -> Path:
    """Write a catalog of a few colors."""
    lines = []
    for number in range(ITEMS):
        name = f"{number}.png"
        Image.new("RGB", (16, 16), (number * 6, 255 - number * 6, number)).save(folder / name)
        lines.append(json.dumps({"id": f"item-{number}", "title": "first", "images": [name]}))
    path = folder / "catalog.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def answers(url: str) -> bool:
    """Return True if the service is ready."""
    try:
        return urllib3.request("GET", f"{url}/readyz", retries=False).status == 200
    except (urllib3.exceptions.HTTPError, OSError):
        return False


def wait_for(happened: Any) -> None:
    """Wait until something has happened. Raises TimeoutError after ten minutes."""
    end = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError("a process did not start in time")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
