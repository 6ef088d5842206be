"""A catalog of pictures of one shade each, which a test can change, and shops of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.arrays import Pixels, Vectors
from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.jobs.build_report import BuildReport
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from search.engine import SearchEngine


class Counting(ColorEncoder):
    """The color encoder, counting the images it encodes."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        self.encoded += len(pixels)
        return super().encode_images(pixels)


class OtherWeights(Counting):
    weights_hash = "1" * 64


class OtherName(ColorEncoder):
    id = "paint"


class Folder:
    """A catalog of one-color pictures that a test can change: ``{item: [shade, ...]}``."""

    def __init__(self, path: Path) -> None:
        self.path = path / "catalog.jsonl"

    def write(self, items: dict[str, list[int | str]], **fields: object) -> Path:
        self.path.parent.mkdir(exist_ok=True)
        lines = []
        for item_id, shades in items.items():
            names = []
            for shade in shades:
                if isinstance(shade, int):
                    names.append(f"{shade}.png")
                    Image.new("RGB", (8, 8), shade_of(shade)).save(self.path.parent / names[-1])
                else:
                    names.append(shade)
            lines.append(json.dumps({"id": item_id, "images": names, **fields}))
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self.path


def shade_of(number: int) -> tuple[int, int, int]:
    return (number * 37 % 256, number * 91 % 256, number * 151 % 256)


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "catalog")


@pytest.fixture
def shop(tmp_path) -> ShopFolder:
    return ShopFolder(tmp_path / "shop")


def build(folder: Folder, shop: ShopFolder, encoder: ColorEncoder | None = None) -> BuildReport:
    return build_index(open_catalog(folder.path), shop, encoder or ColorEncoder())


def rows_of(shop: ShopFolder) -> dict[tuple[str, int], int]:
    """(item, image) to row, as the store has it."""
    store = Store(shop.store)
    try:
        with store.read() as reader:
            return {(row.item_id, row.image_index): n for n, row in reader.rows()}
    finally:
        store.close()


def stored(shop: ShopFolder) -> tuple[dict[str, list[str]], int, int]:
    """What the store holds: the images of each item, and how many embeddings and copies."""
    store = Store(shop.store)
    try:
        with store.read() as reader:
            images = {one.item.item_id: [i.path for i in one.images] for one in reader.items()}
            return images, reader.count("embeddings"), reader.count("images")
    finally:
        store.close()


def answers(shop: Path) -> list[list[tuple[str, str, float]]]:
    """What a shop says to a photo of each of some shades, and to some words."""
    with SearchEngine.open(shop, encoder=ColorEncoder()) as engine:
        found = [
            engine.by_image(np.full((8, 8, 3), shade_of(number), dtype=np.uint8), k=50)
            for number in range(6)
        ]
        found += [engine.by_text(words, k=50) for words in ("old", "new", "shade")]
    return [[(hit.item_id, hit.image, hit.score) for hit in hits] for hits in found]
