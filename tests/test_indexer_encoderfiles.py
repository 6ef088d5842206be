"""A shop of a file encoder: it works on when the file is gone, and notices one that was changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.encoders.registry import load_encoder
from indexer.errors import EncoderNotFound, IndexCorrupt, StoreFull
from indexer.jobs.build import build_index
from indexer.jobs.migrate import migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.shop import encoderfiles, write_encoders
from indexer.shop.checkup import check_shop
from indexer.shop.encoderfiles import copy_encoder_files, delete_encoder_files, open_encoder
from indexer.shop.folder import ShopFolder
from indexer.shop.garbage import collect_garbage
from indexer.shop.promotion import drop, promote, rollback
from indexer.shop.restore import restore_snapshot
from indexer.shop.shelf import Shelf
from indexer.shop.snapshot import take_snapshot
from indexer.store.records import PictureKey
from indexer.store.store import Store
from indexer.writing.writes import put_items
from search.engine import SearchEngine
from tests.commandline import assert_one_line, vitrine
from tests.conftest import jpeg, plain
from tests.encoderfiles import answers, built, files, shop, spoil, write_encoder
from tests.generationwatch import until
from tests.killing import run_kills
from tests.migrations import draft
from tests.test_indexer_snapshot import forged
from tests.twomodels import silent

__all__ = ["built", "shop", "vitrine"]  # fixtures


def remove(path: Path) -> None:
    """The file of an encoder and its JSON."""
    path.unlink()
    path.with_suffix(".json").unlink()


@pytest.fixture
def original(built) -> Iterator[Path]:
    """The file of the encoder, where it was."""
    path, _ = built
    away = path.parent.with_name("away")
    shutil.copytree(away, path.parent)
    yield path
    shutil.rmtree(path.parent)


@pytest.fixture
def kept(shop) -> Path:
    """The shop's own copy of the file."""
    (path,) = shop.encoders.glob("*.onnx")
    return path


@pytest.fixture
def store(shop) -> Iterator[Store]:
    opened = Store(shop.store)
    yield opened
    opened.close()


def test_a_shop_keeps_its_encoder_by_the_hash_that_the_manifest_gives(shop, kept, built):
    manifest = shop.manifest(shop.current())
    assert manifest.encoder == f"onnx:{built[0]}"
    assert files(shop) == [f"{manifest.weights_hash}.json", f"{manifest.weights_hash}.onnx"]
    assert kept.read_bytes() == (built[0].parent.with_name("away") / "mine.onnx").read_bytes()


@pytest.mark.slow
def test_a_shop_whose_encoder_was_deleted_is_searched_written_to_and_built_again(
    vitrine, shop, tiny_catalog, tmp_path
):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(jpeg(plain((255, 105, 180))))
    (tmp_path / "more.csv").write_text("id,title,images\npink,Pink hat,photo.jpg\n")
    assert vitrine("put", tmp_path / "more.csv", "--shop", shop.path).code == 0
    found = vitrine("search", photo, "--shop", shop.path, "--json").json
    assert found["hits"][0]["item_id"] == "pink"
    assert vitrine("rebuild", "--shop", shop.path, "--json").json["published"]
    assert vitrine("check", "--shop", shop.path).code == 0
    again = vitrine("index", tiny_catalog, "--shop", shop.path, "--json").json
    assert (again["encoded"], again["removed"]) == (0, 1)
    assert len(files(shop)) == 2


def test_a_shop_whose_encoder_was_deleted_is_served(serve, shop, photo):
    http = serve(shop=shop.path)
    reply = http.post("/v1/search/image", files={"image": photo("red")}, data={"limit": 1})
    assert reply.json()["hits"][0]["item_id"].startswith("red")


def test_a_service_follows_a_promotion_to_an_encoder_whose_file_is_gone(
    serve, tiny_shop, photo, tmp_path
):
    shop = ShopFolder(tmp_path / "color")
    shutil.copytree(tiny_shop, shop.path)
    path = write_encoder(tmp_path / "from")
    http = serve(shop=shop.path, reload_interval_s=0.02)
    migrate(shop, load_encoder(f"onnx:{path}"), progress=silent)
    remove(path)
    promote(shop, "000002")
    http.run(until(http, "000002"))
    reply = http.post("/v1/search/image", files={"image": photo("red")}, data={"limit": 1}).json()
    # The file's folder is nobody's business over HTTP.
    assert (reply["encoder"], reply["generation"]) == (f"onnx:{path.name}", "000002")
    assert reply["hits"][0]["item_id"].startswith("red")


