"""Which generation serves: promoted, gone back to, dropped, and never with a row unembedded."""

from __future__ import annotations

import errno
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.errors import (
    Conflict,
    IndexCorrupt,
    IndexMismatch,
    IndexNotFound,
    StoreBusy,
    StoreFull,
)
from indexer.items import ORIGINAL
from indexer.jobs.migrate import fill, migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.shop import write_encoders
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.garbage import collect_garbage
from indexer.shop.joblock import job_lock
from indexer.shop.listing import generations
from indexer.shop.promotion import drop, promote, rollback
from indexer.shop.shelf import Shelf
from indexer.store.records import Row
from indexer.store.store import Store
from indexer.writing.writes import put_items
from search.engine import SearchEngine
from tests.coloritems import BLUE, GREEN, RED
from tests.killing import run_kills
from tests.twomodels import NEW, OtherColors, build, draft, silent


@pytest.fixture(scope="module")
def built_twice(tmp_path_factory) -> Path:
    """Two generations: red alone, then red and green."""
    folder = tmp_path_factory.mktemp("built-twice")
    shop = ShopFolder(folder / "shop")
    build(shop, folder / "catalog", {"red": RED})
    build(shop, folder / "catalog", {"red": RED, "green": GREEN})
    return shop.path


@pytest.fixture
def shop(built_twice, tmp_path) -> ShopFolder:
    """A copy of ``built_twice``."""
    shutil.copytree(built_twice, tmp_path / "shop")
    return ShopFolder(tmp_path / "shop")


def states(shop: ShopFolder) -> dict[str, str]:
    return {one.name: one.state for one in generations(shop)}


def finds(shop: ShopFolder, encoder, color) -> list[str]:
    with SearchEngine.open(shop.path, encoder=encoder) as engine:
        pixels = np.full((8, 8, 3), color, dtype=np.uint8)
        return [hit.item_id for hit in engine.by_image(pixels)]


def test_generations_are_listed_newest_first_with_what_they_are(shop):
    newest, oldest = generations(shop)
    assert (newest.name, newest.state, newest.items, newest.served) == (
        "000002",
        "current",
        2,
        True,
    )
    assert (oldest.name, oldest.state, oldest.items, oldest.encoder) == (
        "000001",
        "kept",
        1,
        "color",
    )
    folder = shop.generations / "000002"
    assert newest.bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_a_damaged_generation_is_listed_as_such_and_says_why(shop):
    vectors = shop.generations / "000001" / "vectors.faiss"
    data = vectors.read_bytes()
    vectors.write_bytes(data[:-1])
    (shop.generations / "000002" / "manifest.json").write_text("{}")
    newest, oldest = generations(shop)
    assert (newest.state, oldest.state) == ("damaged", "damaged")
    assert "manifest.json" in newest.problem
    assert "vectors.faiss" in oldest.problem
    vectors.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert generations(shop)[1].state == "kept"  # sizes agree
    assert generations(shop, thorough=True)[1].state == "damaged"


def test_after_a_rollback_the_rows_written_since_are_found(shop):
    assert rollback(shop) == "000001"
    assert shop.current() == "000001"
    assert finds(shop, ColorEncoder(), GREEN) == ["green", "red"]
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        assert engine.generation == "000001"


def test_after_a_rollback_what_was_deleted_since_is_not_found(shop, tmp_path):
    build(shop, tmp_path / "catalog", {"green": GREEN})
    rollback(shop, "000001")
    assert finds(shop, ColorEncoder(), RED) == ["green"]


def test_each_rollback_goes_one_further_back_and_the_last_says_so(shop, tmp_path):
    build(shop, tmp_path / "catalog", {"red": RED, "green": GREEN, "blue": BLUE})
    assert [rollback(shop), rollback(shop)] == ["000002", "000001"]
    with pytest.raises(Conflict, match="no generation to go back to: none has served before"):
        rollback(shop)
    assert shop.current() == "000001"


def test_a_rollback_passes_over_what_is_damaged(shop, tmp_path):
    build(shop, tmp_path / "catalog", {"blue": BLUE})
    (shop.generations / "000002" / "rows.npy").write_bytes(b"")
    assert rollback(shop) == "000001"


def test_a_damaged_generation_is_neither_promoted_nor_gone_back_to(shop):
    (shop.generations / "000001" / "rows.npy").write_bytes(b"")
    for attempt in (lambda: promote(shop, "000001"), lambda: rollback(shop, "000001")):
        with pytest.raises(IndexCorrupt, match=r"rows\.npy has 0 bytes"):
            attempt()
    with pytest.raises(Conflict, match=r"go back to: .*rows\.npy has 0 bytes"):
        rollback(shop)
    with pytest.raises(IndexNotFound, match="no generation 000009"):
        promote(shop, "000009")
    assert shop.current() == "000002"


def test_a_promotion_goes_forward_again_after_a_rollback(shop):
    rollback(shop)
    promote(shop, "000002")
    assert shop.served() == ["000002", "000001"]


