"""What is on the shelf, read once: what serves (also where CURRENT is lost), and what waits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from indexer.encoders.color import ColorEncoder
from indexer.errors import IndexCorrupt, IndexNotFound
from indexer.jobs.job import open_job
from indexer.jobs.migrate import migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.progress import no_progress
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.garbage import delete_old_generations
from indexer.shop.manifest import Manifest
from indexer.shop.promotion import drop, promote, rollback
from indexer.shop.shelf import Shelf
from indexer.shop.status import shop_status
from indexer.store.store import Store
from indexer.writing.writes import put_items
from tests.coloritems import GREEN, RED
from tests.twomodels import OtherColors, build, draft


def write_red_again(shop: ShopFolder) -> None:
    """Write an item, so that a rebuild has something to do."""
    store = Store(shop.store)
    put_items(store, ColorEncoder(), [draft("again", RED)])
    store.close()


def check(shop: ShopFolder) -> None:
    assert check_shop(shop, progress=no_progress).problems == []


def collect(shop: ShopFolder) -> None:
    with open_job(shop, "vitrine gc") as job:
        job.collect_garbage()


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


@pytest.fixture
def reads(monkeypatch) -> Counter[str]:
    """How often the manifest of each generation has been read from disk."""
    counted: Counter[str] = Counter()
    read = ShopFolder.manifest

    def counting(self: ShopFolder, name: str) -> Manifest:
        counted[name] += 1
        return read(self, name)

    monkeypatch.setattr(ShopFolder, "manifest", counting)
    return counted


def test_a_rebuild_reads_the_manifest_of_each_generation_once(shop, reads):
    write_red_again(shop)
    reads.clear()
    assert rebuild_index(shop, ColorEncoder()).generation == "000004"
    # The three that were there, when the job began, and the new one as it is made current.
    assert reads == dict.fromkeys(["000001", "000002", "000003", "000004"], 1)


def test_a_rebuild_that_finds_nothing_new_reads_each_manifest_once(shop, reads):
    assert not rebuild_index(shop, ColorEncoder()).published
    assert reads == dict.fromkeys(["000001", "000002", "000003"], 1)


def test_a_build_reads_the_manifest_of_each_generation_once(shop, tmp_path, reads):
    assert build(shop, tmp_path / "catalog", {"green": GREEN}) == "000004"
    assert reads == dict.fromkeys(["000001", "000002", "000003", "000004"], 1)


@pytest.mark.parametrize("look", [check, shop_status, collect])
def test_a_look_at_the_whole_shop_reads_each_manifest_once(shop, reads, look):
    look(shop)
    assert reads == dict.fromkeys(["000001", "000002", "000003"], 1)


def test_a_shelf_is_what_was_there_when_it_was_read_and_current_can_be_read_anew(shop):
    shelf = Shelf.read(shop)
    promote(shop, "000003")
    assert (shelf.current, shelf.serving().model.id) == ("000002", "color")
    assert shelf.is_candidate("000003")
    now = shelf.with_current()
    assert (now.current, now.serving().model.id) == ("000003", "other")
    assert not now.is_candidate("000003")


def test_damage_is_noted_with_its_reason_and_raised_by_who_asks_for_the_manifest(shop):
    (shop.generations / "000002" / "manifest.json").write_text("{}")
    shelf = Shelf.read(shop)
    assert (shelf.names, list(shelf.manifests)) == (
        ("000001", "000002", "000003"),
        ["000001", "000003"],
    )
    assert "manifest.json was changed" in str(shelf.damaged["000002"])
    with pytest.raises(IndexCorrupt, match=r"manifest\.json was changed"):
        shelf.manifest("000002")
    with pytest.raises(IndexCorrupt):
        shelf.current_generation()
    assert shelf.serving().name == "000001"  # which served before
    assert not shelf.is_readable
    assert {model.id for model in shelf.models()} == {"color", "other"}


def test_a_generation_that_is_not_there_is_not_found(shop):
    with pytest.raises(IndexNotFound, match="no generation 000009"):
        Shelf.read(shop).manifest("000009")


def test_what_was_dropped_since_the_shelf_was_read_does_not_count_among_those_that_stay(shop):
    write_red_again(shop)
    rebuild_index(shop, ColorEncoder())  # 000004
    shelf = Shelf.read(shop)
    drop(shop, "000002")
    assert delete_old_generations(shelf, keep=2) == []
    assert shop.names() == ["000001", "000003", "000004"]


def test_what_came_after_the_shelf_was_read_is_not_deleted(shop):
    shelf = Shelf.read(shop)
    write_red_again(shop)
    rebuild_index(shop, ColorEncoder())  # 000004
    shop.make_current("000001")
    assert delete_old_generations(shelf, keep=1) == []
    assert shop.names() == ["000001", "000002", "000003", "000004"]


def test_a_candidate_that_was_rolled_back_over_meanwhile_is_a_candidate_again(shop):
    promote(shop, "000003")
    shelf = Shelf.read(shop)
    rollback(shop)
    assert delete_old_generations(shelf, keep=1) == ["000001"]
    assert shop.names() == ["000002", "000003"]