def test_a_restored_shop_gives_the_same_answers_without_the_original(vitrine, shop, tmp_path):
    expected = answers(shop.path)
    out, elsewhere = tmp_path / "s.vitrine", tmp_path / "elsewhere" / "shop"
    assert vitrine("snapshot", out, "--shop", shop.path).code == 0
    shutil.rmtree(shop.path)
    done = vitrine("restore", out, "--shop", elsewhere)
    assert (done.code, "needs its encoder" in done.err) == (0, False)
    assert answers(elsewhere) == expected
    assert vitrine("check", "--shop", elsewhere).code == 0


def test_a_changed_copy_is_refused_before_it_runs_and_nothing_is_lost(vitrine, shop, kept):
    expected = answers(shop.path)
    data = spoil(kept)
    done = vitrine("search", "--item", "red-shoe", "--shop", shop.path)
    assert_one_line(done, f"{kept} was changed", "mine.onnx: No such file", "put the file back")
    (problem,) = vitrine("check", "--shop", shop.path, "--json").json["problems"]
    assert f"{kept} was changed: its SHA-256 is " in problem
    assert_one_line(vitrine("snapshot", kept.parent / "s", "--shop", shop.path), "was changed")
    kept.write_bytes(data)
    assert answers(shop.path) == expected


def test_a_changed_side_file_is_a_changed_encoder(shop, kept):
    side = kept.with_suffix(".json")
    side.write_text(side.read_text().replace('"nhwc"', '"nchw"'))
    with pytest.raises(EncoderNotFound, match="was changed: its SHA-256 is"):
        SearchEngine.open(shop.path)
    side.unlink()
    with pytest.raises(EncoderNotFound, match=r"cannot read encoder weights .*\.json"):
        SearchEngine.open(shop.path)


def test_where_the_copy_was_changed_the_original_serves_and_the_next_build_mends_it(
    shop, kept, original, caplog
):
    data = spoil(kept)
    expected = f"using {original}, which is unchanged"
    assert answers(shop.path)["red"][0][0].startswith("red")
    assert expected in caplog.text
    assert "was changed" in check_shop(shop, progress=silent).problems[0]
    rebuild_index(shop, load_encoder(f"onnx:{original}"))
    assert kept.read_bytes() == data
    assert check_shop(shop, progress=silent).problems == []


def test_a_shop_that_keeps_no_copy_yet_uses_the_original_and_a_build_keeps_one(
    shop, original, tmp_path
):
    shutil.rmtree(shop.encoders)
    expected = answers(shop.path)
    take_snapshot(shop, tmp_path / "s.vitrine", progress=silent)
    elsewhere = ShopFolder(tmp_path / "elsewhere")
    restore_snapshot(tmp_path / "s.vitrine", elsewhere, progress=silent)
    rebuild_index(shop, load_encoder(f"onnx:{original}"))
    remove(original)
    assert answers(shop.path) == answers(elsewhere.path) == expected


def test_another_file_in_the_place_of_the_original_is_not_taken_for_it(shop, original):
    shutil.rmtree(shop.encoders)
    write_encoder(original.parent, seed=2)
    with pytest.raises(EncoderNotFound, match=r"mine\.onnx was changed: its SHA-256 is"):
        SearchEngine.open(shop.path)


def test_weights_trained_over_the_same_file_are_kept_beside_those_before(
    shop, store, original, tiny_catalog
):
    expected = answers(shop.path)
    write_encoder(original.parent, seed=2)
    build_index(open_catalog(tiny_catalog), shop, load_encoder(f"onnx:{original}"))
    assert len(files(shop)) == 4
    assert answers(shop.path) != expected
    rollback(shop)
    assert answers(shop.path) == expected
    promote(shop, "000002")
    remove(original)
    assert collect_garbage(Shelf.read(shop), store, keep=1).encoder_files == 2
    assert answers(shop.path) != expected
    newest = shop.manifest("000002")
    with store.read() as reader:
        assert write_encoders.read(reader) == [(newest.encoder, newest.weights_hash)]


