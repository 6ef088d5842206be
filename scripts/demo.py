"""Serve the sample shop with its page; ``--check`` searches it with photos and exits.

Called by ``scripts/demo`` in the environment that it has set up. On the first run, the first
hundred items are indexed and served. Then the others are drawn, and written over HTTP as they are
ready.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from PIL import Image

from indexer.sample.plan import COLUMNS
from indexer.sample.shop import draw_shop, write_csv

VITRINE = [sys.executable, "-m", "service.cli.main"]
ITEMS = 640
_CHECKED = 20  # shopper photos that --check searches with
_FLOOR = 9  # of them must find their product; by chance none does, among over 100 products
_STARTED = re.compile(r"(http://\S+)")
_PATIENCE_S = 120
_TOLD = 100  # items between two lines about the progress


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="verify the service and exit")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--folder", type=Path, default=Path("sample-shop"))
    options = parser.parse_args()
    start = time.perf_counter()
    sample, shop = options.folder / "catalog", options.folder / "shop"
    with closing(batches(sample)) as others:
        index(shop, sample, next(others))
        port = 0 if options.check else options.port
        with served(shop, sample, port, options.folder / "service.log") as (server, url, key):
            print(f"* {url} is ready after {time.perf_counter() - start:.0f} s", flush=True)
            print(
                f"  photos to try are in {sample}/photos, its log is {options.folder}/service.log"
            )
            os.nice(10)  # of the processes that start from here on: shoppers come first
            if grow(url, key, others):
                step(f"building the index of all {ITEMS} items", ["rebuild", "--shop", str(shop)])
            if not options.check:
                return server.wait()
            status = judge(url, sample)
            print(f"done in {time.perf_counter() - start:.0f} s")
            return status


def batches(sample: Path) -> Iterator[list[dict[str, str]]]:
    """Yield the rows of the catalog: all that are drawn, or those of each product as it is drawn.

    The first rows that are drawn are about a hundred, from all categories.
    """
    if (sample / "catalog.csv").is_file():
        yield read(sample / "catalog.csv")
        return
    print("* drawing the first items", flush=True)
    yield from draw_shop(sample, items=ITEMS)


def index(shop: Path, sample: Path, rows: list[dict[str, str]]) -> None:
    """Build a shop of these items, unless an interrupted run left one with more of them."""
    catalog = sample / "catalog.csv"
    if not catalog.is_file():
        if (shop / "CURRENT").is_file():
            return
        catalog = sample / "first.csv"
        write_csv(catalog, COLUMNS, rows)
    step(f"indexing {len(rows)} items", ["index", str(catalog), "--shop", str(shop)])


def step(what: str, arguments: list[str]) -> None:
    print(f"* {what}", flush=True)
    done = subprocess.run([*VITRINE, *arguments], check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


@contextmanager
def served(
    shop: Path, sample: Path, port: int, log: Path
) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Serve the shop; yield the process, its address, and a key that may write. It writes a log."""
    key = os.environ.get("VITRINE_WRITE_KEY") or secrets.token_urlsafe(24)
    settings = {
        "VITRINE_WRITE_KEY": key,
        "VITRINE_IMAGE_ROOT": str(sample),
        "VITRINE_PLANNED_ITEMS": str(ITEMS),
        "VITRINE_REBUILD_ROWS": "0",  # the index is rebuilt once, when all items are there
    }
    command = [*VITRINE, "serve", "--shop", str(shop), "--port", str(port)]
    environment = {**os.environ, **settings}
    with (
        log.open("w") as lines,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=lines, text=True, env=environment
        ) as server,
    ):
        try:
            assert server.stdout is not None
            found = _STARTED.search(server.stdout.readline())
            if found is None:
                sys.exit(log.read_text() or "the service did not start")
            yield server, found.group(1), key
        except KeyboardInterrupt:  # the service receives it too
            server.wait()
        finally:
            server.terminate()


def grow(url: str, key: str, others: Iterator[list[dict[str, str]]]) -> int:
    """Write items over HTTP as they are drawn; return the number of those written."""
    written = 0
    for rows in others:
        reply = put(url, key, [item_of(row) for row in rows])
        refused = [result for result in reply["results"] if result["status"] == "refused"]
        if refused:
            sys.exit(f"{refused[0]['item_id']} was refused: {refused[0]['reason']}")
        before = written
        written += len(rows)
        if before // _TOLD != written // _TOLD:
            print(f"  {written} more items are written while the shop is served", flush=True)
    return written


def item_of(row: dict[str, str]) -> dict[str, object]:
    """Return a row of the catalog as an item of PUT /v1/items."""
    attributes = ("color", "pattern", "material", "brand")
    return {
        **{name: row[name] for name in ("id", "product_id", "title", "description", "currency")},
        "categories": row["categories"].split(";"),
        "price": float(row["price"]),
        "in_stock": row["in_stock"] == "true",
        "attributes": {name: row[name] for name in attributes},
        "images": row["images"].split(";"),
    }


def put(url: str, key: str, items: list[dict[str, object]]) -> dict[str, list[dict[str, str]]]:
    """Write items; if the service is busy with searches, wait as it says."""
    request = urllib.request.Request(
        f"{url}/v1/items",
        data=json.dumps({"items": items}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        method="PUT",
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as reply:
                answer: dict[str, list[dict[str, str]]] = json.load(reply)
                return answer
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                sys.exit(f"PUT /v1/items: {error.code} {error.read().decode()}")
            time.sleep(float(error.headers.get("Retry-After", "1")))


def judge(url: str, sample: Path) -> int:
    with urllib.request.urlopen(f"{url}/", timeout=_PATIENCE_S) as page:
        if b"Vitrine" not in page.read():
            print("the page at / is not Vitrine's", file=sys.stderr)
            return 1
    rows = read(sample / "catalog.csv")
    # A picture of the shop at a smaller size must find its product.
    picture = sample / rows[0]["images"].split(";")[0]
    first = send(url, smaller(picture))["hits"][0]
    print(f"  {picture.name}, saved at half its size: {first['item_id']}")
    if first["product_id"] != rows[0]["product_id"]:
        print(f"expected product {rows[0]['product_id']} first", file=sys.stderr)
        return 1
    product = {row["id"]: row["product_id"] for row in rows}
    truths = read(sample / "queries.csv")
    chosen = truths[:: max(1, len(truths) // _CHECKED)][:_CHECKED]
    right = 0
    for truth in chosen:
        first = send(url, (sample / truth["image"]).read_bytes())["hits"][0]
        fits = first["product_id"] == product[truth["item_id"]]
        right += fits
        print(f"  {truth['image']}: {first['item_id']} ({'right' if fits else 'wrong'})")
    print(f"  the right product comes first for {right} of {len(chosen)} shopper photos")
    if right < _FLOOR:
        print(f"fewer than {_FLOOR}: something is wrong", file=sys.stderr)
        return 1
    return 0


def smaller(picture: Path) -> bytes:
    with Image.open(picture) as image:
        image.thumbnail((image.width // 2, image.height // 2))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=60)
    return out.getvalue()


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def send(url: str, photo: bytes) -> dict[str, list[dict[str, str]]]:
    boundary = uuid.uuid4().hex
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    body += photo
    body += f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        f"{url}/v1/search/image",
        data=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as reply:
        answer: dict[str, list[dict[str, str]]] = json.load(reply)
    return answer


if __name__ == "__main__":
    sys.exit(main())
