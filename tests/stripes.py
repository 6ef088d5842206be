"""Shops in a style that draws stripes, which can be seen in a vector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.jobs.build_report import BuildReport
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.styles import indexed_styles
from indexer.store.records import PictureKey, RenditionRecord
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput
from search.engine import SearchEngine
from style.registry import StyleRegistry
from style.styler import Provenance, StyleInfo
from tests.coloritems import BLUE, GREEN, RED, write_items
from tests.conftest import jpeg
from tests.twomodels import silent

GRAY = (128, 128, 128)
COLORS = {"red": RED, "green": GREEN, "blue": BLUE}


class Stripes:
    """Paints stripes onto pictures: a black one in ``dark``, a white one in ``light``.

    In ``gray`` a picture is gray whatever it shows, and at every strength.
    """

    name = "stripes"

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self.calls = 0

    def styles(self) -> list[StyleInfo]:
        return [StyleInfo(name, "texture", 0.8) for name in ("dark", "gray", "light")]

    def apply(self, pixels, style, strength, mask=None, seed=0):
        self.calls += 1
        if style == "gray":
            return np.full_like(pixels, 128)
        styled = pixels.copy()
        share = 0.5 * strength * (1 if self.version == 1 else 0.5)
        styled[: round(len(pixels) * share)] = 0 if style == "dark" else 255
        return styled

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        return Provenance(self.name, f"version {self.version}", style, strength, seed)


@pytest.fixture
def stripes() -> Stripes:
    return Stripes()


@pytest.fixture
def registry(stripes, monkeypatch) -> StyleRegistry:
    """The styles of every shop of a test."""
    registry = StyleRegistry([stripes])
    for module in ("indexer.jobs.build", "indexer.jobs.styles", "search.engine"):
        monkeypatch.setattr(f"{module}.registry_of", lambda _: registry)
    return registry


@pytest.fixture
def shop(tmp_path) -> ShopFolder:
    return ShopFolder(tmp_path / "shop")


@pytest.fixture
def build(shop, tmp_path, registry) -> Callable[..., BuildReport]:
    def run(items=COLORS, styles=None, registry=None) -> BuildReport:
        catalog = open_catalog(write_items(tmp_path / "catalog", items))
        return build_index(catalog, shop, ColorEncoder(), styles=styles, registry=registry)

    return run


def striped(color: tuple[int, int, int], value: int, share: float = 0.4) -> bytes:
    """A photo of an item as it is painted in a style."""
    pixels = np.full((100, 100, 3), color, dtype=np.uint8)
    pixels[: round(100 * share)] = value
    return jpeg(Image.fromarray(pixels))


def found(shop: ShopFolder, photo: bytes, encoder=None) -> tuple[str, str]:
    with SearchEngine.open(shop.path, encoder=encoder or ColorEncoder()) as engine:
        hit = engine.by_image(photo, k=1)[0]
        return hit.item_id, hit.variant


def rows_of(shop: ShopFolder, item_id: str) -> dict[str, int]:
    with Store(shop.store) as store, store.read() as reader:
        record = reader.item(item_id)
        assert record is not None
        return record.images[0].rows


def note_of(shop: ShopFolder, item_id: str, style: str) -> RenditionRecord | None:
    with Store(shop.store) as store, store.read() as reader:
        record = reader.item(item_id)
        assert record is not None
        return reader.rendition(PictureKey(record.images[0].content, style))


def styles_of(shop: ShopFolder) -> list[str]:
    with Store(shop.store) as store, store.read() as reader:
        return indexed_styles(reader)


def draft(item_id: str, data: bytes) -> Draft:
    def make(_: Item | None) -> Item:
        return Item(item_id=item_id, product_id=item_id)

    return Draft(item_id, make, [ImageInput(f"{item_id}.png", lambda: data)])


def put(shop: ShopFolder, item_id: str, data: bytes) -> str:
    """As a service writes it."""
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        return engine.put([draft(item_id, data)])[0].status


def whole(shop: ShopFolder) -> bool:
    return check_shop(shop, progress=silent).problems == []
