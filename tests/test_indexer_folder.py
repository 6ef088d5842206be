"""The shop folder: each generation is whole or known not to be, and the last whole one serves."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound, VitrineError
from indexer.jobs import publishing
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.shop.garbage import delete_old_generations
from indexer.shop.manifest import FORMAT, MANIFEST, Manifest, read_manifest
from indexer.shop.shelf import Shelf
from indexer.store.datafile import check_not_truncated
from indexer.vectors.backends import BACKENDS
from search.engine import SearchEngine
from tests.coloritems import BLUE, GREEN, RED, write_items

FILES = [
    "vectors.faiss", "rows.npy", "words.sqlite", "contents.npy", "classifier.npz", "manifest.json"
]  # fmt: skip


@pytest.fixture(scope="module")
def twice_built(tmp_path_factory) -> Path:
    """Generation 1 holds a red and a green item; in generation 2 blue has taken green's place."""
    folder = tmp_path_factory.mktemp("twice")
    shop = ShopFolder(folder / "shop")
    for items in ({"red": RED, "green": GREEN}, {"red": RED, "blue": BLUE}):
        catalog = write_items(folder / "catalog", items)
        build_index(open_catalog(catalog), shop, ColorEncoder())
    return shop.path


@pytest.fixture
def shop(twice_built, tmp_path) -> ShopFolder:
    shutil.copytree(twice_built, tmp_path / "shop")
    return ShopFolder(tmp_path / "shop")


def assert_answers_are_right(shop: ShopFolder, generation: str) -> None:
    """Whatever generation serves, the answers are those of the store: red and blue."""
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        assert engine.generation == generation
        for name, color in (("red", RED), ("blue", BLUE)):
            hits = engine.by_image(np.full((8, 8, 3), color, dtype=np.uint8))
            assert hits[0].item_id == name
            assert len(hits) == 2
            assert [hit.item_id for hit in engine.by_text(name)] == [name]
        assert engine.by_text("green") == []
        status = engine.status()
        assert (status.items, status.rows, status.generation) == (2, 2, generation)


def test_the_current_generation_serves(shop):
    assert shop.names() == ["000001", "000002"]
    assert_answers_are_right(shop, "000002")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named_and_the_older_generation_serves(shop, file, share, caplog):
    path = shop.generations / "000002" / file
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(IndexCorrupt, match=file.replace(".", r"\.")):
        shop.verify("000002")
    assert_answers_are_right(shop, "000001")
    assert "serving the older generation 000001" in caplog.text


