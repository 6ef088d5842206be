"""Parquet files as catalogs: rows become items, and a broken value costs its own row only."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.errors import BadCatalog
from indexer.items import Skipped
from tests.catalogfiles import written


def test_parquet_rows_become_items(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {
            "id": [7, 8, None],
            "title": ["Mug", None, "Ghost"],
            "price": [4.5, float("nan"), 1.0],
            "images": [["a.jpg", "b.jpg"], [], None],
            "color": ["red", None, "gray"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    catalog = open_catalog(tmp_path / "a.parquet")
    entries = list(catalog)
    mug, plain = entries[0].item, entries[1].item
    assert (mug.item_id, mug.price, mug.images) == ("7", 4.5, ["a.jpg", "b.jpg"])
    assert mug.attributes == {"color": "red"}
    assert (plain.item_id, plain.title, plain.price, plain.images) == ("8", "", None, [])
    assert entries[2] == Skipped("", "no id", where="row 3")


def parquet(folder, columns) -> list[object]:
    """What a Parquet catalog of these columns gives, an item or a Skipped for each row."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    names = list(columns)
    pq.write_table(pa.table(list(columns.values()), names=names), folder / "a.parquet")
    return [getattr(one, "item", one) for one in open_catalog(folder / "a.parquet")]


def test_a_parquet_value_that_python_cannot_hold_costs_its_own_row_only(tmp_path):
    pa = pytest.importorskip("pyarrow")
    ids = pa.array(["a", "b", "c"])
    fine = pa.array([10**9, 1_234_567_891, None], pa.timestamp("ns"))  # b's ends in nanoseconds
    far = pa.array([0, 0, 10**15], pa.timestamp("s"))
    found = parquet(tmp_path, {"id": ids, "made": fine, "sold": far})
    first, second, third = found
    assert first.item_id == "a"
    if isinstance(second, Skipped):  # pyarrow returns times of pandas if that is installed
        assert second.where == "row 2"
        assert second.reason.startswith("column 'made' cannot be read: Nanosecond resolution")
    assert third.where == "row 3"
    assert third.reason.startswith("column 'sold' cannot be read: ")


def test_text_in_a_parquet_that_is_no_utf8_costs_its_own_row_only(tmp_path):
    pa = pytest.importorskip("pyarrow")
    offsets = pa.py_buffer(np.array([0, 3, 5], dtype=np.int32).tobytes())
    title = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"Mug\xff\xfe"))
    found = parquet(tmp_path, {"id": pa.array(["a", "b"]), "title": title})
    assert found[0].title == "Mug"
    assert found[1].reason.startswith("column 'title' cannot be read: 'utf-8' codec")


def test_text_that_a_parquet_calls_bytes_is_text_and_a_picture_is_not(tmp_path):
    pa = pytest.importorskip("pyarrow")
    ids, image = pa.array([b"a", b"b"]), pa.array([b"a.jpg", b"\xff\xd8\xff\xe0"])
    found = parquet(tmp_path, {"id": ids, "title": pa.array([b"Mug", b"Cup"]), "image": image})
    assert (found[0].item_id, found[0].title, found[0].images) == ("a", "Mug", ["a.jpg"])
    assert found[1].reason == "column 'image' holds 4 bytes that are not UTF-8 text"


def test_two_columns_of_one_name_in_a_parquet_are_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table([["a"], ["Mug"], ["Cup"]], names=["id", "title", "title"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(BadCatalog, match="has two columns 'title'; rename one"):
        open_catalog(tmp_path / "a.parquet").scan()


def test_a_file_that_is_no_parquet_is_a_bad_catalog(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(BadCatalog, match=r"cannot read .*a\.parquet"):
        open_catalog(written(tmp_path, "a.parquet", "id,title\n")).scan()


def test_without_pyarrow_parquet_names_the_extra_that_brings_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def without_pyarrow(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(BadCatalog, match=r"pip install 'vitrine\[parquet\]'"):
        open_catalog(written(tmp_path, "a.parquet", "")).scan()


def test_a_parquet_wider_than_a_spreadsheet_is_refused(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("indexer.catalog.csvfile.MOST_COLUMNS", 20)
    pq.write_table(pa.table({f"c{number}": [1] for number in range(21)}), tmp_path / "c.parquet")
    with pytest.raises(BadCatalog, match="has 21 columns, at most 20 are read"):
        list(open_catalog(tmp_path / "c.parquet"))
