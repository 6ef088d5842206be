"""Make a shop of many items for measurements of the service.

    python scripts/bench_shop.py --shop shop [--items 50000]

Each item has a small picture of its own and all fields of a catalog. Its vector is not that of its
picture: encoding 50,000 pictures takes minutes. Vectors are drawn around 200 directions instead,
so that an index has to search as in a real shop. Photos are encoded as always, and find what is
nearest to them by chance.
"""

from __future__ import annotations

import argparse
import io
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from indexer.arrays import unit
from indexer.encoders.registry import load_encoder
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

_DIRECTIONS = 200
_SPREAD = 1.2  # length of an item's own part beside its direction of length 1
_COLORS = ("red", "green", "blue", "black", "white", "yellow", "brown")
_KINDS = ("mug", "shoe", "lamp", "chair", "shirt", "bag", "watch", "bowl", "scarf", "clock")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--items", type=int, default=50_000)
    options = parser.parse_args()
    began = time.perf_counter()
    make_shop(options.shop, options.items)
    print(f"{options.items} items in {time.perf_counter() - began:.0f} s")


def make_shop(path: Path, items: int) -> None:
    """Make a shop with one picture for each item. Raises FileExistsError."""
    path.mkdir(parents=True)
    shop = ShopFolder(path)
    encoder = load_encoder("builtin", threads=1)
    directions = np.random.default_rng(1).standard_normal((_DIRECTIONS, encoder.dim))

    def drawn(pixels: Sequence[Pixels]) -> Vectors:
        """Return a vector for each picture (n, dim), always the same for the same picture."""
        vectors = []
        for picture in pixels:
            random = np.random.default_rng(zlib.crc32(picture.tobytes()))
            own = random.standard_normal(encoder.dim)
            vectors.append(directions[random.integers(_DIRECTIONS)] + _SPREAD * own)
        return unit(np.array(vectors, dtype=np.float32))

    store = Store(shop.store, create=True)
    put_items(store, encoder, [_draft(number) for number in range(items)], encode=drawn)
    store.close()
    with open_job(shop, "bench") as job:
        publish(job, encoder, catalog=path, skipped=0, targets=BuildTargets(asked=Targets()))


def _draft(number: int) -> Draft:
    def picture() -> bytes:
        random = np.random.default_rng(number)
        colors = random.integers(0, 255, size=(4, 4, 3)).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(colors).resize((96, 96), Image.Resampling.NEAREST).save(out, "JPEG")
        return out.getvalue()

    return Draft(f"item-{number}", lambda _: _item(number), [ImageInput("front.jpg", picture)])


def _item(number: int) -> Item:
    kind, color = _KINDS[number % 10], _COLORS[number % 7]
    return Item(
        item_id=f"item-{number}",
        product_id=f"item-{number}",
        title=f"{color.title()} {kind} no. {number}",
        description=f"A {kind} in {color}, made to be used every day and to last for many years. "
        f"It is number {number} of a series; wash it by hand, and keep it away from fire.",
        categories=[f"Home/{kind.title()}s", f"Gifts/{color.title()}"],
        price=5 + number % 97 + 0.5,
        currency="EUR",
        in_stock=number % 11 > 0,
        url=f"https://shop.example/{kind}/{number}",
        attributes={
            "color": color, "brand": f"Brand {number % 50}", "material": "mixed",
            "weight": 100 + number % 900, "size": ["S", "M", "L", "XL"][number % 4],
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
