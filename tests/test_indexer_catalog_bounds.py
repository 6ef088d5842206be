"""What a hostile catalog may demand: each of these files once took minutes, or gigabytes."""

from __future__ import annotations

import json

import pytest

from indexer.catalog import jsonfile, parquetfile, rawjson, recordfile, xmlproducts, xmlstream
from indexer.catalog.categorytree import CategoryTree, path_in_tree
from indexer.catalog.columnnames import loose_key
from indexer.catalog.item_parser import BrokenRow
from indexer.catalog.jsonfile import json_document
from indexer.catalog.parquetfile import _check_unpacked
from indexer.catalog.sources import Entry, open_catalog
from indexer.catalog.xmlstream import xml_elements
from indexer.drafting.grammar import is_plural
from indexer.errors import BadCatalog
from indexer.items import Remark, clean_id
from tests.catalogfiles import items_of, read, written


def remarks_of(path):
    return [(entry.field, entry.reason) for entry in open_catalog(path) if type(entry) is Remark]


def line(tmp_path, **fields):
    return written(tmp_path, "catalog.jsonl", json.dumps({"id": "mug", **fields}) + "\n")


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("images", "a.jpg" + " " * 400_000 + ";b.jpg", ["a.jpg", "b.jpg"]),
        ("images", "a" + " " * 400_000 + "b", ["a" + " " * 400_000 + "b"]),
        ("images", "<img " * 80_000 + "src=a.jpg>", ["a.jpg"]),
        ("images", "![" * 200_000, ["![" * 200_000]),
        ("images", "![](a" * 80_000, ["![](a" * 80_000]),
        ("images", '=IMAGE("a"' * 40_000, ['=IMAGE("a"' * 40_000]),
        ("categories", "Mugs" + " " * 400_000 + "> Red", ["Mugs/Red"]),
        ("categories", "Mugs" + " " * 400_000 + ", Cups", ["Mugs", "Cups"]),
    ],
)
def test_a_cell_takes_time_that_grows_with_its_length_alone(tmp_path, field, text, expected):
    (item,) = items_of(line(tmp_path, **{field: text}))
    assert getattr(item, field) == expected


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("a.jpg ; b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg \r\n \r\n b.jpg|c.jpg", ["a.jpg", "b.jpg", "c.jpg"]),
        ('<img src="" data-src="a.jpg" alt=x><img src=b.jpg/>', ["a.jpg", "b.jpg/"]),
        ("![front](a.jpg) ![](b.jpg 'back')", ["a.jpg", "b.jpg"]),
        ('=IMAGE("https://shop.test/a.jpg", 1)', ["https://shop.test/a.jpg"]),
    ],
)
def test_pictures_are_separated_as_before(tmp_path, text, paths):
    (item,) = items_of(line(tmp_path, images=text))
    assert item.images == paths


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("title", "x" * 1_000_001, "title has 1,000,001 characters, at most 1,000,000 are read"),
        ("price", "+" * 1_000 + "1", "price must be a number such as 12.50"),
        ("price", "was " + "1 " * 500, "price must be a number such as 12.50"),
        ("in_stock", "(" * 1_001, "in_stock must be true or false, got 1,001 characters"),
        ("title", " #NAME? ", "title is '#NAME?', an error of the spreadsheet"),
        ("categories", "#REF!", "categories is '#REF!', an error of the spreadsheet"),
        ("images", "a;" * 1_001, "has over 1000 images, at most 1000 are read"),
        ("images", "a;" * 10_001, "has 10,001 separators, at most 10,000 are read"),
        ("images", ["a"] * 1_001, "has over 1000 images, at most 1000 are read"),
    ],
)
def test_a_field_that_cannot_be_read_is_left_out_and_the_item_stays(tmp_path, field, value, reason):
    ((named, why),) = remarks_of(line(tmp_path, **{field: value}))
    assert named == field
    assert why.startswith(reason)


