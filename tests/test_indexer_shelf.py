"""What stands for a shop whose CURRENT cannot be read: what served, not what waits to."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import IndexCorrupt, IndexNotFound
from indexer.jobs.migrate import migrate
from indexer.shop.folder import ShopFolder
from indexer.shop.promotion import promote
from indexer.shop.shelf import Shelf
from tests.test_indexer_folder import GREEN, RED
from tests.test_indexer_promotion import OtherColors, build


@pytest.fixture
def shop(tmp_path: Path) -> ShopFolder:
    """Two generations of one model, and a newer candidate of another."""
    shop = ShopFolder(tmp_path / "shop")
    build(shop, tmp_path / "catalog", {"red": RED})
    build(shop, tmp_path / "catalog", {"red": RED, "green": GREEN})
    migrate(shop, OtherColors(), share=1.0, progress=lambda *_: None)
    return shop


def damage(shop: ShopFolder, how: str) -> None:
    if how == "gone":
        shop.current_file.unlink()
    else:
        shop.current_file.write_text(how)


@pytest.mark.parametrize("how", ["rubbish", "", "gone"])
def test_a_candidate_does_not_serve_because_current_was_lost(shop, how):
    damage(shop, how)
    assert Shelf.read(shop).serving_order() == ["000002", "000001", "000003"]
    assert Shelf.read(shop).serving().model.id == "color"


@pytest.mark.parametrize("how", ["rubbish", "gone"])
def test_a_promoted_model_serves_on_when_current_was_lost(shop, how):
    promote(shop, "000003")
    damage(shop, how)
    assert Shelf.read(shop).serving_order() == ["000003", "000002", "000001"]
    assert Shelf.read(shop).serving().model.id == "other"


def test_without_any_generation_there_is_no_index_or_a_damaged_one(tmp_path):
    shop = ShopFolder(tmp_path)
    with pytest.raises(IndexNotFound, match="vitrine index"):
        Shelf.read(shop).serving_order()
    shop.current_file.write_text("rubbish")
    with pytest.raises(IndexCorrupt, match="rubbish"):
        Shelf.read(shop).serving_order()
    assert Shelf.read(shop).serving() is None
