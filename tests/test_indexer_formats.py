"""Exports of shop programs, by their columns: no product is lost, and no cell decides over one."""

from __future__ import annotations

import json
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from indexer.catalog.formatnames import FORMATS
from indexer.catalog.sources import Reading, open_catalog
from indexer.catalog.xmlfile import xml_records
from indexer.errors import BadCatalog
from indexer.items import Item, Remark, Skipped


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the pictures that the catalogs of these tests name."""
    (tmp_path / "p").mkdir()
    for number in range(5):
        (tmp_path / "p" / f"{number}.jpg").touch()
    return tmp_path


def read(
    folder: Path, name: str, content: str | bytes, mapping: Any = None, **reading: Any
) -> tuple[list[Item], list[Skipped]]:
    """The items of a catalog, and everything that its report would say."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    entries = list(open_catalog(path, mapping, Reading(**reading)))
    items = [entry.item for entry in entries if not isinstance(entry, Skipped)]
    return items, [entry for entry in entries if isinstance(entry, Skipped)]


def ids(items: list[Item]) -> list[str]:
    return [item.item_id for item in items]


# Shopify

SHOPIFY = (
    "Handle,Title,Body (HTML),Option1 Value,Variant SKU,Variant Price,Image Src\n"
    'anchor,Anchor Bracelet,"<p>Black &amp; gold</p>",Gold,AN-G,69.99,p/0.jpg\n'
    "anchor,,,Silver,AN-S,55.00,p/1.jpg\n"
    "anchor,,,,,,p/2.jpg\n"
    "bangle,Bangle,Gold bangle,Default Title,,39.99,p/3.jpg\n"
)


def test_shopify_rows_of_a_handle_are_variants_that_inherit_and_add_pictures(shop):
    (gold, silver, bangle), notes = read(shop, "a.csv", SHOPIFY)
    assert notes == []
    assert (gold.item_id, gold.product_id, gold.price) == ("AN-G", "anchor", 69.99)
    assert gold.images == ["p/0.jpg", "p/2.jpg"]
    assert (silver.item_id, silver.title) == ("AN-S", "Anchor Bracelet")
    assert (silver.description, silver.price) == ("Black & gold", 55.0)
    assert silver.images == ["p/1.jpg", "p/2.jpg"]
    assert (bangle.item_id, bangle.product_id, bangle.attributes) == ("bangle", "bangle", {})


def test_shopify_rows_of_a_handle_may_be_apart(shop):
    header, *rows = SHOPIFY.splitlines()
    moved = "\n".join([header, rows[0], rows[3], rows[2], rows[1]])
    items, _ = read(shop, "a.csv", moved)
    assert sorted(ids(items)) == ["AN-G", "AN-S", "bangle"]
    assert {item.title for item in items} == {"Anchor Bracelet", "Bangle"}


def test_shopify_variants_without_a_sku_of_their_own_are_named_by_their_options(shop):
    items, _ = read(
        shop,
        "a.csv",
        "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Image Src\n"
        "tee,Tee,Color,Red,Size,S,,p/0.jpg\ntee,,,Red,,M,SAME,\ntee,,,Blue,,M,SAME,\n",
    )
    assert ids(items) == ["tee-Red-S", "tee-Red-M", "tee-Blue-M"]
    assert items[1].attributes == {"color": "Red", "size": "M"}
    assert [item.images for item in items] == [["p/0.jpg"]] * 3  # no variant is left without


def test_shopify_variant_images_belong_to_their_variant_alone(shop):
    items, _ = read(
        shop,
        "a.csv",
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Image Src,Image Position,"
        "Variant Image\n"
        "tee,Tee,Color,Red,R,p/1.jpg,2,p/2.jpg\ntee,,,Blue,B,p/0.jpg,1,p/3.jpg\n"
        "tee,,,,,p/2.jpg,3,\ntee,,,,,p/3.jpg,4,\n",
    )
    assert [item.images for item in items] == [
        ["p/2.jpg", "p/0.jpg", "p/1.jpg"],
        ["p/3.jpg", "p/0.jpg", "p/1.jpg"],
    ]


@pytest.mark.parametrize(
    ("cells", "in_stock"),
    [("shopify,0,deny", False), ("shopify,5,deny", True), ("shopify,0,continue", True),
     (",0,deny", True), ("shopify,-2,deny", False)],
)  # fmt: skip
def test_shopify_stock_is_the_quantity_that_it_counts(shop, cells, in_stock):
    columns = "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy"
    text = f"Handle,Title,Variant SKU,Image Src,{columns}\na,A,A1,p/0.jpg,{cells}\n"
    items, _ = read(shop, "a.csv", text)
    assert [item.in_stock for item in items] == [in_stock]