def test_attributes_that_are_too_long_cost_the_row_alone(tmp_path):
    path = written(
        tmp_path,
        "catalog.jsonl",
        json.dumps({"id": "mug", "color": "red" * 400_000}) + '\n{"id": "cup"}\n',
    )
    reason = "attributes has 1,200,005 characters, at most 1,000,000 are read"
    assert read(path) == (["cup"], [("line 1", "mug", reason)])


def test_a_line_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonfile, "_MAX_LINE", 100)
    content = '{"id": "mug", "title": "' + "x" * 1_000 + '"}\n{"id": "cup"}\n'
    path = written(tmp_path, "catalog.jsonl", content)
    good, bad = read(path)
    assert good == ["cup"]
    assert bad == [("line 1", "", "has more than 100 bytes, the largest line that is read")]


def test_a_field_that_is_nested_too_deeply_costs_the_row_alone(tmp_path):
    deep = "[" * 51 + "]" * 51
    content = f'{{"id": "mug", "in_stock": {deep}}}\n{{"id": "cup", "sizes": [["S"]]}}\n'
    good, bad = read(written(tmp_path, "catalog.jsonl", content))
    assert good == ["cup"]
    assert bad == [("line 1", "", "'in_stock' is nested in more than 50 levels")]


def test_a_name_of_a_field_that_is_no_name_costs_the_row_alone(tmp_path):
    good, bad = read(line(tmp_path, **{"(" * 1_001: "x"}))
    assert good == []
    assert bad[0][2] == "has a field whose name has more than 1000 characters"


@pytest.mark.parametrize("row", ["[]", "{}"])
def test_a_file_of_rows_that_are_no_items_is_given_up(tmp_path, monkeypatch, row):
    monkeypatch.setattr(recordfile, "MOST_SKIPPED", 3)
    path = written(tmp_path, "catalog.jsonl", '{"id": "mug"}\n' + f"{row}\n" * 10)
    with pytest.raises(BadCatalog, match="4 rows cannot be read and 1 can; line 5: "):
        list(open_catalog(path))


def test_many_rows_that_are_no_items_are_reported_among_more_items(tmp_path, monkeypatch):
    monkeypatch.setattr(recordfile, "MOST_SKIPPED", 3)
    lines = "".join(f'{{"id": "mug-{number}"}}\n[]\n' for number in range(10))
    good, bad = read(written(tmp_path, "catalog.jsonl", lines))
    assert (len(good), len(bad)) == (10, 10)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (f'<r><item id="{"x" * 1_300_000}"/></r>', "a tag or a comment has more than 1,000,000"),
        (f"<r><!--{'x' * 1_300_000}--></r>", "a tag or a comment has more than 1,000,000"),
        ("<a>" * 1_001, "more than 1000 elements are in each other"),
    ],
)
def test_xml_that_no_feed_has_is_refused(tmp_path, xml, reason):
    with pytest.raises(BadCatalog, match=reason):
        list(open_catalog(written(tmp_path, "feed.xml", xml)))


def test_a_long_text_of_xml_is_read(tmp_path):
    text = f"<r><item><id>mug</id><title>{'x' * 400_000}</title></item></r>"
    (item,) = items_of(written(tmp_path, "feed.xml", text))
    assert len(item.title) == 400_000


def test_a_text_of_xml_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(xmlstream, "_LONGEST_TEXT", 100_000)
    feed = f"<r><item><id>mug</id></item>{' ' * 200_000}<item><id>cup</id></item></r>"
    with pytest.raises(BadCatalog, match="a text has more than 100,000 bytes"):
        list(open_catalog(written(tmp_path, "feed.xml", feed)))


@pytest.mark.parametrize("inner", ["<a>1</a>" * 20, "<b>" + "<a>1</a>" * 20 + "</b><c/>"])
def test_a_product_of_too_many_elements_costs_itself_alone(tmp_path, monkeypatch, inner):
    monkeypatch.setattr(xmlproducts, "_MOST_ELEMENTS", 10)
    text = f"<r><item><id>mug</id>{inner}</item><item><id>cup</id></item></r>"
    first, second = open_catalog(written(tmp_path, "feed.xml", text))
    assert (first.reason, first.guess) == ("has more than 10 elements", "mug")
    assert isinstance(second, Entry)
    assert second.item.item_id == "cup"


