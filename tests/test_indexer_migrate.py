"""Another model: embedded beside the serving one, resumable, and never behind what was written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.errors import Conflict, EncoderNotFound, StoreBusy
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.jobs.migrate import MigrationReport, StopReport, migrate, stop_migration
from indexer.jobs.rebuild import rebuild_index
from indexer.shop import write_encoders
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.joblock import job_lock
from indexer.shop.listing import generations
from indexer.shop.promotion import promote
from indexer.store.records import PictureKey
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.writing.writes import Draft, ImageInput, put_items
from search.engine import SearchEngine
from tests.coloritems import write_items
from tests.conftest import COLORS, jpeg, plain
from tests.migrations import (
    Counting,
    draft,
    folder,
    other_is_known,  # noqa: F401 - a fixture for every test
    shop,
    store,
)
from tests.twomodels import NEW, OtherColors, silent

__all__ = ["folder", "shop", "store"]  # fixtures


OTHER = Model("other", NEW).key


def run(shop: ShopFolder, encoder=None) -> MigrationReport:
    return migrate(shop, encoder or OtherColors(), progress=silent)


def embeddings(store: Store, encoder: bytes) -> dict[bytes, bytes]:
    with store.read() as reader:
        rows = [row for _, row in reader.rows()]
        return {
            row.content: reader.embeddings(encoder, [row.picture], 112).tobytes() for row in rows
        }


def first(shop: ShopFolder, color: str) -> str:
    with SearchEngine.open(shop.path, encoder=OtherColors()) as engine:
        pixels = np.full((96, 96, 3), COLORS[color], dtype=np.uint8)
        return engine.by_image(pixels)[0].item_id


@pytest.mark.slow
def test_a_migrated_shop_is_what_indexing_by_the_other_model_gives(shop, store, folder, tmp_path):
    done = run(shop)
    assert (done.encoded, done.reused, done.lost, done.sources) == (18, 0, 0, {"file": 18})
    fresh = ShopFolder(tmp_path / "fresh")
    build_index(open_catalog(folder / "catalog.csv"), fresh, OtherColors())
    theirs = Store(fresh.store)
    assert embeddings(store, OTHER) == embeddings(theirs, OTHER)
    theirs.close()
    manifest = shop.manifest(done.generation)
    assert (manifest.candidate, manifest.encoder, manifest.rows) == (True, "other", 24)
    assert shop.current() == "000001"


@pytest.mark.slow
def test_without_its_files_a_shop_is_migrated_from_the_copies(shop, folder):
    for path in (folder / "images").iterdir():
        path.unlink()
    done = run(shop)
    assert done.sources == {"display": 18}
    promote(shop, done.generation)
    for color in COLORS:
        assert first(shop, color).startswith(color)


@pytest.mark.slow
def test_a_file_that_has_changed_since_is_not_what_was_indexed(shop, folder):
    (folder / "images" / "red-shoe-1.jpg").write_bytes(jpeg(plain(COLORS["blue"])))
    assert run(shop).sources == {"file": 17, "display": 1}


@pytest.mark.slow
def test_stored_originals_are_used_first(folder, tmp_path):
    shop = ShopFolder(tmp_path / "kept")
    source = open_catalog(folder / "catalog.csv")
    build_index(source, shop, ColorEncoder(), keep_images="originals")
    store = Store(shop.store)
    with store.read() as reader:
        content = next(reader.items()).images[0].content
        data = (folder / next(reader.items()).images[0].path).read_bytes()
        assert reader.original(PictureKey(content)) == data
    store.close()
    assert run(shop).sources == {"original": 18}


@pytest.mark.slow
def test_where_only_paths_are_kept_images_are_shown_and_embedded_from_files(folder, tmp_path):
    shop = ShopFolder(tmp_path / "paths")
    source = open_catalog(folder / "catalog.csv")
    build_index(source, shop, ColorEncoder(), keep_images="paths")
    store = Store(shop.store)
    with store.read() as reader:
        assert (reader.count("images"), reader.count("originals")) == (0, 0)
    again = build_index(source, shop, ColorEncoder())
    assert (again.encoded, again.reused, again.published) == (0, 24, False)
    put_items(store, ColorEncoder(), [draft("new", jpeg(plain((1, 2, 3))))])
    with store.read() as reader:
        assert reader.count("images") == 1  # an upload has no file to go back to
    store.close()
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        assert engine.thumbnail("red-shoe")[:2] == b"\xff\xd8"
    assert run(shop).sources == {"file": 18, "display": 1}


@pytest.mark.slow
def test_images_without_a_picture_are_left_out_and_told(shop, store, folder):
    lost = (folder / "images" / "red-shoe-1.jpg", folder / "images" / "red-shoe-2.jpg")
    with store.write() as writer:
        record = writer.item("red-shoe")
        writer.delete_keys([("images", image.content) for image in record.images])
    pictures = [path.read_bytes() for path in lost]
    for path in lost:
        path.unlink()
    done = run(shop)
    assert (done.encoded, done.lost) == (16, 2)
    assert shop.manifest(done.generation).rows == 21  # one of the two is red-mug's as well
    promote(shop, done.generation)
    assert first(shop, "red") == "red-mug"
    with SearchEngine.open(shop.path, encoder=OtherColors()) as engine:
        assert engine.item("red-shoe").title == "Red shoe"
        assert "red-shoe" not in [hit.item_id for hit in engine.by_item("red-mug")]
    promote(shop, "000001")
    for path, data in zip(lost, pictures, strict=True):
        path.write_bytes(data)
    again = run(shop)
    assert (again.encoded, again.lost, shop.manifest(again.generation).rows) == (2, 0, 24)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory) -> Path:
    """A hundred items of a hundred colors."""
    items = {f"item-{n:03}": (n, 255 - n, (7 * n) % 256) for n in range(100)}
    folder = tmp_path_factory.mktemp("hundred")
    shop = ShopFolder(folder / "shop")
    build_index(open_catalog(write_items(folder / "catalog", items)), shop, ColorEncoder())
    return shop.path


@pytest.fixture
def many(hundred, tmp_path) -> ShopFolder:
    """A copy of ``hundred``."""
    shutil.copytree(hundred, tmp_path / "many")
    return ShopFolder(tmp_path / "many")


@pytest.mark.slow
def test_an_interrupted_migration_goes_on_where_it_stopped(many):
    encoder = Counting(batches=2)
    with pytest.raises(KeyboardInterrupt):
        run(many, encoder)
    assert (encoder.seen, many.names()) == (64, ["000001"])
    done = run(many)
    assert (done.encoded, done.reused) == (36, 64)


KILLED = """
import os, signal, sys
from indexer.shop.folder import ShopFolder
from indexer.jobs.migrate import migrate
from tests.migrations import Counting