def same_json(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@pytest.mark.parametrize("file", FILES)
def test_a_flipped_bit_anywhere_in_a_file_is_found(shop, file, rng):
    path = shop.generations / "000002" / file
    data = path.read_bytes()
    everywhere = range(len(data)) if len(data) < 1500 else rng.integers(0, len(data), 200)
    spaces = 0
    for at in everywhere:
        flipped = bytearray(data)
        flipped[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        if file == MANIFEST and same_json(flipped, data):
            spaces += 1  # white space between the fields says nothing
            continue
        with pytest.raises(IndexCorrupt, match=file.replace(".", r"\.")):
            shop.verify("000002")
    assert spaces < 10


@pytest.mark.parametrize("file", FILES)
def test_a_flipped_bit_makes_the_older_generation_serve(shop, file, caplog):
    path = shop.generations / "000002" / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert_answers_are_right(shop, "000001")
    assert "generation 000002 is damaged" in caplog.text


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_makes_the_older_generation_serve(shop, file):
    (shop.generations / "000002" / file).unlink()
    assert_answers_are_right(shop, "000001")


def test_where_no_generation_is_whole_the_first_damage_is_told(shop):
    for name in shop.names():
        (shop.generations / name / "rows.npy").write_bytes(b"")
    with pytest.raises(IndexCorrupt, match=r"000002.rows\.npy has 0 bytes, its manifest says"):
        SearchEngine.open(shop.path, encoder=ColorEncoder())


def test_a_manifest_edited_by_hand_is_refused(shop):
    path = shop.generations / "000002" / MANIFEST
    path.write_text(path.read_text().replace('"items": 2', '"items": 3'))
    with pytest.raises(IndexCorrupt, match=r"manifest\.json was changed after it was written"):
        shop.manifest("000002")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff\xff", b"{}", b'{"format": 1}'])
def test_a_manifest_that_is_none_is_corrupt(shop, content):
    (shop.generations / "000002" / MANIFEST).write_bytes(content)
    with pytest.raises(IndexCorrupt, match=r"manifest\.json"):
        shop.manifest("000002")


def publish(shop: ShopFolder, **fields: object) -> str:
    """A generation of one small file, made current."""
    name = add(shop, **fields)
    shop.make_current(name)
    return name


def tidy(shop: ShopFolder, **keep: int) -> list[str]:
    return delete_old_generations(Shelf.read(shop), **keep)


def add(shop: ShopFolder, **fields: object) -> str:
    """A generation of one small file."""
    manifest = Manifest(
        **{
            "format": FORMAT,
            "created": "2026-01-01T00:00:00Z",
            "version": "0",
            "encoder": "color",
            "weights_hash": "0" * 64,
            "dim": 1,
            "recipe": "Flat",
            "items": 0,
            "products": 0,
            "rows": 0,
            "next_row": 0,
            "skipped": 0,
            "changes": 0,
            **fields,
        }
    )
    return shop.add(manifest, lambda folder: (folder / "file").write_bytes(b"x") and None)


def test_a_manifest_of_another_format_is_a_mismatch_naming_both(tmp_path):
    shop = ShopFolder(tmp_path)
    with pytest.raises(IndexMismatch, match="of format 2, this version reads format 1"):
        publish(shop, format=2)
    assert not shop.current_file.exists()


@pytest.mark.parametrize("content", [b"", b"\n", b"../000001", b"latest", b"\xff", b"1" * 5000])
def test_a_current_that_names_no_generation_is_told_and_the_newest_whole_one_serves(
    shop, content, caplog
):
    shop.current_file.write_bytes(content)
    with pytest.raises(VitrineError) as caught:
        shop.manifest(shop.current())
    assert isinstance(caught.value, IndexCorrupt | IndexNotFound)
    assert_answers_are_right(shop, "000002")
    assert caplog.text


@pytest.mark.parametrize("name", ["CURRENT", "generations", "manifest.json", "data.mdb"])
def test_a_file_of_another_user_is_not_to_be_rebuilt_but_to_be_given_to_this_one(
    shop, name, monkeypatch
):
    def refuse(path, *_):
        raise PermissionError

    path = next(path for path in [shop.generations, *shop.path.rglob("*")] if path.name == name)
    read = {
        "CURRENT": shop.current,
        "generations": shop.names,
        "manifest.json": lambda: read_manifest(path),
        "data.mdb": lambda: check_not_truncated(path),
    }
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(IndexCorrupt, match=r"cannot be read by this user; .* 'chown -R'"):
        read[name]()


def test_without_current_the_newest_whole_generation_serves(shop, caplog):
    shop.current_file.unlink()
    assert_answers_are_right(shop, "000002")
    assert "CURRENT is missing; 'vitrine rebuild" in caplog.text


def test_without_any_generation_there_is_no_index_and_the_command_is_named(shop):
    shop.current_file.unlink()
    shutil.rmtree(shop.generations)
    with pytest.raises(IndexNotFound, match="no index; build one with 'vitrine index CATALOG"):
        SearchEngine.open(shop.path)


def test_a_folder_that_does_not_exist_says_so(tmp_path):
    with pytest.raises(IndexNotFound, match="no such folder and so no index"):
        SearchEngine.open(tmp_path / "nowhere")


def test_an_older_generation_can_be_made_current_again(shop):
    shop.make_current("000001")
    assert shop.current() == "000001"
    assert_answers_are_right(shop, "000001")


def test_only_a_generation_that_exists_can_be_made_current(shop):
    with pytest.raises(IndexNotFound, match="no generation 000009"):
        shop.make_current("000009")
    assert shop.current() == "000002"


def test_tidying_keeps_the_newest_and_the_current_one(tmp_path):
    shop = ShopFolder(tmp_path)
    for _ in range(6):
        publish(shop)
    shop.make_current("000002")
    assert tidy(shop, keep=2) == ["000001", "000003", "000004"]
    assert shop.names() == ["000002", "000005", "000006"]
    assert publish(shop) == "000007"


def test_current_remembers_what_served_before_it_the_latest_first(tmp_path):
    shop = ShopFolder(tmp_path)
    for _ in range(3):
        publish(shop)
    assert shop.served() == ["000003", "000002", "000001"]
    shop.make_current("000001")
    assert (shop.current(), shop.served()) == ("000001", ["000001", "000003", "000002"])
    shop.make_current("000002", after=["000001"])
    assert shop.served() == ["000002", "000001"]


def test_no_name_is_given_twice_even_after_the_newest_generation_was_removed(tmp_path):
    shop = ShopFolder(tmp_path)
    for _ in range(3):
        publish(shop)
    shop.make_current("000001")
    assert tidy(shop, keep=1) == ["000002"]
    assert shop.delete("000003")
    assert publish(shop) == "000004"


def test_a_candidate_does_not_serve_and_stays_until_it_is_removed_by_name(tmp_path):
    shop = ShopFolder(tmp_path)
    publish(shop)
    assert add(shop, candidate=True) == "000002"
    assert shop.current() == "000001"
    for _ in range(3):
        publish(shop)
    assert tidy(shop, keep=1) == ["000001", "000003", "000004"]
    assert shop.names() == ["000002", "000005"]
    shop.make_current("000002")
    assert not Shelf.read(shop).is_candidate("000002")
    publish(shop)
    assert tidy(shop, keep=1) == ["000002", "000005"]


def test_whatever_goes_is_dropped_from_a_backend_that_keeps_it_elsewhere(tmp_path, monkeypatch):
    """A deleted generation, one that could not be written, and one that a crash left behind."""
    dropped = []

    class Server:
        @staticmethod
        def drop(folder: Path) -> None:
            dropped.append(folder.name)
            raise OSError("no route to host")  # keeps nobody from deleting the rest

    monkeypatch.setitem(BACKENDS, "server", Server)
    shop = ShopFolder(tmp_path)
    for _ in range(2):
        publish(shop)
    assert shop.delete("000001")
    assert dropped.pop() == ".000001.gone"
    left = shop.generations / ".000009.1.1"
    left.mkdir()
    shop.delete_drafts()
    assert dropped.pop() == left.name
    with pytest.raises(ZeroDivisionError):
        shop.add(shop.manifest("000002"), lambda _folder: 1 / 0)
    assert dropped.pop().startswith(".000003.")
    assert [path.name for path in shop.generations.iterdir()] == ["000002"]


def test_a_shop_that_lost_all_generations_is_to_be_indexed_again(shop):
    shutil.rmtree(shop.generations)
    with pytest.raises(IndexNotFound, match=r"000002, nor another; run 'vitrine index'") as caught:
        shop.manifest("000002")
    assert "vitrine generations" not in str(caught.value)


def test_what_somebody_reads_is_not_removed(tmp_path):
    shop = ShopFolder(tmp_path)
    publish(shop)
    publish(shop)
    with shop.hold("000001"), shop.hold("000001"):
        assert not shop.delete("000001")
        assert tidy(shop, keep=1) == []
    assert tidy(shop, keep=1) == ["000001"]
    with pytest.raises(IndexNotFound, match="no generation 000001"), shop.hold("000001"):
        pass


def test_the_current_generation_cannot_be_removed(tmp_path):
    shop = ShopFolder(tmp_path)
    name = publish(shop)
    assert not shop.delete(name)
    assert shop.manifest(name)
    shop.current_file.write_bytes(b"rubbish")  # it cannot be told which one is current
    assert not shop.delete(name)


def test_tidying_leaves_alone_what_another_process_is_writing(tmp_path, monkeypatch):
    """``promote`` takes no job lock, and a build may tidy up beside it."""
    shop = ShopFolder(tmp_path)
    first = publish(shop)
    publish(shop)
    fsync = os.fsync

    def tidy_meanwhile(descriptor: int) -> None:
        fsync(descriptor)
        tidy(shop)

    monkeypatch.setattr(os, "fsync", tidy_meanwhile)
    shop.make_current(first)
    assert shop.current() == first
    assert list(tmp_path.glob(".CURRENT.*")) == []


def test_tidying_removes_what_was_half_written(tmp_path):
    shop = ShopFolder(tmp_path)
    publish(shop)
    (shop.generations / ".000002.123.456").mkdir()
    (shop.generations / ".000002.123.456" / "vectors.faiss").write_bytes(b"x")
    (tmp_path / ".CURRENT.123").write_text("0000")
    (shop.generations / "000003").mkdir()  # no manifest: never complete
    assert tidy(shop) == []
    assert shop.names() == ["000001"]
    assert list(tmp_path.rglob(".*")) == []


def test_a_generation_whose_writing_fails_leaves_nothing_behind(tmp_path):
    shop = ShopFolder(tmp_path)
    publish(shop)

    def write(folder: Path) -> None:
        (folder / "half").write_bytes(b"x")
        raise IndexCorrupt("canary")

    with pytest.raises(IndexCorrupt, match="canary"):
        shop.add(shop.manifest("000001"), write)
    assert [path.name for path in shop.generations.iterdir()] == ["000001"]
    assert shop.current() == "000001"


def test_builds_keep_three_generations(tmp_path):
    shop = ShopFolder(tmp_path / "shop")
    colors = [RED, GREEN, BLUE, (9, 9, 9), (250, 250, 9)]
    for color in colors:
        catalog = write_items(tmp_path / "catalog", {"one": color})
        build_index(open_catalog(catalog), shop, ColorEncoder())
    assert shop.names() == ["000003", "000004", "000005"]


def test_the_manifest_says_what_a_build_was_made_from(twice_built, monkeypatch):
    shop = ShopFolder(twice_built)
    manifest = shop.manifest("000002")
    assert (manifest.items, manifest.products, manifest.rows) == (2, 2, 2)
    assert (manifest.next_row, manifest.changes, manifest.skipped) == (3, 4, 0)
    assert (manifest.encoder, manifest.recipe, manifest.dim) == ("color", "Flat", 112)
    assert set(manifest.files) == set(FILES) - {MANIFEST}
    assert manifest.created.endswith("Z")
    assert manifest.version == publishing._version()
