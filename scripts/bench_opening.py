"""Measure the time to open a shop, and its memory.

    python scripts/bench_opening.py --work FOLDER [--rows 200000] [--images 4] [--dim 64]

A shop of random vectors is drawn into ``--work``, once for each size: ``--rows`` rows, ``--images``
per item, with an exact index. It is then opened ``--times`` times, each time in a separate process.
Reports the median of the CPU seconds (which other load hardly changes) and of the wall seconds
(which include the disk), the resident memory before, at its peak and after, the part of it that is
not memory-mapped (``own``), and the growth of Python's memory blocks per row: an object takes one
or two. To compare two versions, run both on the same folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from machine import machine

from indexer.imaging.preprocess import Preprocess
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets, Targets
from indexer.writing.writes import Draft, ImageInput, put_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels, Vectors

PACKAGES = ("numpy", "faiss-cpu", "lmdb", "msgspec")
_ITEMS_AT_ONCE = 5000
_KINDS = 50


class DrawnEncoder:
    """A placeholder for the encoder of a shop with random vectors; it encodes nothing."""

    id = "drawn"
    weights_hash = "0" * 64
    preprocess = Preprocess(size=8)

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Return zeros: (n, dim)."""
        return np.zeros((len(pixels), self.dim), dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True, help="where drawn shops are kept")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--images", type=int, default=4, help="of each item")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    if options.open:
        print(json.dumps(opened(options.open, options.dim)))
        return
    shop = options.work / f"shop-{options.rows}-{options.images}-{options.dim}"
    if not shop.is_dir():
        draw(shop, options.rows, options.images, options.dim)
    command = [sys.executable, __file__, "--work", options.work, "--dim", str(options.dim)]
    runs = [
        json.loads(subprocess.run([*command, "--open", shop], stdout=-1, check=True).stdout)
        for _ in range(options.times)
    ]
    result = {
        "machine": machine(*PACKAGES),
        "rows": options.rows,
        "items": options.rows // options.images,
        "dim": options.dim,
        **{name: round(float(np.median([run[name] for run in runs])), 2) for name in runs[0]},
    }
    print(json.dumps(result, indent=2))


def draw(folder: Path, rows: int, images: int, dim: int) -> None:
    """Write a shop of (rows, dim) random vectors, some images per item, with an exact index."""
    draft_folder = folder.with_suffix(".draft")
    draft_folder.mkdir(parents=True)
    shop = ShopFolder(draft_folder)
    encoder = DrawnEncoder(dim)
    rng = np.random.default_rng(7)
    store = Store(shop.store, create=True)
    items = rows // images
    for start in range(0, items, _ITEMS_AT_ONCE):
        numbers = range(start, min(start + _ITEMS_AT_ONCE, items))
        put_items(store, encoder, [draft(number, images, dim, rng) for number in numbers])
    targets = Targets(exact_below=rows + 1)
    store.close()
    with open_job(shop, "bench") as job:
        publish(job, encoder, catalog=folder, skipped=0, targets=BuildTargets(asked=targets))
    draft_folder.rename(folder)


def draft(number: int, images: int, dim: int, rng: np.random.Generator) -> Draft:
    """Return an item with given embeddings, one of 50 kinds, and a price."""
    item_id = f"item-{number:07d}"
    item = Item(
        item_id=item_id,
        product_id=item_id,
        title=f"Thing {number}",
        price=float(number % 100),
        categories=[f"kinds/kind-{number % _KINDS}"],
        attributes={"kind": f"kind-{number % _KINDS}"},
    )
    sources = [ImageInput(f"{image}.jpg") for image in range(images)]
    vectors = rng.normal(size=(images, dim)).astype(np.float32)
    return Draft(item_id, lambda _: item, sources, vectors)


def opened(shop: Path, dim: int) -> dict[str, float]:
    """Open a shop in this process, and search it once."""
    from search.engine import SearchEngine
    from search.query import EmbeddingPart, Query

    query = Query(parts=[EmbeddingPart(np.ones(dim, dtype=np.float32))])
    blocks, before = sys.getallocatedblocks(), memory_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    with SearchEngine.open(shop, encoder=DrawnEncoder(dim)) as engine:
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
        blocks = sys.getallocatedblocks() - blocks
        after = memory_mb()
        start = time.perf_counter()
        engine.search(query)
        return {
            "cpu_s": cpu_s,
            "wall_s": wall_s,
            "first_search_ms": (time.perf_counter() - start) * 1e3,
            "rss_before_mb": before["VmRSS"],
            "rss_peak_mb": after["VmHWM"],
            "rss_after_mb": after["VmRSS"],
            "own_before_mb": before["RssAnon"],
            "own_after_mb": after["RssAnon"],
            "python_blocks_per_row": blocks / engine.status().rows,
        }


def memory_mb() -> dict[str, float]:
    """Return this process's RAM: all (``VmRSS``), at its peak, and without mapped files.

    The peak of ``getrusage`` would be that of the process that started this one, if it was higher.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM", "RssAnon")}


if __name__ == "__main__":
    main()
