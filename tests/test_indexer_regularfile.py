"""Files of a shop that are pipes, devices or far too long: refused, and never waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.errors import IndexCorrupt
from indexer.regularfile import open_regular, read_regular
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import read_manifest
from indexer.store.replica import read_note
from service.keyfile import BadKeys, KeyFile
from service.lastreports import last_report


@pytest.fixture(params=["pipe", "device", "folder", "loop"])
def odd(request, tmp_path):
    """Puts something that is no file at a path."""

    def put(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        match request.param:
            case "pipe":
                os.mkfifo(path)
            case "device":
                path.symlink_to("/dev/zero")
            case "folder":
                path.mkdir()
            case "loop":
                path.symlink_to(path)
        return path

    return put


def test_only_a_file_is_opened(tmp_path, odd):
    with pytest.raises(OSError, match=r"not a regular file|Too many levels"):
        open_regular(odd(tmp_path / "x"))


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link") == b"1234"


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"1234")
    assert read_regular(tmp_path / "file", 4) == b"1234"
    with pytest.raises(OSError, match="4 bytes; expected at most 3"):
        read_regular(tmp_path / "file", 3)


def test_a_sparse_file_of_terabytes_is_not_read(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="1099511627776 bytes; expected at most 1048576"):
        read_regular(tmp_path / "file")


def test_files_of_a_shop_are_damaged_if_they_are_none(tmp_path, odd):
    with pytest.raises(IndexCorrupt, match=r"manifest\.json cannot be read: "):
        read_manifest(odd(tmp_path / "manifest.json"))
    with pytest.raises(IndexCorrupt, match=r"replica\.json cannot be read: "):
        read_note(odd(tmp_path / "replica.json").parent)
    with pytest.raises(BadKeys, match=r"keys\.json cannot be read: "):
        KeyFile(odd(tmp_path / "keys.json").parent).read()
    assert last_report(odd(tmp_path / "reports" / "index.json").parents[1], "index") is None


def test_a_shop_whose_current_is_no_file_says_how_to_write_it_again(make_shop, odd):
    shop = ShopFolder(make_shop())
    odd(shop.current_file)
    with pytest.raises(IndexCorrupt, match=r"CURRENT cannot be read: .*; 'vitrine rebuild"):
        shop.current()


def test_a_check_names_each_file_of_a_generation_that_is_none(make_shop, odd):
    shop = ShopFolder(make_shop())
    folder = shop.generations / shop.current()
    for name in ("vectors.faiss", "rows.npy", "words.sqlite", "contents.npy"):
        content = (folder / name).read_bytes()
        path = odd(folder / name)
        (problem,) = check_shop(shop, progress=lambda *_: None).problems
        assert name in problem
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(content)
    assert check_shop(shop, progress=lambda *_: None).problems == []