def test_a_chain_of_categories_does_not_grow_without_end(tmp_path):
    name = "n" * 50
    chain = "".join(
        f'<category id="{at}" parentId="{at - 1}">{name}</category>' for at in range(200)
    )
    text = f"<r>{chain}<offer><id>mug</id><categoryId>199</categoryId></offer></r>"
    (item,) = items_of(written(tmp_path, "feed.xml", text))
    assert len(item.categories[0]) < 1_100
    tree = {str(at): (str(at), str(at - 1)) for at in range(200)}
    assert path_in_tree("199", tree) == "/".join(map(str, range(150, 200)))


def test_a_letter_that_is_two_in_lower_case_does_not_shift_what_a_page_states(tmp_path):
    block = '{"@type": "Product", "sku": "kupa", "name": "Kupa"}'
    page = f"<p>{'İ' * 20}</p><script type='application/ld+json'>{block}</script>"
    (item,) = items_of(written(tmp_path, "page.html", page))
    assert (item.item_id, item.title) == ("kupa", "Kupa")


@pytest.mark.parametrize("ends", [" ", "\t", "\u00a0", "\u3000", "\ufeff", "\u200b", " \u2060 "])
def test_an_id_has_no_unseen_letters_at_its_ends(ends):
    assert clean_id(f"{ends}mug 1{ends}") == "mug 1"
    assert clean_id(f"mug{ends}1") == f"mug{ends}1"


def test_a_parquet_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquetfile, "_MOST_UNPACKED", 100_000)
    path = tmp_path / "catalog.parquet"
    pq.write_table(pa.table({"id": ["mug"], "title": ["x" * 300_000]}), path, compression="zstd")
    with pytest.raises(BadCatalog, match="column 'title' unpacks to 300,"):
        list(open_catalog(path))
    monkeypatch.setattr(parquetfile, "_MOST_VALUES", 1_000)
    pq.write_table(pa.table({"id": ["mug"], "images": [["a.jpg"] * 1_001]}), path)
    with pytest.raises(BadCatalog, match="1,001 values in 1 rows"):
        list(open_catalog(path))
    pq.write_table(pa.table({"id": ["mug"], "images": [["a.jpg"] * 10]}), path)
    _check_unpacked(path, pq.read_metadata(path))


def test_a_name_of_spaces_is_read_in_linear_time():
    assert is_plural("Mugs" + " " * 200_000 + "with handles")
    assert not is_plural("Mug" + " " * 200_000)


def test_a_cell_of_open_brackets_is_no_name_of_a_column_in_linear_time():
    assert loose_key("(" * 500_000) == "(" * 500_000
    assert loose_key("Image (main)") == "image"


def test_resources_that_all_name_each_other_are_refused(tmp_path):
    named = {"all": {"data": [{"type": "p", "id": str(at)} for at in range(40)]}}
    data = [
        {"type": "p", "id": str(at), "attributes": {"name": "Mug"}, "relationships": named}
        for at in range(40)
    ]
    path = written(tmp_path, "feed.json", json.dumps({"data": data}))
    with pytest.raises(BadCatalog, match="name others over 24,000 times"):
        list(json_document(path))


