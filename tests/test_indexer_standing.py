"""What stands for a shop whose CURRENT cannot be read: what served, not what waits to."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import IndexCorrupt, IndexNotFound
from indexer.jobs.migrate import migrate
from indexer.shop.generation import ShopFolder
from indexer.shop.promotion import promote
from indexer.shop.serving import serving_order, standing_generation
from tests.test_indexer_generation import GREEN, RED
from tests.test_indexer_succession import OtherColors, build


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
    assert serving_order(shop) == ["000002", "000001", "000003"]
    assert standing_generation(shop)[1].encoder == "color"


@pytest.mark.parametrize("how", ["rubbish", "gone"])
def test_a_promoted_model_serves_on_when_current_was_lost(shop, how):
    promote(shop, "000003")
    damage(shop, how)
    assert serving_order(shop) == ["000003", "000002", "000001"]
    assert standing_generation(shop)[1].encoder == "other"


def test_without_any_generation_there_is_no_index_or_a_damaged_one(tmp_path):
    shop = ShopFolder(tmp_path)
    with pytest.raises(IndexNotFound, match="vitrine index"):
        serving_order(shop)
    shop.current_file.write_text("rubbish")
    with pytest.raises(IndexCorrupt, match="rubbish"):
        serving_order(shop)
    assert standing_generation(shop) is None