def test_a_shopify_draft_is_left_out_and_reported(shop):
    text = (
        "Handle,Title,Variant SKU,Image Src,Status\na,A,A1,p/0.jpg,active\nb,B,B1,p/1.jpg,draft\n"
    )
    items, (note,) = read(shop, "a.csv", text)
    assert ids(items) == ["A1"]
    assert note == Remark("B1", "left out: its Status is 'draft'", where="row 3", field="status")


def test_shopify_json_has_an_item_for_each_variant(shop):
    product = {
        "title": "iPod", "handle": "ipod", "body_html": "<p>x</p>", "vendor": "Apple",
        "variants": [
            {"id": 1, "title": "Pink", "price": "199.00", "sku": "I-P", "option1": "Pink"},
            {"id": 2, "title": "Red", "price": "189.00", "sku": "", "option1": "Red"},
        ],
        "options": [{"name": "Color"}],
        "images": [{"src": "p/0.jpg"}, {"src": "p/1.jpg", "variant_ids": [2]}],
    }  # fmt: skip
    (pink, red), _ = read(shop, "a.json", json.dumps({"products": [product]}))
    assert (pink.item_id, pink.title, pink.images) == ("I-P", "iPod", ["p/0.jpg"])
    assert (red.item_id, red.product_id, red.images) == ("2", "ipod", ["p/1.jpg", "p/0.jpg"])
    assert red.attributes == {"brand": "Apple", "color": "Red"}


# WooCommerce

WOO = (
    'ID,Name,"In stock?","Regular price",Categories,Images\n'
    '44,V-neck tee,1,20,"Clothing > Tshirts, Sale","p/0.jpg, p/1.jpg"\n'
    '78,Cap,1,18,"Clothing > Accessories",p/2.jpg\n'
)
WOO_MAP = {
    "id": "ID", "title": "Name", "images": "Images", "categories": "Categories",
    "price": "Regular price", "in_stock": "In stock?",
}  # fmt: skip


@pytest.mark.parametrize("mapping", [None, WOO_MAP])
def test_woocommerce_lists_are_lists_and_levels_are_levels(shop, mapping):
    (tee, cap), notes = read(shop, "a.csv", WOO, mapping)
    assert (notes, tee.item_id, tee.price) == ([], "44", 20.0)
    assert tee.images == ["p/0.jpg", "p/1.jpg"]
    assert tee.categories == ["Clothing/Tshirts", "Sale"]
    assert cap.categories == ["Clothing/Accessories"]


def test_woocommerce_variations_inherit_from_a_parent_named_by_id_or_sku(shop):
    text = (
        "ID,Type,SKU,Name,Description,In stock?,Sale price,Regular price,Categories,Images,Parent,"
        "Attribute 1 name,Attribute 1 value(s),Meta: _edit\n"
        '2,variation,TEE-R,Tee - Red,,backorder,"15,50","20,00",,p/2.jpg,id:1,Color,Red,\n'
        '1,variable,TEE,Tee,<b>long</b>,1,,,"Tees\\, Tops, Sale",p/0.jpg,,Color,"Red, Blue",z\n'
        "3,variation,TEE-B,Tee - Blue,,0,,20,,,TEE,Color,Blue,\n"
    )
    (red, parent, blue), _ = read(shop, "a.csv", text)
    assert (red.product_id, red.description, red.price) == ("1", "long", 15.5)
    assert red.categories == ["Tees, Tops", "Sale"]
    assert (red.images, red.in_stock, red.attributes) == (["p/2.jpg"], True, {"color": "Red"})
    assert parent.attributes == {"color": ["Red", "Blue"]}
    assert (blue.product_id, blue.images, blue.in_stock) == ("1", ["p/0.jpg"], False)


def test_a_sale_of_woocommerce_that_is_over_is_not_the_price(shop):
    text = (
        "ID,Name,In stock?,Sale price,Regular price,Date sale price ends,Images\n"
        "1,a,1,5,9,2020-01-01,p/0.jpg\n2,b,1,5,9,2999-01-01,p/0.jpg\n3,c,1,N/A,9,,p/0.jpg\n"
    )
    items, _ = read(shop, "a.csv", text)
    assert [item.price for item in items] == [9.0, 5.0, 9.0]


# Magento


def test_magento_rows_and_lists_of_a_sku_are_its_pictures(shop):
    text = 'sku,image\nA,p/0.jpg\nB,"p/2.jpg,p/3.jpg"\nA,p/1.jpg\n,p/4.jpg\n'
    items, notes = read(shop, "a.csv", text)
    assert notes == []
    assert {item.item_id: item.images for item in items} == {
        "A": ["p/0.jpg", "p/1.jpg", "p/4.jpg"],  # a row without a SKU continues the one before
        "B": ["p/2.jpg", "p/3.jpg"],
    }