def test_an_object_of_a_document_that_cannot_be_read_costs_its_row_alone(tmp_path):
    path = tmp_path / "feed.json"
    path.write_bytes(b'{"data": {"items": [{"id": "a", "t": "\xff"}, {"id": "b"}, 3]}}')
    (_, broken), second, (_, third) = json_document(path)
    assert isinstance(broken, BrokenRow)
    assert broken.readable == {"id": "a"}
    assert second == ("object 2", {"id": "b"})
    assert isinstance(third, BrokenRow)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('{"products": []}', []),
        ('{"edges": [{"node": {"id": "a"}}, {"id": "b"}]}', ["a", "b"]),
        ('{"a": {"title": "A"}, "b": {"title": {"$x": "B"}}}', ["a", "b"]),
        ('{"id": "a", "title": "A"}', ["a"]),
    ],
)
def test_the_products_of_a_document_are_found_without_decoding_it_whole(tmp_path, text, ids):
    found = [record for _, record in json_document(written(tmp_path, "feed.json", text))]
    assert [record["id"] for record in found] == ids
    assert all(isinstance(record.get("title", ""), str) for record in found)  # unwrapped


def test_an_object_of_millions_of_values_costs_its_row_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonfile, "MOST_VALUES", 20)
    wide = f'{{"id": "a", "x": [{"[]," * 21}[]]}}'
    for name, text in (("feed.json", f'[{wide},{{"id": "b"}}]'), ("feed.jsonl", wide)):
        first, *_ = (
            record
            for _, record in recordfile.record_reader(written(tmp_path, name, text), "")(
                tmp_path / name
            )
        )
        assert first == BrokenRow("has more than 20 values", {"id": "a"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[[], {"id": "a,]"}, {"id": "b", "x": [[1, "\\\\"], {}]}]', [None, "a,]", "b"]),
        ('{"products": [{"id": "a"}, [1, [2]], {"id": "b"}]}', ["a", None, "b"]),
        ('{"edges": [{"node": {"id": "a"}}, 1, 2]}', ["a", None, None]),
        ('{"a": {"title": "A"}, "b": {"title": "B"}}', ["a", "b"]),
    ],
)
def test_a_list_of_short_values_is_taken_apart_bit_by_bit(tmp_path, monkeypatch, text, found):
    for module in (jsonfile, rawjson):
        monkeypatch.setattr(module, "has_short_values", lambda value: True)
    records = [record for _, record in json_document(written(tmp_path, "feed.json", text))]
    ids = [None if isinstance(record, BrokenRow) else record["id"] for record in records]
    assert ids == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"id": 1}, [2]', "ends within a list"),
        ("[" + "[" * 2000, "nested too deeply"),
        ('{"a": {},\n"b": {}, "c": {}}', "more than 2 fields"),
        ('{"data":\n[{"type": "p", "id": "1", "attributes": {}}]}', "JSON:API"),
    ],
)
def test_a_document_of_short_values_that_cannot_be_held_is_refused(
    tmp_path, monkeypatch, text, reason
):
    for module in (jsonfile, rawjson):
        monkeypatch.setattr(module, "has_short_values", lambda value: True)
    monkeypatch.setattr(rawjson, "_MOST_FIELDS", 2)
    with pytest.raises(BadCatalog, match=reason):
        list(json_document(written(tmp_path, "feed.json", text)))


def test_elements_that_are_not_looked_for_are_not_kept(tmp_path):
    path = written(tmp_path, "feed.xml", f"<r>{'<a><b/></a>' * 5000}<c>{'<d/>' * 9}</c><c/></r>")
    kept = [(len(around[0]), len(found)) for around, found in xml_elements(path, ["c"])]
    assert kept[1][0] < 2000  # what the parser read ahead, of 5,002
    assert [within for _, within in kept] == [9, 0]


def test_a_wanted_element_with_too_much_within_is_left_out(tmp_path):
    path = written(tmp_path, "feed.xml", f"<r><c>{'<d/>' * 10_001}</c><c>x</c></r>")
    assert [found.text for _, found in xml_elements(path, ["c"])] == ["x"]


def test_the_paths_of_a_product_are_made_when_they_are_asked_for():
    tree = CategoryTree({"1": ("n" * 5000, "0"), "2": ("Mugs", "1")}, {"mug": ["2", "x", "1"]})
    assert tree.paths_of("mug") == [f"{'n' * 1000}/Mugs", "n" * 1000]
    assert tree.paths_of("cup") == []