def test_a_build_after_a_rollback_is_newer_than_all(shop, tmp_path):
    rollback(shop)
    assert build(shop, tmp_path / "catalog", {"blue": BLUE}) == "000003"
    assert shop.current() == "000003"


def test_the_serving_generation_is_not_dropped_nor_one_that_is_read(shop):
    with pytest.raises(Conflict, match=r"000002 of .* serves; promote another one first"):
        drop(shop, "000002")
    with shop.hold("000001"), pytest.raises(StoreBusy, match=r"000001 of .* is being read"):
        drop(shop, "000001")
    drop(shop, "000001")
    assert shop.names() == ["000002"]
    with pytest.raises(IndexNotFound, match="no generation 000001"):
        drop(shop, "000001")


def test_a_candidate_of_another_model_serves_once_it_is_promoted(shop):
    done = migrate(shop, OtherColors(), progress=silent)
    assert (done.generation, done.encoded, done.reused) == ("000003", 2, 0)
    assert states(shop) == {"000003": "candidate", "000002": "current", "000001": "kept"}
    assert finds(shop, ColorEncoder(), RED) == ["red", "green"]
    promote(shop, "000003")
    assert states(shop)["000003"] == "current"
    assert finds(shop, OtherColors(), RED) == ["red", "green"]
    with pytest.raises(IndexMismatch, match="encoder 'other', not 'color'"):
        SearchEngine.open(shop.path, encoder=ColorEncoder())


def test_a_generation_whose_model_has_not_embedded_every_row_does_not_serve(shop, tmp_path):
    migrate(shop, OtherColors(), progress=silent)
    promote(shop, "000003")
    everything = {"red": RED, "green": GREEN, "blue": BLUE}
    assert build(shop, tmp_path / "catalog", everything, OtherColors()) == "000004"
    with pytest.raises(
        Conflict,
        match=r"'color', which has not embedded 1 images .* --fill .*vitrine migrate --shop .* "
        r"--encoder color'",
    ):
        rollback(shop, "000002")
    assert shop.current() == "000004"
    filled = []

    def bring_in(manifest) -> None:
        filled.append(fill(shop, ColorEncoder(), progress=silent))

    rollback(shop, "000002", fill=bring_in)
    assert [one.encoded for one in filled] == [1]
    assert finds(shop, ColorEncoder(), BLUE)[0] == "blue"


def test_a_promotion_counts_rows_that_came_while_it_looked(shop, tmp_path, monkeypatch):
    """A row that is written between the look at the store and the move of CURRENT is seen."""
    migrate(shop, OtherColors(), progress=silent)
    key = Model("other", NEW).key
    store = Store(shop.store)

    def late(manifest) -> None:
        """After ``fill`` another writer, who knows of no migration, adds a row."""
        with store.write() as writer:
            (_, row) = next(writer.rows())
            writer.put_row(writer.new_rows(1)[0], Row(row.item_id, 0, ORIGINAL, b"x" * 16))

    with store.write() as writer:
        writer.delete_keys(writer.embedding_keys(key, 1))
    with pytest.raises(Conflict, match="has not embedded"):
        promote(shop, "000003", fill=late)
    store.close()
    assert shop.current() == "000002"


def test_what_is_promoted_at_that_moment_is_not_collected(shop, tmp_path):
    migrate(shop, OtherColors(), progress=silent)
    store = Store(shop.store)
    with shop.hold("000001"):  # as promote does
        assert collect_garbage(Shelf.read(shop), store, keep=1).generations == []
    assert collect_garbage(Shelf.read(shop), store, keep=1).generations == ["000001"]
    store.close()


def embedded_by(shop: ShopFolder) -> set[bytes]:
    store = Store(shop.store)
    with store.read() as reader:
        found = set(reader.embedding_encoders())
    store.close()
    return found


def collect(shop: ShopFolder, keep: int | None = None):
    store = Store(shop.store)
    try:
        return collect_garbage(Shelf.read(shop), store, keep=keep)
    finally:
        store.close()


COLOR, OTHER = Model("color", "0" * 64).key, Model("other", NEW).key


def test_embeddings_of_a_model_go_when_its_last_generation_has_gone(shop, tmp_path):
    migrate(shop, OtherColors(), progress=silent)
    promote(shop, "000003")
    assert collect(shop, keep=3).embeddings == 0
    assert embedded_by(shop) == {COLOR, OTHER}
    done = collect(shop, keep=1)
    assert (done.generations, done.embeddings) == (["000001", "000002"], 2)
    assert embedded_by(shop) == {OTHER}
    assert finds(shop, OtherColors(), RED) == ["red", "green"]


@pytest.mark.parametrize("step", [promote, rollback, drop])
def test_a_name_of_no_generation_is_refused_with_the_command_that_lists_them(shop, step):
    with pytest.raises(IndexNotFound, match="no generation 000009; 'vitrine generations --shop"):
        step(shop, "000009")


