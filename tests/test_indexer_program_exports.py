"""Exports of more programs, in minimal form: each item as it is read, product by product."""

from __future__ import annotations

import json
from typing import Any

import pytest

from indexer.errors import BadCatalog
from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures

# By the name of the file: its text, the facts of its items, and attributes of the first.
EXPORTS: dict[str, tuple[str, list[tuple[Any, ...]], dict[str, Any]]] = {
    "walmart.csv": (
        ("SKU,PRODUCT NAME,PUBLISHED STATUS,PRODUCT CATEGORY,PRICE,CURRENCY,PRIMARY IMAGE URL,"
        "PRIMARY CATEGORY PATH\nM1,Mug,PUBLISHED,Home,12.50,USD,p/0.jpg,Home/Mugs\n"
        "M2,Old,UNPUBLISHED,Home,9,USD,p/1.jpg,Home/Mugs\n"),
        [("M1", "Mug", "Home/Mugs", 12.5, "USD", True, "p/0.jpg")], {}),
    "jtl.csv": (
        ("Artikelnummer;Artikelname;Std. VK Brutto;Bild 1 Pfad/URL;Variationsname 1;"
        "Variationswertname 1;Identifizierungsspalte Vaterartikel\nT;Tee;;p/0.jpg;;;\n"
        "T-S;Tee S;19,99;;Farbe;rot;T\n"),
        [("T", "Tee", "", 19.99, "", True, "p/0.jpg"),
         ("T-S", "Tee S", "", 19.99, "", True, "p/0.jpg")], {}),
    "erpnext.csv": (  # where 0 is no price
        ("Item Code,Item Name,Item Group,Disabled,Variant Of,Image,Standard Selling Rate\n"
        "T,Tee,Tops,0,,p/0.jpg,0\nT-S,Tee S,Tops,0,T,p/1.jpg,20\nO,Old,Tops,1,,p/2.jpg,5\n"),
        [("T", "Tee", "Tops", 20.0, "", True, "p/0.jpg"),
         ("T-S", "Tee S", "Tops", 20.0, "", True, "p/1.jpg")], {}),
    "odoo.csv": (  # whose standard_price is what the shop pays
        ("id,name,default_code,list_price,standard_price,categ_id,image_url,website_url\n"
        'd1,Desk,E-1,"1,299.00",700.00,All / Desks,p/0.jpg,/shop/desk\n'),
        [("d1", "Desk", "All/Desks", 1299.0, "", True, "p/0.jpg")], {"default_code": "E-1"}),
    "amazon.csv": (  # whose list_price is not what is paid
        "sku,item_name,list_price,standard_price,main_image_url\nM,Mug,20,12.5,p/0.jpg\n",
        [("M", "Mug", "", 12.5, "", True, "p/0.jpg")], {}),
    "vendure.csv": (
        ("name,slug,description,assets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,"
        "trackInventory,variantAssets\nLaptop,laptop,Thin,p/0.jpg|p/1.jpg,RAM,8GB,L8,1299.00,"
        "standard,5,true,\n,,,,,16GB,L16,1399.00,standard,0,true,p/2.jpg\n"
        "Mug,mug,Red,p/3.jpg,,,M,9.50,standard,0,false,\n"),
        [("L8", "Laptop", "", 1299.0, "", True, "p/0.jpg p/1.jpg"),
         ("L16", "Laptop", "", 1399.0, "", False, "p/2.jpg p/0.jpg p/1.jpg"),
         ("M", "Mug", "", 9.5, "", True, "p/3.jpg")], {}),
    "jumpseller.csv": (
        ("Permalink,Name,Categories,Images,SKU,Price,Variant 1 Option Name,Variant 1 Option Value,"
        "Variant Image\nmug,Mug,Home / Mugs,p/0.jpg,M-R,12,Color,Red,p/1.jpg\n"
        "mug,,,,M-B,13,Color,Blue,p/2.jpg\n"),
        [("M-R", "Mug", "Home/Mugs", 12.0, "", True, "p/1.jpg p/0.jpg"),
         ("M-B", "Mug", "Home/Mugs", 13.0, "", True, "p/2.jpg p/0.jpg")], {"color": "Red"}),
    "nuvemshop.csv": (
        ("Identificador URL;Nome;Categorias;Nome da variação 1;Valor da variação 1;Preço;"
        "Preço promocional;Estoque;SKU;Exibir na loja;Custo;Imagem\n"
        "c;Caneca;Casa > Canecas;Cor;Azul;19,90;15,90;0;C-A;SIM;5,00;p/0.jpg\n"
        "v;Velha;Casa;;;9,90;;;VEL;NÃO;;p/1.jpg\n"),
        [("C-A", "Caneca", "Casa/Canecas", 15.9, "", False, "p/0.jpg")], {"cor": "Azul"}),
    "sapo.csv": (
        ("Đường dẫn / Alias,Tên sản phẩm,Thuộc tính 1,Giá trị thuộc tính 1,Mã phiên bản sản phẩm,"
        "Giá,Giá vốn,Link hình\náo,Áo thun,Màu,Đỏ,AO-D,250000,100000,p/0.jpg\n"),
        [("AO-D", "Áo thun", "", 250000.0, "", True, "p/0.jpg")], {"màu": "Đỏ"}),
    "youzan.csv": (
        ("商品名称,商品编码,商品分组,规格,规格编码,价格,商品图,商品状态\n"
        "裙,Y1,女装;新品,颜色:红色;尺码:M,Y1-R,199,p/0.jpg,上架\n"
        "裙,Y1,女装,颜色:蓝色,Y1-B,189,p/1.jpg,上架\n"
        "帽,Y2,配饰,,Y2-1,59,p/2.jpg,下架\n"),
        [("Y1-R", "裙", "女装; 新品", 199.0, "", True, "p/0.jpg"),
         ("Y1-B", "裙", "女装", 189.0, "", True, "p/1.jpg")], {"颜色": "红色", "尺码": "M"}),
    "taobao.csv": (
        ("version 1.00\ntitle\tprice\tnum\tpicture\touter_id\n"
        "宝贝名称\t宝贝价格\t宝贝数量\t新图片\t商家编码\n"
        "杯\t25.00\t0\tabc:1:0:|https://e.cn/1.jpg;abd:1:1:|https://e.cn/2.jpg;\tM\n"),
        [("M", "杯", "", 25.0, "", False, "https://e.cn/1.jpg https://e.cn/2.jpg")], {}),
    "yahoo.csv": (
        ("path,name,code,price,sale-price,headline,caption,display,item-image-urls\n"
        "メンズ:トップス,シャツ,s1,3000,,安い,綿,1,https://e.jp/1.jpg;https://e.jp/2.jpg\n"),
        [("s1", "シャツ", "メンズ/トップス", 3000.0, "", True,
          "https://e.jp/1.jpg https://e.jp/2.jpg")], {}),
    "trovaprezzi.csv": (
        ("Nome|Prezzo Vendita|Codice Interno|Link immagine|Immagine 2<endrecord>\n"
        "Tazza|12,90|T1|p/0.jpg|p/1.jpg<endrecord>\n"),
        [("T1", "Tazza", "", 12.9, "", True, "p/0.jpg p/1.jpg")], {}),
    "rakuten.txt": (  # of Rakuten Advertising, without names of columns
        ("HDR|37557|Shop|2026-01-02/10:00:00\n101|Mug|M-R|Home|Kitchen~~Mugs|https://e.com/1|p/0.jpg|"
        "https://buy.e.com/1|Short|Long|0|amount|12.50|15.00|||Acme|0|N|mug|X1|Acme|24h|"
        "out of stock|0123||USD||\nTRL|1\n"),
        [("M-R", "Mug", "Home/Kitchen/Mugs", 12.5, "USD", False, "p/0.jpg")], {"brand": "Acme"}),
    "zalando.json": (
        ('{"outline": "shoe", "product_model": {"merchant_product_model_id": "M",'
        '"product_model_attributes": {"name": "Runner"}, "product_configs": [{'
        '"merchant_product_config_id": "M-R", "product_config_attributes": {"media": ['
        '{"media_path": "p/0.jpg"}, {"media_path": "p/1.jpg"}]}, "product_simples": ['
        '{"merchant_product_simple_id": "M-R-40", "product_simple_attributes": {"ean": "41"}},'
        '{"merchant_product_simple_id": "M-R-41",'
        '"product_simple_attributes": {"ean": "42"}}]}]}}'),
        [("M-R-40", "Runner", "", None, "", True, "p/0.jpg p/1.jpg"),
         ("M-R-41", "Runner", "", None, "", True, "p/0.jpg p/1.jpg")], {"ean": "41"}),
    "sylius.json": (
        ('{"@type": "hydra:Collection", "hydra:member": [{"@id": "/api/p/mug", "@type": "Product",'
        '"code": "mug", "name": "Mug", "images": [{"path": "p/0.jpg"}]}]}'),
        [("mug", "Mug", "", None, "", True, "p/0.jpg")], {}),
    "elasticpath.json": (
        ('{"data": [{"type": "product", "id": "p1", "attributes": {"name": "Mug", "price": {"USD":'
        '{"amount": 1250, "includes_tax": true}}}, "relationships": {"main_image": {"data":'
        '{"type": "main_image", "id": "i1"}}}}], "included": {"main_images": [{"type": "file",'
        '"id": "i1", "link": {"href": "p/0.jpg"}}]}}'),
        [("p1", "Mug", "", 12.5, "USD", True, "p/0.jpg")], {}),
    "swell.json": (
        ('{"results": [{"id": "s1", "name": "Mug", "price": 12.5, "currency": "USD", "images":'
        '[{"file": {"url": "p/0.jpg"}}], "categories": {"count": 1, "results": [{"id": "c1",'
        '"name": "Mugs"}]}}]}'),
        [("s1", "Mug", "Mugs", 12.5, "USD", True, "p/0.jpg")], {}),
    "contentful.json": (
        ('{"entries": [{"sys": {"id": "e1"}, "fields": {"name": {"en-US": "Mug"}, "price":'
        '{"en-US": 12.5}, "image": {"en-US": "p/0.jpg"}}}, {"sys": {"id": "e2"}, "fields": {"name":'
        '{"en-US": "Bowl"}, "price": {"en-US": 9}, "image": {"en-US": "p/1.jpg"}}}]}'),
        [("e1", "Mug", "", 12.5, "", True, "p/0.jpg"),
         ("e2", "Bowl", "", 9.0, "", True, "p/1.jpg")],
        {}),
    "prestashop.xml": (
        ('<prestashop xmlns:x="http://www.w3.org/1999/xlink"><products><product><id>1</id><name>'
        '<language id="1">Tee</language></name><price>23.90</price><associations><images><image '
        'x:href="https://e.fr/api/images/1"><id>1</id></image></images></associations></product>'
        "</products></prestashop>"),
        [("1", "Tee", "", 23.9, "", True, "https://e.fr/api/images/1")], {}),
    "idosell.xml": (
        ('<offer file_format="IOF"><products currency="PLN"><product id="1"><card url="/1"/>'
        '<description><name xml:lang="eng">Mug</name></description><price gross="99.00"/><sizes>'
        '<size id="uniw" code="M"/></sizes><images><large><image url="p/0.jpg"/></large></images>'
        "</product></products></offer>"),
        [("M", "Mug", "", 99.0, "PLN", True, "p/0.jpg")], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_no_product_picture_or_price_of_an_export_is_lost(shop, name):
    text, expected, attributes = EXPORTS[name]
    items, _ = read(shop, name, text)
    assert list(map(facts, items)) == expected
    found = {key.casefold(): value for key, value in items[0].attributes.items()}
    assert {key: found.get(key) for key in attributes} == attributes
    assert "700.00" not in found.values()  # nothing that the shop pays


# What people and programs write in ordinary tables: the text of a file, and its items.
TABLES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "spaces after commas": (
        'id, title, price, image\n1, "Mug, red", 12.50, p/0.jpg\n2, "Bowl", 9, p/1.jpg\n',
        [("1", "Mug, red", "", 12.5, "", True, "p/0.jpg"),
         ("2", "Bowl", "", 9.0, "", True, "p/1.jpg")]),
    "quotes that are escaped by a backslash, or not at all": (
        'id,title,price,image\n1,"Pan 12\\" wide",9,p/0.jpg\n2,"Pan 5" wide",8,p/1.jpg\n',
        [("1", 'Pan 12" wide', "", 9.0, "", True, "p/0.jpg"),
         ("2", 'Pan 5" wide', "", 8.0, "", True, "p/1.jpg")]),
    "nulls of databases and programs": (
        ("id,title,price,stock,image,category\n1,Mug,NULL,NULL,p/0.jpg,NULL\n"
        "2,Bowl,\\N,0,p/1.jpg,nan\n"),
        [("1", "Mug", "", None, "", True, "p/0.jpg"),
         ("2", "Bowl", "", None, "", False, "p/1.jpg")]),
    "a row for each language": (
        ("sku,locale,name,price,image\nA,de_DE,Tasse,12,p/0.jpg\nA,en_GB,Mug,,\n"
        "B,de_DE,Schale,9,p/1.jpg\n"),
        [("A", "Mug", "", 12.0, "", True, "p/0.jpg"),
         ("B", "Schale", "", 9.0, "", True, "p/1.jpg")]),
    "remarks below the table": (
        "Product,SKU,Retail,Picture\nMug,A,$12.50,p/0.jpg\n,Page 1 of 1,,\n,Grand Total,$12.50,\n",
        [("A", "Mug", "", 12.5, "USD", True, "p/0.jpg")]),
    "cents, and numbers with an exponent": (
        "sku,name,price_cents,image\nA,Mug,1250,p/0.jpg\nB,Bowl,1.25E+3,p/1.jpg\n",
        [("A", "Mug", "", 12.5, "", True, "p/0.jpg"),
         ("B", "Bowl", "", 1250.0, "", True, "p/1.jpg")]),
    "lists of pictures": (
        ("id;title;images\n1;A;\"\"\"p/0.jpg\"\",\"\"p/1.jpg\"\"\"\n2;B;\"p/0.jpg,p/0.jpg\"\n"
        "3;C;main:https://e.com/1.jpg|side:https://e.com/2.jpg\n4;D;\"https://e.com/1.jpg?s=1,2\"\n"
        "5;E;https://e.com/1.jpg::https://e.com/2.jpg\n"),
        [("1", "A", "", None, "", True, "p/0.jpg p/1.jpg"),
         ("2", "B", "", None, "", True, "p/0.jpg"),
         ("3", "C", "", None, "", True, "https://e.com/1.jpg https://e.com/2.jpg"),
         ("4", "D", "", None, "", True, "https://e.com/1.jpg?s=1,2"),
         ("5", "E", "", None, "", True, "https://e.com/1.jpg https://e.com/2.jpg")]),
    "levels of categories": (
        "id,title,category,image\n1,A,Home :: Mugs,p/0.jpg\n2,B,Home \\ Mugs,p/1.jpg\n",
        [("1", "A", "Home/Mugs", None, "", True, "p/0.jpg"),
         ("2", "B", "Home/Mugs", None, "", True, "p/1.jpg")]),
    "rand": ("id,title,price\n1,A,R 129.99\n", [("1", "A", "", 129.99, "ZAR", True, "")]),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_an_ordinary_table_is_read_as_it_is_meant(shop, name):
    text, expected = TABLES[name]
    items, _ = read(shop, "a.csv", text)
    assert list(map(facts, items)) == expected


def test_objects_within_objects_give_the_price_of_the_sale_and_the_main_picture_first(shop):
    product = {
        "sku": "A", "title": "Mug", "categoryPath": ["Home", "Mugs"], "stock": {"quantity": 0},
        "pricing": {"regular": {"amount": 20, "currency": "USD"},
                    "sale": {"amount": 15, "currency": "USD"}},
        "media": {"main": "p/0.jpg", "gallery": ["p/1.jpg", {"url": "p/2.jpg"}]},
    }  # fmt: skip
    (item,), _ = read(shop, "a.jsonl", json.dumps(product))
    expected = ("A", "Mug", "Home/Mugs", 15.0, "USD", False, "p/0.jpg p/1.jpg p/2.jpg")
    assert facts(item) == expected


COMMERCEML = """<КоммерческаяИнформация><Классификатор><Группы><Группа><Ид>g1</Ид><Наименование>Дом
</Наименование><Группы><Группа><Ид>g2</Ид><Наименование>Кружки</Наименование></Группа></Группы>
</Группа></Группы><Свойства><Свойство><Ид>s1</Ид><Наименование>Цвет</Наименование>
<ВариантыЗначений><Справочник><ИдЗначения>z1</ИдЗначения><Значение>красный</Значение></Справочник>
</ВариантыЗначений></Свойство></Свойства></Классификатор><Каталог><Товары><Товар><Ид>t1</Ид>
<Артикул>MUG</Артикул><Наименование>Кружка</Наименование><Группы><Ид>g2</Ид></Группы>
<Картинка>p/0.jpg</Картинка><Картинка>p/1.jpg</Картинка><ЗначенияСвойств><ЗначенияСвойства>
<Ид>s1</Ид><Значение>z1</Значение></ЗначенияСвойства></ЗначенияСвойств></Товар></Товары></Каталог>
%s</КоммерческаяИнформация>"""
OFFERS = """<ПакетПредложений><ТипыЦен><ТипЦены><Ид>w</Ид><Наименование>Оптовая</Наименование>
</ТипЦены><ТипЦены><Ид>r</Ид><Наименование>Розничная</Наименование></ТипЦены></ТипыЦен>
<Предложения><Предложение><Ид>t1</Ид><Цены><Цена><ИдТипаЦены>w</ИдТипаЦены><ЦенаЗаЕдиницу>300
</ЦенаЗаЕдиницу></Цена><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>500.00</ЦенаЗаЕдиницу>
<Валюта>RUB</Валюта></Цена></Цены><Количество>0</Количество></Предложение></Предложения>
</ПакетПредложений>"""


@pytest.mark.parametrize("is_beside", [False, True])
def test_the_prices_of_commerceml_are_in_another_list_or_in_the_file_beside_it(shop, is_beside):
    if is_beside:
        text = f"<КоммерческаяИнформация>{OFFERS}</КоммерческаяИнформация>"
        (shop / "offers0_1.xml").write_text(text, encoding="utf-8")
    (item,), notes = read(shop, "import0_1.xml", COMMERCEML % ("" if is_beside else OFFERS))
    assert facts(item) == ("MUG", "Кружка", "Дом/Кружки", 500.0, "RUB", False, "p/0.jpg p/1.jpg")
    assert item.attributes["Цвет"] == "красный"
    assert notes == []


def test_a_header_that_is_repeated_is_no_item(shop):
    text = "sku;name;price;image\nA;Mug;1;p/0.jpg\nsku;name;price;image\nB;Cup;2;p/1.jpg\n"
    items, notes = read(shop, "a.csv", text)
    assert [item.item_id for item in items] == ["A", "B"]
    assert [note.reason for note in notes] == ["repeats the header, no item"]


def test_impex_is_refused_with_a_way_out(shop):
    text = "$catalog=shop\nINSERT_UPDATE Product;code[unique=true];name[lang=en]\n;M1;Mug\n"
    for name in ("a.impex", "a.csv"):
        with pytest.raises(BadCatalog, match=r"is ImpEx of SAP Commerce.*export them as a Google"):
            read(shop, name, text)
