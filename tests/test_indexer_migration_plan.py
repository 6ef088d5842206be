"""What a migration will take: told before it starts, refused where the disk would not do."""

from __future__ import annotations

import shutil
from typing import NamedTuple

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import Conflict, StoreFull
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.jobs.migrate import migrate
from indexer.jobs.migration_plan import MigrationPlan, plan_migration
from indexer.shop.folder import ShopFolder
from indexer.store.records import PictureKey
from indexer.writing.reembed import Reembedding, missing_pictures
from indexer.writing.writes import Draft, ImageInput, put_items
from tests.commandline import assert_one_line, vitrine
from tests.conftest import jpeg, plain
from tests.migrations import Counting, folder, shop, store
from tests.twomodels import OtherColors, silent

__all__ = ["folder", "shop", "store", "vitrine"]  # fixtures


class Disk(NamedTuple):
    free: int


def full(monkeypatch, free: int) -> None:
    """A disk on which so many bytes are free."""
    monkeypatch.setattr("indexer.jobs.migration_plan.shutil.disk_usage", lambda _: Disk(free))


@pytest.fixture(autouse=True)
def known(monkeypatch) -> None:
    """``other`` is an encoder that the command line can load."""
    known = {"color": ColorEncoder, "other": OtherColors}
    load = lambda name, threads=None: known[name]()  # noqa: E731
    monkeypatch.setattr("indexer.encoders.registry.load_encoder", load)
    monkeypatch.setattr("os.nice", lambda by: by)


def plan(shop: ShopFolder, **options) -> MigrationPlan:
    return plan_migration(shop, OtherColors(), **options)


def grown(shop: ShopFolder) -> int:
    """How much a migration lets the shop grow: by what its files hold."""

    def size() -> int:
        return sum(path.stat().st_size for path in shop.path.rglob("*") if path.is_file())

    before = size()
    migrate(shop, OtherColors(), progress=silent)
    return size() - before


def test_a_plan_names_what_the_pictures_are_embedded_from_and_changes_nothing(shop, store, folder):
    (folder / "images" / "red-shoe-1.jpg").unlink()
    with store.read() as reader:
        before = reader.count("embeddings")
    found = plan(shop)
    assert (found.encoder, found.dim, found.images, found.known) == ("other", 112, 18, 0)
    assert found.sources == {"file": 17, "display": 1}
    assert (found.lost, found.embedding_only, found.lost_names) == (0, 0, [])
    assert found.images_per_second > 0
    assert found.fits
    with store.read() as reader:
        assert reader.count("embeddings") == before
    assert (shop.names(), migrate(shop, OtherColors(), progress=silent).sources) == (
        ["000001"],
        found.sources,
    )


def test_stored_originals_come_first(folder, tmp_path):
    shop = ShopFolder(tmp_path / "kept")
    source = open_catalog(folder / "catalog.csv")
    build_index(source, shop, ColorEncoder(), keep_images="originals")
    assert plan(shop).sources == {"original": 18}


def test_lost_pictures_are_counted_and_named_and_those_that_never_were_are_not(shop, store, folder):
    with store.write() as writer:
        for item_id in ("red-shoe", "blue-mug"):
            for image in writer.item(item_id).images:
                writer.delete_keys([("images", image.content)])
                (folder / image.path).unlink()
    make = lambda _: Item(item_id="bare", product_id="bare")  # noqa: E731
    put_items(store, ColorEncoder(), [Draft("bare", make, [ImageInput("x")], np.ones((1, 112)))])
    found = plan(shop)
    assert (found.images, found.embedding_only) == (19, 1)
    assert found.lost_names == [  # the second of the blue mug is the blue shoe's too
        "red-shoe images/red-shoe-1.jpg",
        "red-shoe images/red-shoe-2.jpg",
        "blue-mug images/blue-mug-1.jpg",
    ]
    assert found.lost == 3
    done = migrate(shop, OtherColors(), progress=silent)
    assert (done.encoded, done.lost) == (sum(found.sources.values()), 4)


def test_what_is_embedded_already_is_not_planned_again(shop, store):
    migrate(shop, OtherColors(), progress=silent)
    put_items(store, ColorEncoder(), [])
    found = plan(shop)
    assert (found.images, found.known, found.sources, found.seconds) == (18, 18, {}, 0)


def test_a_migration_that_rests_half_of_the_time_takes_twice_as_long(shop, monkeypatch):
    monkeypatch.setattr(Reembedding, "images_per_second", lambda *_: 2.0)
    assert plan(shop).seconds == 9.0
    assert plan(shop, share=0.5).seconds == 18.0


