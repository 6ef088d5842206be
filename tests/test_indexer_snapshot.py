"""Snapshots: one file that is whole or refused, of a shop at one moment."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.color import ColorEncoder
from indexer.enrichment.faqlog import FaqEntry, FaqLog, StoredEntry
from indexer.enrichment.review import Review
from indexer.enrichment.reviewlog import ReviewLog
from indexer.enrichment.score import ReviewScorer
from indexer.errors import (
    CannotWrite,
    IndexCorrupt,
    IndexMismatch,
    IndexNotFound,
    StoreFull,
)
from indexer.shop.archive import read_archive, write_archive
from indexer.shop.folder import ShopFolder
from indexer.shop.restore import restore_snapshot
from indexer.shop.snapshot import take_snapshot
from indexer.store.records import PictureKey
from indexer.store.store import Store
from search.engine import SearchEngine
from style.stylefolder import StyleFolder
from tests.snapshots import answers, left_in, restore, taken
from tests.twomodels import silent

__all__ = ["taken"]  # fixtures


def test_a_restored_shop_gives_the_same_answers(tiny_shop, taken, tmp_path):
    about = restore(taken, tmp_path / "elsewhere" / "shop")
    assert (about.items, about.rows, about.encoder) == (12, 24, "color")
    assert answers(tmp_path / "elsewhere" / "shop") == answers(tiny_shop)
    assert left_in(tmp_path / "elsewhere") == ["shop"]
    shop = ShopFolder(tmp_path / "elsewhere" / "shop")
    assert shop.verify(shop.current()).items == 12
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        assert engine.thumbnail("red-shoe")[:2] == b"\xff\xd8"


def test_a_snapshot_holds_reviews_suggestions_and_the_faq(make_shop, tmp_path):
    shop = make_shop()
    entry = StoredEntry(entry=FaqEntry(question="How long is delivery?", answer="Three days."))
    with FaqLog(shop, create=True) as log:
        log.put([entry])
    review = Review(review_id="1", about="red-shoe", text="Lovely and soft.")
    with ReviewLog(shop, create=True) as log:
        log.add([review], ReviewScorer({}))
    about = take_snapshot(ShopFolder(shop), tmp_path / "taken", progress=silent)
    assert about.beside == ["reviews.lmdb", "faq.lmdb"]
    restore(tmp_path / "taken", tmp_path / "again")
    with FaqLog(tmp_path / "again") as log:
        assert log.entries() == [entry]
    with ReviewLog(tmp_path / "again") as log:
        assert [one.review for one in log.about(["red-shoe"])] == [review]


def test_a_snapshot_holds_the_shops_own_styles(make_shop, tmp_path, rng):
    shop = make_shop()
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    StyleFolder(shop / "styles").add_image("poster", image)
    (shop / "styles" / "notes.txt").write_text("no style")
    snapshot = take_snapshot(ShopFolder(shop), tmp_path / "s.vitrine", progress=silent)
    assert snapshot.styles == ["poster.png"]
    restore(tmp_path / "s.vitrine", tmp_path / "again")
    styles = StyleFolder(tmp_path / "again" / "styles")
    assert styles.file_names() == ["poster.png"]
    assert (styles.image("poster") == image).all()


def test_a_snapshot_passes_over_what_is_no_file_in_the_folder_of_styles(make_shop, tmp_path):
    shop = ShopFolder(make_shop())
    shop.styles.mkdir()
    (shop.styles / "folder.png").mkdir()
    (shop.styles / "link.png").symlink_to(shop.store)
    os.mkfifo(shop.styles / "pipe.cube")
    assert take_snapshot(shop, tmp_path / "s.vitrine", progress=silent).styles == []


def test_a_snapshot_is_a_zip_that_any_tool_can_list(taken):
    with zipfile.ZipFile(taken) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "snapshot.json"
        assert archive.namelist()[-1] == "catalog.lmdb/data.mdb"
        assert "generations/000001/vectors.faiss" in archive.namelist()


def test_a_snapshot_taken_while_the_shop_is_written_to_is_of_one_moment(make_shop, tmp_path):
    shop = ShopFolder(make_shop())
    store = Store(shop.store)
    stop = threading.Event()

    def write() -> None:
        """Two numbers that are equal after each transaction, and pages that come and go."""
        number = 0
        while not stop.is_set():
            number += 1
            with store.write() as writer:
                writer.put_meta("one", number)
                writer.put_image(PictureKey(b"%016d" % (number % 50)), os.urandom(40_000))
                writer.put_meta("other", number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for name in ("a", "b", "c", "d", "e"):
            take_snapshot(shop, tmp_path / f"{name}.vitrine", progress=silent)
    finally:
        stop.set()
        writer.join()
    expected = answers(shop.path)
    store.close()
    seen = []
    for name in ("a", "b", "c", "d", "e"):
        restore(tmp_path / f"{name}.vitrine", tmp_path / name)
        restored = Store(tmp_path / name / "catalog.lmdb")
        with restored.read() as reader:
            assert reader.meta("one", 0) == reader.meta("other", 0)
            seen.append(reader.meta("one", 0))
        restored.close()
        assert answers(tmp_path / name) == expected
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_snapshot_is_refused_and_nothing_is_made(taken, tmp_path, share):
    path = tmp_path / "cut.vitrine"
    data = taken.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(IndexCorrupt, match="not a whole snapshot"):
        restore(path, tmp_path / "shop")
    assert left_in(tmp_path) == ["cut.vitrine"]


def test_a_snapshot_with_one_bit_changed_anywhere_is_refused(taken, tmp_path, rng):
    path = tmp_path / "shop.vitrine"
    data = taken.read_bytes()
    ends = [*range(40), *range(len(data) - 130, len(data))]
    for at in [*ends, *rng.integers(0, len(data), 60).tolist()]:
        changed = bytearray(data)
        changed[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(IndexCorrupt):
            restore(path, tmp_path / "shop")
    assert left_in(tmp_path) == ["shop.vitrine"]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x05\x06" + b"\0" * 18, b"\0" * 5000, b"x" * 64]
)
def test_what_is_no_snapshot_is_refused(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(IndexCorrupt, match="not a whole snapshot"):
        restore(tmp_path / "file", tmp_path / "shop")


def test_a_snapshot_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(IndexNotFound, match=r"no such snapshot: .*nothing\.vitrine"):
        restore(tmp_path / "nothing.vitrine", tmp_path / "shop")


def forged(taken: Path, path: Path, change) -> Path:
    """A sealed archive whose entries were changed by ``change``: what a hostile hand can make."""
    with zipfile.ZipFile(taken) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    changed = change(entries)
    with write_archive(path) as out:
        for name, data in changed.items():
            out.add(name, data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "generations/../../evil",
        "generations/000001/../../../evil",
        "CURRENT",
        "catalog.lmdb/lock.mdb",
        "generations/000002/vectors.faiss",
        "generations/000001/",
        "C:\\evil",
    ],
)
def test_a_path_that_does_not_belong_is_refused(taken, tmp_path, name):
    path = forged(taken, tmp_path / "f.vitrine", lambda entries: {**entries, name: b"evil"})
    with pytest.raises(IndexCorrupt, match="does not hold the files of a snapshot"):
        restore(path, tmp_path / "in" / "shop")
    assert left_in(tmp_path / "in") == []
    assert [p for p in tmp_path.rglob("*") if "evil" in p.name] == []


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        (b'"format": 1', b'"format": 2', IndexMismatch, "of format 2, this version reads format 1"),
        (b'"format": 1', b'"format": "1"', IndexCorrupt, "cannot be read"),
        (b'"generation": "000001"', b'"generation": "../01"', IndexCorrupt, r"\.\./01"),
        (b'"generation": "000001"', b'"generation": "000009"', IndexCorrupt, "does not hold"),
        (b'"rows.npy"', b'"../r.npy"', IndexCorrupt, "names files that no generation has"),
        (b'"encoder": "color"', b'"encoder": "other"', IndexCorrupt, "says encoder 'other'"),
        (b"{", b"", IndexCorrupt, "cannot be read"),
        (b"{", b"[[[", IndexCorrupt, "cannot be read"),
    ],
)
def test_a_snapshot_that_says_something_else_is_refused(taken, tmp_path, old, new, error, says):
    def change(entries):
        about = entries["snapshot.json"]
        assert old in about
        return {**entries, "snapshot.json": about.replace(old, new, 1)}

    path = forged(taken, tmp_path / "f.vitrine", change)
    with pytest.raises(error, match=says):
        restore(path, tmp_path / "shop")
    assert left_in(tmp_path) == ["f.vitrine"]


@pytest.mark.parametrize("file", ["vectors.faiss", "rows.npy", "words.sqlite", "manifest.json"])
def test_a_generation_that_does_not_fit_its_manifest_is_refused(taken, tmp_path, file):
    name = f"generations/000001/{file}"
    path = forged(taken, tmp_path / "f.vitrine", lambda e: {**e, name: e[name][:-1] + b"?"})
    with pytest.raises(IndexCorrupt, match=file.replace(".", r"\.")):
        restore(path, tmp_path / "shop")
    assert left_in(tmp_path) == ["f.vitrine"]


@pytest.mark.parametrize("data", [b"", b"\0" * 8192, b"not a store"])
def test_a_store_that_is_none_is_refused(taken, tmp_path, data):
    path = forged(taken, tmp_path / "f.vitrine", lambda e: {**e, "catalog.lmdb/data.mdb": data})
    with pytest.raises((IndexCorrupt, IndexMismatch, StoreFull)):
        restore(path, tmp_path / "shop")
    assert left_in(tmp_path) == ["f.vitrine"]


def test_a_compressed_entry_is_refused(taken, tmp_path):
    path = tmp_path / "f.vitrine"
    with zipfile.ZipFile(taken) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with write_archive(path) as out:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            if name.endswith("data.mdb"):
                info.compress_type = zipfile.ZIP_DEFLATED
            out._archive.writestr(info, data)
    with pytest.raises(IndexCorrupt, match="holds compressed files"):
        restore(path, tmp_path / "shop")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        (8, b"\x01\x08", "is encrypted"),
        (42, b"\xff\xff\xff\x7f", "is not within the file"),
        (46, b"\xff\xff", "can't decode byte"),  # in its name
    ],
)
def test_an_entry_that_python_reads_with_other_errors_is_refused_in_a_line(
    taken, tmp_path, field, value, says
):
    path = forged(taken, tmp_path / "f.vitrine", lambda entries: {**entries, "\xe9": b""})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + field : entry + field + len(value)] = value
    data[-64:] = hashlib.sha256(data[:-64]).hexdigest().encode()
    path.write_bytes(data)
    with pytest.raises(IndexCorrupt, match=f"is not a snapshot: .*{says}"):
        restore(path, tmp_path / "shop")
    assert left_in(tmp_path) == ["f.vitrine"]


def test_a_snapshot_that_cannot_be_written_leaves_the_last_one_as_it_was(
    tiny_shop, tmp_path, monkeypatch
):
    path = tmp_path / "shop.vitrine"
    path.write_bytes(b"the last one")

    def fail(store: Store, descriptor: int) -> None:
        os.write(descriptor, b"some")
        raise StoreFull("the disk is full")

    monkeypatch.setattr(Store, "copy", fail)
    with pytest.raises(StoreFull, match="the disk is full"):
        take_snapshot(ShopFolder(tiny_shop), path, progress=silent)
    assert path.read_bytes() == b"the last one"
    with pytest.raises(CannotWrite, match="cannot write"):
        take_snapshot(ShopFolder(tiny_shop), tmp_path / "no" / "where", progress=silent)
    assert left_in(tmp_path) == ["shop.vitrine"]


def test_a_damaged_shop_gives_no_snapshot(make_shop, tmp_path):
    shop = make_shop()
    vectors = shop / "generations" / "000001" / "vectors.faiss"
    vectors.write_bytes(vectors.read_bytes()[:-1])
    with pytest.raises(IndexCorrupt, match=r"vectors\.faiss"):
        take_snapshot(ShopFolder(shop), tmp_path / "s.vitrine", progress=silent)
    assert not (tmp_path / "s.vitrine").exists()


def test_progress_counts_up_to_all_of_it(taken, tiny_shop, tmp_path):
    seen: dict[str, list[tuple[int, int]]] = {}

    def watch(stage: str, done: int, total: int) -> None:
        seen.setdefault(stage, []).append((done, total))

    take_snapshot(ShopFolder(tiny_shop), tmp_path / "s", progress=watch)
    restore_snapshot(tmp_path / "s", ShopFolder(tmp_path / "shop"), progress=watch)
    assert set(seen) == {"store", "check", "restore"}
    for counts in seen.values():
        assert counts == sorted(counts)
        assert counts[-1][0] == counts[-1][1] > 0


def test_the_seal_is_the_hash_of_all_that_stands_before_it(taken):
    data = taken.read_bytes()
    assert data[-64:].decode() == hashlib.sha256(data[:-64]).hexdigest()
    with read_archive(taken, progress=silent) as archive:
        assert archive.comment.endswith(data[-64:])
