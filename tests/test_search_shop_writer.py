"""Writes through an open engine to a shop that has styles."""

from __future__ import annotations

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.jobs.styles import add_styles
from indexer.shop.folder import ShopFolder
from indexer.shop.styles import registry_of, shop_styles
from indexer.store.records import PictureKey
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput
from search.engine import SearchEngine
from style.errors import BadStyleFile, UnknownStyle
from style.stylefolder import StyleFolder
from style.tone import look_lut
from tests.conftest import jpeg, plain, write_catalog


@pytest.fixture
def shop(tmp_path) -> ShopFolder:
    """The tiny catalog, with a style of its own: brand."""
    shop = ShopFolder(tmp_path / "shop")
    StyleFolder(shop.path / "styles").add_lut("brand", look_lut("golden"))
    catalog = open_catalog(write_catalog(tmp_path / "catalog"))
    build_index(catalog, shop, ColorEncoder(), styles=["brand"])
    return shop


def draft(item_id: str, data: bytes) -> Draft:
    def make(_: Item | None) -> Item:
        return Item(item_id=item_id, product_id=item_id)

    return Draft(item_id, make, [ImageInput(f"{item_id}.png", lambda: data)])


def renditions(shop: ShopFolder) -> int:
    with Store(shop.store) as store, store.read() as reader:
        return reader.count("renditions")


def digest_of(shop: ShopFolder, item_id: str) -> str:
    """Return the digest of the definition by which the item was rendered."""
    with Store(shop.store) as store, store.read() as reader:
        record = reader.item(item_id)
        assert record is not None
        rendition = reader.rendition(PictureKey(record.images[0].content, "brand"))
        assert rendition is not None
        return rendition.digest


def redefine(shop: ShopFolder) -> None:
    folder = StyleFolder(shop.path / "styles")
    folder.remove("brand")
    folder.add_lut("brand", look_lut("pastel"))


def test_an_open_engine_reads_the_styles_of_its_shop_again_only_if_they_change(shop):
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        first = engine.style_registry
        before = first.find("brand").styler.provenance("brand", 1)
        assert engine.style_registry is first
        redefine(shop)
        assert engine.style_registry.find("brand").styler.provenance("brand", 1) != before
        StyleFolder(shop.path / "styles").remove("brand")
        with pytest.raises(UnknownStyle):
            engine.style_registry.find("brand")


def test_a_write_of_an_old_process_renders_by_the_new_definition(shop):
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        engine.put([draft("plum", jpeg(plain((120, 20, 110))))])
        old = digest_of(shop, "plum")
        redefine(shop)
        add_styles(shop, ColorEncoder(), [])
        (style,) = shop_styles(registry_of(shop.path), ["brand"])
        assert digest_of(shop, "plum") == style.digest != old
        engine.put([draft("plum", jpeg(plain((120, 20, 110))))])
        engine.put([draft("leaf", jpeg(plain((20, 120, 40))))])
        assert digest_of(shop, "plum") == digest_of(shop, "leaf") == style.digest


def test_a_write_is_kept_if_the_styles_of_the_shop_cannot_be_read(shop, monkeypatch, caplog):
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:

        def fail(_):
            raise BadStyleFile("styles: cannot be listed: Permission denied")

        monkeypatch.setattr(StyleFolder, "files", fail)
        (outcome,) = engine.put([draft("plum", jpeg(plain((120, 20, 110))))])
        assert outcome.status == "created"
    assert "1 items are stored but not rendered" in caplog.text


def test_a_write_of_many_items_renders_some_and_stores_all(shop, caplog):
    before = renditions(shop)
    photos = {f"item-{at}": jpeg(plain((at * 10, 250 - at * 10, 60))) for at in range(25)}
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        outcomes = engine.put([draft(*photo) for photo in photos.items()])
        assert {outcome.status for outcome in outcomes} == {"created"}
        assert renditions(shop) == before + 20
        engine.refresh()
        hits = engine.by_image(photos["item-24"], k=100)
        assert {hit.item_id for hit in hits} >= set(photos)
    (warning,) = [record for record in caplog.records if record.name == "vitrine.search"]
    assert "rendered 20 images" in warning.getMessage()
    assert "left 5 to the next" in warning.getMessage()
    add_styles(shop, ColorEncoder(), [])
    assert renditions(shop) == before + 25
