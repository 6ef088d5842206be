"""The exports of shop programs: Shopify, WooCommerce, Magento, Google Merchant."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from indexer.catalog.xmlfile import xml_records
from indexer.errors import BadCatalog
from indexer.items import Remark
from tests.exportfiles import GOOGLE, GOOGLE_XML, SHOPIFY, WOO, ids, read, shop

__all__ = ["shop"]  # fixtures


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


def test_a_sale_is_over_in_a_table_with_a_regular_price_and_days_of_other_names(shop):
    text = (
        "sku,name,regular_price,sale_price,sale_start,sale_end,images\n"
        "1,a,9,5,2020-01-01,2020-02-01,p/0.jpg\n2,b,9,5,2020-01-01,2999-01-01,p/0.jpg\n"
    )
    items, _ = read(shop, "a.csv", text)
    assert [item.price for item in items] == [9.0, 5.0]


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


GOOGLE_MAP = {
    "images": ["image_link"], "in_stock": "availability", "product_id": "item_group_id",
    "categories": "product_type",
}  # fmt: skip
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
    assert peak < 1_000_000  # the elements of the whole feed take several times that


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
