"""A store whose file was cut short is told, and never kills the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from indexer.errors import IndexCorrupt, IndexMismatch
from indexer.items import Item
from indexer.store.datafile import check_not_truncated
from indexer.store.records import ItemRecord, PictureKey
from indexer.store.store import Store

PAGE = 4096


@pytest.fixture
def filled(tmp_path):
    """A store whose last pages are free, for what was there was deleted again."""
    store = Store(tmp_path / "s", create=True)
    with store.write() as writer:
        for number in range(300):
            writer.put_image(PictureKey(number.to_bytes(16, "big")), b"x" * 3000)
    with store.write() as writer:
        writer.delete_keys([("images", number.to_bytes(16, "big")) for number in range(150, 300)])
    for number in range(3):
        with store.write() as writer:
            writer.put_item(ItemRecord(Item(item_id=str(number), product_id="p"), []))
    store.close()
    return tmp_path / "s"


def test_a_whole_file_is_whole(filled):
    check_not_truncated(filled / "data.mdb")


def test_a_file_without_the_free_pages_at_its_end_is_whole_too(filled):
    """LMDB itself leaves such pages unwritten."""
    path = filled / "data.mdb"
    whole = path.read_bytes()
    cut = 0
    while True:
        path.write_bytes(whole[: len(whole) - (cut + 1) * PAGE])
        try:
            check_not_truncated(path)
        except IndexCorrupt:
            break
        cut += 1
    assert cut > 1
    path.write_bytes(whole[: len(whole) - cut * PAGE])
    store = Store(filled)
    with store.read() as reader:
        pictures = [PictureKey(number.to_bytes(16, "big")) for number in range(300)]
        assert sum(reader.image(picture) is not None for picture in pictures) == 150
    with store.write() as writer:
        writer.put_image(PictureKey(b"y" * 16), b"y" * 100_000)
    store.close()
    check_not_truncated(path)


READ = """
import sys
from pathlib import Path
from indexer.errors import IndexCorrupt, IndexMismatch
from indexer.store.store import Store
try:
    store = Store(Path(sys.argv[1]))
    with store.read() as reader:
        print(len(list(reader.items())), sum(len(key) for _, key, _ in reader.picture_keys()))
except (IndexCorrupt, IndexMismatch) as error:
    print(type(error).__name__)
"""


@pytest.mark.slow
def test_a_file_cut_anywhere_is_refused_by_name_and_kills_nobody(filled):
    path = filled / "data.mdb"
    whole = path.read_bytes()
    sizes = (1, 100, PAGE, 2 * PAGE, 3 * PAGE, 3 * PAGE + 7, len(whole) // 2, len(whole) * 3 // 4)
    for size in sizes:
        path.write_bytes(whole[:size])
        with pytest.raises((IndexCorrupt, IndexMismatch)) as caught:
            Store(filled)
        assert str(filled) in str(caught.value)
    path.write_bytes(whole[: len(whole) // 2])
    done = subprocess.run([sys.executable, "-c", READ, filled], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"IndexCorrupt\n")


def test_what_was_cut_off_and_what_is_needed_is_told(filled):
    path = filled / "data.mdb"
    os.truncate(path, 10 * PAGE)
    message = r"data.mdb was cut short: it has 40960 bytes, and the last write needs \d+; restore"
    with pytest.raises(IndexCorrupt, match=message):
        check_not_truncated(path)


def test_a_file_of_something_else_is_left_to_lmdb(tmp_path):
    for content in (b"", b"\0" * 9000, b"not a database" * 1000):
        (tmp_path / "data.mdb").write_bytes(content)
        check_not_truncated(tmp_path / "data.mdb")
    check_not_truncated(tmp_path / "none.mdb")
