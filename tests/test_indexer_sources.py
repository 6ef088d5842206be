"""Catalog readers: whatever a shop exports comes in, and what is no item is told by name."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import msgspec
import pytest

from indexer.catalog.sources import Entry, open_catalog
from indexer.errors import BadCatalog, BadImage
from indexer.imaging.imagepath import image_path
from indexer.items import Item, Skipped
from tests.catalogfiles import items_of, read, written

# A folder of images


def test_a_folder_gives_an_item_for_each_file_with_its_path_as_id(tmp_path):
    (tmp_path / "mugs").mkdir()
    (tmp_path / "mugs" / "blue_tall-mug.jpg").write_bytes(b"x")
    (tmp_path / "chair.png").write_bytes(b"x")
    chair, mug = items_of(tmp_path)
    assert (chair.item_id, chair.categories, chair.images) == ("chair.png", [], ["chair.png"])
    assert mug == Item(
        item_id="mugs/blue_tall-mug.jpg",
        product_id="mugs/blue_tall-mug.jpg",
        title="blue tall mug",
        categories=["mugs"],
        images=["mugs/blue_tall-mug.jpg"],
    )


def test_a_file_named_by_a_number_has_the_title_of_its_folder(tmp_path):
    for name in ("tea_mugs/001.jpg", "tea_mugs/b-2.jpg", "7.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [item.title for item in items_of(tmp_path)] == ["7", "tea mugs 001", "b 2"]


def test_hidden_files_and_folders_are_not_items(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.jpg").write_bytes(b"x")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "b.jpg").write_bytes(b"x")
    assert read(tmp_path) == (["b.jpg"], [])


@pytest.mark.parametrize("shop", ["", "shops/mine/"])
def test_the_files_of_a_shop_that_lies_in_the_folder_are_not_items(tmp_path, shop):
    for name in (
        "catalog.lmdb/data.mdb",
        "catalog.lmdb/lock.mdb",
        "events.lmdb/data.mdb",
        "events.lmdb/lock.mdb",
        "recommend.json",
        "generations/000001/manifest.json",
        "encoders/ab.onnx",
        "CURRENT",
        "job.lock",
        "photo.jpg",
    ):
        path = tmp_path / shop / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [item.item_id for item in items_of(tmp_path)]
    assert found == [f"{shop}photo.jpg"]


def test_a_folder_that_bears_a_name_of_a_shop_is_none_by_that(tmp_path):
    (tmp_path / "generations").mkdir()
    (tmp_path / "generations" / "mug.jpg").touch()
    assert [item.item_id for item in items_of(tmp_path)] == ["generations/mug.jpg"]


def test_a_file_whose_name_is_not_utf8_is_skipped_by_a_name_that_can_be_printed(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (tmp_path / "tea.jpg").write_bytes(b"x")
    good, bad = read(tmp_path)
    assert good == ["tea.jpg"]
    assert bad == [("caf?.jpg", "", "its name is not UTF-8; rename it")]


def test_an_empty_folder_holds_no_items(tmp_path):
    with pytest.raises(BadCatalog, match="holds no items"):
        open_catalog(tmp_path).scan()


# CSV


def test_a_csv_row_becomes_an_item_with_every_field(tmp_path):
    path = written(
        tmp_path,
        "shop.csv",
        "id,product_id,title,description,categories,price,currency,in_stock,images,color,size\n"
        'a,p1,Red mug,"Tall, with a ""handle""",Home/Mugs;Gifts,12.50,eur,no,x.jpg;y.jpg,red,\n',
    )
    assert items_of(path) == [
        Item(
            item_id="a",
            product_id="p1",
            title="Red mug",
            description='Tall, with a "handle"',
            categories=["Home/Mugs", "Gifts"],
            price=12.5,
            currency="EUR",
            in_stock=False,
            attributes={"color": "red"},
            images=["x.jpg", "y.jpg"],
        )
    ]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path):
    path = written(tmp_path, "a.csv", b"\xef\xbb\xbfid,title\nm,Mug\n")
    assert [item.item_id for item in items_of(path)] == ["m"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_header(tmp_path, delimiter):
    text = f"id{delimiter}title\nm{delimiter}Mug\n"
    (item,) = items_of(written(tmp_path, "a.csv", text))
    assert (item.item_id, item.title) == ("m", "Mug")


def test_a_tsv_file_is_read_too(tmp_path):
    (item,) = items_of(written(tmp_path, "a.tsv", "id\ttitle\nm\tMug, tall\n"))
    assert item.title == "Mug, tall"


def test_a_quoted_field_may_hold_delimiters_and_line_breaks(tmp_path):
    path = written(tmp_path, "a.csv", 'id,title\nm,"Mug,\ntall"\nn,Next\n')
    assert [(item.item_id, item.title) for item in items_of(path)] == [
        ("m", "Mug,\ntall"),
        ("n", "Next"),
    ]


def test_short_and_long_rows_are_skipped_and_their_neighbors_are_not(tmp_path):
    path = written(tmp_path, "a.csv", "id,title\na,A\nb\nc,C,more\n\nd,D\n")
    good, bad = read(path)
    assert good == ["a", "d"]
    assert bad == [
        ("row 3", "", "has 1 fields, the header has 2"),
        ("row 4", "", "has 3 fields, the header has 2"),
    ]


def test_a_quote_that_never_closes_costs_its_own_row_only(tmp_path):
    path = written(tmp_path, "a.csv", 'id,title\na,A\nb,"B\nc,C\nd,D\n')
    good, bad = read(path)
    assert good == ["a", "c", "d"]
    assert [(where, reason.split(":")[0]) for where, _, reason in bad] == [("row 3", "not CSV")]


def test_a_quote_that_closes_in_a_later_row_swallows_no_row_in_silence(tmp_path):
    path = written(tmp_path, "a.csv", 'id,title\na,"A\nb,"B"\nc,C\n')
    good, bad = read(path)
    assert good == ["b", "c"]
    assert [where for where, _, _ in bad] == ["row 2"]


def test_a_nul_byte_in_an_id_is_refused_and_in_a_title_harmless(tmp_path):
    path = written(tmp_path, "a.csv", b"id,title\na\0b,A\nc,C\0D\n")
    good, bad = read(path)
    assert good == ["c"]
    assert bad[0][2] == "id holds control characters"


def test_a_catalog_of_unknown_encoding_is_refused_naming_the_byte(tmp_path):
    path = written(tmp_path, "a.csv", b"id,title\na,caf\xe9 \x81\n")
    with pytest.raises(BadCatalog, match=r"a\.csv is not UTF-8 \(byte 0xe9\)"):
        open_catalog(path).scan()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b",,\n"])
