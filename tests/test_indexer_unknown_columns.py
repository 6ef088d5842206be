"""Exports whose columns nobody has listed: fields are found by words in names, and by cells."""

from __future__ import annotations

import pytest

from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures

TABLES = {
    "romanian": (
        (
            "Cod Produs (SKU),Denumire Produs,Categorie/Subcategorie,Pret,Pret Special,Moneda,"
            "Stoc cantitativ,Imagine principala,Imagini secundare,Activ in magazin\n"
            'RO1,Cană albastră,Bucătărie > Căni,"49,99","39,99",RON,5,p/0.jpg,p/1.jpg|p/2.jpg,Da\n'
            'RO3,Ascuns,Bucătărie,"49,99",,RON,0,p/1.jpg,,Nu\n'
        ),
        ("RO1", "Cană albastră", "Bucătărie/Căni", 39.99, "RON", True, "p/0.jpg p/1.jpg p/2.jpg"),
    ),
    "greek": (
        (
            "Κωδικός;Τίτλος;Κατηγορία;Τιμή;Διαθεσιμότητα;Φωτογραφία\n"
            "GR1;Μπλε κούπα;Κουζίνα > Κούπες;12,50 €;Εξαντλημένο;p/0.jpg\n"
            "GR2;Κόκκινη κούπα;Κουζίνα > Κούπες;12,50 €;Διαθέσιμο;p/1.jpg\n"
        ),
        ("GR1", "Μπλε κούπα", "Κουζίνα/Κούπες", 12.5, "EUR", False, "p/0.jpg"),
    ),
    "thai": (
        (
            "รหัสสินค้า,ชื่อสินค้า,หมวดหมู่,ราคา,จำนวน,รูปภาพ\n"
            'TH1,แก้วสีฟ้า,ครัว > แก้ว,"฿1,290.00",0,p/0.jpg\nTH2,แก้วสีแดง,ครัว > แก้ว,190 บาท,3,p/1.jpg\n'
        ),
        ("TH1", "แก้วสีฟ้า", "ครัว/แก้ว", 1290.0, "THB", False, "p/0.jpg"),
    ),
    "hebrew, with a quote in the header": (
        (
            'מק"ט,שם המוצר,קטגוריה,מחיר,מלאי,תמונה\n'
            "IL1,ספל כחול,מטבח,₪49.90,5,p/0.jpg\nIL2,ספל אדום,מטבח,‏149.90 ₪,0,p/1.jpg\n"
        ),
        ("IL1", "ספל כחול", "מטבח", 49.9, "ILS", True, "p/0.jpg"),
    ),
    "vietnamese, whole prices": (
        (
            "Mã hàng,Tên hàng,Nhóm hàng,Giá bán,Giá vốn,Tồn kho,Hình ảnh\n"
            'SP1,Cốc xanh,Bếp>>Cốc,"45.000","20,000",7,p/0.jpg\n'
            "SP2,Cốc đỏ,Bếp>>Cốc,199000,1,0,p/1.jpg\n"
        ),
        ("SP1", "Cốc xanh", "Bếp/Cốc", 45000.0, "", True, "p/0.jpg"),
    ),
    "swedish, words that end in a known one": (
        (
            "Artikelnummer;Benämning;Varugrupp;Utpris inkl moms;Lagersaldo;Bildlänk\n"
            "S1;Blå mugg;Kök > Muggar;129,00;0;p/0.jpg\nS2;Röd;Kök;1 129,00;1;p/1.jpg\n"
        ),
        ("S1", "Blå mugg", "Kök/Muggar", 129.0, "", False, "p/0.jpg"),
    ),
    "russian, prices in a column with a sign": (
        (
            "Артикул;Наименование;Раздел;Цена, руб.;Остаток;Фото\n"
            "RU1;Синяя кружка;Кухня\\Кружки;1 290,00;5;p/0.jpg\nRU2;Красная;Кухня;290;0;p/1.jpg\n"
        ),
        ("RU1", "Синяя кружка", "Кухня/Кружки", 1290.0, "RUB", True, "p/0.jpg"),
    ),
    "a row of explanations below the header": (
        (
            "№;Артикул*;Название товара;Цена, руб.*;Ссылка на главное фото*;Ссылки на доп. фото\n"
            ";Обязательное поле;;Обязательное;Обязательное;\n"
            '1;OZ-1;Кружка синяя;1290;p/0.jpg;"p/1.jpg\np/2.jpg"\n2;OZ-2;Кружка;1190;p/3.jpg;\n'
        ),
        ("OZ-1", "Кружка синяя", "", 1290.0, "RUB", True, "p/0.jpg p/1.jpg p/2.jpg"),
    ),
    "capitals without spaces, and a link of tracking": (
        (
            "PROGRAMNAME,PROGRAMURL,NAME,SKU,CURRENCY,SALEPRICE,PRICE,BUYURL,IMPRESSIONURL,IMAGEURL,"
            "ADVERTISERCATEGORY,INSTOCK\n"
            "Shop,https://s.example,Blue mug,CJ-1,USD,10.00,12.50,https://s.example/1,"
            "https://i.example/1,p/0.jpg,Home > Mugs,NO\n"
            "Shop,https://s.example,Red mug,CJ-2,USD,0.00,13.50,https://s.example/2,,p/1.jpg,"
            "Home > Mugs,YES\n"
        ),
        ("CJ-1", "Blue mug", "Home/Mugs", 10.0, "USD", False, "p/0.jpg"),
    ),
    "lists by &&, levels by >>>": (
        (
            "article,label,picture_list,path,amount (EUR)\n"
            'X-1,Planets tee,p/0.jpg&&p/1.jpg,Apparel >>> T-Shirts&&Sale,"19,90 €"\n'
        ),
        ("X-1", "Planets tee", "Apparel/T-Shirts; Sale", 19.9, "EUR", True, "p/0.jpg p/1.jpg"),
    ),
    "captions after pictures": (
        (
            '"Product code";"Price";"Status";"Detailed image";"Product name"\n'
            '"B1";"5.00";"A";"p/0.jpg#{[en]:Front;}";"Desk"\n"B2";"5.00";"D";"p/1.jpg";"Off"\n'
        ),
        ("B1", "Desk", "", 5.0, "", True, "p/0.jpg"),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_fields_are_found_by_words_in_any_language_and_by_cells(shop, name):
    text, expected = TABLES[name]
    assert facts(read(shop, "a.csv", text)[0][0]) == expected


def test_what_the_shop_hides_is_left_out_in_any_language(shop):
    items, notes = read(shop, "a.csv", TABLES["romanian"][0])
    assert [item.item_id for item in items] == ["RO1"]
    assert notes[-1].reason == "left out: its Activ in magazin is 'Nu'"


def test_a_guess_is_reported_with_its_column(shop):
    _, notes = read(shop, "a.csv", TABLES["greek"][0])
    assert notes[0].field == "images"
    assert notes[0].reason.startswith("read from 'Φωτογραφία', because of the cells")


def test_a_row_of_explanations_is_reported(shop):
    text = TABLES["a row of explanations below the header"][0]
    items, notes = read(shop, "a.csv", text)
    assert [item.item_id for item in items] == ["OZ-1", "OZ-2"]
    assert ("row 2", "explains the columns, no item") in [(n.where, n.reason) for n in notes]


def test_a_table_without_pictures_gives_no_ids(shop):
    items, notes = read(shop, "a.txt", "Notes of the meeting;who\nA1;Jo\nB2;Al\n")
    assert items == []
    assert {note.reason for note in notes} == {"no id"}


def test_a_named_column_comes_before_a_guess(shop):
    text = "id,name,images,nume,pret\n1,Mug,p/0.jpg,Cana,12 RON\n"
    (mug,), _ = read(shop, "a.csv", text)
    assert (mug.title, mug.price, mug.attributes) == ("Mug", 12.0, {"nume": "Cana"})


VARIANTS = {
    "a permalink that repeats": (
        (
            "Permalink,Name,Categories,Images,SKU,Price,Option 1 Name,Option 1 Value\n"
            "shirt,Shirt,Clothes,p/2.jpg,,9990,Color,Red\nshirt,,,p/3.jpg,SH-B,10990,Color,Blue\n"
            "mug,Mug,Kitchen,p/0.jpg,MUG,5000,,\n"
        ),
        [("shirt-Red", "shirt", "Shirt", 9990.0, ["p/2.jpg"]),
         ("SH-B", "shirt", "Shirt", 10990.0, ["p/3.jpg"]),
         ("MUG", "mug", "Mug", 5000.0, ["p/0.jpg"])],
    ),
    "merged cells": (
        (
            "Title,Category,Color,SKU,Price,Image\n"
            "Tee,Tops,Red,T-R,10,p/0.jpg\n,,Blue,T-B,11,\nMug,Kitchen,White,M-W,5,p/1.jpg\n"
        ),
        [("T-R", "T-R", "Tee", 10.0, ["p/0.jpg"]), ("T-B", "T-R", "Tee", 11.0, ["p/0.jpg"]),
         ("M-W", "M-W", "Mug", 5.0, ["p/1.jpg"])],
    ),
    "a price of variants, and rows of pictures": (
        (
            "url_key,sku,name,price,variant_price,image,image_position\n"
            "tee,T-S,Tee,20,21,p/0.jpg,1\ntee,T-M,,,22,p/1.jpg,1\ntee,,,,,p/2.jpg,2\n"
        ),
        [("T-S", "tee", "Tee", 21.0, ["p/0.jpg", "p/2.jpg"]),
         ("T-M", "tee", "Tee", 22.0, ["p/1.jpg"])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_rows_of_variants_are_put_together_by_what_they_lack(shop, name):
    text, expected = VARIANTS[name]
    items, _ = read(shop, "a.csv", text)
    found = [(i.item_id, i.product_id, i.title, i.price, list(i.images)) for i in items]
    assert found == expected


def test_a_row_that_lacks_words_only_is_no_variant(shop):
    text = "Title,Category,SKU,Price,Image\nTee,Tops,T-1,10,p/0.jpg\n,,T-2,11,p/1.jpg\n"
    _, second = read(shop, "a.csv", text)[0]
    assert (second.item_id, second.product_id, second.title) == ("T-2", "T-2", "")


NESTED = {
    "odata.json": (
        (
            '{"@odata.context":"https://x/$metadata#P","value":[{"ItemNumber":"D-1","ProductName":'
            '"Blue mug","SalesPrice":12.5,"CurrencyCode":"EUR","ImageUrl":"p/0.jpg","Category":'
            '{"Name":"Mugs"}},{"ItemNumber":"D-2","ProductName":"Red","ImageUrl":"p/1.jpg"}]}'
        ),
        ("D-1", "Blue mug", "Mugs", 12.5, "EUR", True, "p/0.jpg"),
    ),
    "sap.json": (
        (
            '{"d":{"results":[{"ProductID":"HT-1","Name":"Mouse","CurrencyCode":"EUR","Price":"12.00",'
            '"PictureUrl":"p/1.jpg"},{"ProductID":"HT-2","Name":"Pad","PictureUrl":"p/0.jpg"}]}}'
        ),
        ("HT-1", "Mouse", "", 12.0, "EUR", True, "p/1.jpg"),
    ),
    "offers.json": (
        (
            '{"header":{"hits":1},"products":[{"name":"Blue mug","productImage":{"url":"p/0.jpg"},'
            '"identifiers":{"sku":"TD-1"},"offers":[{"productUrl":"https://s.example/1",'
            '"priceHistory":[{"price":{"value":"12.50","currency":"EUR"}}]}]}]}'
        ),
        ("TD-1", "Blue mug", "", 12.5, "EUR", True, "p/0.jpg"),
    ),
    "odata.xml": (
        (
            '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="urn:d" xmlns:m="urn:m"><entry>'
            "<title/><content><m:properties><d:ProductID>1</d:ProductID><d:Name>Blue mug</d:Name>"
            "<d:Price>12.5</d:Price><d:ImageUrl>p/0.jpg</d:ImageUrl></m:properties></content></entry>"
            "</feed>"
        ),
        ("1", "Blue mug", "", 12.5, "", True, "p/0.jpg"),
    ),
    "cxml.xml": (
        (
            '<cXML><Message><PunchOutOrderMessage><ItemIn quantity="1"><ItemID><SupplierPartID>CX-2'
            '</SupplierPartID></ItemID><ItemDetail><UnitPrice><Money currency="USD">13</Money>'
            '</UnitPrice><Description xml:lang="en">Red mug</Description><Extrinsic name="Image">'
            "p/1.jpg</Extrinsic></ItemDetail></ItemIn></PunchOutOrderMessage></Message></cXML>"
        ),
        ("CX-2", "Red mug", "", 13.0, "USD", True, "p/1.jpg"),
    ),
    "gs1.xml": (
        (
            "<message><catalogueItem><tradeItem><gtin>04006381333931</gtin><classification>"
            "<gpcCategoryName>Mugs</gpcCategoryName></classification><info><module><header>"
            "<descriptionShort>Blue mug</descriptionShort></header></module><file>"
            "<referencedFileTypeCode>PRODUCT_IMAGE</referencedFileTypeCode>"
            "<uniformResourceIdentifier>p/0.jpg</uniformResourceIdentifier></file></info></tradeItem>"
            "</catalogueItem></message>"
        ),
        ("04006381333931", "Blue mug", "Mugs", None, "", True, "p/0.jpg"),
    ),
    "onix.xml": (
        (
            "<ONIXMessage><Header/><Product><RecordReference>bk1</RecordReference><DescriptiveDetail>"
            "<TitleText>Blue book</TitleText></DescriptiveDetail><SupportingResource><ResourceLink>"
            "p/0.jpg</ResourceLink></SupportingResource><Price><PriceAmount>12.50</PriceAmount>"
            "<CurrencyCode>EUR</CurrencyCode></Price></Product></ONIXMessage>"
        ),
        ("bk1", "Blue book", "", 12.5, "EUR", True, "p/0.jpg"),
    ),
    "commerceml.xml": (
        (
            "<Информация><Каталог><Товары><Товар><Ид>t1</Ид><Наименование>Кружка</Наименование>"
            "<Картинка>p/0.jpg</Картинка><Картинка>p/1.jpg</Картинка></Товар><Товар><Ид>t2</Ид>"
            "<Картинка>p/2.jpg</Картинка></Товар></Товары></Каталог></Информация>"
        ),
        ("t1", "Кружка", "", None, "", True, "p/0.jpg p/1.jpg"),
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_products_within_other_objects_are_found(shop, name):
    text, expected = NESTED[name]
    assert facts(read(shop, name, text)[0][0]) == expected


def test_a_table_without_a_header_loses_no_item(shop):
    text = "SKU123\tBlue mug\t12.50\tp/0.jpg\nSKU124\tRed mug\t13.50\tp/1.jpg\n"
    first, second = read(shop, "a.tsv", text)[0]
    assert facts(first) == ("SKU123", "Blue mug", "", 12.5, "", True, "p/0.jpg")
    assert facts(second) == ("SKU124", "Red mug", "", 13.5, "", True, "p/1.jpg")


def test_pictures_in_attributes_of_xml_are_found(shop):
    text = (
        '<list><good code="G1" price="129.90" currency="UAH"><caption>Чашка</caption><photos>'
        '<photo src="p/0.jpg"/><photo src="p/1.jpg"/></photos></good></list>'
    )
    (cup,), _ = read(shop, "a.xml", text)
    assert facts(cup) == ("G1", "Чашка", "", 129.9, "UAH", True, "p/0.jpg p/1.jpg")


def test_googles_structured_title_is_the_title(shop):
    text = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><entry>'
        "<g:id>a1</g:id><g:structured_title><g:content>Blue mug</g:content></g:structured_title>"
        "<g:image_link>p/0.jpg</g:image_link><g:price>12.50 USD</g:price></entry></feed>"
    )
    (mug,), _ = read(shop, "a.xml", text)
    assert facts(mug) == ("a1", "Blue mug", "", 12.5, "USD", True, "p/0.jpg")


def test_what_a_shop_pays_is_not_read_with_a_currency_in_the_name_either(shop):
    (mug,), _ = read(shop, "a.csv", "sku,name,Cost €,image\n1,Mug,5.00,p/0.jpg\n")
    assert (mug.price, mug.attributes) == (None, {})


@pytest.mark.parametrize(
    ("price", "amount"),
    [("1.299,-", 1299.0), ("12.50 €/Stk", 12.5), ("٤٩٫٩٠ ر.س", 49.9), ("١٬٢٩٩٫٠٠", 1299.0),
     ("１，２００円", 1200.0), ("‏149.90 ₪", 149.9),
     ("190 บาท", 190.0)],
)  # fmt: skip
def test_prices_in_other_digits_and_directions_are_read(shop, price, amount):
    (item,), _ = read(shop, "a.csv", f'id,price,image\n1,"{price}",p/0.jpg\n')
    assert item.price == amount
