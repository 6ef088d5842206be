"""Tables that are small as files and would take long or much memory to read."""

from __future__ import annotations

import pytest

from indexer.catalog import csvfile, csvlines, recordfile
from indexer.catalog.sources import open_catalog
from indexer.errors import BadCatalog
from tests.catalogfiles import read, written

HEADER = "id,title,image\n"


@pytest.mark.parametrize("empty", ["\n", "\r\n", " \t\n", ",,\n"])
def test_empty_lines_hide_no_row_and_count_as_lines(tmp_path, empty):
    rows = HEADER + empty * 1000 + "a,Mug,a.png\nb,short\n" + empty * 3 + "c,x\n"
    good, bad = read(written(tmp_path, "c.csv", rows))
    assert good == ["a"]
    assert [where for where, _, _ in bad] == ["row 1003", "row 1007"]


def test_an_empty_line_inside_quotes_belongs_to_the_cell(tmp_path):
    path = written(tmp_path, "c.csv", 'id,title,image\na,"one\n\ntwo",a.png\n')
    (entry,) = open_catalog(path)
    assert entry.item.title == "one\n\ntwo"


def test_the_header_may_come_after_any_number_of_empty_lines(tmp_path):
    assert read(written(tmp_path, "c.csv", "\n" * 1000 + HEADER + "a,Mug,a.png\n"))[0] == ["a"]


@pytest.mark.parametrize("name", ["c.csv", "c.json", "c.jsonl", "c.xml"])
def test_a_table_is_at_most_as_wide_as_a_spreadsheet(tmp_path, monkeypatch, name):
    assert csvfile.MOST_COLUMNS == recordfile.MOST_COLUMNS == 16_384
    monkeypatch.setattr(csvfile, "MOST_COLUMNS", 100)
    monkeypatch.setattr(recordfile, "MOST_COLUMNS", 100)
    names = [f"c{number}" for number in range(100)]
    text = {
        "c.csv": f"id,{','.join(names)}\na\n",
        "c.json": '[{"id":"a",' + ",".join(f'"{name}":1' for name in names) + "}]",
        "c.jsonl": '{"id":"a",' + ",".join(f'"{name}":1' for name in names) + "}",
        "c.xml": "<rss><channel><item><id>a</id>"
        + "".join(f"<{name}>1</{name}>" for name in names)
        + "</item></channel></rss>",
    }[name]
    path = written(tmp_path, name, text)
    if name == "c.csv":
        with pytest.raises(BadCatalog, match="has 101 columns, at most 100 are read"):
            read(path)
    else:
        assert [reason for _, _, reason in read(path)[1]] == [
            "has 101 fields, at most 100 are read"
        ]


def test_a_header_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csvlines, "MAX_CELL", 100)
    path = written(tmp_path, "c.csv", "id," + ",".join(f"c{number}" for number in range(100)))
    with pytest.raises(BadCatalog, match="a line at the start has more than 100 characters"):
        read(path)


def test_a_row_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csvlines, "_MAX_LINE", 100)
    path = written(tmp_path, "c.csv", HEADER + "a,Mug,a.png\n" + "x" * 300)
    with pytest.raises(BadCatalog, match="a row has 100 characters without a line break"):
        read(path)


def test_quotes_that_reach_the_end_of_the_file_are_read_again_a_limited_number_of_times(
    tmp_path, monkeypatch
):
    # From each of these lines on, all others are inside one row with an open quote at its end.
    monkeypatch.setattr(csvlines, "_MOST_REPEATED", 1000)
    path = written(tmp_path, "c.csv", HEADER + 'x",",\n' * 500)
    with pytest.raises(BadCatalog, match="too many rows with a quote that is not closed"):
        read(path)
