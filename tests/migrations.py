"""A shop of colors that migrates to another encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput
from tests.conftest import write_catalog
from tests.twomodels import OtherColors


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of the catalog of ``write_catalog``: 12 items, 2 images each, 18 different."""
    write_catalog(tmp_path / "catalog")
    return tmp_path / "catalog"


@pytest.fixture
def shop(folder, tmp_path) -> ShopFolder:
    shop = ShopFolder(tmp_path / "shop")
    build_index(open_catalog(folder / "catalog.csv"), shop, ColorEncoder())
    return shop


@pytest.fixture
def store(shop):
    opened = Store(shop.store)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def other_is_known(monkeypatch):
    """``other`` is an encoder that writers can load."""
    monkeypatch.setattr(
        "indexer.encoders.registry.load_encoder",
        lambda name, threads=None: {"other": OtherColors}[name](),
    )


def draft(item_id: str, data: bytes) -> Draft:
    def make(old: Item | None) -> Item:
        return Item(item_id=item_id, product_id=item_id, title=item_id)

    return Draft(item_id, make, [ImageInput(f"{item_id}.jpg", lambda: data)])


class Counting(OtherColors):
    """Counts what it encodes, and stops as if killed after some batches."""

    def __init__(self, batches: int = 10**9) -> None:
        self.seen = 0
        self.left = batches

    def encode_images(self, pixels):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.seen += len(pixels)
        return super().encode_images(pixels)
