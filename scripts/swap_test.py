"""Swap the model of a served shop repeatedly, during searches and writes.

    python scripts/swap_test.py --swaps 100

A service runs in a separate process on a small drawn shop that is embedded by two models. Each
swap promotes the other model's generation and waits until the service serves it. No request may
fail, and each photo must find its own item first, which it would not if one model encoded it and
the other model's index was searched. Prints one JSON document; the exit status is 1 if anything
failed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.registry import load_encoder
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.jobs.migrate import fill, migrate
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import Manifest
from indexer.shop.promotion import promote
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput, put_items

ITEMS = 48
SIDE = 96
MODELS = ("color", "builtin")


def silent(*_: object) -> None:
    """Ignore the progress of a job."""


def picture(seed: int) -> Image.Image:
    """Draw rectangles of random colors, which both models can tell from those of other seeds."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (SIDE, SIDE), tuple(rng.integers(0, 256, 3).tolist()))
    for _ in range(5):
        x, y = rng.integers(0, SIDE - 30, 2).tolist()
        width, height = rng.integers(15, 60, 2).tolist()
        image.paste(tuple(rng.integers(0, 256, 3).tolist()), (x, y, x + width, y + height))
    return image


class Shoppers:
    """Threads that search with photos of items, and the results."""

    def __init__(self, url: str, folder: Path, count: int) -> None:
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.models: Counter[str] = Counter()
        self.seconds: list[float] = []
        self._url = url
        self._folder = folder
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._shop, args=(n,)) for n in range(count)]

    def __enter__(self) -> Shoppers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _shop(self, number: int) -> None:
        rng = np.random.default_rng(number)
        with httpx.Client(base_url=self._url, timeout=60) as client:
            while not self._stop.is_set():
                self._ask(client, f"item-{rng.integers(ITEMS)}.png")

    def _ask(self, client: httpx.Client, item_id: str) -> None:
        data = (self._folder / item_id).read_bytes()
        start = time.perf_counter()
        try:
            reply = client.post("/v1/search/image", files={"image": data})
        except httpx.HTTPError as error:
            self.statuses[type(error).__name__] += 1
            return
        self.seconds.append(time.perf_counter() - start)
        self.statuses[str(reply.status_code)] += 1
        if reply.status_code != 200:
            return
        body = reply.json()
        self.models[f"{body['generation']} {body['encoder']}"] += 1
        best = body["hits"][0] if body["hits"] else {}
        if best.get("item_id") != item_id or best["score"] < 0.9:
            self.wrong.append(f"{item_id}: {best.get('item_id')} {best.get('score')}")


def write(shop: ShopFolder, stop: threading.Event, written: list[str]) -> None:
    """Put single items, embedded by the serving model (and by others that the store asks for)."""
    store = Store(shop.store)
    encoders = {name: load_encoder(name, threads=1) for name in MODELS}
    while not stop.is_set():
        item_id = f"late-{len(written)}"
        data = io.BytesIO()
        picture(10_000 + len(written)).save(data, "PNG")
        item = Item(item_id=item_id, product_id=item_id, title=item_id)
        serving = encoders[shop.manifest(shop.current()).encoder]
        draft = Draft(item_id, lambda _, item=item: item, [ImageInput("x.png", data.getvalue)])
        put_items(store, serving, [draft])
        written.append(item_id)
        stop.wait(0.3)
    store.close()


def build(folder: Path) -> ShopFolder:
    catalog = folder / "catalog"
    catalog.mkdir()
    for number in range(ITEMS):
        picture(number).save(catalog / f"item-{number}.png")
    shop = ShopFolder(folder / "shop")
    build_index(open_catalog(catalog), shop, load_encoder(MODELS[0]))
    migrate(shop, load_encoder(MODELS[1]), progress=silent)
    return shop


def swap(shop: ShopFolder, url: str, swaps: int) -> float:
    """Promote both generations in turn; return the longest seconds until the service followed."""
    names = {shop.manifest(name).encoder: name for name in shop.names()}
    slowest = 0.0

    def bring_in(manifest: Manifest) -> None:
        fill(shop, load_encoder(manifest.encoder), progress=silent)

    for number in range(swaps):
        name = names[MODELS[(number + 1) % 2]]
        promote(shop, name, fill=bring_in)
        start = time.perf_counter()
        while httpx.get(f"{url}/readyz").json().get("generation") != name:
            if time.perf_counter() - start > 60:
                raise SystemExit(f"the service does not follow CURRENT to {name}")
            time.sleep(0.02)
        slowest = max(slowest, time.perf_counter() - start)
        if number % 10 == 9:
            print(f"{number + 1} swaps", file=sys.stderr)
    return slowest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--shoppers", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = build(folder)
        command = "from service.cli.main import main; main()"
        service = subprocess.Popen(
            [sys.executable, "-c", command, "serve", "--shop", shop.path, "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "VITRINE_RELOAD_INTERVAL_S": "0.2",
                "VITRINE_REQUEST_LOG": "false",
                "VITRINE_QUEUE_DEADLINE_S": "30",
            },
        )
        stop, written = threading.Event(), []
        writer = threading.Thread(target=write, args=(shop, stop, written))
        try:
            assert service.stdout is not None
            url = service.stdout.readline().split()[-1]
            with Shoppers(url, folder / "catalog", options.shoppers) as shoppers:
                writer.start()
                slowest = swap(shop, url, options.swaps)
                stop.set()
                writer.join()
                time.sleep(1)
            lost = [i for i in written if httpx.get(f"{url}/v1/items/{i}").status_code != 200]
        finally:
            stop.set()
            service.terminate()
            service.wait()
    failed = {k: n for k, n in shoppers.statuses.items() if k != "200"}
    report = {
        "swaps": options.swaps,
        "requests": shoppers.statuses.total(),
        "failed": failed,
        "mixed_or_wrong": len(shoppers.wrong),
        "such_as": shoppers.wrong[:5],
        "answered_by": dict(shoppers.models),
        "p50_ms": round(float(np.quantile(shoppers.seconds, 0.5)) * 1e3),
        "p99_ms": round(float(np.quantile(shoppers.seconds, 0.99)) * 1e3),
        "slowest_follow_s": round(slowest, 2),
        "written_meanwhile": len(written),
        "lost": lost,
    }
    print(json.dumps(report, indent=2))
    return int(bool(failed or shoppers.wrong or lost))


if __name__ == "__main__":
    sys.exit(main())