class Deadly(Counting):
    def encode_images(self, pixels):
        if self.seen == 64:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_images(pixels)

migrate(ShopFolder(sys.argv[1]), Deadly(), progress=lambda *_: None)
"""


@pytest.mark.slow
def test_after_a_kill_no_image_that_is_on_disk_is_encoded_twice(many):
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", KILLED, many.path],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == -9
    resumed, again = run(many), run(many)
    assert (resumed.encoded, resumed.reused) == (36, 64)
    assert (again.encoded, again.reused) == (0, 100)


def test_what_is_written_while_the_candidate_waits_is_embedded_by_both(shop, store):
    done = run(shop)
    with store.read() as reader:
        assert write_encoders.read(reader) == [("color", "0" * 64), ("other", NEW)]
    put_items(store, ColorEncoder(), [draft("pink", jpeg(plain((255, 105, 180))))])
    with store.read() as reader:
        content = reader.item("pink").images[0].content
        assert reader.has_embedding(OTHER, PictureKey(content))
    promote(shop, done.generation)
    with SearchEngine.open(shop.path, encoder=OtherColors()) as engine:
        pixels = np.full((96, 96, 3), (255, 105, 180), dtype=np.uint8)
        assert engine.by_image(pixels, k=1)[0].item_id == "pink"


@pytest.mark.slow
def test_a_catalog_indexed_while_the_candidate_waits_is_embedded_by_both(shop, store, folder):
    done = run(shop)
    (folder / "images" / "new.jpg").write_bytes(jpeg(plain((255, 105, 180))))
    (folder / "more.jsonl").write_text('{"id": "pink", "image": "images/new.jpg"}')
    only_pink = open_catalog(folder / "more.jsonl")
    build_index(only_pink, shop, ColorEncoder(), targets=BuildTargets(accept=True))
    assert [one.state for one in generations(shop)] == ["current", "candidate", "kept"]
    promote(shop, done.generation)
    assert first(shop, "red") == "pink"


@pytest.mark.slow
def test_what_is_written_in_the_midst_of_a_migration_is_in_the_candidate(many):
    store = Store(many.store)

    class Slow(OtherColors):
        batches = 0

        def encode_images(self, pixels):
            Slow.batches += 1
            if Slow.batches == 2:
                writer = threading.Thread(
                    target=put_items,
                    args=(store, ColorEncoder(), [draft("late", jpeg(plain((255, 105, 180))))]),
                )
                writer.start()
                writer.join()
            return super().encode_images(pixels)

    done = run(many, Slow())
    store.close()
    assert many.manifest(done.generation).rows == 101


def test_a_writer_whose_companion_is_gone_writes_on_and_the_promotion_counts_it(
    shop, store, monkeypatch, caplog
):
    done = run(shop)

    def gone(model: Model):
        raise EncoderNotFound("the weights are gone")

    others = MigrationEncoders(store, ColorEncoder(), load=gone)
    outcomes = put_items(
        store,
        ColorEncoder(),
        [draft("pink", jpeg(plain((255, 105, 180))))],
        migration_encoders=others,
    )
    assert [one.status for one in outcomes] == ["created"]
    assert "not embedded by other any more: the weights are gone" in caplog.text
    with pytest.raises(Conflict, match="has not embedded 1 images"):
        promote(shop, done.generation)


def test_a_picture_that_is_swept_while_it_is_being_put_is_not_lost_to_the_other_model(
    shop, store, monkeypatch
):
    """A sweep between the embedding for the other model and the rows that need it."""
    done = run(shop)
    embed = MigrationEncoders.embed

    def swept_first(self, images) -> None:
        assert store.delete_unused() > 0
        embed(self, images)

    monkeypatch.setattr(MigrationEncoders, "embed", swept_first)
    put_items(store, ColorEncoder(), [draft("pink", jpeg(plain((255, 105, 180))))])
    with store.read() as reader:
        assert reader.has_embedding(OTHER, PictureKey(reader.item("pink").images[0].content))
    assert check_shop(shop, progress=silent).problems == []
    promote(shop, done.generation)
    assert first(shop, "red").startswith(("red", "pink"))


@pytest.mark.slow
def test_an_item_that_came_with_an_embedding_only_is_no_obstacle(shop, store):
    vector = np.ones((1, 112), dtype=np.float32)

    def make(old: Item | None) -> Item:
        return Item(item_id="bare", product_id="bare")

    put_items(store, ColorEncoder(), [Draft("bare", make, [ImageInput("x")], vector)])
    done = run(shop)
    assert (done.encoded, done.lost) == (18, 1)
    put_items(store, ColorEncoder(), [Draft("bare-2", make, [ImageInput("x")], 2 - vector * 0.5)])
    promote(shop, done.generation)
    assert first(shop, "red").startswith("red")


@pytest.mark.slow
def test_a_newer_candidate_of_the_same_model_takes_the_place_of_the_older(shop):
    assert [run(shop).generation, run(shop).generation] == ["000002", "000003"]
    assert shop.names() == ["000001", "000003"]


def test_a_migration_that_is_given_up_leaves_writes_to_the_serving_model(shop, store):
    class Failing(OtherColors):
        def encode_images(self, pixels):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(shop, Failing())
    with store.read() as reader:
        assert [name for name, _ in write_encoders.read(reader)] == ["color", "other"]
    assert stop_migration(shop) == StopReport(["other"], [])
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        engine.put([draft("late", jpeg(plain((9, 200, 120))))])
    with store.read() as reader:
        assert [name for name, _ in write_encoders.read(reader)] == ["color"]
        late = reader.item("late").images[0].content
        assert not reader.has_embedding(OTHER, PictureKey(late))
    with pytest.raises(Conflict, match=r"no migration of .* is under way"):
        stop_migration(shop)


@pytest.mark.slow
def test_a_candidate_goes_with_its_migration_and_a_running_one_is_not_stopped(shop, store):
    serving, name = shop.current(), run(shop).generation
    with job_lock(shop.path, "vitrine migrate"), pytest.raises(StoreBusy):
        stop_migration(shop)
    assert stop_migration(shop) == StopReport(["other"], [name])
    assert shop.names() == [serving]
    again = run(shop)
    assert (again.encoded, again.reused) == (0, len(embeddings(store, OTHER)))


def test_a_shop_is_not_migrated_to_what_it_serves(shop):
    with pytest.raises(Conflict, match="serves encoder 'color' already"):
        run(shop, ColorEncoder())


def test_a_second_job_is_told_who_holds_the_shop(shop):
    with job_lock(shop.path, "vitrine rebuild"):
        holder = rf"held by vitrine rebuild \(process {os.getpid()}\)"
        with pytest.raises(StoreBusy, match=holder):
            run(shop)


@pytest.mark.slow
def test_a_build_that_was_overtaken_by_a_promotion_does_not_undo_it(shop, store, monkeypatch):
    """The rebuild of the old model ends after another model was promoted: that one serves on."""
    done = run(shop)
    put_items(store, ColorEncoder(), [draft("pink", jpeg(plain((255, 105, 180))))])
    add = ShopFolder.add

    def overtaken(self, manifest, write):
        name = add(self, manifest, write)
        promote(shop, done.generation)
        return name

    monkeypatch.setattr(ShopFolder, "add", overtaken)
    with pytest.raises(Conflict, match="went from generation 000001 to 000002 while 000003 was"):
        rebuild_index(shop, ColorEncoder())
    assert shop.current() == done.generation


@pytest.mark.slow
def test_a_promotion_while_a_catalog_is_read_is_not_undone_when_the_build_ends(folder, shop, store):
    """Reading may take hours: what the operator said meanwhile is the later word."""
    done = run(shop)
    (folder / "pink.jpg").write_bytes(jpeg(plain((255, 105, 180))))
    with (folder / "catalog.csv").open("a", encoding="utf-8") as file:
        file.write(f"pink{',' * 9}pink.jpg\n")

    def promoted(stage: str, *_: int) -> None:
        if stage == "encode" and shop.current() != done.generation:
            promote(shop, done.generation)

    with pytest.raises(Conflict, match="went from generation 000001 to 000002 while 000003 was"):
        build_index(open_catalog(folder / "catalog.csv"), shop, ColorEncoder(), progress=promoted)
    assert shop.current() == done.generation
    with store.read() as reader:
        assert write_encoders.read(reader)[0] == ("other", NEW)
        assert reader.has_embedding(OTHER, PictureKey(reader.item("pink").images[0].content))
