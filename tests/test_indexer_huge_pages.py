"""Huge pages: asked for where the system has them, and no content changes."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from indexer.arrays import unit
from indexer.vectors import huge_pages
from indexer.vectors.huge_pages import PAGE, move_graph, move_to_huge_pages


def huge_kilobytes(address):
    """How much of the mapping with this address is in huge pages."""
    inside = False
    for line in Path("/proc/self/smaps").read_text(encoding="ascii").splitlines():
        head, *values = line.split()
        if "-" in head and not head.endswith(":"):
            start, end = (int(part, 16) for part in head.split("-"))
            inside = start <= address < end
        elif inside and head == "AnonHugePages:":
            return int(values[0])
    raise AssertionError(f"nothing is at {address}")


def kernel():
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


@pytest.mark.skipif(
    sys.platform != "linux" or not huge_pages.allowed() or kernel() < (6, 1),
    reason="needs Linux 6.1 with transparent huge pages",
)
def test_memory_that_is_filled_becomes_huge_pages():
    array = np.arange(PAGE, dtype=np.int32)  # four pages of 4-byte numbers
    move_to_huge_pages(array)
    second = array.ctypes.data + PAGE  # no address of the part before the first whole page
    # One of the two or more: where memory is scattered, the system may lack a block for the other.
    assert huge_kilobytes(second) >= PAGE // 1024
    assert (array == np.arange(PAGE)).all()


@pytest.mark.parametrize("setting", ["always madvise [never]", None])
def test_where_the_administrator_turned_them_off_none_is_asked_for(monkeypatch, tmp_path, setting):
    file = tmp_path / "enabled"
    if setting is not None:
        file.write_text(setting, encoding="ascii")
    monkeypatch.setattr(huge_pages, "_SETTING", file)
    monkeypatch.setattr("ctypes.CDLL", lambda _: pytest.fail("asked the system"))
    move_to_huge_pages(np.zeros(PAGE, dtype=np.int32))


@pytest.mark.parametrize("count", [0, 1, PAGE // 4])
def test_an_array_without_a_whole_page_stays_as_it_is(count):
    array = np.arange(count, dtype=np.int32)
    move_to_huge_pages(array)
    assert (array == np.arange(count)).all()


def test_a_graph_answers_the_same(rng):
    vectors = unit(rng.normal(size=(300, 16)))
    index = faiss.IndexHNSWSQ(16, faiss.ScalarQuantizer.QT_fp16, 8, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    scores, positions = index.search(vectors[:20], 5)
    move_graph(index)
    again, found = index.search(vectors[:20], 5)
    assert (again.tolist(), found.tolist()) == (scores.tolist(), positions.tolist())
