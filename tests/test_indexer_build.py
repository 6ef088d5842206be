"""The build: only what changed is encoded, and whatever happens, the shop stays whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.arrays import Pixels, Vectors
from indexer.catalog.sources import open_catalog
from indexer.classification.learn import learn_classifier
from indexer.confidence.calibrate import Fitted
from indexer.encoders.color import ColorEncoder
from indexer.errors import (
    BadCatalog,
    BadEncoder,
    IndexCorrupt,
    IndexMismatch,
    IndexNotFound,
    StoreBusy,
    StoreFull,
)
from indexer.items import Skipped
from indexer.jobs.build import BuildReport, build_index
from indexer.shop import folder as folder_module
from indexer.shop.folder import ShopFolder
from indexer.shop.garbage import collect_garbage
from indexer.shop.joblock import job_lock
from indexer.shop.shelf import Shelf
from indexer.store.store import Store
from indexer.vectors import index as vectors_module
from indexer.writing import embed_catalog
from search.engine import SearchEngine

KILLS = 8  # raise it by hand: 100 take about a minute


class Counting(ColorEncoder):
    """The color encoder, counting the images it encodes."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        self.encoded += len(pixels)
        return super().encode_images(pixels)


class Stopping(Counting):
    """Is interrupted after some batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().encode_images(pixels)


class Spoiled(ColorEncoder):
    """Gives vectors that are not what an encoder promises."""

    def __init__(self, spoil: Callable[[Vectors], Vectors]) -> None:
        self.spoil = spoil

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        return self.spoil(super().encode_images(pixels))


class OtherWeights(Counting):
    weights_hash = "1" * 64


class OtherName(ColorEncoder):
    id = "paint"


class Folder:
    """A catalog of one-color pictures that a test can change: ``{item: [shade, ...]}``."""

    def __init__(self, path: Path) -> None:
        self.path = path / "catalog.jsonl"

    def write(self, items: dict[str, list[int | str]], **fields: object) -> Path:
        self.path.parent.mkdir(exist_ok=True)
        lines = []
        for item_id, shades in items.items():
            names = []
            for shade in shades:
                if isinstance(shade, int):
                    names.append(f"{shade}.png")
                    Image.new("RGB", (8, 8), shade_of(shade)).save(self.path.parent / names[-1])
                else:
                    names.append(shade)
            lines.append(json.dumps({"id": item_id, "images": names, **fields}))
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self.path


def shade_of(number: int) -> tuple[int, int, int]:
    return (number * 37 % 256, number * 91 % 256, number * 151 % 256)


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path / "catalog")


@pytest.fixture
def shop(tmp_path) -> ShopFolder:
    return ShopFolder(tmp_path / "shop")


@pytest.fixture
def small_batches(monkeypatch):
    """Two images a batch and a commit after each, so that few images make many steps."""
    monkeypatch.setattr(embed_catalog, "_BATCH", 2)
    monkeypatch.setattr(embed_catalog, "_COMMIT", 1)


def build(folder: Folder, shop: ShopFolder, encoder: ColorEncoder | None = None) -> BuildReport:
    return build_index(open_catalog(folder.path), shop, encoder or ColorEncoder())


def rows_of(shop: ShopFolder) -> dict[tuple[str, int], int]:
    """(item, image) to row, as the store has it."""
    store = Store(shop.store)
    try:
        with store.read() as reader:
            return {(row.item_id, row.image_index): n for n, row in reader.rows()}
    finally:
        store.close()


def stored(shop: ShopFolder) -> tuple[dict[str, list[str]], int, int]:
    """What the store holds: the images of each item, and how many embeddings and copies."""
    store = Store(shop.store)
    try:
        with store.read() as reader:
            images = {one.item.item_id: [i.path for i in one.images] for one in reader.items()}
            return images, reader.count("embeddings"), reader.count("images")
    finally:
        store.close()


def answers(shop: Path) -> list[list[tuple[str, str, float]]]:
    """What a shop says to a photo of each of some shades, and to some words."""
    with SearchEngine.open(shop, encoder=ColorEncoder()) as engine:
        found = [
            engine.by_image(np.full((8, 8, 3), shade_of(number), dtype=np.uint8), k=50)
            for number in range(6)
        ]
        found += [engine.by_text(words, k=50) for words in ("old", "new", "shade")]
    return [[(hit.item_id, hit.image, hit.score) for hit in hits] for hits in found]


# What a build does


def test_the_first_build_encodes_every_image_and_publishes_the_first_generation(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    report = build(folder, shop)
    assert (report.generation, report.published) == ("000001", True)
    assert (report.items, report.products, report.rows) == (2, 2, 3)
    assert (report.encoded, report.reused, report.removed, report.skipped) == (3, 0, 0, [])
    assert shop.current() == "000001"
    manifest = shop.verify("000001")
    assert (manifest.encoder, manifest.dim, manifest.items, manifest.rows) == ("color", 112, 2, 3)
    assert manifest.catalog == str(folder.path.resolve())


def test_building_an_unchanged_catalog_again_encodes_and_publishes_nothing(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    build(folder, shop)
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (report.generation, report.published) == ("000001", False)
    assert (report.encoded, report.reused, encoder.encoded) == (0, 3, 0)
    assert shop.names() == ["000001"]


def test_as_many_generations_stay_as_were_asked_for(folder, shop):
    folder.write({"a": [1]})
    build(folder, shop)
    store = Store(shop.store)
    collect_garbage(Shelf.read(shop), store, keep=5)
    store.close()
    for shade in range(2, 7):
        folder.write({"a": [shade]})
        build(folder, shop)
    assert shop.names() == [f"00000{number}" for number in range(2, 7)]


def test_only_changed_images_are_encoded(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    build(folder, shop)
    folder.write({"a": [1, 4], "b": [3], "c": [5]})
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (encoder.encoded, report.encoded, report.reused) == (2, 2, 2)
    assert report.generation == "000002"


def test_a_file_with_new_content_under_its_old_name_is_encoded(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    Image.new("RGB", (8, 8), shade_of(9)).save(folder.path.parent / "1.png")
    assert build(folder, shop).encoded == 1
    with SearchEngine.open(shop.path) as engine:
        hits = engine.by_image(np.full((8, 8, 3), shade_of(9), dtype=np.uint8), k=1)
    assert (hits[0].item_id, round(hits[0].score, 2)) == ("a", 1.0)


def test_new_words_alone_publish_a_generation_and_encode_nothing(folder, shop):
    folder.write({"a": [1]}, title="old")
    build(folder, shop)
    folder.write({"a": [1]}, title="new")
    report = build(folder, shop)
    assert (report.encoded, report.generation, report.published) == (0, "000002", True)
    with SearchEngine.open(shop.path) as engine:
        assert [hit.title for hit in engine.by_text("new")] == ["new"]
        assert engine.by_text("old") == []


def test_an_item_that_left_the_catalog_leaves_the_shop(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    folder.write({"b": [2]})
    report = build(folder, shop)
    assert (report.items, report.rows, report.removed, report.encoded) == (1, 1, 1, 0)
    store = Store(shop.store)
    with store.read() as reader:
        assert [record.item.item_id for record in reader.items()] == ["b"]
        assert (reader.count("images"), reader.count("embeddings")) == (2, 2)  # one may go back
    collect_garbage(Shelf.read(shop), store, keep=1)
    with store.read() as reader:
        assert (reader.count("images"), reader.count("embeddings")) == (1, 1)
    store.close()


def test_an_image_that_moves_to_another_item_is_found_there_without_encoding(folder, shop):
    folder.write({"a": [1, 2], "b": [3]})
    build(folder, shop)
    folder.write({"a": [1], "b": [3, 2]})
    assert build(folder, shop).encoded == 0
    with SearchEngine.open(shop.path) as engine:
        hit = engine.by_image(np.full((8, 8, 3), shade_of(2), dtype=np.uint8), k=1)[0]
    assert (hit.item_id, hit.image, hit.image_index) == ("b", "2.png", 1)


def test_images_that_change_places_within_an_item_keep_their_rows(folder, shop):
    folder.write({"a": [1, 2]})
    build(folder, shop)
    before = rows_of(shop)
    folder.write({"a": [2, 1]})
    build(folder, shop)
    assert rows_of(shop) == {("a", 0): before["a", 1], ("a", 1): before["a", 0]}


def test_rows_are_never_used_again(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    folder.write({"a": [1]})
    build(folder, shop)
    folder.write({"a": [1], "b": [2], "c": [3]})
    build(folder, shop)
    assert rows_of(shop) == {("a", 0): 0, ("b", 0): 2, ("c", 0): 3}


def test_the_same_photo_in_two_items_is_encoded_once_and_finds_both(folder, shop):
    folder.write({"a": [1], "b": [1]})
    report = build(folder, shop)
    assert (report.encoded, report.reused, report.rows) == (1, 1, 2)
    with SearchEngine.open(shop.path) as engine:
        hits = engine.by_image(np.full((8, 8, 3), shade_of(1), dtype=np.uint8))
    assert [hit.item_id for hit in hits] == ["a", "b"]


def test_the_same_photo_twice_in_one_item_gives_two_rows(folder, shop):
    folder.write({"a": [1, 1]})
    assert build(folder, shop).rows == 2
    assert build(folder, shop).published is False


def test_progress_tells_each_stage_and_ends_at_its_total(folder, shop):
    folder.write({"a": [1, 2], "b": ["gone.jpg"]})
    calls: list[tuple[str, int, int, int]] = []
    build_index(
        open_catalog(folder.path),
        shop,
        ColorEncoder(),
        progress=lambda *call: calls.append(call),
    )
    assert [call for call in calls if call[0] == "encode"][-1] == ("encode", 3, 3, 2)
    assert calls[-1] == ("publish", 1, 1, 2)


@pytest.mark.slow
def test_after_any_changes_a_shop_answers_like_one_built_from_scratch(folder, shop, tmp_path, rng):
    for turn in range(8):
        items = {
            f"item-{n}": rng.choice(12, rng.integers(1, 5), replace=False).tolist()
            for n in rng.choice(9, rng.integers(1, 9), replace=False)
        }
        folder.write(items, title=str(rng.choice(["old", "new", "shade"])))
        report = build(folder, shop)
        scratch = ShopFolder(tmp_path / f"scratch-{turn}")
        fresh = build(folder, scratch)
        assert (report.items, report.rows) == (fresh.items, fresh.rows)
        assert answers(shop.path) == answers(scratch.path)
        assert stored(shop)[0] == stored(scratch)[0]
    store = Store(shop.store)
    collect_garbage(Shelf.read(shop), store, keep=1)
    store.close()
    assert stored(shop) == stored(scratch)


# What is skipped


def test_a_bad_image_is_skipped_by_name_and_its_neighbors_are_not(folder, shop):
    folder.write({"a": [1, "text.jpg", 2], "b": [3]})
    (folder.path.parent / "text.jpg").write_text("hello, I am text", encoding="utf-8")
    report = build(folder, shop)
    assert (report.items, report.rows) == (2, 3)
    (skip,) = report.skipped
    assert (skip.item_id, skip.image, skip.where) == ("a", "text.jpg", "line 1")
    assert skip.reason.startswith("not an image we read")
    assert skip.reason.endswith("16 bytes of text")
    with SearchEngine.open(shop.path) as engine:
        hit = engine.by_image(np.full((8, 8, 3), shade_of(2), dtype=np.uint8), k=1)[0]
    assert (hit.item_id, hit.image, hit.image_index) == ("a", "2.png", 1)


def test_an_item_without_a_readable_image_is_skipped_by_name(folder, shop):
    folder.write(
        {
            "a": ["gone.jpg"],
            "b": [],
            "c": [1],
            "d": ["https://shop.example/x.jpg"],
            "e": ["../x.png"],
        }
    )
    report = build(folder, shop)
    assert report.items == 1
    assert report.skipped == [
        Skipped("a", "no such file", "gone.jpg", "line 1"),
        Skipped("a", "no image that can be read", "", "line 1"),
        Skipped("b", "no image", "", "line 2"),
        Skipped(
            "d",
            "a URL; images are read from disk, not fetched",
            "https://shop.example/x.jpg",
            "line 4",
        ),
        Skipped("d", "no image that can be read", "", "line 4"),
        Skipped("e", "outside the catalog's folder; move or link it inside", "../x.png", "line 5"),
        Skipped("e", "no image that can be read", "", "line 5"),
    ]


def test_a_bad_row_is_skipped_by_its_line(folder, shop):
    folder.write({"a": [1], "b": [2]})
    with folder.path.open("a", encoding="utf-8") as file:
        file.write('{"id": "c", "price": "cheap", "images": ["1.png"]}\n{"broken\n')
    report = build(folder, shop)
    assert report.items == 3  # a price that cannot be read does not cost the item
    assert [(skip.where, skip.item_id) for skip in report.skipped] == [
        ("line 3", "c"),
        ("line 4", ""),
    ]
    assert report.skipped[0].reason == "price must be a number such as 12.50, got 'cheap'"


def test_a_catalog_without_one_readable_image_is_refused_and_the_old_one_serves(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    before = answers(shop.path)
    shutil.rmtree(folder.path.parent)
    folder.write({"a": ["1.png"], "b": ["2.png"]})
    with pytest.raises(BadCatalog, match=r"none of 2 items has an image.*a: no such file"):
        build(folder, shop)
    assert answers(shop.path) == before


# Encoders


def test_another_encoder_is_refused_naming_both_and_nothing_is_encoded(folder, shop):
    folder.write({"a": [1]})
    build(folder, shop)
    with pytest.raises(IndexMismatch, match="built with encoder 'color', not 'paint'"):
        build(folder, shop, OtherName())
    assert shop.current() == "000001"


def test_other_weights_of_the_encoder_encode_everything_again(folder, shop):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    with pytest.raises(IndexMismatch, match="other weights of encoder 'color'"):
        SearchEngine.open(shop.path, encoder=OtherWeights())
    encoder = OtherWeights()
    report = build(folder, shop, encoder)
    assert (report.encoded, report.generation, encoder.encoded) == (2, "000002", 2)
    with SearchEngine.open(shop.path, encoder=OtherWeights()) as engine:
        assert len(engine.by_text("a")) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda v: v * np.nan, "not finite"),
        (lambda v: v * 0, "that is of length 0, expected length 1"),
        (lambda v: v * 2, "c.* that is of length 2, expected length 1"),
        (lambda v: v[:, :50], r"shape \(1, 50\), expected \(1, 112\)"),
        (lambda v: v[:0], r"shape \(0, 112\), expected \(1, 112\)"),
    ],
)
def test_vectors_that_are_none_are_refused_and_never_stored(folder, shop, spoil, message):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    before = answers(shop.path)
    folder.write({"a": [1], "b": [2], "c": [3]})
    with pytest.raises(BadEncoder, match=message):
        build(folder, shop, Spoiled(spoil))
    assert answers(shop.path) == before
    # Had the bad vector been stored, it would be taken for known now.
    assert build(folder, shop).encoded == 1
    assert answers(shop.path)[3][0][0] == "c"


# Interruptions


@pytest.mark.parametrize("commit", [1, 100])  # due after each batch, or not due yet
def test_an_interrupted_build_goes_on_where_it_stopped(
    folder, shop, tmp_path, monkeypatch, small_batches, commit
):
    monkeypatch.setattr(embed_catalog, "_COMMIT", commit)
    folder.write({f"item-{n}": [n] for n in range(12)}, title="shade")
    with pytest.raises(KeyboardInterrupt):
        build(folder, shop, Stopping(batches=4))
    with pytest.raises(IndexNotFound):
        shop.current()
    monkeypatch.setattr(
        "indexer.jobs.index_choice.calibrate", lambda *_: Fitted(None, "it encodes, too")
    )
    monkeypatch.setattr(
        "indexer.jobs.index_choice.learn_classifier",
        lambda store, _, *stored: learn_classifier(store, ColorEncoder(), *stored),  # so does it
    )
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (encoder.encoded, report.encoded, report.reused) == (4, 4, 8)
    whole = ShopFolder(tmp_path / "whole")
    build(folder, whole)
    assert answers(shop.path) == answers(whole.path)
    assert rows_of(shop) == rows_of(whole)


def test_an_interrupted_rebuild_leaves_the_old_catalog_serving(folder, shop, small_batches):
    folder.write({f"item-{n}": [n] for n in range(4)}, title="old")
    build(folder, shop)
    before = answers(shop.path)
    folder.write({f"item-{n}": [n] for n in range(2, 12)}, title="new")
    with pytest.raises(KeyboardInterrupt):
        build(folder, shop, Stopping(batches=2))
    assert answers(shop.path) == before
    assert build(folder, shop).reused == 2 + 4
    assert answers(shop.path) != before


KILLED = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from indexer.writing import embed_catalog
from indexer.jobs.build import build_index
from indexer.encoders.color import ColorEncoder
from indexer.shop.folder import ShopFolder
from indexer.catalog.sources import open_catalog
import faiss

catalog, seed, old, trial, *shops = sys.argv[1:]
embed_catalog._BATCH, embed_catalog._COMMIT = 4, 1

class Slow(ColorEncoder):
    def encode_images(self, pixels):
        time.sleep(0.004)
        return super().encode_images(pixels)

def build(shop):
    pid = os.fork()
    if pid == 0:
        try:
            build_index(open_catalog(catalog), ShopFolder(shop), Slow())
        finally:
            os._exit(0)
    return pid

def timed(shop):
    start = time.perf_counter()
    os.waitpid(build(shop), 0)
    return time.perf_counter() - start

first = timed(trial)
shutil.copytree(old, trial + "-old")
later = timed(trial + "-old")
moments = random.Random(int(seed))
killed = 0
for number, shop in enumerate(shops):
    for _ in range(30):  # until the build is really killed, and not over before
        shutil.rmtree(shop, ignore_errors=True)
        if number % 3:  # every third is killed in its first build
            shutil.copytree(old, shop)
        pid = build(shop)
        time.sleep(moments.uniform(0, later if number % 3 else first))
        os.kill(pid, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
            killed += 1
            break
print(killed)
"""