MAGENTO = (
    "sku,store_view_code,product_type,categories,name,price,special_price,is_in_stock,base_image,"
    "additional_images,additional_attributes,configurable_variations\n"
    'HOOD-S,,simple,"Default Category/Men/Tops,Default Category/New",Hoodie S,52.0000,,1,/p/0.jpg,'
    '"/p/1.jpg,/p/2.jpg","color=Black,size=S,material=Wool|Cotton",\n'
    "HOOD,,configurable,Default Category/Men,Hoodie,52,45.00,0,/p/3.jpg,,,"
    '"sku=HOOD-S,size=S|sku=HOOD-M,size=M"\n'
    "HOOD-M,,simple,,Hoodie M,52,,1,,,,\n"
    "HOOD,de,,,Kapuzenpulli,,,,,,,\n"
)


def test_magento_children_are_variants_and_roots_are_no_category(shop):
    items, notes = read(shop, "a.csv", MAGENTO)
    small, medium, parent = (
        next(item for item in items if item.item_id == key) for key in ("HOOD-S", "HOOD-M", "HOOD")
    )
    assert (notes, len(items)) == ([], 3)
    assert (small.product_id, small.categories) == ("HOOD", ["Men/Tops", "New"])
    assert small.images == ["p/0.jpg", "p/1.jpg", "p/2.jpg"]
    assert small.attributes == {"color": "Black", "size": "S", "material": ["Wool", "Cotton"]}
    assert (medium.product_id, medium.categories, medium.images) == ("HOOD", ["Men"], ["p/3.jpg"])
    assert (parent.title, parent.price, parent.in_stock) == ("Hoodie", 45.0, False)


def test_a_store_view_of_magento_is_read_for_its_language(shop):
    items, _ = read(shop, "a.csv", MAGENTO, language="de")
    assert {item.item_id: item.title for item in items}["HOOD"] == "Kapuzenpulli"


# Google Merchant

GOOGLE = (
    "id\ttitle\timage_link\tadditional_image_link\tavailability\tprice\titem_group_id\t"
    "product_type\tlink\n"
    "A-1\tBlue runner\tp/0.jpg\tp/1.jpg,p/2.jpg\tin_stock\t59.00 EUR\tA\tShoes > Running\t"
    "https://shop.example/a1\n"
    "A-2\tRed runner\tp/3.jpg\t\tout_of_stock\t59.00 EUR\tA\tShoes > Running\t\n"
)
GOOGLE_MAP = {
    "images": ["image_link"], "in_stock": "availability", "product_id": "item_group_id",
    "categories": "product_type",
}  # fmt: skip
GOOGLE_XML = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>A-1</g:id><title>Blue runner</title><link>https://shop.example/a1</link>
<g:image_link>p/0.jpg</g:image_link><g:additional_image_link>p/1.jpg</g:additional_image_link>
<g:additional_image_link>p/2.jpg</g:additional_image_link><g:price>59.00 EUR</g:price>
<g:availability>in_stock</g:availability><g:item_group_id>A</g:item_group_id>
<g:product_type><![CDATA[Shoes > Running]]></g:product_type>
<g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping></item>
<item><g:id>A-2</g:id><g:title>Red runner</g:title><title>ignored</title>
<g:image_link>p/3.jpg</g:image_link><g:price>59.00 EUR</g:price><g:item_group_id>A</g:item_group_id>
<g:product_type>Shoes &gt; Running</g:product_type><g:availability>out_of_stock</g:availability>
</item></channel></rss>"""
GOOGLE_ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>Shop</title><entry><id>tag:shop:1</id><g:id>A-1</g:id><title>Blue runner</title>
<link href="https://shop.example/a1"/><g:image_link>p/0.jpg</g:image_link>
<g:additional_image_link>p/1.jpg</g:additional_image_link>
<g:additional_image_link>p/2.jpg</g:additional_image_link><g:price>EUR 59</g:price>
<g:availability>preorder</g:availability><g:item_group_id>A</g:item_group_id>
<g:product_type>Shoes &gt; Running</g:product_type></entry>
<entry><g:id>A-2</g:id><g:title>Red runner</g:title><g:image_link>p/3.jpg</g:image_link>
<g:item_group_id>A</g:item_group_id><g:product_type>Shoes &gt; Running</g:product_type>
<g:price>59 EUR</g:price><g:availability>sold out</g:availability></entry></feed>"""


