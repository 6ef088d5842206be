"""Styles of a shop that is written to, migrated, interrupted and of an earlier version."""

from __future__ import annotations

import shutil
from unittest.mock import Mock

import msgspec
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.items import ORIGINAL
from indexer.jobs.build import build_index
from indexer.jobs.job import open_job
from indexer.jobs.migrate import migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.jobs.styles import add_styles, remove_styles
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import StyleCount
from indexer.shop.promotion import promote, rollback
from indexer.shop.restore import restore_snapshot
from indexer.shop.snapshot import take_snapshot
from indexer.shop.status import shop_status
from indexer.shop.styles import count_styles, indexed_styles, set_indexed_styles
from indexer.store.environment import Environment
from indexer.store.store import Store
from indexer.store.transactions import Writer
from indexer.writing.merge import FoundItem, merge_item, with_stored_images
from indexer.writing.renditions import Rendering, _by_renditions
from indexer.writing.writes import delete_items, put_items
from style.registry import StyleRegistry
from tests.coloritems import BLUE, GREEN, RED, write_items
from tests.conftest import jpeg, plain
from tests.killing import run_kills
from tests.migrations import other_is_known  # noqa: F401 - a fixture for every test
from tests.stripes import (
    COLORS,
    GRAY,
    Stripes,
    build,
    draft,
    found,
    note_of,
    put,
    registry,
    rows_of,
    shop,
    striped,
    stripes,
    styles_of,
    whole,
)
from tests.test_golden import SHOPS
from tests.twomodels import OtherColors, silent

__all__ = ["build", "registry", "shop", "stripes"]  # fixtures


def pictures_of(shop: ShopFolder, rendition: str) -> int:
    """Count the pictures and embeddings of a rendition; the notes of renditions do not count."""
    with Store(shop.store) as store, store.read() as reader:
        return sum(
            picture.rendition == rendition and database != "renditions"
            for database, _, picture in reader.picture_keys()
        )


# Live writes and the rest of a shop's life


def test_a_live_write_is_rendered_in_the_styles_of_its_shop(build, shop, stripes):
    build({"red": RED, "green": GREEN}, ["dark"])
    assert put(shop, "blue", jpeg(plain(BLUE))) == "created"
    assert shop_status(shop).styles == [StyleCount("dark", 3, 0, 0)]
    assert found(shop, striped(BLUE, 0)) == ("blue", "dark")
    calls = stripes.calls
    assert put(shop, "blue", jpeg(plain(BLUE))) == "unchanged"
    assert stripes.calls == calls
    assert put(shop, "blue", jpeg(plain((240, 230, 10)))) == "updated"
    assert found(shop, striped(BLUE, 0)) != ("blue", "dark")
    assert found(shop, striped((240, 230, 10), 0)) == ("blue", "dark")
    assert whole(shop)


def test_a_live_write_brings_no_style_back_that_was_removed_meanwhile(build, shop, monkeypatch):
    build({"red": RED}, ["dark", "light"])
    run = Rendering.run

    def remove_then_run(self, *given):
        monkeypatch.setattr(Rendering, "run", run)
        remove_styles(shop, ColorEncoder(), ["dark"])
        return run(self, *given)

    monkeypatch.setattr(Rendering, "run", remove_then_run)
    put(shop, "green", jpeg(plain(GREEN)))
    assert set(rows_of(shop, "green")) == {ORIGINAL, "light"}


def test_a_live_write_leaves_the_rows_of_a_style_that_was_added_meanwhile(build, shop, monkeypatch):
    build({"red": RED}, ["light"])
    run = Rendering.run

    def add_then_run(self, *given):
        monkeypatch.setattr(Rendering, "run", run)
        add_styles(shop, ColorEncoder(), ["dark"])
        return run(self, *given)

    monkeypatch.setattr(Rendering, "run", add_then_run)
    put(shop, "green", jpeg(plain(GREEN)))
    assert set(rows_of(shop, "green")) == {ORIGINAL, "dark", "light"}


