"""What a shop takes on disk, told while others work on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from indexer.shop.status import disk_bytes


class Listed:
    """What ``os.scandir`` gives, read to its end already."""

    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self._left = iter(entries)

    def __enter__(self) -> Listed:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self._left

    def __next__(self) -> os.DirEntry[str]:
        return next(self._left)


@pytest.mark.parametrize("listings", [1, 2])
def test_what_goes_while_it_is_counted_is_no_error(tmp_path, monkeypatch, listings):
    """A build removes a generation and a draft just after a folder was listed."""
    (tmp_path / "stays").write_bytes(os.urandom(100_000))
    (tmp_path / "draft").write_bytes(os.urandom(100_000))
    (tmp_path / "000001").mkdir()
    (tmp_path / "000001" / "vectors.faiss").write_bytes(os.urandom(100_000))
    scandir, left = os.scandir, [listings]

    def then_removed(path: str) -> Listed:
        with scandir(path) as entries:
            listed = Listed(list(entries))
        left[0] -= 1
        if not left[0]:
            monkeypatch.setattr(os, "scandir", scandir)
            (tmp_path / "draft").unlink()
            shutil.rmtree(tmp_path / "000001")
        return listed

    monkeypatch.setattr(os, "scandir", then_removed)
    assert 100_000 <= disk_bytes(tmp_path) < 210_000
