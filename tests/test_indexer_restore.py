"""Restoring a snapshot: a shop appears whole or not at all, and replaces another on request."""

from __future__ import annotations

import os

import pytest

from indexer.encoders.color import ColorEncoder
from indexer.errors import Conflict, StoreBusy, StoreFull
from indexer.shop import restore as restore_module
from indexer.shop.folder import ShopFolder
from indexer.shop.snapshot import take_snapshot
from search.engine import SearchEngine
from search.personal.event import Event
from search.personal.event_log import EventLog
from service.apikey import Scope, digest_of
from service.keyfile import KeyFile
from tests.killing import run_kills
from tests.personalevents import items_of
from tests.snapshots import answers, left_in, restore, taken
from tests.twomodels import silent

__all__ = ["taken"]  # fixtures


@pytest.mark.parametrize("has_links", [True, False])
def test_a_shop_is_replaced_only_on_request_and_keeps_its_keys_and_events(
    make_shop, taken, tmp_path, monkeypatch, has_links
):
    def refuse(_source, _target):
        raise PermissionError("this file system has no hard links")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    shop = make_shop()
    with pytest.raises(
        Conflict, match="already exists and is not empty; restore to another folder, or"
    ):
        restore(taken, shop)
    (shop / "mark").touch()
    key = KeyFile(shop).add("till", Scope.WRITE)
    view = Event(event_id="1", user_id="ann", item_id="red-mug", type="view", time=1.0)
    with EventLog(shop / "events.lmdb", create=True) as log:
        log.add([view])
    restore(taken, shop, force=True)
    assert not (shop / "mark").exists()
    assert KeyFile(shop).read()[0].matches(digest_of(key.encode()))
    with EventLog(shop / "events.lmdb") as log:
        assert items_of(log, "ann") == ["red-mug"]
    assert answers(shop)["red"][0][0].startswith("red")
    assert [name for name in left_in(tmp_path) if name.startswith(".")] == []


def test_a_snapshot_within_the_shop_that_it_would_replace_is_not_lost_with_it(make_shop, tmp_path):
    shop = make_shop()
    path = shop / "backups" / "shop.vitrine"
    path.parent.mkdir()
    take_snapshot(ShopFolder(shop), path, progress=silent)
    with pytest.raises(Conflict, match="is inside the shop that it would replace; move it"):
        restore(path, shop, force=True)
    restore(path.rename(tmp_path / "shop.vitrine"), shop, force=True)
    assert answers(shop)["red"][0][0].startswith("red")


def test_a_link_to_a_shop_stays_one_and_leads_to_the_restored(make_shop, taken, tmp_path):
    shop = make_shop()
    (shop / "mark").touch()
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "shop"
    link.symlink_to(shop)
    for _ in range(2):
        restore(taken, link, force=True)
    assert link.is_symlink()
    assert left_in(link.parent) == ["shop"]
    assert "mark" not in left_in(shop)
    assert answers(link)["red"][0][0].startswith("red")


def test_an_empty_folder_is_no_shop(taken, tmp_path):
    (tmp_path / "shop").mkdir()
    restore(taken, tmp_path / "shop")
    assert ShopFolder(tmp_path / "shop").current() == "000001"


def test_a_shop_that_is_being_served_is_not_replaced(make_shop, taken):
    shop = make_shop()
    with (
        SearchEngine.open(shop, encoder=ColorEncoder()),
        pytest.raises(StoreBusy, match="is being served; stop the service, or"),
    ):
        restore(taken, shop, force=True)
    assert ShopFolder(shop).current() == "000001"
    restore(taken, shop, force=True)


def test_a_full_disk_is_told_before_and_while_writing(taken, tmp_path, monkeypatch):
    class Usage:
        free = 10

    with monkeypatch.context() as patch:
        patch.setattr(restore_module.shutil, "disk_usage", lambda path: Usage)
        with pytest.raises(StoreFull, match="has 10 left"):
            restore(taken, tmp_path / "shop")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("indexer.shop.restore.os.fsync", full)
        with pytest.raises(StoreFull, match="No space left"):
            restore(taken, tmp_path / "shop")
    assert left_in(tmp_path) == []


RESTORE = """
import os, shutil, sys
from pathlib import Path
from indexer.shop.folder import ShopFolder
from indexer.shop.restore import restore_snapshot
from tests.killing import kill_at_each_step

taken, old, folder = map(Path, sys.argv[1:])

def prepare(step):
    shop = folder / f"{step}" / "shop"
    shop.parent.mkdir()
    if old.name != "none":
        shutil.copytree(old, shop)
    return ShopFolder(shop)

print(kill_at_each_step(
    [(os, "fsync"), (Path, "rename"), (shutil, "rmtree")],
    prepare,
    lambda shop: restore_snapshot(taken, shop, force=True, progress=lambda *_: None),
))
"""


@pytest.mark.parametrize("over", [False, True], ids=["new", "replacing"])
def test_a_restore_that_is_killed_at_any_step_leaves_a_whole_shop_or_none(
    taken, tiny_shop, tmp_path, over
):
    killed = run_kills(RESTORE, taken, tiny_shop if over else "none", tmp_path)
    assert killed > 8
    expected = answers(tiny_shop)
    for step in range(1, killed + 1):
        shop = tmp_path / str(step) / "shop"
        if shop.exists():
            assert answers(shop) == expected
        restore(taken, shop, force=True)
        assert answers(shop) == expected
        assert left_in(shop.parent) == ["shop"]