def test_writes_are_no_longer_embedded_by_weights_that_were_trained_over(
    shop, store, original, tiny_catalog
):
    before = shop.manifest(shop.current())
    promote(shop, shop.current())  # now the store names its encoder
    write_encoder(original.parent, seed=2)
    build_index(open_catalog(tiny_catalog), shop, load_encoder(f"onnx:{original}"))
    with store.read() as reader:
        ((encoder_id, weights_hash),) = write_encoders.read(reader)
    assert encoder_id == before.encoder
    assert weights_hash == shop.manifest(shop.current()).weights_hash != before.weights_hash


def test_copies_go_with_the_last_generation_of_their_model_and_not_before(shop, store):
    (shop.encoders / "notes.txt").write_text("not ours")
    (shop.encoders / ".4711.onnx").write_bytes(b"of a job that was killed")
    migrate(shop, ColorEncoder(), progress=silent)
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 1
    promote(shop, "000002")
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 0  # one may roll back to it
    drop(shop, "000001")
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 2
    assert files(shop) == ["notes.txt"]


def test_copies_of_a_migration_under_way_stay_and_those_of_a_dropped_one_go(
    tiny_shop, tmp_path, monkeypatch
):
    shop = ShopFolder(tmp_path / "color")
    shutil.copytree(tiny_shop, shop.path)
    store = Store(shop.store)
    path = write_encoder(tmp_path / "from")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("indexer.jobs.migrate.publish", killed)
        with pytest.raises(KeyboardInterrupt):
            migrate(shop, load_encoder(f"onnx:{path}"), progress=silent)
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 0
    done = migrate(shop, load_encoder(f"onnx:{path}"), progress=silent)
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 0
    drop(shop, done.generation)
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 2
    store.close()


def test_where_a_manifest_cannot_be_read_no_copy_is_removed(shop, store):
    migrate(shop, ColorEncoder(), progress=silent)
    (shop.generations / "000002" / "manifest.json").write_text("{}")
    collect_garbage(Shelf.read(shop), store)
    assert len(files(shop)) == 2


def test_a_snapshot_amid_a_migration_holds_both_encoders(tiny_shop, tmp_path):
    shop = ShopFolder(tmp_path / "color")
    shutil.copytree(tiny_shop, shop.path)
    path = write_encoder(tmp_path / "from")
    migrate(shop, load_encoder(f"onnx:{path}"), progress=silent)
    remove(path)
    take_snapshot(shop, tmp_path / "s.vitrine", progress=silent)
    restored = ShopFolder(tmp_path / "restored")
    assert len(restore_snapshot(tmp_path / "s.vitrine", restored, progress=silent).encoders) == 1
    store = Store(restored.store)
    put_items(store, ColorEncoder(), [draft("pink", jpeg(plain((255, 105, 180))))])
    with store.read() as reader:
        (other,) = (one for one in write_encoders.read(reader) if one[0] != "color")
        content = reader.item("pink").images[0].content
        assert reader.has_embedding(other.key, PictureKey(content))
    store.close()
    remove(next(shop.encoders.glob("*.onnx")))  # a companion that is gone stops no snapshot
    assert take_snapshot(shop, tmp_path / "t.vitrine", progress=silent).encoders == []


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_snapshot_whose_encoder_was_changed_is_refused(shop, kept, tmp_path, suffix):
    take_snapshot(shop, tmp_path / "s.vitrine", progress=silent)
    name = f"encoders/{kept.stem}{suffix}"
    path = forged(tmp_path / "s.vitrine", tmp_path / "f", lambda e: {**e, name: e[name] + b" "})
    with pytest.raises(IndexCorrupt, match=r"encoder file .* was changed: its SHA-256 is"):
        restore_snapshot(path, ShopFolder(tmp_path / "restored"), progress=silent)
    assert not (tmp_path / "restored").exists()


def test_a_snapshot_that_names_an_encoder_by_a_path_is_refused(shop, kept, tmp_path):
    take_snapshot(shop, tmp_path / "s.vitrine", progress=silent)

    def change(entries: dict[str, bytes]) -> dict[str, bytes]:
        about = entries["snapshot.json"].replace(kept.stem.encode(), b"../../evil")
        return {**entries, "snapshot.json": about}

    path = forged(tmp_path / "s.vitrine", tmp_path / "f", change)
    with pytest.raises(IndexCorrupt, match="names encoders, but not by hashes"):
        restore_snapshot(path, ShopFolder(tmp_path / "restored"), progress=silent)


