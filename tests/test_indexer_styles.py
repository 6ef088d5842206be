"""A shop in styles: rendered once, checked to be the same product, and kept through its life."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import msgspec
import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadQuery
from indexer.items import ORIGINAL, Item
from indexer.jobs.build import BuildReport, build_index
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
from indexer.store.records import PictureKey, RenditionRecord
from indexer.store.store import Store
from indexer.store.transactions import Writer
from indexer.writing.merge import FoundItem, merge_item, with_stored_images
from indexer.writing.renditions import Rendering
from indexer.writing.writes import Draft, ImageInput, delete_items, put_items
from search.engine import SearchEngine
from style.errors import UnknownStyle
from style.registry import StyleRegistry
from style.stylefolder import StyleFolder
from style.styler import Provenance, StyleInfo
from tests.conftest import jpeg, plain
from tests.killing import run_kills
from tests.test_golden import SHOPS
from tests.test_indexer_folder import BLUE, GREEN, RED, write_items
from tests.test_indexer_migrate import other_is_known  # noqa: F401 - a fixture for every test
from tests.test_indexer_promotion import OtherColors, silent

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


def pictures_of(shop: ShopFolder, rendition: str) -> int:
    """Count the pictures and embeddings of a rendition; the notes of renditions do not count."""
    with Store(shop.store) as store, store.read() as reader:
        return sum(
            picture.rendition == rendition and database != "renditions"
            for database, _, picture in reader.picture_keys()
        )


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


@contextmanager
def interrupted(name: str) -> Iterator[None]:
    """Interrupt the block, as Ctrl+C does, where it calls a function."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(name, Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            yield


def whole(shop: ShopFolder) -> bool:
    return check_shop(shop, progress=silent).problems == []


# Built, added, removed


def test_a_shop_indexed_in_styles_is_found_by_photos_in_these_styles(build, shop):
    done = build(styles=["dark", "light"])
    assert found(shop, jpeg(plain(RED))) == ("red", ORIGINAL)
    assert found(shop, striped(RED, 0)) == ("red", "dark")
    assert found(shop, striped(BLUE, 255)) == ("blue", "light")
    assert done.styles == [StyleCount("dark", 3, 0, 0), StyleCount("light", 3, 0, 0)]
    assert (done.rows, done.rendered.rendered) == (9, 6)
    assert whole(shop)


def test_no_product_is_shown_twice_because_of_its_renditions(build, shop):
    build(styles=["dark", "light"])
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        for photo in (jpeg(plain(RED)), striped(RED, 0), striped(GREEN, 255)):
            hits = engine.by_image(photo, k=10)
            assert sorted(hit.item_id for hit in hits) == ["blue", "green", "red"]


def test_a_shop_has_no_styles_unless_they_are_asked_for(build, shop, stripes):
    done = build()
    assert (done.rows, done.styles, stripes.calls) == (3, [], 0)
    assert styles_of(shop) == []


def test_a_later_build_keeps_the_styles_and_renders_only_what_is_new(build, shop, stripes):
    build({"red": RED, "green": GREEN}, ["dark"])
    assert stripes.calls == 2
    done = build({"red": RED, "green": GREEN, "blue": BLUE})
    assert (stripes.calls, done.rendered.rendered) == (3, 1)
    assert found(shop, striped(BLUE, 0)) == ("blue", "dark")
    assert not build({"red": RED, "green": GREEN, "blue": BLUE}).published
    assert stripes.calls == 3


def test_styles_are_added_to_a_shop_and_taken_away_again(build, shop, stripes):
    build()
    done = add_styles(shop, ColorEncoder(), ["dark"])
    assert (done.published, done.rendered.rendered, done.rows) == (True, 3, 6)
    assert found(shop, striped(RED, 0)) == ("red", "dark")
    assert add_styles(shop, ColorEncoder(), ["light"]).styles == [
        StyleCount("dark", 3, 0, 0),
        StyleCount("light", 3, 0, 0),
    ]
    assert stripes.calls == 6
    gone = remove_styles(shop, ColorEncoder(), ["dark"])
    assert (gone.rows, gone.styles, styles_of(shop)) == (
        6,
        [StyleCount("light", 3, 0, 0)],
        ["light"],
    )
    assert found(shop, striped(RED, 0))[1] != "dark"
    assert set(rows_of(shop, "red")) == {ORIGINAL, "light"}
    assert whole(shop)


