"""``vitrine demo``.

On the first run, the first hundred items are indexed and served. Then the others are drawn, and
written over HTTP as they are ready.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.errors import VitrineError
from service.cli.terminal import note, say

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

VITRINE = [sys.executable, "-P", "-m", "service.cli.main"]  # -P: not from the current folder
ITEMS = 640
_STARTED = re.compile(r"(http://\S+)")
_PATIENCE_S = 120
_TOLD = 100  # items between two lines about the progress


class DemoFailed(VitrineError):
    """A step of the demo failed."""


@click.command("demo")
@click.argument("folder", metavar="[DIR]", default="sample-shop", type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--check", is_flag=True, help="Search with photos on a free port, verify the answers, and exit."
)
def command(folder: Path, port: int, check: bool) -> int:
    """Draw a sample shop into DIR (sample-shop), and serve it with its page.

    The first run shows the page with the first hundred items, and adds the others while it serves.
    Stop it with Ctrl+C; the next run continues.
    """
    from service.cli.demo_check import judge

    start = time.perf_counter()
    sample, shop = folder / "catalog", folder / "shop"
    with closing(batches(sample)) as others:
        index(shop, sample, next(others))
        log = folder / "service.log"
        with served(shop, sample, 0 if check else port, log) as (server, url, key):
            say(f"* {url} is ready after {time.perf_counter() - start:.0f} s")
            say(f"  photos to try are in {sample}/photos, its log is {log}")
            os.nice(10)  # of the processes that start from here on: shoppers come first
            if grow(url, key, others):
                step(f"building the index of all {ITEMS} items", ["rebuild", "--shop", str(shop)])
            if not check:
                return server.wait()
            found_enough = judge(url, sample)
            say(f"done in {time.perf_counter() - start:.0f} s")
            return 0 if found_enough else 1


def batches(sample: Path) -> Generator[list[dict[str, str]]]:
    """Yield the rows of the catalog: all that are drawn, or those of each product as it is drawn.

    The first rows that are drawn are about a hundred, from all categories.
    """
    from indexer.sample.shop import draw_shop, read_csv

    if (sample / "catalog.csv").is_file():
        yield read_csv(sample / "catalog.csv")
        return
    note("* drawing the first items")
    yield from draw_shop(sample, items=ITEMS)


def index(shop: Path, sample: Path, rows: list[dict[str, str]]) -> None:
    """Build a shop of these items, unless an interrupted run left one with more of them."""
    catalog = sample / "catalog.csv"
    if not catalog.is_file():
        if (shop / "CURRENT").is_file():
            return
        from indexer.sample.plan import COLUMNS
        from indexer.sample.shop import write_csv

        catalog = sample / "first.csv"
        write_csv(catalog, COLUMNS, rows)
    step(f"indexing {len(rows)} items", ["index", str(catalog), "--shop", str(shop)])


def step(what: str, arguments: list[str]) -> None:
    """Run a command of vitrine, which prints its own error. Raise DemoFailed."""
    note(f"* {what}")
    done = subprocess.run([*VITRINE, *arguments], check=False)  # noqa: S603 - a command of ours
    if done.returncode != 0:
        raise DemoFailed(f"'vitrine {arguments[0]}' ended with status {done.returncode}")


@contextmanager
def served(
    shop: Path, sample: Path, port: int, log: Path
) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Serve the shop; yield the process, its address, and a key that may write. It writes a log.

    Raise DemoFailed if the service does not start.
    """
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
        subprocess.Popen(  # noqa: S603 - a command of ours
            command, stdout=subprocess.PIPE, stderr=lines, text=True, env=environment
        ) as server,
    ):
        try:
            assert server.stdout is not None
            found = _STARTED.search(server.stdout.readline())
            if found is None:
                raise DemoFailed(log.read_text().strip() or "the service did not start")
            yield server, found.group(1), key
        except KeyboardInterrupt:  # the service receives it too
            server.wait()
        finally:
            server.terminate()


def grow(url: str, key: str, others: Iterator[list[dict[str, str]]]) -> int:
    """Write items over HTTP as they are drawn; return the number of those written.

    Raise DemoFailed if one is refused.
    """
    written = 0
    for rows in others:
        reply = put(url, key, [item_of(row) for row in rows])
        refused = [result for result in reply["results"] if result["status"] == "refused"]
        if refused:
            raise DemoFailed(f"{refused[0]['item_id']} was refused: {refused[0]['reason']}")
        before = written
        written += len(rows)
        if before // _TOLD != written // _TOLD:
            note(f"  {written} more items are written while the shop is served")
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
    """Write items; if the service is busy with searches, wait as it says. Raise DemoFailed."""
    request = urllib.request.Request(  # noqa: S310 - the address of the service
        f"{url}/v1/items",
        data=json.dumps({"items": items}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        method="PUT",
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as reply:  # noqa: S310
                answer: dict[str, list[dict[str, str]]] = json.load(reply)
                return answer
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                reason = f"PUT /v1/items: {error.code} {error.read().decode()}"
                raise DemoFailed(reason) from error
            time.sleep(float(error.headers.get("Retry-After", "1")))