def test_the_encoder_is_tried_for_no_longer_than_it_is_given(shop, store, monkeypatch):
    """A clock that goes by 0.3 s at each look: two batches pass before a second is over."""
    clock = iter(0.3 * n for n in range(100))
    monkeypatch.setattr("indexer.writing.reembed.time.perf_counter", lambda: next(clock))
    encoder = Counting()
    with store.read() as reader:
        missing = missing_pictures(reader, encoder)
    rate = Reembedding(store, encoder).images_per_second(missing, 0.5)
    # The blank picture of the set-up, two pictures in 0.3 s, and the one for which 0.2 s do: one
    # alone is encoded twice.
    assert (encoder.seen, round(rate, 2)) == (1 + 2 + 2, round(3 / 0.6, 2))


@pytest.mark.slow
def test_the_disk_that_is_planned_is_about_what_a_migration_takes(tmp_path):
    """Of a hundred pictures, so that pages and heads of files do not decide."""
    from tests.coloritems import write_items

    items = {f"item-{n:03}": (n, 255 - n, (7 * n) % 256) for n in range(200)}
    shop = ShopFolder(tmp_path / "shop")
    build_index(open_catalog(write_items(tmp_path / "catalog", items)), shop, ColorEncoder())
    planned = plan(shop).disk_bytes
    took = grown(shop)
    assert 0.5 * took < planned < 2 * took


@pytest.mark.slow
def test_where_the_disk_would_not_do_nothing_is_begun(vitrine, shop, monkeypatch):
    full(monkeypatch, 5000)
    found = plan(shop)
    assert not found.fits
    with pytest.raises(StoreFull, match=r"takes about 0\.\d MB of disk, and 0\.0 MB are free"):
        found.check_room(shop)
    done = vitrine("migrate", "--encoder", "other", "--shop", shop.path, "--json")
    assert (done.code, done.out) == (1, "")
    assert "of 5.0 kB free, which is not enough" in done.err
    assert "vitrine gc --keep 1 --shop" in done.err.splitlines()[-1]
    assert shop.names() == ["000001"]
    full(monkeypatch, found.disk_bytes)
    assert vitrine("migrate", "--encoder", "other", "--shop", shop.path).code == 0


def test_a_shop_is_not_planned_for_what_it_serves(shop):
    with pytest.raises(Conflict, match="serves encoder 'color' already"):
        plan_migration(shop, ColorEncoder())


def test_the_plan_alone_is_printed_and_is_json_for_programs(vitrine, shop, folder, store):
    words = ("migrate", "--encoder", "other", "--shop", shop.path)
    done = vitrine(*words, "--plan")
    lines = dict(line.strip().split("  ", 1) for line in done.out.splitlines())
    assert lines["encoder"] == "other, 112 dimensions"
    assert lines["pictures"] == "18, of which 0 are embedded already"
    assert lines["to embed"] == "18 from the catalog's files"
    assert lines["time"].endswith("measured on some of them; then the index is built")
    assert " free" in lines["disk"]
    assert shop.names() == ["000001"]
    assert vitrine(*words, "--plan", "--json").json["sources"] == {"file": 18}
    shutil.rmtree(folder / "images")
    with store.write() as writer:
        image = writer.item("red-shoe").images[0]
        writer.delete_keys([("images", image.content)])
    told = vitrine(*words, "--plan").out
    assert "1 images that no longer have a picture, such as red-shoe images/red-shoe-1.jpg" in told


@pytest.mark.slow
def test_a_migration_prints_its_plan_first_and_tells_it_in_json_too(vitrine, shop):
    done = vitrine("migrate", "--encoder", "other", "--shop", shop.path, "--json")
    assert done.err.lstrip().startswith("encoder  other, 112 dimensions\n")
    assert (done.json["encoded"], done.json["plan"]["sources"]) == (18, {"file": 18})


def test_a_plan_goes_with_an_encoder(vitrine, shop):
    done = vitrine("migrate", "--stop", "--plan", "--shop", shop.path)
    assert (done.code, "--plan needs --encoder ID" in done.err) == (2, True)
    assert_one_line(
        vitrine("migrate", "--encoder", "color", "--plan", "--shop", shop.path), "serves"
    )


def test_pages_that_a_removal_left_are_used_before_the_disk(shop, store):
    before = store.spare_bytes()
    with store.write() as writer:
        for n in range(50):
            writer.put_image(PictureKey(bytes([n]) * 16), jpeg(plain((n, n, n), side=400)))
    with store.write() as writer:
        writer.delete_keys([("images", bytes([n]) * 16) for n in range(50)])
    assert store.spare_bytes() > before + 50 * 1500
