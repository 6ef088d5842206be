"""Tables of many shop programs, in several languages: each is read by its columns."""

from __future__ import annotations

import json
import zipfile

import pytest

from indexer.catalog.stock import parse_stock
from indexer.errors import BadCatalog
from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures


TABLES = {
    "prestashop": (
        ("Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax included;Quantity;"
        "Reference #;Image URLs (x,y,z...)\n"
        "12;1;White mug;Home,Art;11.90;300;demo;p/0.jpg,p/1.jpg\n"),
        ("12", "White mug", "Home; Art", 11.9, "", True, "p/0.jpg p/1.jpg"),
    ),
    "prices-with-and-without-tax": (
        "Product ID,Name,Price (tax excl.),Price (tax incl.)\n1,Tee,€23.90,€28.68\n",
        ("1", "Tee", "", 28.68, "EUR", True, ""),
    ),
    "opencart": (
        ("product_id,name(en-gb),sku,model,image_name,additional_images,quantity,price\n"
        "28,Phone,,Product 1,p/0.jpg,p/1.jpg,0,100.0000\n"),
        ("28", "Phone", "", 100.0, "", False, "p/0.jpg p/1.jpg"),
    ),
    "shopware": (
        ("ordernumber;mainnumber;name;price_EK;active;instock;categories;image\n"
        "SW1.1;SW1;Korn;19.99;1;0;Genuss>Korn|Sale;p/0.jpg|p/1.jpg\n"),
        ("SW1.1", "Korn", "Genuss/Korn; Sale", 19.99, "", False, "p/0.jpg p/1.jpg"),
    ),
    "etsy": (
        "TITLE,PRICE,CURRENCY_CODE,QUANTITY,IMAGE1,IMAGE2,SKU\nMug,25.00,USD,4,p/0.jpg,p/1.jpg,E1\n",
        ("E1", "Mug", "", 25.0, "USD", True, "p/0.jpg p/1.jpg"),
    ),
    "ebay": (
        ("*Action(SiteID=US|Country=US|Currency=USD|Version=1193),CustomLabel,*Title,*C:Color,"
        "PicURL,*StartPrice,*Quantity\nAdd,EB1,Shirt,Blue,p/0.jpg|p/1.jpg,19.99,3\n"),
        ("EB1", "Shirt", "", 19.99, "USD", True, "p/0.jpg p/1.jpg"),
    ),
    "amazon": (
        ("TemplateType=fptcustom\tVersion=2023\tThe top 3 rows are for Amazon only.\t\t\n"
        "Seller SKU\tProduct Name\tPrice\tQuantity\tMain Image URL\n"
        "item_sku\titem_name\tstandard_price\tquantity\tmain_image_url\n"
        "AM1\tTee\t19.99\t0\tp/0.jpg\n"),
        ("AM1", "Tee", "", 19.99, "", False, "p/0.jpg"),
    ),
    "lightspeed": (
        ("Internal_ID;US_Title_Short;Price;Stock_Level;SKU;US_Category_1;US_SubCategory_1;Images\n"
        "55;Chair;45.00;5;CH;Furniture;Chairs;p/0.jpg,p/1.jpg\n"),
        ("CH", "Chair", "Furniture/Chairs", 45.0, "", True, "p/0.jpg p/1.jpg"),
    ),
    "akeneo": (
        "sku;categories;name-de_DE;name-en_US;price-EUR;image\n1;a,b;Hemd;Tee;9.90;p/0.jpg\n",
        ("1", "Tee", "a; b", 9.9, "EUR", True, "p/0.jpg"),
    ),
    "odoo": (
        ("External ID,Name,Internal Reference,Sales Price,Quantity On Hand,"
        "Product Category/Complete Name\nt.1,Desk,F1,\"1,299.00\",0.00,All / Office\n"),
        ("F1", "Desk", "All/Office", 1299.0, "", False, ""),
    ),
    "idealo": (
        ("sku;title;categoryPath;url;imageUrls;price\nI1;Bohrer;A > B;https://s.example/;"
        "p/0.jpg,p/1.jpg;1.099,00\n"),
        ("I1", "Bohrer", "A/B", 1099.0, "", True, "p/0.jpg p/1.jpg"),
    ),
    "de": (
        ("Artikelnummer;Bezeichnung;Warengruppe;VK brutto;Währung;Lagerbestand;Bild\n"
        "0012;Mantel;Damen > Mäntel;129,90;EUR;0;p/0.jpg\n"),
        ("0012", "Mantel", "Damen/Mäntel", 129.9, "EUR", False, "p/0.jpg"),
    ),
    "fr": (
        ("Référence;Désignation;Catégorie;Prix TTC (€);Quantité en stock;Photo\n"
        "R1;Manteau;Femme;129,90;3;p/0.jpg\n"),
        ("R1", "Manteau", "Femme", 129.9, "EUR", True, "p/0.jpg"),
    ),
    "sv": (
        "Artikelnr;Namn;Kategori;Pris (SEK);Lagersaldo;Bild\nA1;Jacka;Dam;1 299:-;0;p/0.jpg\n",
        ("A1", "Jacka", "Dam", 1299.0, "SEK", False, "p/0.jpg"),
    ),
    "ch": (
        "Artikel-Nr.,Titel,Preis CHF,Verfügbarkeit,Bild\nC1,Uhr,1'299.00,nicht lieferbar,p/0.jpg\n",
        ("C1", "Uhr", "", 1299.0, "CHF", False, "p/0.jpg"),
    ),
    "pt": (
        "Código;Título;Categoria;Preço;Estoque;Imagem\nC1;Casaco;Moda;R$ 1.299;5;p/0.jpg\n",
        ("C1", "Casaco", "Moda", 1299.0, "BRL", True, "p/0.jpg"),
    ),
    "pl": (
        'Indeks;Nazwa;Kategoria;Cena brutto;Zdjęcie\nP1;Kurtka;Moda;"1 299,00 zł";p/0.jpg\n',
        ("P1", "Kurtka", "Moda", 1299.0, "PLN", True, "p/0.jpg"),
    ),
    "zh": (
        "商品编号,商品名称,分类,价格,库存,图片\nZ1,红色连衣裙,女装,¥299.00,0,p/0.jpg\n",
        ("Z1", "红色连衣裙", "女装", 299.0, "", False, "p/0.jpg"),
    ),
    "ja": (
        '商品番号,商品名,カテゴリ,販売価格,在庫状況,商品画像\nJ1,服,婦人,"12,800円",在庫なし,p/0.jpg\n',
        ("J1", "服", "婦人", 12800.0, "JPY", False, "p/0.jpg"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_by_the_columns_of_its_program_and_language(shop, name):
    text, expected = TABLES[name]
    items, notes = read(shop, "a.csv", text)
    assert ([facts(item) for item in items], notes) == ([expected], [])


def test_the_names_of_columns_that_are_no_field_stay_attributes(shop):
    text = "id,sku,title,stock,quantity,active\n1,S1,A,3,500 g,1\n2,S2,B,0,,0\n"
    (mug,), (left_out,) = read(shop, "a.csv", text)
    assert mug.attributes == {"sku": "S1", "stock": "3", "quantity": "500 g", "active": "1"}
    assert (left_out.item_id, left_out.reason) == ("2", "left out: its active is '0'")


def test_words_that_name_other_things_too_give_no_field(shop):
    text = "id,title,media,body,content\n1,'90s wine,oil on canvas,full,500 ml\n"
    (wine,), notes = read(shop, "a.csv", text)
    assert facts(wine) == ("1", "'90s wine", "", None, "", True, "")
    assert wine.attributes == {"media": "oil on canvas", "body": "full", "content": "500 ml"}
    assert (wine.description, notes) == ("", [])


def test_the_id_is_the_first_column_of_ids_without_repeated_cells(shop):
    text = "Reference,Product ID,Name\nX,1,Mug\nX,2,Cup\n,3,Jug\n"
    items, _ = read(shop, "a.csv", text)
    assert [item.item_id for item in items] == ["1", "2", "3"]
    text = "Reference,Product ID,Name\nX,1,Mug\nY,1,Cup\n,2,Jug\n"
    items, _ = read(shop, "a.csv", text)
    assert [(item.item_id, item.product_id) for item in items] == [
        ("X", "1"), ("Y", "1"), ("2", "2"),
    ]  # fmt: skip


def test_rows_of_one_product_take_its_texts_and_pictures(shop):
    text = (
        "Token,Item Name,Reference Handle,SKU,Categories,Price,Current Quantity Main Street,Image\n"
        "T1,Cup,#cup,C-S,Cups,12,3,p/0.jpg\nT2,,#cup,C-L,,14,0,\n"
    )
    small, large = read(shop, "a.csv", text)[0]
    assert facts(small) == ("C-S", "Cup", "Cups", 12.0, "", True, "p/0.jpg")
    assert facts(large) == ("C-L", "Cup", "Cups", 14.0, "", False, "p/0.jpg")
    assert small.product_id == large.product_id == "#cup"


VARIANTS = {
    "wix": (
        ("handleId,fieldType,name,productImageUrl,collection,sku,price,surcharge,inventory,"
        "productOptionName1,productOptionDescription1\n"
        "P1,Product,Shirt,p/0.jpg;p/1.jpg,Men;Sale,W,20,,InStock,Color,#f00:Red;#00f:Blue\n"
        "P1,Variant,,,,W-R,,0,5,,Red\nP1,Variant,,,,W-B,,2,OutOfStock,,Blue\n"
        "P2,Product,Hat,p/2.jpg,,H,9,,3,,\n"),
        [("W-R", "Shirt", "Men; Sale", 20.0, "", True, "p/0.jpg p/1.jpg"),
         ("W-B", "Shirt", "Men; Sale", 22.0, "", False, "p/0.jpg p/1.jpg"),
         ("H", "Hat", "", 9.0, "", True, "p/2.jpg")],
    ),
    "squarespace": (
        ("Product ID [Non Editable],Variant ID [Non Editable],Product Page,Product URL,Title,SKU,"
        "Option Name 1,Option Value 1,Price,Sale Price,On Sale,Stock,Visible,Hosted Image URLs\n"
        "5,v1,shop,red-dress,Dress,S1,Color,Red,80.00,0.00,No,3,Yes,p/0.jpg p/1.jpg\n"
        ",v2,,,,S2,Color,Blue,80.00,60.00,Yes,Unlimited,,\n"),
        [("S1", "Dress", "", 80.0, "", True, "p/0.jpg p/1.jpg"),
         ("S2", "Dress", "", 60.0, "", True, "p/0.jpg p/1.jpg")],
    ),
    "ecwid": (
        ("type;product_internal_id;product_sku;product_variation_sku;product_name;product_price;"
        "product_quantity;product_media_main_image_url;product_category_1;"
        "product_variation_option_Color\n"
        "product;11;E1;;Cherry;5.99;10;p/0.jpg;Fruit / Berries;\n"
        "product_variation;11;;E1-R;;6.99;0;;;Red\n"),
        [("E1-R", "Cherry", "Fruit/Berries", 6.99, "", False, "p/0.jpg")],
    ),
    "bigcommerce": (
        ("Item,ID,Name,SKU,Options,Current Stock,Price,Product Image URL\n"
        "Product,113,Tote,TOTE,,0,20,\n"
        "Variant,,,TOTE-R,Type=Rectangle|Name=Color|Value=Red,3,21,\nImage,,,,,,,p/0.jpg\n"),
        [("TOTE-R", "Tote", "", 21.0, "", True, "p/0.jpg")],
    ),
    "bigcommerce-old": (
        ("Item Type,Product ID,Product Name,Product Code/SKU,Price,Current Stock Level,"
        "Product Image URL - 1\nProduct,77,Towel,T,49,10,p/0.jpg\n"
        '  SKU,,"[S]Color=Red,[RB]Size=S",T-R,,0,\n'),
        [("T-R", "Towel", "", 49.0, "", False, "p/0.jpg")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_rows_of_variants_follow_the_row_of_their_product(shop, name):
    text, expected = VARIANTS[name]
    items, notes = read(shop, "a.csv", text)
    assert ([facts(item) for item in items], notes) == (expected, [])
    first = items[0]
    assert first.attributes["color"] == "Red"
    assert first.product_id != first.item_id or name == "bigcommerce-old"


def test_a_row_that_is_no_product_is_skipped_by_its_kind(shop):
    text = "Item Type,Product Name,Product Code/SKU\nProduct,Towel,T\nRule,,T\n"
    (towel,), (rule,) = read(shop, "a.csv", text)
    assert (towel.item_id, rule.where) == ("T", "row 3")
    assert rule.reason == "its kind is 'Rule': not a product"


WOO = {
    "de": (
        "ID,Typ,Artikelnummer,Name,Veröffentlicht,Kurzbeschreibung,Beschreibung,Vorrätig?,"
        "Angebotspreis,Regulärer Preis,Kategorien,Schlagwörter,Bilder,Übergeordnetes Produkt,"
        "Attribut 1 Name,Attribut 1 Wert(e)"
    ),
    "fr": (
        "ID,Type,UGS,Nom,Publié,Description courte,Description,En stock ?,Tarif promo,"
        "Tarif régulier,Catégories,Étiquettes,Images,Parent,Nom de l’attribut 1,"
        "Valeur(s) de l’attribut 1"
    ),
    "es": (
        "ID,Tipo,SKU,Nombre,Publicado,Descripción corta,Descripción,¿Existencias?,Precio rebajado,"
        "Precio normal,Categorías,Etiquetas,Imágenes,Superior,Nombre del atributo 1,"
        "Valor(es) del atributo 1"
    ),
    "nl": (
        "ID,Type,Artikelnummer,Naam,Gepubliceerd,Korte beschrijving,Beschrijving,Op voorraad?,"
        "Actieprijs,Reguliere prijs,Categorieën,Tags,Afbeeldingen,Hoofd,Naam eigenschap 1,"
        "Waarde eigenschap 1"
    ),
    "zh": (
        "ID,类型,SKU,名称,已发布,简短描述,描述,有货?,促销价格,常规售价,分类,标签,图片,父级,"
        "属性 1 名称,属性 1 值"
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", WOO)
def test_woocommerce_writes_its_columns_in_the_language_of_the_shop(shop, language):
    rows = (
        '44,variable,H,Hat,1,,A\\n\\nhat,1,,,Clothing > Hats,"warm, wool",p/0.jpg,,Color,'
        '"Red, Blue"\n'
        '45,variation,H-R,Hat red,1,,,0,"19,90","25,00",,,p/1.jpg,id:44,Color,Red\n'
        "46,simple,D,Draft,0,,,1,,5,,,p/2.jpg,,,\n"
    )
    (hat, red), (draft,) = read(shop, "a.csv", f"{WOO[language]}\n{rows}")
    # A product without a price of its own has that of its cheapest variation.
    assert facts(hat) == ("44", "Hat", "Clothing/Hats", 19.9, "", True, "p/0.jpg")
    assert facts(red) == ("45", "Hat red", "Clothing/Hats", 19.9, "", False, "p/1.jpg")
    assert (red.product_id, red.description) == ("44", "A\n\nhat")
    assert red.attributes == {"tags": ["warm", "wool"], "color": "Red"}
    assert (draft.item_id, draft.reason) == ("46", "left out: its Published is '0'")


def test_a_list_in_a_picture_cell_of_shopify_is_a_list(shop):
    text = (
        "Handle,Title,Body HTML,Variant SKU,Variant Barcode,Image Src,"
        "Fabric (product.metafields.custom.fabric)\n"
        "mug,Mug,<p>Nice</p>,'0012,'4006381333931,p/0.jpg;p/1.jpg,Clay\n"
    )
    (mug,), notes = read(shop, "a.csv", text)
    assert (notes, mug.item_id, mug.description) == ([], "0012", "Nice")
    assert mug.images == ["p/0.jpg", "p/1.jpg"]
    assert mug.attributes == {"barcode": "4006381333931", "Fabric": "Clay"}


# Dialects


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
def test_utf_16_is_read_with_and_without_its_mark(shop, encoding):
    (item,), _ = read(shop, "a.csv", "id\ttitle\timages\r\n1\tÜber\tp/0.jpg\r\n".encode(encoding))
    assert (item.title, item.images) == ("Über", ["p/0.jpg"])


@pytest.mark.parametrize(
    ("encoding", "word", "shown"),
    [("cp1252", "Þór", "cp1252 ('Þór')"), ("gb18030", "杯", "gb18030 ('杯')")],
)
def test_another_encoding_is_refused_with_how_the_likely_ones_read_it(shop, encoding, word, shown):
    content = f"id,title\n1,{word}\n".encode(encoding)
    with pytest.raises(BadCatalog) as refused:
        read(shop, "a.csv", content)
    assert shown in str(refused.value)
    assert read(shop, "a.csv", content, encoding=encoding)[0][0].title == word


@pytest.mark.parametrize(
    "text",
    [
        '="0012";Mug;12,50;p/0.jpg;;\r\n',
        "'0012;Mug;12,50;p/0.jpg\r\n",
        "0012;Mug;12,50;p/0.jpg\r\n# a note;;;\r\n",
        "0012;Mug;12,50;p/0.jpg\r\nSumme;;12,50;\r\n",
    ],
)
def test_what_spreadsheets_add_to_a_table_is_no_item(shop, text):
    head = "Price list;as of 2024;;\r\n\r\nid;title;price;images;;\r\n"
    (mug,), notes = read(shop, "a.csv", head + text)
    assert facts(mug) == ("0012", "Mug", "", 12.5, "", True, "p/0.jpg")
    assert [note.reason for note in notes] in (
        [], ["a comment, no item"], ["a row of totals, no item"],
    )  # fmt: skip


def test_of_several_sheets_that_of_the_products_is_read(shop):
    pytest.importorskip("python_calamine")
    sheets = {
        "Info": [["Price list", "as of May"], ["by", "Jo"], ["pages", "2"]],
        "Products": [
            ["Prices", "", "all in"], ["Art. No.", "Name", "Price (EUR)"], ["0012", "Mug", "12,50"],
            ["Total", "", "12,50"],
        ],
    }  # fmt: skip
    tables = "".join(
        f'<table:table table:name="{name}">'
        + "".join(
            "<table:table-row>"
            + "".join(
                '<table:table-cell office:value-type="string">'
                f"<text:p>{cell}</text:p></table:table-cell>"
                for cell in row
            )
            + "</table:table-row>"
            for row in rows
        )
        + "</table:table>"
        for name, rows in sheets.items()
    )
    kind = "urn:oasis:names:tc:opendocument:xmlns"
    with zipfile.ZipFile(shop / "a.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{kind}:office:1.0" '
            f'xmlns:table="{kind}:table:1.0" xmlns:text="{kind}:text:1.0"><office:body>'
            f"<office:spreadsheet>{tables}</office:spreadsheet></office:body>"
            "</office:document-content>",
        )
    (mug,), (total,) = read(shop, "a.ods", (shop / "a.ods").read_bytes())
    assert facts(mug) == ("0012", "Mug", "", 12.5, "EUR", True, "")
    assert (total.where, total.reason) == ("row 4", "a row of totals, no item")


@pytest.mark.parametrize(
    ("cell", "images"),
    [
        ("p/0.jpg (Front view), p/1.jpg", ["p/0.jpg", "p/1.jpg"]),
        ("p/0.jpg ! alt : Front ! title : x", ["p/0.jpg"]),
        ('<img src="p/0.jpg" alt="x"><br><img alt=y src=p/1.jpg>', ["p/0.jpg", "p/1.jpg"]),
        ("![front](p/0.jpg)", ["p/0.jpg"]),
        ('=IMAGE("https://s.example/a.jpg", 1)', ["https://s.example/a.jpg"]),
        ("https://s.example/a.jpg https://s.example/b", ["https://s.example/a.jpg", "https://s.example/b"]),
        ("p/0.jpg p/1.jpg", ["p/0.jpg", "p/1.jpg"]),
        ("C:\\Users\\me\\shop\\p\\0.jpg", ["p/0.jpg"]),
        ("file:///p/0.jpg", ["p/0.jpg"]),
        ("my mug (1).jpg", ["my mug (1).jpg"]),
    ],
)  # fmt: skip
def test_a_picture_cell_is_read_however_people_write_it(shop, cell, images):
    (item,), _ = read(shop, "a.json", json.dumps([{"id": 1, "images": cell}]))
    assert item.images == images


@pytest.mark.parametrize(
    ("text", "in_stock"),
    [(word, True) for word in ("sofort lieferbar", "En stock", "op voorraad", "在庫あり", "有货",
                               "In Stock (5)", "noch 3 verfügbar", "only 2 left", "5 Stück", "✓",
                               "available on backorder", "vorbestellbar", "в наличии", "Unlimited")]
    + [(word, False) for word in ("nicht lieferbar", "Rupture de stock", "uitverkocht", "在庫なし",
                                  "缺货", "esgotado", "slut i lager", "0 Stück", "not available",
                                  "niedostępny", "coming soon", "нет в наличии", "Agotado")],
)  # fmt: skip
def test_stock_is_read_in_the_language_of_the_shop(text, in_stock):
    assert parse_stock(text) is in_stock
