"""Shops of two encoders that do not match: colors, and the same numbers in another order."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.writing.writes import Draft, ImageInput
from tests.coloritems import write_items

NEW = "9" * 64


class OtherColors(ColorEncoder):
    """Another model: the same numbers in another order, so its vectors fit no other index."""

    id = "other"
    weights_hash = NEW

    def encode_images(self, pixels):
        return super().encode_images(pixels)[:, ::-1].copy()


def build(shop: ShopFolder, folder: Path, items: dict, encoder=None) -> str:
    catalog = write_items(folder, items)
    return build_index(open_catalog(catalog), shop, encoder or ColorEncoder()).generation


def silent(*_: object) -> None:
    """A progress that nobody watches."""


def draft(item_id: str, color: tuple[int, int, int]) -> Draft:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(out, "PNG")

    def make(old: Item | None) -> Item:
        return Item(item_id=item_id, product_id=item_id, title=item_id)

    return Draft(item_id, make, [ImageInput(f"{item_id}.png", out.getvalue)])