def test_an_empty_csv_says_what_was_expected(tmp_path, content):
    with pytest.raises(
        BadCatalog, match=r"is empty: expected a header row with the names of columns"
    ):
        open_catalog(written(tmp_path, "a.csv", content)).scan()


def test_a_csv_with_only_a_header_holds_no_items(tmp_path):
    with pytest.raises(BadCatalog, match=r"a\.csv holds no items$"):
        open_catalog(written(tmp_path, "a.csv", "id,title\n")).scan()


def test_two_columns_of_ids_are_refused(tmp_path):
    with pytest.raises(BadCatalog, match="two columns 'id'"):
        open_catalog(written(tmp_path, "a.csv", "id,title,id\na,A,b\n")).scan()


def test_two_columns_of_a_field_give_it_where_they_agree(tmp_path):
    text = "id,price,price,title,title\na,1,1.00,A,\nb,,2,,B\nc,1,2,C,D\n"
    path = written(tmp_path, "a.csv", text)
    entries = list(open_catalog(path))
    items = [entry.item for entry in entries if not isinstance(entry, Skipped)]
    assert [(item.title, item.price) for item in items] == [("A", 1), ("B", 2), ("C", None)]
    assert [(one.where, one.reason) for one in entries if isinstance(one, Skipped)] == [
        ("row 4", "two columns are named alike; read 'C', not 'D'"),
        ("row 4", "two columns are named as prices, with '1' and '2'"),
    ]