def test_a_live_write_renders_again_what_a_job_took_for_garbage(build, shop, monkeypatch):
    build({"red": RED}, ["dark"])
    run, swept = Rendering.run, []

    def run_then_sweep(self, *given):
        run(self, *given)
        if not swept:
            with Store(shop.store) as store:
                swept.append(store.delete_unused())

    monkeypatch.setattr(Rendering, "run", run_then_sweep)
    put(shop, "green", jpeg(plain(GREEN)))
    assert swept == [2]  # the picture and its embedding
    assert set(rows_of(shop, "green")) == {ORIGINAL, "dark"}


def test_a_rendition_without_a_row_is_not_counted(build, shop, monkeypatch):
    build({"red": RED}, ["dark"])
    stopping = Mock(side_effect=[0, KeyboardInterrupt])  # once rendered
    monkeypatch.setattr("indexer.writing.styling.sync_rows", stopping)
    with pytest.raises(KeyboardInterrupt):
        put(shop, "green", jpeg(plain(GREEN)))
    assert note_of(shop, "green", "dark") is not None
    with Store(shop.store) as store, store.read() as reader:
        pictures = {row.picture for _, row in reader.rows()}
        assert count_styles(reader, pictures) == [StyleCount("dark", 1, 0, 0)]


def test_a_build_finishes_what_a_writer_without_styles_left_undone(build, shop):
    build({"red": RED, "green": GREEN}, ["dark"])
    with Store(shop.store) as store:  # an earlier version of Vitrine, say
        put_items(store, ColorEncoder(), [draft("blue", jpeg(plain(BLUE)))])
    assert set(rows_of(shop, "blue")) == {ORIGINAL}
    add_styles(shop, ColorEncoder(), [])
    assert found(shop, striped(BLUE, 0)) == ("blue", "dark")


def test_styles_last_through_the_whole_life_of_a_shop(build, shop, tmp_path):
    build({"red": RED, "green": GREEN}, ["dark"])
    put(shop, "blue", jpeg(plain(BLUE)))
    rebuilt = rebuild_index(shop, ColorEncoder())
    assert (rebuilt.rows, shop_status(shop).styles) == (6, [StyleCount("dark", 3, 0, 0)])
    promote(shop, migrate(shop, OtherColors(), progress=silent).generation)
    for item_id, color in COLORS.items():
        assert found(shop, striped(color, 0), OtherColors()) == (item_id, "dark")
    assert shop_status(shop).styles == [StyleCount("dark", 3, 0, 0)]
    rollback(shop)
    assert found(shop, striped(BLUE, 0)) == ("blue", "dark")
    take_snapshot(shop, tmp_path / "shop.vitrine", progress=silent)
    restored = ShopFolder(tmp_path / "restored")
    restore_snapshot(tmp_path / "shop.vitrine", restored, progress=silent)
    assert styles_of(restored) == ["dark"]
    put(restored, "sun", jpeg(plain((250, 240, 20))))
    assert found(restored, striped((250, 240, 20), 0)) == ("sun", "dark")
    assert whole(restored)


def test_styles_are_added_while_a_migration_is_open(build, shop):
    build()
    name = migrate(shop, OtherColors(), progress=silent).generation
    add_styles(shop, ColorEncoder(), ["dark"])
    promote(shop, name)
    assert found(shop, striped(RED, 0), OtherColors()) == ("red", "dark")
    assert whole(shop)


def test_an_older_index_is_whole_after_a_rollback(build, shop):
    build()
    before = shop.current()
    add_styles(shop, ColorEncoder(), ["dark"])
    rollback(shop)
    assert shop.current() == before
    assert found(shop, striped(RED, 0)) == ("red", "dark")  # beside the index
    remove_styles(shop, ColorEncoder(), ["dark"])
    assert whole(shop)


def test_garbage_takes_the_pictures_of_a_removed_style_with_its_last_generation(build, shop):
    build(styles=["dark", "light"])
    remove_styles(shop, ColorEncoder(), ["dark"])
    assert pictures_of(shop, "dark") == 6  # three images and embeddings, for a rollback
    with open_job(shop, "test") as job:
        job.collect_garbage(keep=1)
    assert (pictures_of(shop, "dark"), pictures_of(shop, "light")) == (0, 6)
    assert pictures_of(shop, ORIGINAL) >= 6
    assert add_styles(shop, ColorEncoder(), ["dark"]).rendered.rendered == 3
    assert found(shop, striped(RED, 0)) == ("red", "dark")
    assert whole(shop)


