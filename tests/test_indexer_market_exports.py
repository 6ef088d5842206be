"""Files of marketplaces, price comparisons and printing services: an item of each as it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from indexer.catalog.sources import open_catalog
from indexer.errors import BadCatalog
from tests.catalogfiles import written
from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures

SHOPTET = (
    "code;pairCode;name;variant:Barva;categoryText;categoryText2;image;price;purchasePrice;currency\n"
    "TR-S;12;Tričko;červená;Oblečení > Trička;Akce;p/0.jpg;499,00;200,00;CZK\n"
)
MIRAKL = (
    "shop_sku;product-id;title;category;media_1;variant_group_code;price;discount-price;"
    "discount-start-date;discount-end-date;quantity\n"
    "T-S;3001;Tee;Tees;p/0.jpg;T;20.00;15.00;2020-01-01;2020-02-01;0\n"
)
PROM = (
    "Код_товара,Название_позиции,Цена,Валюта,Ссылка_изображения,Наличие,Название_группы,"
    "Название_Характеристики,Значение_Характеристики,Название_Характеристики,"
    "Значение_Характеристики\nM1,Кружка,250,UAH,p/0.jpg,-,Кружки,Цвет,красный,Объем,300\n"
)
WILDBERRIES = (
    "Артикул продавца;Наименование;Категория продавца;Фото;Баркод;Размер;Цена, руб.\n"
    "T;Футболка;Одежда;p/0.jpg;2011;S;990\nT;Футболка;Одежда;p/0.jpg;2012;M;990\n"
)
SHARED = (
    "Model,EAN,Name,Price,Image\nM7,4001,Tee,9,p/0.jpg\nM7,4002,Tee,9,p/0.jpg\n"
    "M8,4003,Mug,5,p/1.jpg\nM9,4004,Cup,5,p/1.jpg\nM9,4005,Bowl,5,p/2.jpg\n"
)
SHOPEE = (
    "SKU,Product Name,Parent SKU,Variation Name1,Option for Variation 1,Price,Cover image,"
    "Image per Variation\nM-R,Mug,M,Color,Red,12.5,p/0.jpg,p/1.jpg\n"
)
FAIRE = (
    "Product Name (English),Product Token,SKU,Option 1 Name,Option 1 Value,"
    "USD Unit Wholesale Price,USD Unit Retail Price,Product Images,Option Image\n"
    "Mug,p_1,M-S,Size,S,5.00,12.00,p/0.jpg,p/1.jpg\nMug,p_1,M-L,Size,L,5.00,12.00,p/0.jpg,p/2.jpg\n"
)
ZENCART = (
    "v_products_model,v_products_image,v_products_name_1,v_products_price,v_categories_name_1,"
    "v_tax_class_title,v_status\nM1,p/0.jpg,Red mug,12.0000,Home^Mugs,--none--,1\n"
)
INSALES = (
    "ID товара\tНазвание товара\tВидимость на витрине\tРазмещение на сайте\tИзображения\tАртикул\t"
    "Цена продажи\tЗакупочная цена\tСвойство: Цвет\n"
    "1\tКружка\tвыставлен\tДом/Кружки ## Акции\tp/0.jpg p/1.jpg\tKR-R\t500,0\t200,0\tкрасный\n"
    "2\tМиска\tскрыт\tДом\tp/2.jpg\tMI\t300,0\t\t\n"
)
TROVAPREZZI = (
    "Nome|Prezzo Vendita|Codice Interno|Link all'offerta|Disponibilità|Albero Categorie|"
    "Link immagine|Codice EAN<endrecord>\nTazza|12,90|T1|https://ex.it/t1|disponibile|"
    "Casa;Tazze|p/0.jpg|8001<endrecord>\n"
)
CRITEO = (
    "id|name|producturl|smallimage|bigimage|price|retailprice|instock|categoryid1|categoryid2\n"
    "1|Mug|https://ex.com/1|p/1.jpg|p/0.jpg|12.00|20.00|0|Home|Mugs\n"
)
EMARSYS = (
    "item,title,link,image,category,price,msrp,available\n"
    "M1,Mug,https://ex.com/1,p/0.jpg,Home>Mugs|Sale,12.00,15.00,true\n"
    "M2,Bowl,https://ex.com/2,p/1.jpg,Home>Bowls,9.00,9.00,false\n"
)
SHIFT4SHOP = (
    "catalogid,id,name,categories,cost,price,saleprice,onsale,image1\n"
    "11,M1,Mug,Home/Mugs@Sale,5.00,12.00,9.00,0,p/0.jpg\n"
)
MAGENTO_1 = (
    "sku,_store,_type,_category,_root_category,color,image,name,price,_media_image,"
    "_super_products_sku,_super_attribute_code\n"
    "tee-r,,simple,,,red,p/0.jpg,Tee red,20.0000,p/0.jpg,,\n,,,,,,,,,p/1.jpg,,\n"
    "tee,,configurable,Men/Tops,Default Category,,p/0.jpg,Tee,20.0000,p/0.jpg,tee-b,color\n"
    ",,,,,,,,,,tee-r,color\n,de,,,,,,Hemd,,,,\n"
)
TOKOPEDIA = "SKU,Nama Produk,Harga (Rp),Foto Produk 1\nM1,Mug,150000,p/0.jpg\n"
IN_CELL = (
    'handle,name,images,variants\nmug,Mug,p/0.jpg,"[{""sku"":""M-R"",""color"":""red"",'
    '""price"":12.5,""stock"":0}]"\n'
)
TABLES: dict[str, tuple[str, tuple[Any, ...], str, dict[str, Any]]] = {
    "shoptet": (SHOPTET, ("TR-S", "Tričko", "Oblečení/Trička; Akce", 499.0, "CZK", True, "p/0.jpg"),
                "12", {"Barva": "červená"}),
    "mirakl, a discount that is over": (
        MIRAKL, ("T-S", "Tee", "Tees", 20.0, "", False, "p/0.jpg"), "T", {}),
    "prom, columns of the same names": (
        PROM, ("M1", "Кружка", "Кружки", 250.0, "UAH", False, "p/0.jpg"), "M1",
        {"цвет": "красный", "объем": "300"}),
    "wildberries": (WILDBERRIES, ("2011", "Футболка", "Одежда", 990.0, "RUB", True, "p/0.jpg"),
                    "T", {"Размер": "S"}),
    "variants that share a model and a title": (
        SHARED, ("4001", "Tee", "", 9.0, "", True, "p/0.jpg"), "4001", {"Model": "M7"}),
    "shopee": (SHOPEE, ("M-R", "Mug", "", 12.5, "", True, "p/1.jpg p/0.jpg"), "M",
               {"color": "Red"}),
    "faire": (FAIRE, ("M-S", "Mug", "", 12.0, "USD", True, "p/1.jpg p/0.jpg"), "p_1",
              {"size": "S"}),
    "zen cart": (ZENCART, ("M1", "Red mug", "Home/Mugs", 12.0, "", True, "p/0.jpg"), "M1", {}),
    "insales": (
        INSALES, ("KR-R", "Кружка", "Дом/Кружки; Акции", 500.0, "", True, "p/0.jpg p/1.jpg"),
                "1", {"Цвет": "красный"}),
    "trovaprezzi": (TROVAPREZZI, ("T1", "Tazza", "Casa; Tazze", 12.9, "", True, "p/0.jpg"), "T1",
                    {"Codice EAN": "8001"}),
    "criteo": (CRITEO, ("1", "Mug", "Home/Mugs", 12.0, "", False, "p/0.jpg"), "1", {}),
    "emarsys": (EMARSYS, ("M1", "Mug", "Home/Mugs; Sale", 12.0, "", True, "p/0.jpg"), "M1", {}),
    "shift4shop": (
        SHIFT4SHOP, ("M1", "Mug", "Home/Mugs; Sale", 12.0, "", True, "p/0.jpg"), "M1", {}),
    "magento 1": (MAGENTO_1, ("tee-r", "Tee red", "Men/Tops", 20.0, "", True, "p/0.jpg p/1.jpg"),
                  "tee", {"color": "red"}),
    "tokopedia": (TOKOPEDIA, ("M1", "Mug", "", 150000.0, "IDR", True, "p/0.jpg"), "M1", {}),
    "variants in a cell": (IN_CELL, ("M-R", "Mug", "", 12.5, "", False, "p/0.jpg"), "mug",
                           {"color": "red"}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_a_market_keeps_prices_pictures_products_and_options(shop, name):
    text, expected, product, attributes = TABLES[name]
    item = read(shop, "a.csv", text)[0][0]
    assert (facts(item), item.product_id) == (expected, product)
    assert attributes.items() <= item.attributes.items()
    private = ("purchase", "wholesale", "cost", "закупочная")
    assert not any(word in key.casefold() for key in item.attributes for word in private)


PRINTIFY = {
    "data": [
        {
            "id": "5d", "title": "Tee", "blueprint_id": 9,
            "options": [{"name": "Colors", "values": [{"id": 7, "title": "Red"}]}],
            "variants": [{"id": 45, "sku": "T-R", "cost": 900, "price": 1600, "options": [7]},
                         {"id": 46, "sku": "T-B", "cost": 900, "price": 1700, "options": [8]}],
            "images": [{"src": "p/0.jpg", "variant_ids": [45]},
                       {"src": "p/1.jpg", "variant_ids": [46]}],
        }
    ]
}  # fmt: skip
TIENDANUBE = [
    {
        "id": 12, "name": {"es": "Taza"}, "handle": {"es": "taza"}, "attributes": [{"es": "Color"}],
        "variants": [{"id": 1, "image_id": 52, "price": "19.00", "promotional_price": "15.00",
                      "stock_management": True, "stock": 0, "sku": "TZ-R",
                      "values": [{"es": "Rojo"}]}],
        "images": [{"id": 51, "src": "p/0.jpg"}, {"id": 52, "src": "p/1.jpg"}],
        "categories": [{"id": 4, "name": {"es": "Tazas"}, "parent": None}],
    }
]  # fmt: skip
STRIPE = {
    "object": "list",
    "data": [
        {
            "id": "prod_1", "object": "product", "active": True, "name": "Mug",
            "images": ["p/0.jpg"],
            "default_price": {"id": "price_1", "currency": "usd", "unit_amount": 1999},
        },
        {"id": "prod_2", "object": "product", "active": False, "name": "Old", "images": []},
    ],
}  # fmt: skip
ALGOLIA = {
    "hits": [
        {
            "objectID": "1", "name": "Mug", "price": {"USD": {"default": 12.99}},
            "image_url": "p/0.jpg", "in_stock": 0,
            "hierarchicalCategories": {"lvl0": "Home", "lvl1": "Home > Mugs"},
        }
    ]
}  # fmt: skip
CLERK = {
    "products": [{"id": 1, "name": "Mug", "price": 12, "image": "p/0.jpg", "categories": [2]}],
    "categories": [{"id": 1, "name": "Home", "subcategories": [2]}, {"id": 2, "name": "Mugs"}],
}
OTTO = {
    "productVariations": [
        {
            "productReference": "T", "sku": "T-1",
            "productDescription": {
                "category": "Tassen", "productLine": "Blaue Tasse",
                "attributes": [{"name": "Farbe", "values": ["blau"]}],
            },
            "mediaAssets": [{"type": "IMAGE", "location": "p/0.jpg"}],
            "pricing": {
                "standardPrice": {"amount": 19.99, "currency": "EUR"},
                "sale": {"salePrice": {"amount": 15.99, "currency": "EUR"},
                         "endDate": "2019-11-19T10:00:00.000Z"},
            },
        }
    ]
}  # fmt: skip
PRINTFUL = {
    "result": [
        {
            "sync_product": {"id": 13, "name": "Tee", "thumbnail_url": "p/0.jpg"},
            "sync_variants": [{"id": 10, "sku": "T-R", "retail_price": "29.99", "currency": "USD"}],
        }
    ]
}
BLOOMREACH = {
    "op": "add",
    "path": "/products/M",
    "value": {
        "attributes": {"title": "Mug", "price": 12, "thumb_image": "p/0.jpg",
                       "category_paths": [[{"id": "1", "name": "Home"}, {"name": "Mugs"}]]},
        "variants": {"M-R": {"attributes": {"color": "red"}}},
    },
}  # fmt: skip
OBJECTS: dict[str, tuple[Any, tuple[Any, ...], str, dict[str, Any]]] = {
    "printify": (PRINTIFY, ("T-R", "Tee", "", 16.0, "", True, "p/0.jpg"), "5d", {"colors": "Red"}),
    "tiendanube": (TIENDANUBE, ("TZ-R", "Taza", "Tazas", 15.0, "", False, "p/1.jpg p/0.jpg"), "12",
                   {"color": "Rojo"}),
    "stripe": (STRIPE, ("prod_1", "Mug", "", 19.99, "USD", True, "p/0.jpg"), "prod_1", {}),
    "algolia": (ALGOLIA, ("1", "Mug", "Home/Mugs", 12.99, "USD", False, "p/0.jpg"), "1", {}),
    "categories in a list of their own": (
        CLERK, ("1", "Mug", "Home/Mugs", 12.0, "", True, "p/0.jpg"), "1", {}),
    "otto, a sale that is over": (
        OTTO, ("T-1", "Blaue Tasse", "Tassen", 19.99, "EUR", True, "p/0.jpg"), "T",
        {"Farbe": ["blau"]}),
    "printful": (PRINTFUL, ("T-R", "Tee", "", 29.99, "USD", True, "p/0.jpg"), "13", {}),
    "bloomreach": (BLOOMREACH, ("M-R", "Mug", "Home/Mugs", 12.0, "", True, "p/0.jpg"), "M",
                   {"color": "red"}),
}  # fmt: skip


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_of_a_service_keeps_prices_pictures_products_and_options(shop, name):
    value, expected, product, attributes = OBJECTS[name]
    item = read(shop, "a.json", json.dumps(value))[0][0]
    assert (facts(item), item.product_id) == (expected, product)
    assert attributes.items() <= item.attributes.items()
    assert "cost" not in item.attributes


IDOSELL = """<offer file_format="IOF" version="3.0"><products><product id="101">
<producer name="Acme"/><category id="7" name="Dom/Kubki"/><card url="https://ex.pl/101"/>
<description><name xml:lang="eng">Mug</name><name xml:lang="pol">Kubek</name></description>
<price gross="99.00" net="80.49"/><sizes><size id="3" name="S" code="101-S">
<stock id="1" quantity="0"/></size></sizes><images><large><image url="p/0.jpg"/></large>
<icons><icon url="p/1.jpg"/></icons></images></product></products></offer>"""
HOTLINE = """<price><categories><category><id>1</id><name>Home</name></category><category>
<id>2</id><parentId>1</parentId><name>Mugs</name></category></categories><items><item><id>M1</id>
<categoryId>2</categoryId><name>Mug</name><image>p/0.jpg</image><priceRUAH>250</priceRUAH>
<stock>В наявності</stock></item></items></price>"""
TRADETRACKER = """<products><product ID="M1"><name>Mug</name><price currency="EUR">12.99</price>
<images><image>p/0.jpg</image><image>p/1.jpg</image></images><categories>
<category path="Home &gt; Mugs">Mugs</category></categories><properties><property name="color">
<value>red</value></property><property name="brand"><value>Acme</value></property></properties>
</product></products>"""
FEEDS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "idosell": (IDOSELL, ("101-S", "Mug", "Dom/Kubki", 99.0, "", False, "p/0.jpg"), {"size": "S"}),
    "hotline": (HOTLINE, ("M1", "Mug", "Home/Mugs", 250.0, "UAH", True, "p/0.jpg"), {}),
    "tradetracker": (
        TRADETRACKER, ("M1", "Mug", "Home/Mugs", 12.99, "EUR", True, "p/0.jpg p/1.jpg"),
                     {"color": "red", "brand": "Acme"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_of_a_market_keeps_categories_prices_and_pictures(shop, name):
    text, expected, attributes = FEEDS[name]
    item = read(shop, "a.xml", text)[0][0]
    assert facts(item) == expected
    assert attributes.items() <= item.attributes.items()


HTML_TABLE = """<html><meta charset="utf-8"><table><tr><th>Artikelnummer</th><th>Name<th>Preis</th>
<th>Bild</tr><tr><td>M1</td><td>Sch&uuml;ssel</td><td>12,90 &euro;</td><td><img src="p/0.jpg"></td>
</tr></table></html>"""
WORKBOOK = """<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="A"><Table><Row><Cell>
<Data>sku</Data></Cell><Cell><Data>name</Data></Cell><Cell><Data>brand</Data></Cell><Cell><Data>price
</Data></Cell><Cell><Data>image</Data></Cell></Row><Row><Cell><Data>M1</Data></Cell><Cell><Data>
Schüssel</Data></Cell><Cell ss:Index="4"><Data>12.9</Data></Cell><Cell><Data>p/0.jpg</Data></Cell>
</Row></Table></Worksheet></Workbook>"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.xls", HTML_TABLE),
        ("a.html", HTML_TABLE),
        ("a.xml", WORKBOOK),
        ("a.xls", WORKBOOK),
        ("a.xls", "sku\tname\tprice\timage\nM1\tSchüssel\t12.9\tp/0.jpg\n"),
    ],
)
def test_a_table_of_another_kind_than_its_ending_is_read(shop, name, text):
    (item,), _ = read(shop, name, text)
    assert facts(item)[:4] == ("M1", "Schüssel", "", 12.9)
    assert item.images == ["p/0.jpg"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", "<table>" * 300 + "<tr><td>" * 300),
        ("a.xls", "<html><table><tr><td colspan=99999999>x"),
        ("a.xml", WORKBOOK.replace("<Data>sku", "<Data>" * 2000)),
        ("a.xml", WORKBOOK.replace('ss:Index="4"', 'ss:Index="-4"')[:-60]),
    ],
)
def test_a_hostile_table_in_markup_ends_in_one_line(shop, name, text):
    with pytest.raises(BadCatalog) as caught:
        open_catalog(written(shop, name, text)).scan()
    assert len(str(caught.value).splitlines()) == 1