def test_a_cell_of_more_than_a_megabyte_is_skipped(tmp_path):
    text = f'id,title\na,"{"x" * 1_100_000}"\nb,B\n'
    good, bad = read(written(tmp_path, "a.csv", text))
    assert good == ["b"]
    assert bad[0][0] == "row 2"
    csv.field_size_limit(131072)  # as Python has it


# JSON lines


def test_a_broken_line_in_the_middle_leaves_its_neighbors_alone(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"id":"a"}\n{"id": "b"\n\n[1]\n"x"\n{"id":"c"}\n')
    good, bad = read(path)
    assert good == ["a", "c"]
    assert [where for where, _, _ in bad] == ["line 2", "line 4", "line 5"]
    assert bad[0][2].startswith("not JSON: ")
    assert [reason for _, _, reason in bad[1:]] == [
        "expected an object, got list",
        "expected an object, got str",
    ]


def test_deep_nesting_is_a_broken_line_and_not_a_crash(tmp_path):
    deep = '{"id":"a","x":' + "[" * 100_000 + "]" * 100_000 + "}"
    good, bad = read(written(tmp_path, "a.jsonl", deep + '\n{"id":"b"}\n'))
    assert good == ["b"]
    assert bad[0][0] == "line 1"


@pytest.mark.parametrize("bad_line", [b'{"id":"a","title":"\\ud800"}', b'{"id":"a\xff"}'])
def test_text_that_is_no_unicode_is_a_broken_line(tmp_path, bad_line):
    good, bad = read(written(tmp_path, "a.jsonl", bad_line + b'\n{"id":"b"}\n'))
    assert good == ["b"]
    assert bad[0][0] == "line 1"


def test_json_lines_may_begin_with_a_byte_order_mark(tmp_path):
    assert read(written(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"id":"a"}\n')) == (["a"], [])


def test_a_json_array_is_not_json_lines_and_says_so(tmp_path):
    with pytest.raises(BadCatalog, match="line 1: expected an object, got list"):
        open_catalog(written(tmp_path, "a.ndjson", '[{"id":"a"}]')).scan()


# Which column is what


def test_a_mapping_reads_fields_from_columns_of_other_names(tmp_path):
    path = written(tmp_path, "a.csv", "sku,label,id\ns1,Mug,99\n")
    (item,) = items_of(path, {"id": "sku", "title": "label"})
    assert (item.item_id, item.title, item.attributes) == ("s1", "Mug", {})


def test_name_category_and_image_are_understood_without_a_mapping(tmp_path):
    path = written(tmp_path, "a.csv", "id,name,category,image\na,Mug,Home,m.jpg\n")
    (item,) = items_of(path)
    assert (item.title, item.categories, item.images) == ("Mug", ["Home"], ["m.jpg"])
    assert item.attributes == {}


def test_beside_the_field_itself_its_alias_is_an_attribute(tmp_path):
    (item,) = items_of(written(tmp_path, "a.csv", "id,title,name\na,Mug,Oskar\n"))
    assert (item.title, item.attributes) == ("Mug", {"name": "Oskar"})


def test_a_missing_id_column_lists_the_columns_that_are_there(tmp_path):
    path = written(tmp_path, "a.csv", "shade,label\ns1,Mug\n")
    with pytest.raises(BadCatalog, match=r"no column 'id'; it has 'label', 'shade'.*--map id"):
        open_catalog(path).scan()


def test_a_mapping_to_a_missing_column_lists_the_columns_that_are_there(tmp_path):
    path = written(tmp_path, "a.csv", "id,label\ns1,Mug\n")
    with pytest.raises(BadCatalog, match=r"no column 'name' \(mapped to 'title'\); it has 'id'"):
        open_catalog(path, {"title": "name"}).scan()


def test_a_mapping_of_an_unknown_field_lists_the_fields(tmp_path):
    with pytest.raises(BadCatalog, match="unknown field 'titel'; fields are id, product_id"):
        open_catalog(written(tmp_path, "a.csv", "id\na\n"), {"titel": "name"})


# The catalog as a whole


def test_duplicate_ids_are_an_error_that_names_both_rows(tmp_path):
    path = written(tmp_path, "a.csv", "id,title\na,A\nb,B\n a ,C\n")
    with pytest.raises(BadCatalog, match="id 'a' is in row 2 and again in row 4"):
        open_catalog(path).scan()


def test_a_scan_counts_items_images_and_skips(tmp_path):
    path = written(tmp_path, "a.csv", "id,images\na,x.jpg;y.jpg\n,z.jpg\nb,\n")
    scan = open_catalog(path).scan()
    assert (scan.items, scan.images) == (2, 2)
    assert scan.skipped == [Skipped("", "no id", where="row 3")]


def test_a_catalog_can_be_read_twice(tmp_path):
    catalog = open_catalog(written(tmp_path, "a.csv", "id\na\nb\n"))
    assert list(catalog) == list(catalog)


def test_a_catalog_that_is_a_pipe_or_a_device_is_refused_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zeros.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zeros.csv"):
        with pytest.raises(BadCatalog, match=f"{name} is a pipe, a device or a folder; expected"):
            open_catalog(tmp_path / name)


def test_a_missing_catalog_is_named(tmp_path):
    with pytest.raises(BadCatalog, match=r"no such catalog: .*nowhere\.csv"):
        open_catalog(tmp_path / "nowhere.csv")


def test_a_file_of_no_known_kind_lists_the_kinds(tmp_path):
    with pytest.raises(BadCatalog, match=r"\.csv, \.tsv, .*\.jsonl, .*got '\.docx'"):
        open_catalog(written(tmp_path, "a.docx", "x"))


# Where images lie


@pytest.mark.parametrize(
    "path", ["../a.jpg", "/etc/passwd", "x/../../a.jpg", "C:\\a.jpg", "..", "a\0b"]
)
def test_an_image_outside_the_catalogs_folder_is_refused(path):
    with pytest.raises(BadImage, match="outside the catalog's folder"):
        image_path(Path("/catalog"), path)


@pytest.mark.parametrize("path", ["https://shop.example/a.jpg", "file:///etc/passwd"])
def test_a_url_is_refused_as_an_image(path):
    with pytest.raises(BadImage, match="a URL"):
        image_path(Path("/catalog"), path)


@pytest.mark.parametrize("path", ["x/a.jpg", "./x/a.jpg", "y/../x/a.jpg", "x\\a.jpg"])
def test_an_image_inside_the_folder_is_found_however_its_path_is_written(path):
    assert image_path(Path("/catalog"), path) == Path("/catalog/x/a.jpg")


def test_a_skipped_row_can_be_written_as_json():
    skipped = Skipped("", "no id", where="row 3")
    assert msgspec.json.decode(msgspec.json.encode(skipped)) == {
        "item_id": "",
        "reason": "no id",
        "image": "",
        "where": "row 3",
    }


def test_booleans_of_a_table_are_booleans(tmp_path):
    file = tmp_path / "catalog.csv"
    file.write_text("id,title,sale,vegan,note,images\na,True,TRUE, false ,truely,x.jpg\n")
    (entry,) = [entry for entry in open_catalog(file) if isinstance(entry, Entry)]
    assert entry.item.attributes == {"sale": True, "vegan": False, "note": "truely"}
    assert entry.item.title == "True"
