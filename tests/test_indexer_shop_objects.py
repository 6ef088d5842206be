"""JSON and XML as the interfaces of shop programs write them: objects, variants, small units."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures


def _value(data: Any, locale: str | None = None, scope: str | None = None) -> list[Any]:
    return [{"locale": locale, "scope": scope, "data": data}]


AKENEO = {
    "uuid": "u", "identifier": "A1", "enabled": True, "family": "hats", "categories": ["men"],
    "parent": "hat",
    "values": {
        "name": [*_value("Hut", "de_DE"), *_value("Hat", "en_US")],
        "description": [*_value("print", scope="print"), *_value("<p>Red</p>", scope="ecommerce")],
        "list_price": _value([{"amount": None, "currency": "USD"},
                              {"amount": "19.90", "currency": "EUR"}]),
        "image": _value("p/0.jpg"),
        "views": [{**_value("p/1.jpg")[0], "_links": {"download": {"href": "https://x.example/1"}}}],
        "weight": _value({"amount": "500", "unit": "GRAM"}), "color": _value("red"),
    },
}  # fmt: skip
CENTS = {"type": "centPrecision", "currencyCode": "EUR", "centAmount": 1799, "fractionDigits": 2}
COMMERCETOOLS = {
    "id": "x", "key": "tee", "name": {"en": "Tee", "de": "Hemd"},
    "categories": [{"id": "c", "obj": {"name": {"en": "Tees"},
                                       "ancestors": [{"obj": {"name": {"en": "Men"}}}]}}],
    "masterVariant": {
        "id": 1, "sku": "T-R", "images": [{"url": "p/0.jpg"}],
        "prices": [{"value": CENTS}, {"value": {**CENTS, "currencyCode": "USD"}}],
        "attributes": [{"name": "color", "value": {"key": "r", "label": {"en": "Red"}}}],
        "availability": {"channels": {"a": {"isOnStock": False}, "b": {"isOnStock": True}}},
    },
    "variants": [{
        "id": 2, "sku": "T-B", "images": [{"url": "p/1.jpg"}],
        "prices": [{"value": CENTS, "discounted": {"value": {**CENTS, "centAmount": 1499}}}],
        "attributes": [{"name": "color", "value": {"key": "b", "label": {"en": "Blue"}}}],
        "availability": {"isOnStock": False},
    }],
}  # fmt: skip
_SIZE = [{"attribute": {"name": "Size"}, "values": [{"name": "1l"}]}]
SALEOR = {"data": {"products": {"edges": [{"node": {
    "id": "UDE=", "name": "Juice", "category": {"id": "c", "name": "Juices"},
    "description": json.dumps({"blocks": [{"type": "paragraph", "data": {"text": "<b>Good</b>"}}]}),
    "media": [{"url": "p/0.jpg", "type": "IMAGE"}, {"url": "v.mp4", "type": "VIDEO"}],
    "variants": [{"id": "v", "sku": "J-2", "name": "1l", "quantityAvailable": 0, "media": [],
                  "pricing": {"price": {"gross": {"amount": 2.99, "currency": "USD"}}},
                  "attributes": _SIZE}],
}}]}}}  # fmt: skip
MEDUSA = {"products": [{
    "id": "prod_1", "title": "Mug", "handle": "mug", "images": [{"url": "p/0.jpg"}],
    "options": [{"id": "o1", "title": "Size"}],
    "variants": [{"id": "variant_1", "title": "S", "sku": "M-S", "inventory_quantity": 0,
                  "manage_inventory": False, "options": [{"value": "S", "option_id": "o1"}],
                  "prices": [{"id": "ma_1", "currency_code": "eur", "amount": 1950}]}],
}]}  # fmt: skip
BIGCOMMERCE = {"data": [{
    "id": 77, "name": "Linen", "sku": "LIN", "price": 49, "calculated_price": 49,
    "inventory_tracking": "variant", "custom_url": {"url": "/linen/"},
    "images": [{"url_zoom": "p/0.jpg", "url_thumbnail": "p/4.jpg"}],
    "variants": [{"id": 1, "sku": "LIN-R", "price": None, "image_url": "p/1.jpg",
                  "inventory_level": 0,
                  "option_values": [{"label": "Red", "option_display_name": "Color"}]}],
}]}  # fmt: skip
ECWID = {"items": [{
    "id": 3, "sku": "R", "name": "Radish", "price": 2.4, "imageUrl": "p/0.jpg",
    "galleryImages": [{"url": "p/1.jpg", "thumbnail": "p/4.jpg"}],
    "categories": [{"id": 1, "name": "Roots"}], "attributes": [{"name": "Brand", "value": "Acme"}],
    "options": [{"type": "SELECT", "name": "Size", "choices": [{"text": "L"}]}],
    "combinations": [{"id": 9, "sku": "R-L", "price": 3.4, "quantity": 0,
                      "options": [{"name": "Size", "value": "L"}]}],
}]}  # fmt: skip
_MONEY = {"currency": "USD", "value": "49.99"}
SQUARESPACE = {"products": [{
    "id": "s1", "name": "Steak", "images": [{"url": "p/0.jpg"}, {"url": "p/1.jpg"}],
    "variants": [{"id": "v", "sku": "ST", "image": {"url": "p/1.jpg"},
                  "pricing": {"basePrice": _MONEY, "onSale": True,
                              "salePrice": {**_MONEY, "value": "39.99"}},
                  "stock": {"quantity": 0, "unlimited": True}, "attributes": {"Cut": "Rib"}}],
}]}  # fmt: skip
SQUARE = {"objects": [
    {"type": "ITEM", "id": "I1", "item_data": {
        "name": "Tea", "category_id": "C1", "image_ids": ["P1"],
        "variations": [{"type": "ITEM_VARIATION", "id": "V1", "item_variation_data": {
            "item_id": "I1", "sku": "TEA", "price_money": {"amount": 150, "currency": "USD"}}}]}},
    {"type": "CATEGORY", "id": "C1", "category_data": {"name": "Drinks"}},
    {"type": "IMAGE", "id": "P1", "image_data": {"url": "p/0.jpg"}},
]}  # fmt: skip
ETSY = {"results": [{
    "listing_id": 12, "title": "Mug", "quantity": 4, "tags": ["mug"],
    "price": {"amount": 2599, "divisor": 100, "currency_code": "USD"},
    "images": [{"url_75x75": "p/4.jpg", "url_fullxfull": "p/0.jpg"}],
}]}  # fmt: skip
SHOPWARE = {"data": [{
    "id": "aa", "productNumber": "SW1", "name": "Hemd", "translated": {"name": "Shirt"},
    "price": [{"currencyId": "b7", "net": 16.8, "gross": 19.99}], "stock": 5,
    "cover": {"media": {"url": "p/0.jpg"}}, "media": [{"media": {"url": "p/1.jpg"}}],
    "categories": [{"name": "Shirts", "breadcrumb": ["Men", "Shirts"]}],
    "properties": [{"name": "Red", "group": {"name": "Color"}},
                   {"name": "White", "group": {"name": "Color"}}],
    "children": [{"id": "ab", "productNumber": "SW1.1", "name": None, "available": False,
                  "price": None, "options": [{"name": "M", "group": {"name": "Size"}}]}],
}]}  # fmt: skip
VENDURE = {"data": {"products": {"items": [{
    "id": "1", "name": "Laptop", "assets": [{"preview": "p/4.jpg", "source": "p/0.jpg"}],
    "facetValues": [{"name": "Acme", "facet": {"name": "brand"}}],
    "variants": [{"id": "7", "sku": "L13", "price": 129900, "priceWithTax": 155880,
                  "currencyCode": "USD", "stockLevel": "OUT_OF_STOCK",
                  "options": [{"name": "13", "group": {"name": "Inch"}}]}],
}]}}}  # fmt: skip
WIX = {"products": [{
    "id": "w", "name": "Mug", "sku": "MUG", "variants": [],
    "price": {"currency": "EUR", "price": 20, "discountedPrice": 15},
    "stock": {"trackInventory": True, "quantity": 0, "inStock": False},
    "media": {"mainMedia": {"image": {"url": "p/0.jpg"}},
              "items": [{"image": {"url": "p/0.jpg"}}, {"mediaType": "video"}]},
    "productPageUrl": {"base": "https://s.example/", "path": "/mug"},
}]}  # fmt: skip
LIGHTSPEED = {"products": [{
    "id": 11, "url": "chair", "title": "Chair", "images": [{"src": "p/0.jpg"}],
    "variants": [{"id": 5, "sku": "CH", "title": "Red", "priceIncl": 45.0, "priceExcl": 37.19,
                  "stockLevel": 0}],
}]}  # fmt: skip
SPREE = {
    "data": [{"id": "1", "type": "product", "attributes": {"name": "Shirt", "sku": "SH"},
              "relationships": {"variants": {"data": [{"id": "7", "type": "variant"}]},
                                "images": {"data": [{"id": "9", "type": "image"}]},
                                "taxons": {"data": [{"id": "3", "type": "taxon"}]}}}],
    "included": [
        {"id": "9", "type": "image", "attributes": {"original_url": "p/0.jpg"}},
        {"id": "3", "type": "taxon", "attributes": {"name": "S", "pretty_name": "Men -> Shirts"}},
        {"id": "7", "type": "variant",
         "attributes": {"sku": "SH-M", "price": "17.99", "currency": "USD", "in_stock": True}},
    ],
}  # fmt: skip
ICECAT = {"msg": "OK", "data": {
    "GeneralInfo": {"Title": "Laptop", "BrandPartCode": "5P", "Brand": "HP",
                    "Category": {"Name": {"Value": "Notebooks"}}},
    "Image": {"HighPic": "p/0.jpg", "ThumbPic": "p/4.jpg"},
    "Gallery": [{"Pic": "p/0.jpg"}, {"Pic": "p/1.jpg", "LowPic": "p/4.jpg"}],
    "FeaturesGroups": [{"Features": [
        {"PresentationValue": "Silver", "Feature": {"Name": {"Value": "Color"}}}]}],
}}  # fmt: skip
VTEX = [{
    "productId": "20", "productName": "Shoe", "categories": ["/Men/Shoes/"],
    "items": [{"itemId": "7", "images": [{"imageUrl": "p/0.jpg"}, {"imageUrl": "p/1.jpg"}],
               "Size": ["41"], "variations": ["Size"],
               "sellers": [{"commertialOffer": {"Price": 199.9, "AvailableQuantity": 0}}]}],
}]  # fmt: skip
STRAPI = {"data": [{"id": 1, "attributes": {
    "title": "Tee", "price": 20.5, "stock": 0,
    "gallery": {"data": [{"id": 5, "attributes": {"url": "p/1.jpg"}}]},
    "category": {"data": {"id": 1, "attributes": {"name": "Shirts"}}},
}}]}  # fmt: skip
GRAPHQL = {"data": {"products": {"items": [{
    "sku": "WS", "name": "Tank", "description": {"html": "<p>d</p>"},
    "media_gallery": [{"url": "p/0.jpg"}, {"url": "p/1.jpg"}], "categories": [{"name": "Tops"}],
    "variants": [{"product": {"sku": "WS-S", "stock_status": "OUT_OF_STOCK", "price_range": {
        "minimum_price": {"final_price": {"value": 25, "currency": "USD"}}}},
                  "attributes": [{"code": "size", "label": "S"}]}],
}]}}}  # fmt: skip
MONGO = [{"_id": {"$oid": "65f"}, "name": "Cup", "price": {"$numberDecimal": "12.50"},
          "stock": {"$numberInt": "0"}, "images": ["p/0.jpg"]}]  # fmt: skip
HIT = [{"_index": "p", "_id": "7", "_source": {"name": "Amp", "price": 5, "image": "p/0.jpg"}}]
BY_ID = {"A1": {"title": "Tee", "price": 20, "image": "p/0.jpg"}, "A2": {"title": "Cap"}}
VARIANTS_BY_NAME = [{"id": "1", "title": "Tee", "images": ["p/0.jpg"], "variants": {
    "red": {"sku": "T-R", "price": 21, "stock": 0}, "blue": {"sku": "T-B"}}}]  # fmt: skip
GOOGLE = {"resources": [{
    "id": "online:1", "title": "Tee", "imageLink": "p/0.jpg", "additionalImageLinks": ["p/1.jpg"],
    "price": {"value": "19.99", "currency": "USD"},
    "salePrice": {"value": "9.99", "currency": "USD"},
    "productTypes": ["Men > Shirts"], "availability": "out of stock",
}]}  # fmt: skip
OBJECTS: dict[str, tuple[Any, tuple[Any, ...], str, dict[str, Any]]] = {
    "akeneo": (
        {"_embedded": {"items": [AKENEO]}},
        ("A1", "Hat", "men", 19.9, "EUR", True, "p/0.jpg p/1.jpg"), "hat",
        {"color": "red", "weight": "500 GRAM"}),
    "commercetools": (
        {"results": [COMMERCETOOLS]}, ("T-R", "Tee", "Men/Tees", 17.99, "EUR", True, "p/0.jpg"),
        "tee", {"color": "Red"}),
    "saleor": (SALEOR, ("J-2", "Juice", "Juices", 2.99, "USD", False, "p/0.jpg"), "UDE=",
               {"Size": "1l"}),
    "medusa": (MEDUSA, ("M-S", "Mug", "", 19.5, "EUR", True, "p/0.jpg"), "prod_1", {"size": "S"}),
    "bigcommerce": (
        BIGCOMMERCE, ("LIN-R", "Linen", "", 49.0, "", False, "p/1.jpg p/0.jpg"), "LIN",
        {"color": "Red"}),
    "ecwid": (ECWID, ("R-L", "Radish", "Roots", 3.4, "", False, "p/0.jpg p/1.jpg"), "R",
              {"size": "L", "Brand": "Acme"}),
    "squarespace": (
        SQUARESPACE, ("ST", "Steak", "", 39.99, "USD", True, "p/1.jpg p/0.jpg"), "s1",
        {"Cut": "Rib"}),
    "square": (SQUARE, ("TEA", "Tea", "Drinks", 1.5, "USD", True, "p/0.jpg"), "I1", {}),
    "etsy": (ETSY, ("12", "Mug", "", 25.99, "USD", True, "p/0.jpg"), "12", {"tags": ["mug"]}),
    "shopware": (
        SHOPWARE, ("SW1.1", "Shirt", "Men/Shirts", 19.99, "", False, "p/0.jpg p/1.jpg"), "SW1",
        {"size": "M", "Color": ["Red", "White"]}),
    "vendure": (VENDURE, ("L13", "Laptop", "", 1558.8, "USD", False, "p/0.jpg"), "1",
                {"inch": "13", "brand": "Acme"}),
    "wix": (WIX, ("MUG", "Mug", "", 15.0, "EUR", False, "p/0.jpg"), "MUG", {}),
    "lightspeed": (LIGHTSPEED, ("CH", "Chair", "", 45.0, "", False, "p/0.jpg"), "11", {}),
    "vtex": (VTEX, ("7", "Shoe", "Men/Shoes", 199.9, "", False, "p/0.jpg p/1.jpg"), "20",
             {"Size": "41"}),
    "strapi": (STRAPI, ("1", "Tee", "Shirts", 20.5, "", False, "p/1.jpg"), "1", {}),
    "magento's graphql": (
        GRAPHQL, ("WS-S", "Tank", "Tops", 25.0, "USD", False, "p/0.jpg p/1.jpg"), "WS",
        {"size": "S"}),
    "mongodb": (MONGO, ("65f", "Cup", "", 12.5, "", False, "p/0.jpg"), "65f", {}),
    "elasticsearch": (HIT, ("7", "Amp", "", 5.0, "", True, "p/0.jpg"), "7", {}),
    "products by id": (BY_ID, ("A1", "Tee", "", 20.0, "", True, "p/0.jpg"), "A1", {}),
    "variants by name": (
        VARIANTS_BY_NAME, ("T-R", "Tee", "", 21.0, "", False, "p/0.jpg"), "1", {}),
    "google's interface": (
        GOOGLE, ("online:1", "Tee", "Men/Shirts", 9.99, "USD", False, "p/0.jpg p/1.jpg"),
        "online:1", {}),
    "jsonapi": (SPREE, ("SH-M", "Shirt", "Men/Shirts", 17.99, "USD", True, "p/0.jpg"), "SH", {}),
    "icecat": (ICECAT, ("5P", "Laptop", "Notebooks", None, "", True, "p/0.jpg p/1.jpg"), "5P",
               {"Color": "Silver", "brand": "HP"}),
}  # fmt: skip


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_of_a_shop_program_keep_variants_prices_pictures_and_options(shop, name):
    document, expected, product, attributes = OBJECTS[name]
    items, notes = read(shop, "a.json", json.dumps(document))
    assert (facts(items[0]), items[0].product_id, notes) == (expected, product, [])
    assert attributes.items() <= items[0].attributes.items()


def test_variants_have_their_own_discounts_and_pictures(shop):
    lines = json.dumps({**COMMERCETOOLS, "variants": []}) + "\n" + json.dumps(COMMERCETOOLS)
    (_, red, blue), _ = read(shop, "a.jsonl", lines, language="de")
    assert (red.title, blue.title) == ("Hemd", "Hemd")
    assert facts(blue)[3:] == (14.99, "EUR", False, "p/1.jpg")


def test_a_product_of_commercetools_is_read_as_it_is_published(shop):
    staged = {**COMMERCETOOLS, "name": {"en": "staged"}}
    data = {"published": True, "current": COMMERCETOOLS, "staged": staged}
    hidden = {"id": "y", "key": "y", "masterData": {**data, "published": False}}
    document = {"results": [{"id": "x", "key": "tee", "masterData": data}, hidden]}
    items, notes = read(shop, "a.json", json.dumps(document))
    assert [item.title for item in items] == ["Tee", "Tee"]
    assert [note.reason for note in notes] == ["left out: its published is 'False'"] * 2


def test_a_price_in_several_currencies_is_that_of_the_first(shop):
    prices = [{"amount": 30, "currency": "EUR"}, {"amount": 20, "currency": "USD"}]
    rows = [{"id": "1", "price": prices}, {"id": "2", "price": {"EUR": 9, "USD": 8}},
            {"id": "3", "price": prices, "currency": "usd"}]  # fmt: skip
    items, notes = read(shop, "a.json", json.dumps(rows))
    assert [(item.price, item.currency) for item in items] == [
        (30.0, "EUR"), (9.0, "EUR"), (20.0, "USD")
    ]  # fmt: skip
    assert notes == []


@pytest.mark.parametrize("field", ["variants", "values", "masterData", "data", "price", "media"])
@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [[]], {"data": 1}, {"current": 5}])
def test_objects_of_another_shape_are_items_or_reported(shop, field, value):
    row = {"id": "1", "title": "A", "handle": "h", "enabled": True, "family": "f", field: value}
    items, notes = read(shop, "a.json", json.dumps([row]))
    assert len(items) + len(notes) >= 1


def test_amounts_of_a_hostile_size_are_reported(shop):
    row = {"id": "1", "price": {"centAmount": 10**30, "fractionDigits": 10**30}}
    (item,), (note,) = read(shop, "a.json", json.dumps([row]))
    assert (item.price, note.field) == (None, "price")


CENEO = """<?xml version="1.0"?><offers version="1"><group name="other">
<o id="1" url="https://s.example/1" price="199.99" avail="1" stock="0">
<cat><![CDATA[Moda/Kurtki, p\u0142aszcze]]></cat><name>Kurtka</name>
<imgs><main url="p/0.jpg"/><i url="p/1.jpg"/></imgs><desc><![CDATA[<p>Ciep\u0142a</p>]]></desc>
<attrs><a name="Kolor">\u017c\u00f3\u0142ty</a></attrs></o></group></offers>"""
YML = """<yml_catalog><shop><offers><offer id="9" group_id="7"><price>8 990</price>
<currencyId>RUR</currencyId><picture>p/0.jpg</picture><picture>p/1.jpg</picture>
<typePrefix>Coat</typePrefix><vendor>Acme</vendor><model>X1</model>
<param name="Color">red</param><param name="Length" unit="cm">48</param></offer></offers></shop>
</yml_catalog>"""
NOKAUT = """<nokaut><offers><offer><id>1</id><name>Lamp</name><image>p/0.jpg</image>
<price>19.99</price><category>Home / Lamps</category><property name="Color">white</property>
<availability>0</availability></offer></offers></nokaut>"""
ICECAT_XML = """<ICECAT-interface><Product ID="2" Prod_id="5P" Title="Laptop" HighPic="p/0.jpg"
ThumbPic="p/4.jpg"><Category><Name Value="Notebooks" langid="1"/></Category>
<ProductDescription LongDesc="&lt;b&gt;Thin&lt;/b&gt;"/><ProductGallery>
<ProductPicture Pic="p/0.jpg"/><ProductPicture Original="p/1.jpg" Pic500x500="p/4.jpg"/>
</ProductGallery><ProductFeature Presentation_Value="Silver"><Feature>
<Name Value="Color"/></Feature></ProductFeature>
<ProductRelated><Product ID="9" Prod_id="X" ThumbPic="p/4.jpg"/></ProductRelated>
</Product></ICECAT-interface>"""
PRESTASHOP = """<prestashop><products><product><id>1</id><price>23.900000</price>
<name><language id="1">Bird</language><language id="2">Colibri</language></name>
<image>p/0.jpg</image></product></products></prestashop>"""
BMECAT = """<BMECAT version="2005"><T_NEW_CATALOG><PRODUCT><SUPPLIER_PID>4711</SUPPLIER_PID>
<PRODUCT_DETAILS><DESCRIPTION_SHORT lang="deu">Lampe</DESCRIPTION_SHORT>
<DESCRIPTION_SHORT lang="eng">Lamp</DESCRIPTION_SHORT></PRODUCT_DETAILS><PRODUCT_PRICE_DETAILS>
<PRODUCT_PRICE price_type="net_customer"><PRICE_AMOUNT>10</PRICE_AMOUNT></PRODUCT_PRICE>
<PRODUCT_PRICE price_type="gros_list"><PRICE_AMOUNT>12.90</PRICE_AMOUNT>
<PRICE_CURRENCY>EUR</PRICE_CURRENCY></PRODUCT_PRICE></PRODUCT_PRICE_DETAILS><MIME_INFO>
<MIME><MIME_TYPE>jpg</MIME_TYPE><MIME_SOURCE>p/0.jpg</MIME_SOURCE></MIME>
<MIME><MIME_TYPE>application/pdf</MIME_TYPE><MIME_SOURCE>a.pdf</MIME_SOURCE></MIME></MIME_INFO>
</PRODUCT></T_NEW_CATALOG></BMECAT>"""
NESTED = """<products><product><id>1</id><name>Tee</name><price>19.99</price>
<pictures><picture>p/0.jpg</picture><picture>p/1.jpg</picture></pictures>
<variants><variant><sku>T-S</sku><price>18.00</price><stock>0</stock></variant></variants></product>
</products>"""
GIVEN = """<catalog><product sku="1" name="Tee" price="19.99"><category>Men/Tees</category>
<images><image url="p/0.jpg"/><image url="p/1.jpg"/></images><stock>0</stock></product></catalog>"""
FEEDS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "ceneo": (
        CENEO, ("1", "Kurtka", "Moda/Kurtki, p\u0142aszcze", 199.99, "", False, "p/0.jpg p/1.jpg"),
        {"Kolor": "\u017c\u00f3\u0142ty"}),
    "yandex": (YML, ("9", "Coat Acme X1", "", 8990.0, "RUB", True, "p/0.jpg p/1.jpg"),
               {"Color": "red", "Length": "48 cm"}),
    "nokaut": (NOKAUT, ("1", "Lamp", "Home/Lamps", 19.99, "", True, "p/0.jpg"), {"Color": "white"}),
    "icecat": (ICECAT_XML, ("5P", "Laptop", "Notebooks", None, "", True, "p/0.jpg p/1.jpg"),
               {"Color": "Silver"}),
    "variants in xml": (NESTED, ("T-S", "Tee", "", 18.0, "", False, "p/0.jpg p/1.jpg"), {}),
    "attributes of xml": (GIVEN, ("1", "Tee", "Men/Tees", 19.99, "", False, "p/0.jpg p/1.jpg"), {}),
    "prestashop": (PRESTASHOP, ("1", "Bird", "", 23.9, "", True, "p/0.jpg"), {}),
    "bmecat": (BMECAT, ("4711", "Lamp", "", 12.9, "EUR", True, "p/0.jpg"), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_in_xml_keeps_texts_prices_pictures_and_attributes(shop, name):
    text, expected, attributes = FEEDS[name]
    (item,), notes = read(shop, "a.xml", text)
    assert (facts(item), notes) == (expected, [])
    assert attributes.items() <= item.attributes.items()


@pytest.mark.parametrize(
    ("value", "pictures"),
    [
        ([{"large": "p/0.jpg", "small": "p/4.jpg"}, {"large": "p/1.jpg"}], "p/0.jpg p/1.jpg"),
        ({"main": "p/0.jpg", "gallery": ["p/1.jpg", "p/2.jpg"]}, "p/0.jpg p/1.jpg p/2.jpg"),
        ({"0": "p/0.jpg", "1": {"src": "p/1.jpg"}}, "p/0.jpg p/1.jpg"),
        ({"thumbnail": "p/4.jpg", "medium": "p/3.jpg", "large": "p/0.jpg"}, "p/0.jpg"),
        ({"image": ["p/0.jpg", {"url": "p/1.jpg"}]}, "p/0.jpg p/1.jpg"),
    ],
)
def test_an_object_is_one_picture_in_several_sizes_or_a_list_of_pictures(shop, value, pictures):
    (item,), notes = read(shop, "a.json", json.dumps([{"id": "1", "images": value}]))
    assert (" ".join(item.images), notes) == (pictures, [])


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ({"min": 3, "max": 5}, (3.0, "")),
        ({"regular": "10.00", "sale": "8.00", "currency": "EUR"}, (8.0, "EUR")),
        ({"regular": "10.00", "sale": "", "currency": "EUR"}, (10.0, "EUR")),
        ({"price": 10, "discountedPrice": 0}, (10.0, "")),
        ({"centAmount": 1999, "currencyCode": "EUR", "fractionDigits": 2}, (19.99, "EUR")),
        ({"centAmount": 1, "preciseAmount": 12345, "fractionDigits": 4}, (1.2345, "")),
    ],
)
def test_a_price_that_is_an_object_is_what_is_asked_for_now(shop, price, expected):
    (item,), notes = read(shop, "a.json", json.dumps([{"id": "1", "price": price}]))
    assert (item.price, item.currency, notes) == (*expected, [])


def test_a_category_with_its_parents_in_it_is_a_path(shop):
    tees = {"name": "Tees", "parent": {"name": "Men", "parent": {"name": "Clothes"}}}
    (item,), _ = read(shop, "a.json", json.dumps([{"id": "1", "category": tees}]))
    assert item.categories == ["Clothes/Men/Tees"]


def test_the_pictures_of_an_object_may_be_a_list_in_one_text(shop):
    row = {"id": "1", "sku": "A", "reference": "R", "images": "p/0.jpg;p/1.jpg", "variants": [],
           "options": [{"name": "Color", "value": "red"}]}  # fmt: skip
    (item,), _ = read(shop, "a.json", json.dumps([row]))
    assert item.images == ["p/0.jpg", "p/1.jpg"]
    assert item.attributes == {"reference": "R", "color": "red"}


def test_only_some_of_the_products_may_have_variants(shop):
    rows = [{"id": "1", "title": "A"}, {"id": "2", "title": "B", "variants": [{"sku": "B-S"}]}]
    items, _ = read(shop, "a.json", json.dumps(rows))
    assert [(item.item_id, item.product_id) for item in items] == [("1", "1"), ("B-S", "2")]
