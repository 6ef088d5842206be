"""The LMDB store: what was written is there, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import lmdb
import numpy as np
import pytest

from indexer.encoders.base import Model
from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound, StoreFull
from indexer.items import ORIGINAL, Item
from indexer.store import environment
from indexer.store.records import ImageRecord, ItemRecord, PictureKey, Row, content_hash
from indexer.store.store import Store

KEY = Model("color", "0" * 64).key


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "catalog.lmdb", create=True)
    yield opened
    opened.close()


def record(item_id: str, *rows: int) -> ItemRecord:
    images = [
        ImageRecord(f"{row}.jpg", content_hash(b"%d" % row), 10, 20, {ORIGINAL: row})
        for row in rows
    ]
    return ItemRecord(Item(item_id=item_id, product_id=item_id, title="Ein Töpfchen"), images)


def half(*numbers: float) -> bytes:
    return np.array(numbers, dtype=np.float16).tobytes()


def test_what_is_written_is_read_back(store):
    content = content_hash(b"photo")
    row = Row("mug", 0, ORIGINAL, content)
    with store.write() as writer:
        writer.put_item(record("mug", 0))
        writer.put_row(7, row)
        writer.put_image(PictureKey(content), b"jpeg")
        writer.put_embedding(KEY, PictureKey(content), half(0.5, -1))
        writer.put_meta("changes", 3)
    with store.read() as reader:
        assert reader.item("mug") == record("mug", 0)
        assert list(reader.items()) == [record("mug", 0)]
        assert list(reader.rows()) == [(7, row)]
        assert reader.image(PictureKey(content)) == b"jpeg"
        assert reader.embeddings(KEY, [PictureKey(content)], 2).tolist() == [[0.5, -1.0]]
        assert reader.meta("changes", 0) == 3
        assert reader.meta("nothing", "default") == "default"


def test_what_is_written_survives_closing_and_opening(tmp_path):
    store = Store(tmp_path / "s", create=True)
    with store.write() as writer:
        writer.put_item(record("mug"))
    store.close()
    again = Store(tmp_path / "s")
    with again.read() as reader:
        assert reader.item("mug") == record("mug")
    again.close()


def test_an_unknown_item_is_none_however_odd_its_id(store):
    with store.read() as reader:
        for item_id in ("nope", "", "x" * 600, "\ud800", "\0"):
            assert reader.item(item_id) is None


def test_items_come_in_the_byte_order_of_their_ids(store):
    with store.write() as writer:
        for item_id in ("b", "a", "Z", "é"):
            writer.put_item(record(item_id))
    with store.read() as reader:
        assert [one.item.item_id for one in reader.items()] == ["Z", "a", "b", "é"]


def test_rows_come_by_number_and_not_as_text(store):
    with store.write() as writer:
        for number in (10, 9, 70000):
            writer.put_row(number, Row("a", 0, ORIGINAL, b"x" * 16))
    with store.read() as reader:
        assert [number for number, _ in reader.rows()] == [9, 10, 70000]


def test_a_transaction_that_raises_leaves_nothing_behind(store):
    with store.write() as writer:
        writer.put_item(record("old"))

    def fail() -> None:
        with store.write() as writer:
            writer.put_item(record("new"))
            writer.delete_item("old")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as reader:
        assert [one.item.item_id for one in reader.items()] == ["old"]


def test_row_numbers_are_never_given_twice(store):
    with store.write() as writer:
        assert list(writer.new_rows(2)) == [0, 1]
        writer.delete_row(1)
    with store.write() as writer:
        assert list(writer.new_rows(2)) == [2, 3]


def test_deleting_an_item_deletes_its_rows_and_no_other(store):
    with store.write() as writer:
        for item_id, rows in (("a", (0, 1)), ("b", (2,))):
            writer.put_item(record(item_id, *rows))
            for number in rows:
                writer.put_row(number, Row(item_id, 0, ORIGINAL, b"x" * 16))
        writer.delete_item("a")
        writer.delete_item("a")  # a second time does nothing
    with store.read() as reader:
        assert [number for number, _ in reader.rows()] == [2]
        assert reader.item("a") is None


def test_a_sweep_drops_what_no_row_needs_and_keeps_the_rest(store):
    kept, gone, last = (content_hash(name) for name in (b"kept", b"gone", b"last"))
    other = Model("builtin", "f" * 64).key
    with store.write() as writer:
        writer.put_row(0, Row("a", 0, ORIGINAL, kept))
        for content in (kept, gone, last):
            writer.put_image(PictureKey(content), b"jpeg")
            writer.put_embedding(KEY, PictureKey(content), half(1))
        writer.put_embedding(other, PictureKey(kept), half(1))
    assert store.delete_unused() == 4
    with store.read() as reader:
        pictures = [PictureKey(content) for content in (kept, gone, last)]
        assert [reader.image(picture) for picture in pictures] == [b"jpeg", None, None]
        assert reader.has_embedding(KEY, PictureKey(kept))
        assert reader.has_embedding(other, PictureKey(kept))
        assert not reader.has_embedding(KEY, PictureKey(gone))
        assert not reader.has_embedding(KEY, PictureKey(last))


def test_a_sweep_of_a_store_without_rows_empties_it(store):
    with store.write() as writer:
        for name in (b"a", b"b"):
            writer.put_image(PictureKey(content_hash(name)), b"jpeg")
    assert store.delete_unused() == 2
    with store.read() as reader:
        assert reader.count("images") == 0


def test_a_reader_sees_the_store_as_it_was_when_it_began(store):
    with store.write() as writer:
        writer.put_item(record("a"))
    with store.read() as reader:

        def change() -> None:
            with store.write() as writer:
                writer.delete_item("a")
                writer.put_item(record("b"))

        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
        assert [one.item.item_id for one in reader.items()] == ["a"]
    with store.read() as reader:
        assert [one.item.item_id for one in reader.items()] == ["b"]


def test_two_stores_on_one_path_share_one_environment(tmp_path):
    first = Store(tmp_path / "s", create=True)
    second = Store(tmp_path / "x" / ".." / "s") if (tmp_path / "x").mkdir() is None else None
    with first.write() as writer:
        writer.put_item(record("a"))
    first.close()
    first.close()  # a second time does nothing
    with second.read() as reader:
        assert reader.item("a") is not None
    second.close()


def test_a_missing_embedding_or_one_of_another_length_is_a_damaged_store(store):
    content = content_hash(b"photo")
    with store.write() as writer:
        writer.put_embedding(KEY, PictureKey(content), half(1, 2, 3))
    with store.read() as reader:
        with pytest.raises(IndexCorrupt, match="no embedding of 4 numbers for image"):
            reader.embeddings(KEY, [PictureKey(content)], 4)
        with pytest.raises(IndexCorrupt, match=r"\(styled\).*run 'vitrine index' again"):
            reader.embeddings(KEY, [PictureKey(content, "styled")], 3)
        assert reader.embeddings(KEY, [], 3).shape == (0, 3)


def test_a_record_that_cannot_be_read_is_named(store):
    with store.write() as writer:
        writer._writing.put("items", b"mug", b"\xc1 no msgpack")
    with store.read() as reader, pytest.raises(IndexCorrupt, match="item 'mug' in the store"):
        reader.item("mug")


def test_where_nothing_was_built_the_command_is_named(tmp_path):
    with pytest.raises(IndexNotFound, match="build one with 'vitrine index CATALOG --shop"):
        Store(tmp_path / "catalog.lmdb")
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_format_is_refused_naming_both(tmp_path):
    store = Store(tmp_path / "s", create=True)
    with store.write() as writer:
        writer.put_meta("format", 99)
    store.close()
    with pytest.raises(IndexMismatch, match="store format 99, this version reads format 1"):
        Store(tmp_path / "s")
    with pytest.raises(IndexMismatch, match="store format 99"):
        Store(tmp_path / "s", create=True)


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"", b"\0" * 8192])
def test_a_file_that_is_no_lmdb_is_corrupt_and_not_overwritten(tmp_path, content):
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "data.mdb").write_bytes(content)
    with pytest.raises((IndexCorrupt, IndexMismatch)) as caught:
        Store(folder)
    assert str(folder) in str(caught.value)
    if content.strip(b"\0"):
        with pytest.raises(IndexCorrupt, match="Restore it, or move it away"):
            Store(folder, create=True)
        assert (folder / "data.mdb").read_bytes() == content


def test_a_full_map_is_store_full_and_undone(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "MAP_BYTES", 256 << 10)
    store = Store(tmp_path / "s", create=True)
    with store.write() as writer:
        writer.put_item(record("a"))

    def fill() -> None:
        with store.write() as writer:
            for number in range(1000):
                writer.put_image(PictureKey(content_hash(b"%d" % number)), b"x" * 4000)

    with pytest.raises(StoreFull, match="has reached its map size"):
        fill()
    with store.read() as reader:
        assert reader.count("images") == 0
        assert reader.item("a") is not None
    store.close()


@pytest.mark.parametrize("error", [lmdb.DiskError, lmdb.Error])
def test_a_full_disk_is_store_full(store, error):
    with pytest.raises(StoreFull, match="No space left on device"), store.write():
        raise error("mdb_txn_commit: No space left on device")


# Root may write anywhere, so another user has to try. The interpreter may be out of that user's
# reach, hence the imports before.
READ_ONLY = """
import os, sys
from indexer.errors import StoreFull
from indexer.store.store import Store
from pathlib import Path
os.chdir(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = Store(Path("."))
with store.read() as reader:
    print(reader.item("a").item.item_id)
try:
    with store.write() as writer:
        writer.put_meta("x", 1)
except StoreFull as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("lock", [0o644, 0o000])
@pytest.mark.slow
def test_a_store_that_may_only_be_read_is_read_and_refuses_to_be_written(lock):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        store = Store(folder / "s", create=True)
        with store.write() as writer:
            writer.put_item(record("a"))
        store.close()
        (folder / "s" / "lock.mdb").chmod(lock)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, folder / "s"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    found, refusal = done.stdout.splitlines()
    assert found == "a"
    assert refusal.endswith("cannot be written: it is read-only here")