def test_a_build_with_no_styles_takes_all_of_them_away(build, shop):
    build(styles=["dark", "light"])
    assert build(styles=[]).rows == 3
    assert set(rows_of(shop, "red")) == {ORIGINAL}


def test_a_removal_that_was_interrupted_is_finished_by_the_same_call(build, shop):
    build(styles=["dark", "light"])
    with interrupted("indexer.jobs.styles.restyle"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    assert set(rows_of(shop, "red")) == {ORIGINAL, "dark", "light"}
    assert remove_styles(shop, ColorEncoder(), ["dark"]).rows == 6
    assert set(rows_of(shop, "red")) == {ORIGINAL, "light"}
    with pytest.raises(BadQuery, match="has no style 'dark'"):
        remove_styles(shop, ColorEncoder(), ["dark"])


def test_a_removal_that_was_interrupted_before_it_published_is_finished(build, shop):
    build(styles=["dark"])
    with interrupted("indexer.jobs.styles.publish"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    done = remove_styles(shop, ColorEncoder(), ["dark"])
    assert (done.published, done.rows, done.styles) == (True, 3, [])


def test_a_rebuild_publishes_no_style_whose_removal_was_interrupted(build, shop):
    build(styles=["dark", "light"])
    with interrupted("indexer.jobs.styles.restyle"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    assert rebuild_index(shop, ColorEncoder()).rows == 6
    assert found(shop, striped(RED, 0))[1] != "dark"
    assert whole(shop)


def test_a_migration_takes_over_no_style_whose_removal_was_interrupted(build, shop):
    build(styles=["dark", "light"])
    with interrupted("indexer.jobs.styles.restyle"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    promote(shop, migrate(shop, OtherColors(), progress=silent).generation)
    assert set(rows_of(shop, "red")) == {ORIGINAL, "light"}
    assert found(shop, striped(RED, 0), OtherColors())[1] != "dark"
    assert shop_status(shop).styles == [StyleCount("light", 3, 0, 0)]
    assert whole(shop)


def test_an_unknown_style_is_refused_and_nothing_is_changed(build, shop, tmp_path):
    with pytest.raises(UnknownStyle, match="unknown style 'drak': did you mean 'dark'"):
        build(styles=["light", "drak"])
    assert not shop.path.exists()
    build(styles=["light"])
    before = shop.current(), styles_of(shop)
    with pytest.raises(UnknownStyle):
        add_styles(shop, ColorEncoder(), ["dark", "sepia"])
    with pytest.raises(BadQuery, match="has no style 'dark': it is indexed in light"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    assert (shop.current(), styles_of(shop)) == before


def test_a_style_whose_definition_changed_is_rendered_again(build, shop):
    build(styles=["dark", "light"])
    before = rows_of(shop, "red")
    later = Stripes(version=2)
    done = add_styles(shop, ColorEncoder(), ["dark"], registry=StyleRegistry([later]))
    assert (done.rendered.rendered, later.calls) == (6, 6)
    assert found(shop, striped(RED, 0, 0.2)) == ("red", "dark")
    after = rows_of(shop, "red")
    assert before[ORIGINAL] == after[ORIGINAL]
    assert after["dark"] > max(before.values())  # the old row is in the index before
    assert not add_styles(shop, ColorEncoder(), [], registry=StyleRegistry([later])).published
    assert whole(shop)


def test_a_style_that_is_not_known_here_keeps_its_pictures(build, shop):
    build(styles=["dark"])
    done = add_styles(shop, ColorEncoder(), [], registry=StyleRegistry([]))
    assert done.styles == [StyleCount("dark", 3, 0, 0)]
    assert found(shop, striped(RED, 0)) == ("red", "dark")


def test_a_damaged_file_of_an_own_style_is_named_with_what_is_wrong(tmp_path, shop, caplog):
    catalog = open_catalog(write_items(tmp_path / "catalog", COLORS))
    build_index(catalog, shop, ColorEncoder())
    StyleFolder(shop.styles).add_image("poster", np.full((8, 8, 3), RED, np.uint8))
    add_styles(shop, ColorEncoder(), ["poster"])
    (shop.styles / "poster.png").write_bytes(b"hello")
    done = add_styles(shop, ColorEncoder(), [])
    assert [style.name for style in done.styles] == ["poster"]
    assert "poster.png: not a style image as Vitrine writes it" in caplog.text


# The identity guard


def test_a_style_that_makes_every_picture_gray_is_left_out_of_the_index(build, shop):
    done = build({**COLORS, "stone": GRAY}, ["gray"])
    assert done.styles == [StyleCount("gray", 1, 0, 3)]  # the gray stone is itself in gray
    assert (done.rendered.rendered, done.rendered.left_out, done.rows) == (1, 3, 5)
    assert shop_status(shop).styles == done.styles
    assert set(rows_of(shop, "red")) == {ORIGINAL}
    assert found(shop, jpeg(plain(RED))) == ("red", ORIGINAL)
    assert whole(shop)


def test_what_was_left_out_is_not_rendered_again(build, stripes):
    build({**COLORS, "stone": GRAY}, ["gray"])
    assert stripes.calls == 3 * 3 + 1  # three strengths each
    build({**COLORS, "stone": GRAY, "sun": (250, 240, 20)})
    assert stripes.calls == 3 * 3 + 1 + 3


def test_a_rendition_is_weakened_until_its_product_is_the_nearest(build, shop, tmp_path, registry):
    class Fog(Stripes):
        """White at full strength, and half of the picture below that."""

        def apply(self, pixels, style, strength, mask=None, seed=0):
            styled = pixels.copy()
            styled[: len(pixels) if strength > 0.7 else len(pixels) // 4] = 255
            return styled

    done = build({**COLORS, "snow": (255, 255, 255)}, ["light"], StyleRegistry([Fog()]))
    assert done.styles == [StyleCount("light", 4, 3, 0)]
    assert note_of(shop, "red", "light") == RenditionRecord(
        done_digest(shop), pytest.approx(0.8 * 0.75), "weakened"
    )
    assert note_of(shop, "snow", "light").outcome == "full"


def done_digest(shop: ShopFolder) -> str:
    note = note_of(shop, "snow", "light")
    assert note is not None
    return note.digest


def test_two_products_with_one_photo_are_both_indexed_in_a_style(build, shop):
    done = build({"red": RED, "same": RED, "green": GREEN}, ["dark"])
    assert done.styles == [StyleCount("dark", 2, 0, 0)]
    assert set(rows_of(shop, "red")) == set(rows_of(shop, "same")) == {ORIGINAL, "dark"}


def test_a_live_write_is_checked_against_what_is_searched(build, shop):
    build({"stone": GRAY, "red": RED}, ["gray", "dark"])
    assert put(shop, "green", jpeg(plain(GREEN))) == "created"
    assert set(rows_of(shop, "green")) == {ORIGINAL, "dark"}
    note = note_of(shop, "green", "gray")
    assert note is not None
    assert note.outcome == "left_out"


# Live writes and the rest of a shop's life


def test_a_live_write_is_rendered_in_the_styles_of_its_shop(build, shop, stripes):
    build({"red": RED, "green": GREEN}, ["dark"])
    assert put(shop, "blue", jpeg(plain(BLUE))) == "created"
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
from tests.test_indexer_styles import Stripes

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
