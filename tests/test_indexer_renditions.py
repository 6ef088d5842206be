"""Styled pictures: rendered once, found by their style, and never out of step with their image."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from indexer.arrays import Pixels
from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.errors import Conflict, UnknownItem
from indexer.items import ORIGINAL, Item
from indexer.jobs.build import build_index
from indexer.jobs.job import open_job
from indexer.jobs.migrate import migrate
from indexer.jobs.migration_plan import plan_migration
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.promotion import promote, rollback
from indexer.shop.restore import restore_snapshot
from indexer.shop.snapshot import take_snapshot
from indexer.store.pictures import ImageStorage
from indexer.store.records import ItemRecord, PictureKey, Row
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput, delete_items, put_items
from search.engine import SearchEngine
from tests.coloritems import BLUE, GREEN, RED, write_items
from tests.conftest import jpeg, plain
from tests.migrations import other_is_known  # noqa: F401 - a fixture for every test
from tests.twomodels import NEW, OtherColors, silent

INVERTED = "inverted"
COLOR, OTHER = Model.of(ColorEncoder()).key, Model("other", NEW).key


class Invert:
    """Renders the negative of every picture, and counts how often it was asked to."""

    def __init__(self, *renditions: str) -> None:
        self.renditions = renditions or (INVERTED,)
        self.calls = 0

    def __call__(self, pixels: Pixels) -> dict[str, Pixels]:
        self.calls += 1
        return dict.fromkeys(self.renditions, 255 - pixels)


def negative(color: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = color
    return 255 - red, 255 - green, 255 - blue


@pytest.fixture
def shop(tmp_path) -> ShopFolder:
    return ShopFolder(tmp_path / "shop")


@pytest.fixture
def build(shop, tmp_path) -> Callable[..., None]:
    """Indexes a catalog of these items, rendered by ``render``."""

    def run(
        items: dict[str, tuple[int, int, int]],
        render: Invert | None = None,
        keep_images: ImageStorage | None = None,
    ) -> None:
        catalog = open_catalog(write_items(tmp_path / "catalog", items))
        build_index(catalog, shop, ColorEncoder(), render=render, keep_images=keep_images)

    return run


def found(shop: ShopFolder, color: tuple[int, int, int], encoder=None) -> tuple[str, str]:
    """The item that a photo of this color finds first, and by which of its renditions."""
    with SearchEngine.open(shop.path, encoder=encoder or ColorEncoder()) as engine:
        hit = engine.by_image(jpeg(plain(color)), k=1)[0]
        return hit.item_id, hit.variant


def thumbnail(shop: ShopFolder, item_id: str, rendition: str) -> list[int]:
    """The mean color of a picture as it is shown."""
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        shown = engine.thumbnail(item_id, 0, rendition)
    pixels = np.asarray(Image.open(io.BytesIO(shown)).convert("RGB"), dtype=np.float64)
    return [round(number) for number in pixels.mean(axis=(0, 1)).tolist()]


def record_of(shop: ShopFolder, item_id: str) -> ItemRecord:
    with Store(shop.store) as store, store.read() as reader:
        record = reader.item(item_id)
    assert record is not None
    return record


def rows_of(shop: ShopFolder, item_id: str) -> dict[str, int]:
    """The row of each rendition of an item's first image."""
    return record_of(shop, item_id).images[0].rows


def stored_by_picture(shop: ShopFolder) -> set[tuple[str, str]]:
    """What the store holds by picture, as (database, rendition)."""
    with Store(shop.store) as store, store.read() as reader:
        return {(database, picture.rendition) for database, _, picture in reader.picture_keys()}


def put(shop: ShopFolder, item_id: str, data: bytes, render: Invert | None = None, title="") -> str:
    def make(old: Item | None) -> Item:
        return Item(item_id=item_id, product_id=item_id, title=title)

    draft = Draft(item_id, make, [ImageInput(f"{item_id}.png", lambda: data)])
    with Store(shop.store) as store:
        return put_items(store, ColorEncoder(), [draft], render=render)[0].status


def clean(shop: ShopFolder) -> None:
    with open_job(shop, "test") as job:
        job.collect_garbage(keep=1)


def assert_whole(shop: ShopFolder) -> None:
    assert check_shop(shop, progress=silent).problems == []


def near(color: tuple[int, int, int]) -> object:
    return pytest.approx(color, abs=4)  # a JPEG is not exact


# One by one


def test_a_photo_in_a_style_finds_the_styled_picture_of_an_item(build, shop):
    build({"red": RED, "green": GREEN}, Invert())
    assert found(shop, RED) == ("red", ORIGINAL)
    assert found(shop, negative(RED)) == ("red", INVERTED)
    assert rows_of(shop, "red") == {ORIGINAL: 0, INVERTED: 1}
    assert_whole(shop)


