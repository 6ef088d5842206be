"""Feeds of several markets, and the products of saved pages."""

from __future__ import annotations

import json

import pytest

from indexer.catalog.htmlfile import html_records
from indexer.errors import BadCatalog
from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures


YML = (
    '<yml_catalog><shop><categories><category id="1">Clothing</category>'
    '<category id="2" parentId="1">Hats</category></categories><offers>'
    '<offer id="90" available="false" group_id="7"><name>Hat</name><price>1490</price>'
    "<currencyId>RUR</currencyId><categoryId>2</categoryId><picture>p/0.jpg</picture>"
    '<picture>p/1.jpg</picture><param name="Color">red</param></offer></offers></shop>'
    "</yml_catalog>"
)
HEUREKA = (
    "<SHOP><SHOPITEM><ITEM_ID>90</ITEM_ID><PRODUCTNAME>Hat</PRODUCTNAME><IMGURL>p/0.jpg</IMGURL>"
    "<IMGURL_ALTERNATIVE>p/1.jpg</IMGURL_ALTERNATIVE><PRICE_VAT>1 490,00</PRICE_VAT>"
    "<CATEGORYTEXT>Clothing | Hats</CATEGORYTEXT><ITEMGROUP_ID>7</ITEMGROUP_ID>"
    "<PARAM><PARAM_NAME>Color</PARAM_NAME><VAL>red</VAL></PARAM></SHOPITEM></SHOP>"
)
BMECAT = (
    '<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE BMECAT SYSTEM "bmecat.dtd">'
    '<BMECAT version="1.2"><T_NEW_CATALOG><CATALOG_GROUP_SYSTEM>'
    "<CATALOG_STRUCTURE><GROUP_ID>0</GROUP_ID><GROUP_NAME>All</GROUP_NAME></CATALOG_STRUCTURE>"
    "<CATALOG_STRUCTURE><GROUP_ID>1</GROUP_ID><GROUP_NAME>Clothing</GROUP_NAME>"
    "<PARENT_ID>0</PARENT_ID></CATALOG_STRUCTURE><CATALOG_STRUCTURE><GROUP_ID>2</GROUP_ID>"
    "<GROUP_NAME>Hats</GROUP_NAME><PARENT_ID>1</PARENT_ID></CATALOG_STRUCTURE>"
    "</CATALOG_GROUP_SYSTEM><ARTICLE><SUPPLIER_AID>90</SUPPLIER_AID><ARTICLE_DETAILS>"
    "<DESCRIPTION_SHORT>Hat</DESCRIPTION_SHORT></ARTICLE_DETAILS><ARTICLE_FEATURES><FEATURE>"
    "<FNAME>Color</FNAME><FVALUE>red</FVALUE></FEATURE></ARTICLE_FEATURES><ARTICLE_PRICE_DETAILS>"
    "<ARTICLE_PRICE><PRICE_AMOUNT>1490.00</PRICE_AMOUNT><PRICE_CURRENCY>CZK</PRICE_CURRENCY>"
    "</ARTICLE_PRICE></ARTICLE_PRICE_DETAILS><MIME_INFO><MIME><MIME_TYPE>image/jpeg</MIME_TYPE>"
    "<MIME_SOURCE>p/0.jpg</MIME_SOURCE></MIME><MIME><MIME_TYPE>application/pdf</MIME_TYPE>"
    "<MIME_SOURCE>a.pdf</MIME_SOURCE></MIME></MIME_INFO></ARTICLE><ARTICLE_TO_CATALOGGROUP_MAP>"
    "<ART_ID>90</ART_ID><CATALOG_GROUP_ID>2</CATALOG_GROUP_ID></ARTICLE_TO_CATALOGGROUP_MAP>"
    "</T_NEW_CATALOG></BMECAT>"
)


@pytest.mark.parametrize(
    ("text", "currency", "in_stock", "images"),
    [(YML, "RUB", False, "p/0.jpg p/1.jpg"), (HEUREKA, "", True, "p/0.jpg p/1.jpg"),
     (BMECAT, "CZK", True, "p/0.jpg")],
    ids=["yml", "heureka", "bmecat"],
)  # fmt: skip
def test_feeds_of_other_markets_are_read(shop, text, currency, in_stock, images):
    (hat,), notes = read(shop, "a.xml", text)
    assert notes == []
    assert facts(hat) == ("90", "Hat", "Clothing/Hats", 1490.0, currency, in_stock, images)
    assert hat.attributes == {"Color": "red"}


def test_prices_of_woocommerces_store_are_in_the_smallest_unit(shop):
    prices = {"price": "1800", "currency_code": "EUR", "currency_minor_unit": 2}
    product = {"id": 34, "name": "Hat", "prices": prices, "is_in_stock": False}
    (hat,), _ = read(shop, "a.json", json.dumps([product]))
    assert facts(hat) == ("34", "Hat", "", 18.0, "EUR", False, "")


OFFER = {"@type": "Offer", "price": "59.00", "priceCurrency": "EUR", "availability": "InStock"}
RUNNER = {"@type": "Product", "name": "A &amp; B", "sku": "R1", "image": "p/0.jpg", "offers": OFFER}
MICRODATA = (
    '<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">A &amp; B</h1>'
    '<meta itemprop="sku" content="R1"><img itemprop="image" src="p/0.jpg"/>'
    '<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">'
    '<span itemprop="price" content="59.00">59 Euro</span><meta itemprop=priceCurrency content=EUR>'
    '<link itemprop="availability" href="https://schema.org/InStock"></div></div>'
)


@pytest.mark.parametrize(
    "body",
    [
        f'<script type="application/ld+json">{json.dumps(RUNNER)}</script>',
        f"<SCRIPT type='application/ld+json'>\n//<![CDATA[\n{json.dumps([RUNNER])}\n//]]></SCRIPT>",
        f'<script type="application/ld+json">{json.dumps({"@graph": [RUNNER]})};</script>',
        f'<script type="application/ld+json">{{"@type": "WebSite"}}</script>{MICRODATA}',
        MICRODATA,
    ],
    ids=["ld", "cdata", "graph", "site-and-microdata", "microdata"],
)
@pytest.mark.parametrize("name", ["a.html", "a.htm"])
def test_the_products_of_a_saved_page_are_read(shop, body, name):
    (runner,), notes = read(shop, name, f"<!DOCTYPE html><html><body>{body}<p>x</body></html>")
    assert (facts(runner), notes) == (("R1", "A & B", "", 59.0, "EUR", True, "p/0.jpg"), [])


def test_a_block_of_a_page_that_is_not_json_is_reported(shop):
    block = '<script type="application/ld+json">{}</script>'
    page = block.format("{broken") + block.format(json.dumps(RUNNER))
    (runner,), (broken,) = read(shop, "a.html", page)
    assert (runner.item_id, broken.where) == ("R1", "block 1")
    assert broken.reason.startswith("not JSON")


def test_a_page_without_products_is_refused(shop):
    with pytest.raises(BadCatalog, match="expected products as JSON-LD or microdata"):
        read(shop, "a.html", "<html><script>var a = 1</script><p>Hello</p></html>")


@pytest.mark.parametrize(
    "part", ["<!--", "<a ", "<![CDATA[", "<script>", '<a "', "<p itemprop=a>x"]
)
def test_a_hostile_page_takes_no_more_than_its_length(shop, part):
    page = f"<p itemscope itemtype=Product>{part * 4000}"  # quadratic time would be minutes
    (shop / "a.html").write_text(page, encoding="utf-8")
    assert len(list(html_records(shop / "a.html"))) == 1
