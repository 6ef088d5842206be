"""JSON, CSV and spreadsheets as programs write them, and the format by name."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from indexer.catalog import xlsxfile
from indexer.catalog.formatnames import FORMATS
from indexer.catalog.sources import Reading, open_catalog
from indexer.errors import BadCatalog
from indexer.items import Item, Remark, Skipped
from tests.exportfiles import GOOGLE, GOOGLE_XML, SHOPIFY, WOO, ids, read, shop

__all__ = ["shop"]  # fixtures


# JSON


def test_nested_json_gives_texts_pictures_and_categories(shop):
    record = {
        "id": 1, "title": {"en": "Blue mug", "de": "Blaue Tasse"},
        "images": [{"src": "p/0.jpg", "alt": "x"}, {"url": "p/1.jpg"}],
        "categories": [{"id": 9, "name": "Mugs"}, {"name": {"en": "Home > Kitchen"}}],
        "price": {"amount": "12,50", "currency": "EUR"}, "brand": {"id": 3, "name": "Acme"},
        "attributes": [{"name": "Color", "value": "Red"}, {"name": "Size", "values": ["S", "M"]}],
        "dims": {"w": {"mm": 3}}, "related": [{"id": 1}, {"x": [1, 2]}],
    }  # fmt: skip
    (item,), notes = read(shop, "a.jsonl", json.dumps(record))
    assert notes == []
    assert (item.title, item.images) == ("Blue mug", ["p/0.jpg", "p/1.jpg"])
    assert item.categories == ["Mugs", "Home/Kitchen"]
    assert (item.price, item.currency) == (12.5, "EUR")
    assert item.attributes == {
        "brand": "Acme", "Color": "Red", "Size": ["S", "M"], "dims.w.mm": 3.0, "related": ["1"],
    }  # fmt: skip
    (german,), _ = read(shop, "a.jsonl", json.dumps(record), language="de")
    assert german.title == "Blaue Tasse"


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": {"b": 1}}], {"a": {"b": {"c": {"d": {}}}}}])
def test_no_field_ever_shows_a_python_object(shop, value):
    record = dict.fromkeys(
        ["product_id", "title", "description", "categories", "price", "currency", "in_stock",
         "url", "images", "attributes", "color"], value,
    )  # fmt: skip
    items, _ = read(shop, "a.jsonl", json.dumps({"id": "x", **record}))
    assert ids(items) == ["x"]
    assert "{'" not in repr([items[0].title, items[0].description, items[0].categories])
    assert "{'" not in "".join(map(str, items[0].attributes.values()))


@pytest.mark.parametrize("name", ["src", "url", "file"])
def test_a_list_of_objects_with_pictures_is_the_pictures_whatever_its_name(shop, name):
    media = [{"type": "image", name: f"p/{number}.jpg"} for number in range(2)]
    record = {"id": "1", "name": "Cap", "media": media}
    (cap,), _ = read(shop, "a.jsonl", json.dumps(record))
    assert (cap.images, cap.attributes) == (["p/0.jpg", "p/1.jpg"], {})


JSON_LD = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "BreadcrumbList", "itemListElement": []},
        {
            "@type": "Product", "sku": "S1", "name": "Mug", "color": "blue",
            "image": ["p/0.jpg", {"@type": "ImageObject", "url": "p/1.jpg"}],
            "category": "Home > Mugs", "brand": {"@type": "Brand", "name": "Acme"},
            "offers": {"@type": "Offer", "price": "9.90", "priceCurrency": "EUR",
                       "availability": "https://schema.org/OutOfStock",
                       "url": "https://shop.example/m"},
        },
        {
            "@type": "ProductGroup", "productGroupID": "G", "name": "Tee", "image": "p/2.jpg",
            "hasVariant": [
                {"@type": "Product", "sku": "G1", "offers": {"price": 5, "priceCurrency": "USD"}},
                {"@type": "Product", "sku": "G2", "name": "Tee blue", "image": "p/3.jpg"},
            ],
        },
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ["a.json", "a.jsonld", "a.jsonl"])
def test_json_ld_gives_products_and_variants(shop, name):
    (mug, first, second), notes = read(shop, name, json.dumps(JSON_LD))
    assert notes == []
    assert (mug.item_id, mug.title, mug.images) == ("S1", "Mug", ["p/0.jpg", "p/1.jpg"])
    assert (mug.price, mug.currency, mug.in_stock) == (9.9, "EUR", False)
    assert (mug.url, mug.categories) == ("https://shop.example/m", ["Home/Mugs"])
    assert mug.attributes == {"color": "blue", "brand": "Acme"}
    assert (first.product_id, first.title, first.price) == ("G", "Tee", 5.0)
    assert (second.product_id, second.title, second.images) == ("G", "Tee blue", ["p/3.jpg"])


def test_json_ld_gives_the_pictures_and_offers_that_a_product_names(shop):
    def product(sku: str) -> dict[str, object]:
        named = {"image": [{"@id": f"#{sku}-photo"}], "offers": {"@id": f"#{sku}-offer"}}
        return {"@type": "Product", "sku": sku, "name": "Pot", **named}

    photo = {"@type": "ImageObject", "@id": "#A-photo", "contentUrl": "p/0.jpg"}
    offer = {"@type": "Offer", "@id": "#A-offer", "price": 5, "priceCurrency": "EUR"}
    unclear = [{"@type": "Offer", "@id": "#B-offer", "price": price} for price in (7, 8)]
    graph = {"@graph": [product("A"), product("B"), photo, offer, *unclear]}
    for text in (json.dumps(graph), json.dumps({"@graph": [graph]})):
        (named, unclear_one), _ = read(shop, "a.json", text)
        assert (named.images, named.price, named.currency) == (["p/0.jpg"], 5.0, "EUR")
        assert unclear_one.price is None


@pytest.mark.parametrize(
    "text",
    ['[{"id":"a"},{"id":"b"}]', '{"items":[{"id":"a"},{"id":"b"}]}', '{"id":"a"}\n{"id":"b"}\n',
     '{"data":{"products":[{"id":"a"},{"id":"b"}]}}', '\ufeff[{"id":"a"},{"id":"b"}]'],
)  # fmt: skip
def test_a_json_document_is_a_list_or_holds_one(shop, text):
    assert ids(read(shop, "a.json", text)[0]) == ["a", "b"]


@pytest.mark.parametrize("text", ["", "{broken", "[" * 100_000, '"text"', "5"])
def test_what_is_no_json_document_is_refused(shop, text):
    with pytest.raises(BadCatalog):
        read(shop, "a.json", text)


# CSV as programs write it


@pytest.mark.parametrize("column", ["Image Folder", "photo_dir", "Bildordner", "Dossier photos"])
def test_a_column_with_the_folder_of_pictures_is_put_before_their_names(shop, column):
    rows = f"SKU;Name;{column};Image;Image 2\nA;Ring;p;0.jpg;1.jpg, 2.jpg\nB;Mug;p/;p/3.jpg;\n"
    (ring, mug), notes = read(shop, "a.csv", rows)
    assert (ring.images, mug.images) == (["p/0.jpg", "p/1.jpg", "p/2.jpg"], ["p/3.jpg"])
    assert notes == []


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nid;title;image\n1;Mütze;p/0.jpg\n",
        '"sep=;"\r\nid;title;image\r\n1;Mütze;p/0.jpg\r\n',
        "\n\n# Export of 2026\n# by a program, with; separators\nid;title;image\n1;Mütze;p/0.jpg\n",
        "\ufeffid,title,image,\n1,Mütze,p/0.jpg,,,\n",
        "Products of our shop\n\nid,title,image\n1,Mütze,p/0.jpg\n",
        "Products;;;\nid;title;image;\n1;Mütze;p/0.jpg;\n",
        ";;;\n\nid;title;image;\n1;Mütze;p/0.jpg;\n",
        "id,title,image\r1,Mütze,p/0.jpg\r",
        '"id",title,"image"\n1,Mütze,p/0.jpg\n',
        "id,title,image\n1,Mütze,p/0.jpg\n".encode("utf-16"),
        b"\xfe\xff" + "id\ttitle\timage\n1\tMütze\tp/0.jpg\n".encode("utf-16-be"),
        "id,title,image\n1,Mütze,p/0.jpg\n".encode("utf-32"),
    ],
)
def test_a_csv_is_read_in_the_dialect_that_it_has(shop, content):
    (item,), notes = read(shop, "a.csv", content)
    assert (item.item_id, item.title, item.images, notes) == ("1", "Mütze", ["p/0.jpg"], [])


def test_a_separator_in_a_quoted_header_is_not_the_delimiter(shop):
    text = '"id","title; with; more","image"\n1,a,p/0.jpg\n'
    (item,), _ = read(shop, "a.csv", text)
    assert (item.title, item.attributes) == ("a", {})


def test_a_header_of_one_column_is_no_title(shop):
    assert ids(read(shop, "a.csv", "id\na\nb\n")[0]) == ["a", "b"]
    assert ids(read(shop, "a.csv", "key\na\nb\n", {"id": "key"})[0]) == ["a", "b"]


def test_quotes_in_a_table_with_tabs_are_text(shop):
    text = 'id\ttitle\timage\n1\t"Best" shoe\tp/0.jpg\n2\t"12" screen\tp/1.jpg\n3\t"a"\tp/2.jpg\n'
    items, notes = read(shop, "a.tsv", text)
    assert [item.title for item in items] == ['"Best" shoe', '"12" screen', "a"]
    assert notes == []


def test_rows_are_numbered_as_the_lines_of_the_file(shop):
    _, (skipped,) = read(shop, "a.csv", "# comment\n\nid,title\na,A\nb\n")
    assert skipped.where == "row 5"


def test_another_encoding_is_read_when_it_is_named(shop):
    content = "id,title,image\n1,Główka,p/0.jpg\n".encode("cp1250")
    (item,), _ = read(shop, "a.csv", content, encoding="cp1250")
    assert item.title == "Główka"
    with pytest.raises(BadCatalog, match="name the encoding of a catalog with --encoding"):
        read(shop, "a.csv", content.replace("ł".encode("cp1250"), b"\x81"))
    with pytest.raises(BadCatalog, match="cannot be read as nope"):
        read(shop, "a.csv", content, encoding="nope")
    with pytest.raises(BadCatalog, match="--encoding is for CSV files"):
        read(shop, "a.jsonl", content, encoding="cp1252")


def test_columns_of_images_add_up_in_their_order(shop):
    header = "id,title,image10,image2,image 1"
    (item,), _ = read(shop, "a.csv", f"{header}\n1,a,p/2.jpg,p/1.jpg,p/0.jpg\n")
    assert item.images == ["p/0.jpg", "p/1.jpg", "p/2.jpg"]
    both, _ = read(shop, "a.csv", "id,images,image\n1,,p/0.jpg\n2,p/1.jpg;p/0.jpg,p/0.jpg\n")
    assert [item.images for item in both] == [["p/0.jpg"], ["p/0.jpg", "p/1.jpg"]]
    (same,), _ = read(shop, "a.csv", "id,image,image\n1,p/0.jpg,p/1.jpg\n")
    assert same.images == ["p/0.jpg", "p/1.jpg"]


@pytest.mark.parametrize(
    "cell",
    [
        '["p/0.jpg", "p/1.jpg"]',
        "['p/0.jpg', 'p/1.jpg']",
        '[{"src": "p/0.jpg"}, {"src": "p/1.jpg"}]',
    ],
)
def test_a_list_in_a_cell_is_a_list(shop, cell):
    quoted = cell.replace('"', '""')
    (item,), notes = read(shop, "a.csv", f'id,images\n1,"{quoted}"\n')
    assert (item.images, notes) == (["p/0.jpg", "p/1.jpg"], [])


def test_lists_in_several_rows_of_a_sku_are_lists(shop):
    items, _ = read(shop, "a.csv", "sku;image;name\nA;p/0.jpg,p/1.jpg;x\nA;p/2.jpg;\nB;p/3.jpg;\n")
    assert [item.images for item in items] == [["p/0.jpg", "p/1.jpg", "p/2.jpg"], ["p/3.jpg"]]


def test_a_repeated_map_adds_columns_to_a_list_and_is_refused_for_a_text(shop):
    text = "id,title,image1,image2,image3\n1,a,p/0.jpg,p/1.jpg,p/2.jpg\n"
    (item,), _ = read(shop, "a.csv", text, {"images": ["image1", "image2"]})
    assert item.images == ["p/0.jpg", "p/1.jpg"]
    with pytest.raises(BadCatalog, match="'title' 2 columns: image1, image2"):
        read(shop, "a.csv", text, {"title": ["image1", "image2"]})


def test_html_and_levels_in_a_plain_table(shop):
    text = (
        "id,title,description,categories,image\n"
        '1,Men&#39;s T&eacute;e &amp; Co,"<p class=""x"">Soft<br>cotton&nbsp;blend</p>",'
        '"Home > Mugs; Sale | A / B",/p/0.jpg\n'
        '2,Plain,clean,"Home, Kitchen",p/1.jpg\n'
    )
    (tee, plain), notes = read(shop, "a.csv", text)
    assert (tee.title, tee.description) == ("Men's Tée & Co", "Soft cotton blend")
    assert (tee.categories, tee.images) == (["Home/Mugs", "Sale", "A/B"], ["p/0.jpg"])
    assert (plain.categories, notes) == (["Home", "Kitchen"], [])


def test_a_side_field_that_cannot_be_read_is_left_out_and_reported(shop):
    long = "p" * 300
    text = (
        "id,title,price,in_stock,url,product_id,image\n"
        f"1,a,cheap,perhaps,javascript:alert(1),{long},p/0.jpg\n"
        "2,b,N/A,-1,/b,q,p/0.jpg\n"
    )
    (first, second), notes = read(shop, "a.csv", text)
    assert (first.price, first.in_stock, first.url, first.product_id) == (None, True, "", "1")
    assert (second.price, second.in_stock, second.url) == (None, False, "/b")
    fields = [(note.item_id, note.field) for note in notes if isinstance(note, Remark)]
    assert fields == [("1", field) for field in ("product_id", "price", "in_stock", "url")] + [
        ("2", "price")
    ]


def test_the_other_prices_of_a_catalog_make_one_clear(shop):
    text = 'id;price;image\n1;"1.299";p/0.jpg\n2;12,50;p/0.jpg\n'
    items, notes = read(shop, "a.csv", text)
    assert ([item.price for item in items], notes) == ([1299.0, 12.5], [])
    items, (note,) = read(shop, "a.csv", "id;price;image\n1;1.299;p/0.jpg\n2;12;p/0.jpg\n")
    assert [item.price for item in items] == [None, 12.0]
    assert "may separate decimals or thousands" in note.reason


_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["1.299,00 €", "p/0.jpg, p/1.jpg", "<p>x", "a > b", "https://x.example/a"])
)  # fmt: skip
_NAMES = st.sampled_from(["name", "value", "en", "src", "x"])
_INNER = _LEAVES | st.lists(_LEAVES, max_size=3) | st.dictionaries(_NAMES, _LEAVES, max_size=3)
_VALUES = _INNER | st.lists(_INNER, max_size=3) | st.dictionaries(_NAMES, _INNER, max_size=3)
_COLUMNS = st.sampled_from(
    ["id", "sku", "Handle", "title", "Title", "name", "image", "images", "Images", "image_link",
     "price", "sale_price", "availability", "in_stock", "In stock?", "categories", "attributes",
     "variants", "offers", "hasVariant", "@type", "@graph", "Parent", "Type", "url", "description",
     "Variant SKU", "Option1 Value", "Image Src", "configurable_variations", "options", "status",
     "additional_attributes", "custom_attributes", "product_id", "currency", "color", "",
     "values", "masterVariant", "masterData", "media", "items", "prices", "stock", "translated"],
)  # fmt: skip


@hypothesis.settings(max_examples=60, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    records=st.lists(st.dictionaries(_COLUMNS, _VALUES, max_size=9), min_size=1, max_size=4),
    name=st.sampled_from(["auto", "shopify", "woocommerce", "magento", "google", "jsonld", "json"]),
)
def test_whatever_the_fields_hold_a_record_is_an_item_or_reported(shop, records, name):
    path = shop / "a.json"
    path.write_bytes(msgspec.json.encode(records))
    for entry in open_catalog(path, None, Reading(name)):
        if isinstance(entry, Skipped):
            assert entry.reason
            continue
        encoded = msgspec.json.encode(entry.item)  # no field holds what cannot be stored
        assert msgspec.json.decode(encoded, type=Item) == entry.item


# The format by name


def test_a_format_that_is_named_is_taken(shop):
    text = "id,name,image_link,price\n1,a,p/0.jpg,5 EUR\n"
    (item,), _ = read(shop, "a.dat", text, format="csv")
    assert item.title == "a"
    with pytest.raises(BadCatalog, match="unknown format 'nope'; formats are auto, shopify"):
        read(shop, "a.csv", text, format="nope")
    with pytest.raises(BadCatalog, match="is a file, not of format 'folder'"):
        read(shop, "a.csv", text, format="folder")
    with pytest.raises(BadCatalog, match="--exclude is for folders"):
        read(shop, "a.csv", text, exclude=("*.png",))


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("auto", "folder")])
def test_a_wrong_format_is_an_error_or_items_and_never_a_crash(shop, name):
    messages = []
    for content in (SHOPIFY, WOO, GOOGLE, GOOGLE_XML, json.dumps(JSON_LD)):
        (shop / "a.csv").write_text(content, encoding="utf-8")
        try:
            assert open_catalog(shop / "a.csv", None, Reading(name)).scan().items > 0
        except BadCatalog as error:
            messages.append(str(error))
    assert all("a.csv" in message for message in messages)
    assert len(messages) < 5 or name in ("html", "json", "jsonld", "jsonl", "parquet", "xlsx")


# Spreadsheets


def test_a_spreadsheet_is_read_below_its_title(shop, monkeypatch):
    pytest.importorskip("python_calamine")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "scripts")
    from minimal_xlsx import write_xlsx

    rows = [["My products"], [], ["id", "title", "price", "images"], [42, "Mug", 5.5, "p/0.jpg"],
            [], ["b", "Cup", "N/A", "p/1.jpg;p/2.jpg"]]  # fmt: skip
    write_xlsx(shop / "a.xlsx", rows)
    entries = list(open_catalog(shop / "a.xlsx"))
    items = [entry.item for entry in entries if not isinstance(entry, Skipped)]
    assert [(item.item_id, item.price) for item in items] == [("42", 5.5), ("b", None)]
    assert items[1].images == ["p/1.jpg", "p/2.jpg"]
    assert [entry.where for entry in entries if isinstance(entry, Remark)] == ["row 6"]


def test_a_spreadsheet_may_have_several_columns_of_one_name(shop, monkeypatch):
    pytest.importorskip("python_calamine")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "scripts")
    from minimal_xlsx import write_xlsx

    rows = [["sku", "name", "image", "image"], ["A", "Mug", "p/0.jpg", "p/1.jpg"]]
    write_xlsx(shop / "a.xlsx", rows)
    (entry,) = open_catalog(shop / "a.xlsx")
    assert entry.item.images == ["p/0.jpg", "p/1.jpg"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"no spreadsheet"])
def test_what_is_no_spreadsheet_is_refused(shop, content):
    pytest.importorskip("python_calamine")
    with pytest.raises(BadCatalog, match=r"cannot read .*a\.xlsx"):
        read(shop, "a.xlsx", content)


def test_a_cell_in_the_last_row_and_column_does_not_end_the_process(shop, monkeypatch):
    pytest.importorskip("python_calamine")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "scripts")
    import minimal_xlsx

    monkeypatch.setattr(minimal_xlsx, "_letters", ["A", "XFD"].__getitem__)
    path = minimal_xlsx.write_xlsx(shop / "a.xlsx", [["id", "images"], ["a", "p/0.jpg"]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, re.sub(r'r="([A-Z]*)2"', r'r="\g<1>1048576"', text))
    with pytest.raises(BadCatalog, match=r"needs more than 4 GB of memory; save it as CSV"):
        read(shop, "a.xlsx", path.read_bytes())


def test_a_spreadsheet_packed_a_thousand_times_is_refused(shop, monkeypatch):
    pytest.importorskip("python_calamine")
    monkeypatch.setattr(xlsxfile, "_MOST_UNPACKED", 900_000)
    with zipfile.ZipFile(shop / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"<t/>" * 250_000)
    with pytest.raises(BadCatalog, match="unpacks to 1000000 bytes, more than 200 times its size"):
        list(open_catalog(shop / "a.xlsx"))


def test_a_header_of_many_columns_is_named_in_part(shop):
    names = [f"c{number:04}" for number in range(200)]
    for header, shown in ((names, "'c0049' and 150 more."), (["a" * 1_000, "b"], "aaaa', 'b'.")):
        (shop / "a.csv").write_text(",".join(header) + "\n" + "," * (len(header) - 1) + "x\n")
        with pytest.raises(BadCatalog, match="has no column 'id'") as refused:
            open_catalog(shop / "a.csv").scan()
        assert shown in str(refused.value)
        assert len(str(refused.value)) < 1000


# Folders of storage boxes


def test_what_storage_boxes_put_beside_pictures_is_passed_over(tmp_path):
    for name in ("red.jpg", "@eaDir/red.jpg/SYNOPHOTO_THUMB_XL.jpg", "#recycle/old.jpg",
                 "lost+found/x.jpg", "Thumbs.db", "sub/thumbs.db", "sub/blue.jpg", "desktop.ini",
                 "sub/@eaDir/y.jpg", "sub/skip_thumb.jpg", "cache/z.jpg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    reading = Reading(exclude=("*_thumb.jpg", "cache/"))
    entries = list(open_catalog(tmp_path, None, reading))
    assert [entry.item.item_id for entry in entries] == ["red.jpg", "sub/blue.jpg"]