@pytest.mark.parametrize(
    ("name", "text", "mapping"),
    [("a.tsv", GOOGLE, None), ("a.tsv", GOOGLE, GOOGLE_MAP), ("a.txt", GOOGLE, None),
     ("a.xml", GOOGLE_XML, None), ("a.rss", GOOGLE_XML, None), ("a.xml", GOOGLE_ATOM, None)],
    ids=["table", "mapped", "txt", "xml", "rss", "atom"],
)  # fmt: skip
def test_a_google_feed_is_read_as_table_and_as_xml(shop, name, text, mapping):
    (blue, red), notes = read(shop, name, text, mapping)
    assert notes == []
    assert (blue.item_id, blue.product_id, blue.title) == ("A-1", "A", "Blue runner")
    assert (blue.price, blue.currency, blue.in_stock) == (59.0, "EUR", True)
    assert blue.images == ["p/0.jpg", "p/1.jpg", "p/2.jpg"]
    assert blue.categories == red.categories == ["Shoes/Running"]
    assert blue.url == "https://shop.example/a1"
    assert (red.title, red.in_stock, red.images) == ("Red runner", False, ["p/3.jpg"])


def test_other_lists_of_products_in_xml_are_read_by_their_names(shop):
    text = (
        '<shop><products><product id="7"><name>Mug</name><image>p/0.jpg</image>'
        '<price currency="EUR">5,00</price><category>A > B</category></product></products></shop>'
    )
    (mug,), _ = read(shop, "a.xml", text)
    assert (mug.item_id, mug.title, mug.images) == ("7", "Mug", ["p/0.jpg"])
    assert (mug.price, mug.currency, mug.categories) == (5.0, "EUR", ["A/B"])


def test_names_of_googles_taxonomy_may_have_commas(shop):
    rows = [
        "Food, Beverages & Tobacco > Food Items",
        "Home > A, Home > B",
        "Shoes, Sale",
        "A > B, C",
    ]
    text = "id\timage_link\tproduct_type\n"
    text += "".join(f"{n}\tp/0.jpg\t{row}\n" for n, row in enumerate(rows))
    items, _ = read(shop, "a.tsv", text)
    assert [item.categories for item in items] == [
        ["Food, Beverages & Tobacco/Food Items"], ["Home/A", "Home/B"], ["Shoes", "Sale"],
        ["A/B", "C"],
    ]  # fmt: skip


def test_a_feed_that_ends_in_the_middle_reports_what_may_be_missing(shop):
    cut = GOOGLE_XML[: GOOGLE_XML.index("Red runner")]
    (blue,), (skipped,) = read(shop, "a.xml", cut)
    assert blue.item_id == "A-1"
    assert (skipped.item_id, skipped.where) == ("", "product 2")
    assert "the rest is not read" in skipped.reason


def test_a_feed_is_read_as_a_stream(shop):
    item = "<item><id>{}</id><title>Mug</title><image_link>p/0.jpg</image_link></item>"
    items = "".join(item.format(number) for number in range(3000))
    (shop / "a.xml").write_text(f"<rss><channel>{items}</channel></rss>", encoding="utf-8")
    tracemalloc.start()
    try:
        assert sum(1 for _ in xml_records(shop / "a.xml")) == 3000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 600_000  # the elements of the whole feed take several times that


@pytest.mark.parametrize(
    "declared",
    ['<!ENTITY x "y">', '<!ENTITY x SYSTEM "file:///etc/passwd">',
     '<!ENTITY % x SYSTEM "http://shop.example/x.dtd"> %x;'],
)  # fmt: skip
def test_a_feed_that_declares_entities_is_refused(shop, declared):
    text = f'<?xml version="1.0"?><!DOCTYPE a [{declared}]><rss><item><id>&x;</id></item></rss>'
    with pytest.raises(BadCatalog, match="declares entities"):
        read(shop, "a.xml", text)


@pytest.mark.parametrize("content", ["", "<rss", "no xml", b"\xff\xfe\x00", "<a></b>"])
def test_what_is_no_xml_is_refused_in_one_line(shop, content):
    with pytest.raises(BadCatalog, match="is not XML"):
        read(shop, "a.xml", content)


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
    assert item.attributes == {"title; with; more": "a"}


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
    content = "id,title,image\n1,Mütze,p/0.jpg\n".encode("cp1252")
    (item,), _ = read(shop, "a.csv", content, encoding="cp1252")
    assert item.title == "Mütze"
    with pytest.raises(BadCatalog, match="name its encoding with --encoding"):
        read(shop, "a.csv", content)
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
     "additional_attributes", "custom_attributes", "product_id", "currency", "color", ""],
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
    assert len(messages) < 5 or name in ("json", "jsonld", "jsonl", "parquet", "xlsx")


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


def test_a_header_of_many_columns_is_named_in_part(shop):
    names = [f"c{number:04}" for number in range(200)]
    for header, shown in ((names, "'c0049' and 150 more."), (["a" * 100_000, "b"], "aaaa', 'b'.")):
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