def test_a_record_of_what_was_left_out_stays_as_long_as_its_image(build, shop):
    build({**COLORS, "stone": GRAY}, ["gray"])
    with Store(shop.store) as store:
        assert store.delete_unused() == 0
        delete_items(store, ["red"])
        assert store.delete_unused() > 0
        with store.read() as reader:
            assert reader.count("renditions") == 3


def test_a_store_of_an_earlier_version_has_no_styles(tmp_path):
    with Store(tmp_path / "s", create=True) as store:
        with store.read() as reader:
            assert indexed_styles(reader) == []
        with store.write() as writer:
            set_indexed_styles(writer, ["noir", "ink", "noir"])
        with store.read() as reader:
            assert indexed_styles(reader) == ["ink", "noir"]


EARLIER = ("meta", "items", "rows", "images", "originals", "embeddings", "changes")


def test_an_earlier_version_writes_to_a_shop_in_styles_without_harm(build, shop):
    build({"red": RED, "green": GREEN}, ["dark"])
    with Environment(shop.store, EARLIER) as environment, environment.write() as txn:
        writer = Writer(txn)  # which has no database of renditions
        record = writer.item("red")
        assert record is not None
        pictures = with_stored_images(record, [("red.png", None)])
        item = msgspec.structs.replace(record.item, title="New")
        assert merge_item(writer, FoundItem(item, pictures.images))
    assert set(rows_of(shop, "red")) == {ORIGINAL, "dark"}
    assert found(shop, striped(RED, 0)) == ("red", "dark")
    assert styles_of(shop) == ["dark"]
    assert whole(shop)


@pytest.mark.parametrize("path", SHOPS, ids=lambda path: path.name)
def test_styles_are_added_to_a_shop_of_an_earlier_format(tmp_path, path):
    shutil.copytree(path / "shop", tmp_path / "shop")
    shop = ShopFolder(tmp_path / "shop")
    done = add_styles(shop, ColorEncoder(), ["dark"], registry=StyleRegistry([Stripes()]))
    (count,) = done.styles
    assert done.published
    assert count.indexed > 10
    assert check_shop(shop, progress=silent).generations[-1] == done.generation


KILLS = """
import sys
from pathlib import Path
from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.store.transactions import Writer
from style.registry import StyleRegistry
from tests.killing import kill_at_each_step
from tests.stripes import Stripes

catalog, shops = map(Path, sys.argv[1:])


def work(shop):
    build_index(open_catalog(catalog), shop, ColorEncoder(), styles=["dark", "light"],
                registry=StyleRegistry([Stripes()]))


print(kill_at_each_step(
    [(Writer, "put_rendition"), (Writer, "put_row"), (ShopFolder, "add")],
    lambda number: ShopFolder(shops / str(number)), work,
))
"""


def test_a_build_in_styles_that_is_killed_anywhere_goes_on(tmp_path, registry, stripes):
    catalog = write_items(tmp_path / "catalog", COLORS)
    killed = run_kills(KILLS, catalog, tmp_path / "shops")
    assert killed >= 6 + 9 + 1
    for number in range(1, killed + 1):
        shop = ShopFolder(tmp_path / "shops" / str(number))
        build_index(open_catalog(catalog), shop, ColorEncoder(), styles=["dark", "light"])
        assert found(shop, striped(GREEN, 255)) == ("green", "light")
        assert whole(shop)


def test_what_was_rendered_before_a_kill_is_not_rendered_again(build, shop, stripes, monkeypatch):
    monkeypatch.setattr("indexer.writing.renditions._BATCH", 1)
    calls = []

    def die_at_the_third(self, pixels, style, strength, mask=None, seed=0):
        calls.append(style)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return pixels

    monkeypatch.setattr(Stripes, "apply", die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        build(styles=["dark"])
    build(styles=["dark"])
    assert len(calls) == 4  # two, the one that was interrupted, and that one again


def test_images_in_many_styles_are_rendered_in_small_batches():
    styles = ["a", "b", "c", "d"]
    missing = [(number, styles[: 1 + number % 4]) for number in range(6)]  # 1, 2, 3, 4, 1, 2
    batches = list(_by_renditions(missing, 4))
    assert [[image for image, _ in batch] for batch in batches] == [[0, 1, 2], [3], [4, 5]]
    assert list(_by_renditions([], 4)) == []