def test_what_cannot_be_removed_is_not_said_to_be_in_use(shop, monkeypatch):
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "rename", read_only)
    with pytest.raises(StoreFull, match=r"000001 of .* cannot be removed; is it read-only"):
        drop(shop, "000001")


def test_a_dropped_candidate_takes_its_embeddings_and_ends_the_migration(shop):
    migrate(shop, OtherColors(), progress=silent)
    assert collect(shop).embeddings == 0
    drop(shop, "000003")
    store = Store(shop.store)
    with store.read() as reader:
        assert write_encoders.read(reader) == [("color", "0" * 64)]
    store.close()
    assert collect(shop).embeddings == 2
    assert embedded_by(shop) == {COLOR}


def test_a_rollback_within_one_model_leaves_a_migration_open(shop):
    migrate(shop, OtherColors(), progress=silent)
    rollback(shop)
    promote(shop, "000002")
    store = Store(shop.store)
    with store.read() as reader:
        assert write_encoders.read(reader) == [("color", "0" * 64), ("other", NEW)]
    promote(shop, "000003")
    with store.read() as reader:
        assert write_encoders.read(reader) == [("other", NEW)]
    store.close()


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_embeddings_of_a_migration_under_way_are_not_garbage(shop, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("indexer.jobs.migrate.publish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            migrate(shop, OtherColors(), progress=silent)
    assert collect(shop, keep=1).embeddings == 0
    assert embedded_by(shop) == {COLOR, OTHER}


def test_how_many_to_keep_is_remembered_for_the_next_build(shop, tmp_path):
    collect(shop, keep=1)
    assert shop.names() == ["000002"]
    build(shop, tmp_path / "catalog", {"blue": BLUE})
    assert shop.names() == ["000003"]


def test_where_a_manifest_cannot_be_read_no_embeddings_are_dropped(shop):
    migrate(shop, OtherColors(), progress=silent)
    drop(shop, "000003")
    (shop.generations / "000001" / "manifest.json").write_text("{}")
    assert collect(shop).embeddings == 0
    assert embedded_by(shop) == {COLOR, OTHER}


def test_on_a_full_disk_nothing_moves_and_nothing_is_left_behind(shop, monkeypatch):
    migrate(shop, OtherColors(), progress=silent)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("indexer.shop.folder.sync", full)
        for attempt in (lambda: promote(shop, "000003"), lambda: rollback(shop)):
            with pytest.raises(StoreFull, match="No space left on device"):
                attempt()
    assert shop.served() == ["000002", "000001"]
    assert not list(shop.path.glob(".*"))
    store = Store(shop.store)
    with store.read() as reader:  # the migration is as open as it was
        assert write_encoders.read(reader) == [("color", "0" * 64), ("other", NEW)]
    store.close()
    promote(shop, "000003")


def test_two_promotions_at_once_leave_one_of_them_current(shop):
    errors = []

    def go(name: str) -> None:
        try:
            for _ in range(20):
                promote(shop, name)
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=go, args=(name,)) for name in ("000001", "000002")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert set(shop.served()) == {"000001", "000002"}


def test_a_rollback_does_not_wait_for_a_long_job(shop):
    with job_lock(shop.path, "vitrine rebuild"):
        assert rollback(shop) == "000001"


KILLS = """
import os, shutil, sys
from pathlib import Path
from indexer.encoders.color import ColorEncoder
from indexer.shop.folder import ShopFolder
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.promotion import rollback
from tests.killing import kill_at_each_step

template, folder = map(Path, sys.argv[1:])

def work(shop):
    rebuild_index(shop, ColorEncoder())
    rollback(shop)

print(kill_at_each_step(
    [(os, "fsync"), (shutil, "rmtree"), (Path, "rename"), (Path, "replace")],
    lambda step: ShopFolder(shutil.copytree(template, folder / str(step))),
    work,
))
"""


@pytest.mark.slow
def test_a_kill_at_any_step_of_a_publication_or_a_rollback_leaves_a_whole_shop(shop, tmp_path):
    store = Store(shop.store)
    put_items(store, ColorEncoder(), [draft("blue", BLUE)])
    store.close()
    (tmp_path / "killed").mkdir()
    killed = run_kills(KILLS, shop.path, tmp_path / "killed")
    assert killed >= 10  # files and folders synced, renames, what a collection removes
    seen = set()
    for step in range(1, killed + 1):
        left = ShopFolder(tmp_path / "killed" / str(step))
        seen.add(left.current())
        assert check_shop(left, progress=silent).problems == []
        assert finds(left, ColorEncoder(), BLUE)[0] == "blue"
        assert build_again(left) == left.current()
        assert not list(left.path.rglob(".*"))
    assert seen == {"000002", "000003"}


def build_again(shop: ShopFolder) -> str:
    return rebuild_index(shop, ColorEncoder()).generation