@pytest.mark.slow
def test_a_build_that_is_killed_at_any_moment_leaves_a_whole_shop(folder, shop, tmp_path):
    old, new, first = tmp_path / "old", tmp_path / "new", tmp_path / "first"
    folder.write({f"item-{n}": [n] for n in range(15)}, title="old")
    build(folder, ShopFolder(old))
    folder.write({f"item-{n}": [n, n + 100] for n in range(5, 25)}, title="new")
    shutil.copytree(old, new)
    build(folder, ShopFolder(new))
    build(folder, ShopFolder(first))
    states = {"old": answers(old), "new": answers(new)}
    assert states["old"] != states["new"]
    shops = [tmp_path / f"killed-{number}" for number in range(KILLS)]
    seed = int.from_bytes(os.urandom(4), "big")
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            KILLED,
            folder.path,
            str(seed),
            old,
            tmp_path / "trial",
            *shops,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (0, ""), seed
    assert int(done.stdout) == KILLS, seed
    for path in shops:
        try:
            found = answers(path)
        except IndexNotFound:
            assert not (path / "CURRENT").exists(), (seed, path)
            assert not (path / "generations" / "000002").exists(), (seed, path)
        else:
            assert found in states.values(), (seed, path)
        again = build(folder, ShopFolder(path))
        assert again.encoded + again.reused == 40
        assert answers(path) == states["new"], (seed, path)
        assert [entry for entry in path.rglob(".*") if entry.name != "."] == [], (seed, path)