def test_a_styled_picture_is_shown_as_it_was_rendered(build, shop):
    build({"red": RED}, Invert())
    assert thumbnail(shop, "red", ORIGINAL) == near(RED)
    assert thumbnail(shop, "red", INVERTED) == near(negative(RED))
    with pytest.raises(UnknownItem, match="renditions original, inverted, there is no 'sepia'"):
        thumbnail(shop, "red", "sepia")


def test_without_a_style_there_is_nothing_but_originals(build, shop):
    build({"red": RED})
    assert rows_of(shop, "red") == {ORIGINAL: 0}
    assert stored_by_picture(shop) == {("images", ORIGINAL), ("embeddings", ORIGINAL)}
    with Store(shop.store) as store, store.read() as reader:
        content = record_of(shop, "red").images[0].content
        assert [key for database, key, _ in reader.picture_keys() if database == "images"] == [
            content  # as in every earlier version
        ]


def test_a_known_image_is_not_rendered_again(build, shop):
    first, second = Invert(), Invert()
    build({"red": RED, "green": GREEN}, first)
    build({"red": RED, "green": GREEN, "blue": BLUE}, second)
    assert (first.calls, second.calls) == (2, 1)


def test_a_style_that_is_new_to_a_shop_leaves_the_rows_of_the_originals(build, shop):
    build({"red": RED, "green": GREEN})
    build({"red": RED, "green": GREEN}, Invert())
    assert rows_of(shop, "red") == {ORIGINAL: 0, INVERTED: 2}
    build({"red": RED, "green": GREEN}, Invert(INVERTED, "again"))
    assert rows_of(shop, "red") == {ORIGINAL: 0, INVERTED: 2, "again": 4}
    assert_whole(shop)


def test_an_image_that_is_indexed_again_without_the_style_keeps_its_rendition(build, shop):
    build({"red": RED}, Invert())
    build({"red": RED, "green": GREEN})
    assert rows_of(shop, "red") == {ORIGINAL: 0, INVERTED: 1}
    assert rows_of(shop, "green") == {ORIGINAL: 2}
    assert found(shop, negative(RED)) == ("red", INVERTED)


def test_a_live_write_is_rendered_and_found_beside_the_index(build, shop):
    build({"red": RED}, Invert())
    assert put(shop, "green", jpeg(plain(GREEN)), Invert()) == "created"
    assert found(shop, negative(GREEN)) == ("green", INVERTED)
    assert thumbnail(shop, "green", INVERTED) == near(negative(GREEN))
    assert put(shop, "green", jpeg(plain(GREEN)), Invert()) == "unchanged"
    assert put(shop, "green", jpeg(plain(GREEN))) == "unchanged"
    assert put(shop, "green", jpeg(plain(GREEN)), title="New") == "updated"
    assert set(rows_of(shop, "green")) == {ORIGINAL, INVERTED}
    assert_whole(shop)


def test_another_photo_of_an_item_takes_the_old_rendition_away(build, shop):
    build({"red": RED, "green": GREEN}, Invert())
    assert put(shop, "red", jpeg(plain(BLUE))) == "updated"
    assert rows_of(shop, "red") == {ORIGINAL: 4}
    assert found(shop, negative(RED)) != ("red", INVERTED)
    assert_whole(shop)


def test_a_rendition_has_no_file_so_its_copy_is_kept_where_only_paths_are(build, shop):
    build({"red": RED}, Invert(), keep_images="paths")
    assert stored_by_picture(shop) == {
        ("images", INVERTED),
        ("embeddings", ORIGINAL),
        ("embeddings", INVERTED),
    }
    assert thumbnail(shop, "red", INVERTED) == near(negative(RED))


def test_a_migration_embeds_renditions_from_their_stored_pictures(build, shop):
    build({"red": RED, "green": GREEN}, Invert())
    plan = plan_migration(shop, OtherColors())
    assert (plan.images, plan.sources) == (4, {"file": 2, "display": 2})
    done = migrate(shop, OtherColors(), progress=silent)
    assert (done.encoded, done.lost, done.sources) == (4, 0, {"file": 2, "display": 2})
    promote(shop, done.generation)
    assert found(shop, negative(GREEN), OtherColors()) == ("green", INVERTED)
    assert_whole(shop)


def test_a_write_during_a_migration_is_rendered_for_both_encoders(build, shop):
    build({"red": RED}, Invert())
    name = migrate(shop, OtherColors(), progress=silent).generation
    put(shop, "green", jpeg(plain(GREEN)), Invert())
    with Store(shop.store) as store, store.read() as reader:
        picture = PictureKey(record_of(shop, "green").images[0].content, INVERTED)
        assert reader.has_embedding(COLOR, picture)
        assert reader.has_embedding(OTHER, picture)
    promote(shop, name)
    assert found(shop, negative(GREEN), OtherColors()) == ("green", INVERTED)


