"""Measure what indexing styled renditions costs, and whether it helps painted and drawn queries.

    python scripts/bench_renditions.py DATA [--items 300] [--styles ink,watercolor,...] [--json]

DATA holds `magento/catalog.jsonl` and `grocery/catalog.csv`, `grocery/photos_val.csv`. A shop of
their first pictures is indexed in all styles. Then queries are searched among the originals alone,
and among the originals and the renditions of each set of styles:

* each picture painted or drawn by filters that are not among the styles (`encoder_distortions`);
* plain photos: other views of the same items, and phone photos of groceries;
* catalog pictures that were cropped.

R@1 is the share of queries whose best row is of the right product; "item" asks for the very item.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import encoder_distortions as distortions
import msgspec
import numpy as np
from machine import as_line, machine
from numpy.typing import NDArray

from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.imaging.images import decode
from indexer.imaging.photos import fit_pixels
from indexer.items import ORIGINAL
from indexer.jobs.build import build_index
from indexer.jobs.stored_rows import read_rows
from indexer.jobs.styles import add_styles
from indexer.shop.folder import ShopFolder
from indexer.shop.status import disk_bytes
from indexer.store.store import Store

STYLES = ["ink", "noir", "oil", "watercolor"]
SHOWN = {"posterized": "cartoon", "oil": "oil (Kuwahara)", "sketched": "ink sketch (XDoG)"}
_SIDE = 320  # pixels that queries keep of the shorter side
_BATCH = 32


class Queries(NamedTuple):
    """Query vectors (q, dim), and the ids of the item and the product that each shows (q,)."""

    vectors: NDArray[np.float32]
    items: list[str]
    products: list[str]


class Thing(NamedTuple):
    """An item of the catalog: its first picture is indexed, the others are queries."""

    item_id: str
    product_id: str
    first: Path
    others: list[Path]


def things_of(data: Path, count: int) -> list[Thing]:
    """Return about so many items: all groceries, and evenly chosen items of the sports shop."""
    with (data / "grocery" / "catalog.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    photos: dict[str, list[Path]] = {}
    with (data / "grocery" / "photos_val.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            photos.setdefault(row["item_id"], []).append(data / "grocery" / row["image"])
    things = [
        Thing(row["id"], row["id"], data / "grocery" / row["image"], photos.get(row["id"], []))
        for row in rows
    ]
    with (data / "magento" / "catalog.jsonl").open(encoding="utf-8") as file:
        items: list[dict[str, Any]] = [json.loads(line) for line in file]
    step = max(1, round(len(items) / max(1, count - len(things))))
    for item in items[::step]:
        first, *others = (data / "magento" / image for image in item["images"])
        things.append(Thing(item["id"], item["product_id"], first, others))
    return things


def write_catalog(things: Sequence[Thing], folder: Path) -> Path:
    """Write a catalog of the first pictures, which are linked into the folder."""
    lines = []
    for number, thing in enumerate(things):
        name = f"{number}{thing.first.suffix}"
        (folder / name).symlink_to(thing.first.resolve())
        record = {"id": thing.item_id, "product_id": thing.product_id, "image": name}
        lines.append(json.dumps(record))
    path = folder / "catalog.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def ask(encoder: Encoder, asked: Sequence[tuple[Thing, NDArray[np.uint8]]]) -> Queries:
    """Embed queries, each a thing and pixels that show it."""
    vectors = []
    for start in range(0, len(asked), _BATCH):
        part = [fit_pixels(pixels, encoder.preprocess) for _, pixels in asked[start:][:_BATCH]]
        vectors.append(encoder.encode_images(part))
    return Queries(
        np.concatenate(vectors),
        [thing.item_id for thing, _ in asked],
        [thing.product_id for thing, _ in asked],
    )


def queries_of(encoder: Encoder, things: Sequence[Thing]) -> dict[str, Queries]:
    """Return all kinds of queries by name."""
    first = [(thing, decode(thing.first.read_bytes(), side=_SIDE)) for thing in things]
    found = {
        SHOWN[change.__name__]: ask(encoder, [(thing, change(pixels)) for thing, pixels in first])
        for change in (distortions.posterized, distortions.oil, distortions.sketched)
    }
    cropped = [(thing, distortions.cropped(pixels)) for thing, pixels in first]
    found["plain: cropped to 60 %"] = ask(encoder, cropped)
    for name, folder in (("plain: another view", "magento"), ("plain: phone photo", "grocery")):
        photos = [
            (thing, decode(path.read_bytes(), side=_SIDE))
            for thing in things
            for path in thing.others
            if folder in path.parts
        ]
        if photos:
            found[name] = ask(encoder, photos)
    return found


class Gallery:
    """The rows of a shop, searched exactly among those of some renditions."""

    def __init__(self, shop: ShopFolder, encoder: Encoder) -> None:
        with Store(shop.store) as store:
            stored = read_rows(store, encoder)
        products = {r.item.item_id: r.item.product_id for r in stored.records}
        self._vectors = stored.vectors
        self._items = np.array([row.item_id for _, row in stored.rows])
        self._products = np.array([products[row.item_id] for _, row in stored.rows])
        self._renditions = np.array([row.rendition for _, row in stored.rows])

    def recall(self, queries: Queries, styles: Sequence[str]) -> tuple[float, float]:
        """Return R@1 for the item and for the product, among originals and these styles."""
        rows = np.flatnonzero(np.isin(self._renditions, [ORIGINAL, *styles]))
        best = rows[(queries.vectors @ self._vectors[rows].T).argmax(axis=1)]  # (q,)
        item = float(np.mean(self._items[best] == np.array(queries.items)))
        return item, float(np.mean(self._products[best] == np.array(queries.products)))


def measure(data: Path, count: int, styles: Sequence[str], encoder_id: str) -> dict[str, Any]:
    """Index, add the styles one by one, and search. Returns all figures."""
    encoder = load_encoder(encoder_id)
    things = things_of(data, count)
    costs = []
    with tempfile.TemporaryDirectory(prefix="vitrine-renditions-") as folder:
        shop = ShopFolder(Path(folder) / "shop")
        start, cpu = time.perf_counter(), time.process_time()
        build_index(open_catalog(write_catalog(things, Path(folder))), shop, encoder)
        originals = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
        for style in styles:
            before = disk_bytes(shop.store)
            cpu = time.process_time()
            done = add_styles(shop, encoder, [style])
            (counted,) = (one for one in done.styles if one.name == style)
            costs.append(
                {
                    **msgspec.to_builtins(counted),
                    "wall_ms": 1e3 * done.seconds / len(things),
                    "cpu_ms": 1e3 * (time.process_time() - cpu) / len(things),
                    "bytes": (disk_bytes(shop.store) - before) / max(1, counted.indexed),
                }
            )
        gallery = Gallery(shop, encoder)
    sets = [[], *([style] for style in styles), list(styles)]
    recalls = {
        name: {
            "queries": len(queries.items),
            "item": [gallery.recall(queries, chosen)[0] for chosen in sets],
            "product": [gallery.recall(queries, chosen)[1] for chosen in sets],
        }
        for name, queries in queries_of(encoder, things).items()
    }
    return {
        "machine": machine("numpy", "pillow", "onnxruntime"),
        "encoder": encoder.id,
        "items": len(things),
        "originals": originals,
        "styles": costs,
        "sets": ["none", *styles, "all"],
        "recall": recalls,
    }


def show(result: dict[str, Any]) -> None:
    """Print the figures as tables in Markdown."""
    print(as_line(result["machine"]))
    each = 1e3 * result["originals"]["cpu_s"] / result["items"]
    print(f"{result['items']} items, {result['encoder']}; an original takes {each:.0f} ms of cpu\n")
    print("| style | indexed | of these weaker | left out | processor ms | wall ms | kB on disk |")
    print("|---|---|---|---|---|---|---|")
    for style in result["styles"]:
        print(
            f"| {style['name']} | {style['indexed']} | {style['weakened']} | {style['left_out']} | "
            f"{style['cpu_ms']:.0f} | {style['wall_ms']:.0f} | {style['bytes'] / 1e3:.0f} |"
        )
    for kind in ("item", "product"):
        print(f"\n| queries, R@1 of the {kind} | n | {' | '.join(result['sets'])} |")
        print(f"|---|---|{'---|' * len(result['sets'])}")
        for name, recall in result["recall"].items():
            cells = " | ".join(f"{share:.3f}" for share in recall[kind])
            print(f"| {name} | {recall['queries']} | {cells} |")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--styles", default=",".join(STYLES))
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    result = measure(asked.data, asked.items, asked.styles.split(","), asked.encoder)
    if asked.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