# Failures while publishing


@pytest.fixture
def changed_shop(folder, shop) -> ShopFolder:
    """A shop whose catalog has changed since it was built."""
    folder.write({"a": [1], "b": [2]}, title="old")
    build(folder, shop)
    folder.write({"b": [2], "c": [3]}, title="new")
    return shop


def no_space(*_args: object, **_kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def assert_old_index_serves_new_store(folder: Folder, shop: ShopFolder) -> None:
    """After a failed publish CURRENT is the old one, answers are right, and a rerun mends it."""
    assert shop.current() == "000001"
    shop.verify("000001")
    between = answers(shop.path)
    report = build(folder, shop)
    assert (report.encoded, report.published) == (0, True)
    assert shop.current() == report.generation
    assert answers(shop.path) == between
    assert [path.name for path in shop.path.rglob(".*")] == []


@pytest.mark.parametrize("step", ["sync", "_sha256", "write", "mkdir", "rename", "replace"])
def test_a_disk_that_fills_up_at_any_step_of_publishing_leaves_the_old_one_serving(
    folder, changed_shop, monkeypatch, step
):
    with monkeypatch.context() as patched:
        if step == "write":
            patched.setattr(Path, "write_bytes", no_space)
        elif step == "mkdir":
            real = Path.mkdir
            patched.setattr(
                Path,
                "mkdir",
                lambda self, *a, **k: (
                    no_space() if "generations" in str(self) else real(self, *a, **k)
                ),
            )
        elif step in ("rename", "replace"):
            patched.setattr(Path, step, no_space)
        else:
            patched.setattr(folder_module, step, no_space)
        with pytest.raises(StoreFull, match="No space left on device"):
            build(folder, changed_shop)
    assert_old_index_serves_new_store(folder, changed_shop)


def test_each_single_sync_may_fail(folder, changed_shop, monkeypatch):
    real, failed = folder_module.sync, []
    for number in range(20):
        calls = iter(range(1000))

        def sync(path: Path, calls=calls, number=number) -> None:
            if next(calls) == number:
                failed.append(path.name)
                no_space()
            real(path)

        with monkeypatch.context() as patched:
            patched.setattr(folder_module, "sync", sync)
            try:
                build(folder, changed_shop)
            except StoreFull:
                assert answers(changed_shop.path)
                continue
        break
    assert changed_shop.current() in changed_shop.names()
    assert {"vectors.faiss", "rows.npy", "words.sqlite", "manifest.json"} <= set(failed)
    assert "generations" in failed


def test_faiss_that_cannot_write_is_store_full(folder, changed_shop, monkeypatch):
    faiss = vectors_module.faiss_module()

    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(faiss, name)

        def write_index(self, *_: object) -> None:
            raise RuntimeError("Error in write_index:\n  fwrite failed: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(vectors_module, "faiss_module", Full)
        with pytest.raises(StoreFull, match=r"cannot write .*vectors\.faiss: No space left"):
            build(folder, changed_shop)
    assert_old_index_serves_new_store(folder, changed_shop)


LIMITED = """
import resource, sys
from indexer.jobs.build import build_index
from indexer.encoders.color import ColorEncoder
from indexer.errors import StoreFull
from indexer.shop.folder import ShopFolder
from indexer.catalog.sources import open_catalog
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    build_index(open_catalog(sys.argv[1]), ShopFolder(sys.argv[2]), ColorEncoder())
except StoreFull as error:
    print("full:", error)
"""


@pytest.mark.parametrize("limit", [100, 20_000, 50_000])
@pytest.mark.slow
def test_a_file_that_may_not_grow_is_store_full_and_not_a_crash(folder, shop, limit):
    """A real limit of the kernel, met by LMDB, by FAISS or by SQLite, whichever comes first."""
    folder.write({f"item-{n}": [n] for n in range(60)}, title="new")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, folder.path, shop.path, str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("full: ")
    report = build(folder, shop)
    assert (report.items, report.rows) == (60, 60)


def test_an_index_that_does_not_find_itself_is_not_published(folder, changed_shop, monkeypatch):
    real = vectors_module.VectorIndex.load

    def swapped(vectors: Path, rows: Path, contract: object) -> vectors_module.VectorIndex:
        index = real(vectors, rows, contract)
        index.rows = index.rows[::-1].copy()
        return index

    with monkeypatch.context() as patched:
        patched.setattr(vectors_module.VectorIndex, "load", swapped)
        with pytest.raises(IndexCorrupt, match="canary: 2 of 2 sampled rows do not find"):
            build(folder, changed_shop)
    assert_old_index_serves_new_store(folder, changed_shop)


def test_a_second_job_is_refused_naming_the_first(folder, shop):
    folder.write({"a": [1]})
    shop.path.mkdir()
    with (
        job_lock(shop.path, "vitrine index"),
        pytest.raises(StoreBusy, match=rf"held by vitrine index \(process {os.getpid()}\)"),
    ):
        build(folder, shop)
    assert build(folder, shop).published


# Repairs


@pytest.mark.parametrize("damage", ["vectors.faiss", "manifest.json", "CURRENT", "no CURRENT"])
def test_building_again_mends_a_damaged_index(folder, shop, damage):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    before = answers(shop.path)
    if damage == "CURRENT":
        shop.current_file.write_bytes(b"\xff\xfe")
    elif damage == "no CURRENT":
        shop.current_file.unlink()
    else:
        (shop.generations / "000001" / damage).write_bytes(b"rubbish")
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (report.published, encoder.encoded) == (True, 0)
    assert answers(shop.path) == before
    assert build(folder, shop).published is False