def test_averaged_views_find_the_same_copy(shop, original, tmp_path):
    for views in ("", "+flip", "+flip+center"):
        encoder = load_encoder(f"onnx:{original}{views}")
        copy_encoder_files(shop, encoder)
        opened = open_encoder(shop, Model.of(encoder))
        assert (opened.id, opened.weights_hash) == (encoder.id, encoder.weights_hash)
    assert len(files(shop)) == 2


def test_encoders_without_files_are_not_kept_and_load_by_their_id(tiny_shop):
    manifest = ShopFolder(tiny_shop).manifest("000001")
    assert not ShopFolder(tiny_shop).encoders.exists()
    assert isinstance(open_encoder(ShopFolder(tiny_shop), manifest.model), ColorEncoder)


def test_a_file_that_changes_between_loading_and_keeping_is_refused(shop, original):
    encoder = load_encoder(f"onnx:{original}")
    before = files(shop)
    for path in shop.encoders.iterdir():
        path.unlink()
    write_encoder(original.parent, seed=2)
    with pytest.raises(EncoderNotFound, match="was changed while it was in use"):
        copy_encoder_files(shop, encoder)
    assert files(shop) == []
    write_encoder(original.parent)
    copy_encoder_files(shop, encoder)
    assert files(shop) == before


def test_on_a_full_disk_no_half_of_a_copy_is_left(shop, original, monkeypatch):
    encoder = load_encoder(f"onnx:{original}")
    before = {path: path.read_bytes() for path in shop.encoders.iterdir()}
    shutil.rmtree(shop.encoders)
    sync = encoderfiles.sync

    def full(path: Path) -> None:
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        sync(path)

    with monkeypatch.context() as patch:
        patch.setattr(encoderfiles, "sync", full)
        with pytest.raises(StoreFull, match=r"cannot copy .*No space left"):
            copy_encoder_files(shop, encoder)
    assert files(shop) == []
    copy_encoder_files(shop, encoder)
    assert {path: path.read_bytes() for path in shop.encoders.iterdir()} == before


KEEP = """
import os, shutil, sys
from pathlib import Path
from types import SimpleNamespace
from indexer.shop.encoderfiles import copy_encoder_files
from indexer.shop.folder import ShopFolder
from tests.killing import kill_at_each_step

encoder = SimpleNamespace(id=sys.argv[1], weights_hash=sys.argv[2])
template, folder = map(Path, sys.argv[3:])
print(kill_at_each_step(
    [(os, "fsync"), (Path, "replace"), (shutil, "copyfile")],
    lambda step: ShopFolder(shutil.copytree(template, folder / str(step))),
    lambda shop: copy_encoder_files(shop, encoder),
))
"""


@pytest.mark.slow
def test_a_kill_at_any_step_of_keeping_leaves_a_whole_copy_or_none(shop, kept, original, tmp_path):
    manifest = shop.manifest(shop.current())
    data = spoil(kept)  # what was changed is mended by the same steps
    (tmp_path / "steps").mkdir()
    steps = tmp_path / "steps"
    killed = run_kills(KEEP, manifest.encoder, manifest.weights_hash, shop.path, steps)
    assert killed == 8  # two copies, each synced and renamed, and two folders synced
    for path in (tmp_path / "steps").iterdir():
        torn = ShopFolder(path)
        copy = torn.encoders / kept.name
        assert copy.read_bytes() in (data, kept.read_bytes())
        assert open_encoder(torn, manifest.model).dim == 12
        copy_encoder_files(torn, load_encoder(manifest.encoder))
        assert copy.read_bytes() == data
        delete_encoder_files(torn, [manifest.model])
        assert files(torn) == files(shop)


def test_an_encoder_with_weights_outside_its_file_is_refused(shop, tmp_path):
    path = write_encoder(tmp_path / "split")
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    encoder = load_encoder(f"onnx:{path}")
    before = files(shop)
    with pytest.raises(EncoderNotFound, match="needs other files beside it"):
        copy_encoder_files(shop, encoder)
    assert files(shop) == before
