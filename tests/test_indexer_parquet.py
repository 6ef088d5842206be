"""Parquet files as catalogs: rows become items, and a broken value costs its own row only."""

from __future__ import annotations

import builtins
import contextlib
import io
from functools import partial

import numpy as np
import pytest

from indexer.catalog import parquetfile
from indexer.catalog.limitedprocess import written_by
from indexer.catalog.sources import open_catalog
from indexer.errors import BadCatalog
from indexer.items import Skipped
from tests.catalogfiles import written


@pytest.fixture
def in_this_process(monkeypatch):
    """Read without a process of its own, which takes a quarter of a second to start."""

    @contextlib.contextmanager
    def here(function, path):
        out = io.BytesIO()
        function(str(path), out)
        out.seek(0)
        yield out

    monkeypatch.setattr(parquetfile, "written_by", here)


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


@pytest.mark.usefixtures("in_this_process")
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


@pytest.mark.usefixtures("in_this_process")
def test_text_in_a_parquet_that_is_no_utf8_costs_its_own_row_only(tmp_path):
    pa = pytest.importorskip("pyarrow")
    offsets = pa.py_buffer(np.array([0, 3, 5], dtype=np.int32).tobytes())
    title = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"Mug\xff\xfe"))
    found = parquet(tmp_path, {"id": pa.array(["a", "b"]), "title": title})
    assert found[0].title == "Mug"
    assert found[1].reason.startswith("column 'title' cannot be read: 'utf-8' codec")


@pytest.mark.usefixtures("in_this_process")
def test_text_that_a_parquet_calls_bytes_is_text_and_a_picture_is_not(tmp_path):
    pa = pytest.importorskip("pyarrow")
    ids, image = pa.array([b"a", b"b"]), pa.array([b"a.jpg", b"\xff\xd8\xff\xe0"])
    found = parquet(tmp_path, {"id": ids, "title": pa.array([b"Mug", b"Cup"]), "image": image})
    assert (found[0].item_id, found[0].title, found[0].images) == ("a", "Mug", ["a.jpg"])
    assert found[1].reason == "column 'image' holds 4 bytes that are not UTF-8 text"


@pytest.mark.usefixtures("in_this_process")
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


def test_a_parquet_whose_reader_dies_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(parquetfile, "written_by", partial(written_by, memory=1_000_000))
    with pytest.raises(BadCatalog, match=r"its reader failed, or needs more than 0\.001 GB"):
        parquet(tmp_path, {"id": [1]})


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("most", "reason"),
    [(1_000, "its first [0-9]+ rows hold [0-9,]+ bytes; save it as CSV"), (9_000_000, None)],
)
def test_a_text_that_a_parquet_repeats_for_each_row_is_not_repeated_without_end(
    tmp_path, monkeypatch, most, reason
):
    pa = pytest.importorskip("pyarrow")
    monkeypatch.setattr(parquetfile, "_MOST_IN_ALL", most)
    titles = pa.DictionaryArray.from_arrays(
        pa.array([0] * 900, pa.int32()), pa.array(["x" * 9_000])
    )
    columns = {"id": pa.array(range(900)), "color": titles}
    if reason is None:
        assert len(parquet(tmp_path, columns)) == 900
    else:
        with pytest.raises(BadCatalog, match=reason):
            parquet(tmp_path, columns)


@pytest.mark.usefixtures("in_this_process")
def test_a_parquet_with_fewer_rows_than_it_says_is_damaged(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet(tmp_path, {"id": pa.array(range(50))})
    path = tmp_path / "a.parquet"
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at = data.index(bytes([0x16, 2 * 50]), footer)  # a 64-bit number, zigzag
    path.write_bytes(data[: at + 1] + bytes([2 * 60]) + data[at + 2 :])
    with pytest.raises(BadCatalog, match=r"holds 50 rows of 60"):
        list(open_catalog(path))