def test_a_rendition_whose_picture_is_gone_is_named_and_left_out_of_a_migration(build, shop):
    build({"red": RED, "green": GREEN}, Invert())
    with Store(shop.store) as store, store.write() as writer:
        content = record_of(shop, "red").images[0].content
        writer.delete_keys([("images", content + INVERTED.encode())])
    (problem,) = check_shop(shop, progress=silent).problems
    assert problem.startswith("1 of 4 images have no picture any more")
    assert plan_migration(shop, OtherColors()).lost_names == ["red red.png"]
    done = migrate(shop, OtherColors(), progress=silent)
    assert (done.encoded, done.lost) == (3, 1)
    promote(shop, done.generation)
    assert found(shop, negative(RED), OtherColors())[0] == "green"
    with Store(shop.store) as store, store.read() as reader:
        assert reader.has_no_picture(OTHER, PictureKey(content, INVERTED))
        assert not reader.has_no_picture(OTHER, PictureKey(content))


def test_going_back_needs_the_renditions_that_the_older_model_lacks(build, shop):
    build({"red": RED})
    promote(shop, migrate(shop, OtherColors(), progress=silent).generation)
    with Store(shop.store) as store:  # by a service that has not heard of the older one
        store_only_by_other(store)
    with pytest.raises(Conflict, match="has not embedded 2 images"):
        rollback(shop)


def store_only_by_other(store: Store) -> None:
    with store.write() as writer:
        writer.put_meta("encoders", [["other", NEW]])
    item = Item(item_id="green", product_id="green")
    draft = Draft("green", lambda _: item, [ImageInput("green.png", lambda: jpeg(plain(GREEN)))])
    put_items(store, OtherColors(), [draft], render=Invert())


# Its whole life


def test_a_rendition_is_kept_through_its_life_and_gone_at_its_end(build, shop, tmp_path):
    build({"red": RED, "green": GREEN}, Invert())
    put(shop, "blue", jpeg(plain(BLUE)), Invert())
    assert found(shop, negative(BLUE)) == ("blue", INVERTED)

    promote(shop, migrate(shop, OtherColors(), progress=silent).generation)
    for color, item_id in ((RED, "red"), (GREEN, "green"), (BLUE, "blue")):
        assert found(shop, negative(color), OtherColors()) == (item_id, INVERTED)
    rollback(shop)
    rows = rows_of(shop, "blue")
    assert rebuild_index(shop, ColorEncoder()).rows == 6
    assert rows_of(shop, "blue") == rows
    assert found(shop, negative(BLUE)) == ("blue", INVERTED)

    take_snapshot(shop, tmp_path / "shop.vitrine", progress=silent)
    restored = ShopFolder(tmp_path / "restored")
    restore_snapshot(tmp_path / "shop.vitrine", restored, progress=silent)
    assert found(restored, negative(BLUE)) == ("blue", INVERTED)
    assert thumbnail(restored, "blue", INVERTED) == near(negative(BLUE))
    assert_whole(restored)

    with Store(restored.store) as store:
        delete_items(store, ["blue"])
    assert found(restored, negative(BLUE))[0] != "blue"
    content = record_of(shop, "blue").images[0].content
    for item_id in ("red", "green"):
        with Store(restored.store) as store:
            delete_items(store, [item_id])
        assert ("images", INVERTED) in stored_by_picture(restored)  # a generation has them
    put(restored, "white", jpeg(plain((250, 250, 250))))
    rebuild_index(restored, ColorEncoder())
    clean(restored)
    assert stored_by_picture(restored) == {("images", ORIGINAL), ("embeddings", ORIGINAL)}
    with Store(restored.store) as store, store.read() as reader:
        assert reader.image(PictureKey(content, INVERTED)) is None
        assert reader.count("rows") == 1
    assert_whole(restored)


def test_garbage_takes_a_rendition_that_no_row_has_and_leaves_its_original(tmp_path):
    content = b"c" * 16
    with Store(tmp_path / "s", create=True) as store:
        with store.write() as writer:
            writer.put_row(0, Row("a", 0, ORIGINAL, content))
            for rendition in (ORIGINAL, INVERTED):
                writer.put_image(PictureKey(content, rendition), b"jpeg")
                writer.put_embedding(COLOR, PictureKey(content, rendition), b"\0\0")
        assert store.delete_unused({content}) == 0  # a generation may have any rendition of it
        assert store.delete_unused() == 2
        with store.read() as reader:
            assert reader.image(PictureKey(content)) == b"jpeg"
            assert reader.image(PictureKey(content, INVERTED)) is None


def test_a_picture_key_names_the_original_unless_told_otherwise():
    assert PictureKey(b"c" * 16) == (b"c" * 16, "original")
