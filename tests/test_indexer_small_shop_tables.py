"""Tables as small shops keep them in spreadsheets, and exports of programs that refer to posts."""

from __future__ import annotations

import pytest

from indexer.errors import CannotWrite
from indexer.shop.export import writer_of
from tests.exportfiles import facts, ids, read, shop

__all__ = ["shop"]  # fixtures

TABLES = {
    "english, a title above and notes below": (
        (
            "Spring Price List 2026,,,,,\nAll prices incl. VAT,,,,,\n,,,,,\n"
            "Ref,Item Name,RRP (£),In Stock (pcs),Category,Photo 1\n"
            "TM-01,Travel Mug,£12.50,14,Home > Mugs,p/0.jpg\n"
            "TM-02,Bowl,£9.00,0,Home > Bowls,p/1.jpg\n,,,,,\n* Prices may change,,,,,\n"
        ),
        ("TM-01", "Travel Mug", "Home/Mugs", 12.5, "GBP", True, "p/0.jpg"),
    ),
    "english, a column of row numbers": (
        (
            '#,Product,Qty on hand,Unit price,Photo\n1,Teapot,none,"$ 1,035.00",p/0.jpg\n'
            "2,Cup,4,$ 8.00,p/1.jpg\n"
        ),
        ("1", "Teapot", "", 1035.0, "USD", False, "p/0.jpg"),
    ),
    "german, words around prices and stock": (
        (
            "Produkt;Artikelnummer;Preis;Verfügbar;Rubrik;Größe;Bilddatei\n"
            'Rucksack;R-1;ab 59,90 EUR inkl. MwSt.;"ja, sofort";Outdoor > Taschen;20 l;p/0.jpg\n'
            "Zelt;Z-1;1.299,- €;nein;Outdoor;3 Pers.;p/1.jpg\n"
        ),
        ("R-1", "Rucksack", "Outdoor/Taschen", 59.9, "EUR", True, "p/0.jpg"),
    ),
    "french, levels in two columns": (
        (
            "Code;Libellé produit;PU TTC;Qté;Sous-famille;Famille;Visuel;Remarques\n"
            "0001;Savon;4,50;épuisé;Savons;Hygiène;p/0.jpg;retour en mars\n"
        ),
        ("0001", "Savon", "Hygiène/Savons", 4.5, "", False, "p/0.jpg"),
    ),
    "spanish, prices by the unit": (
        (
            "Código,Artículo,Precio con IVA,Existencias,Sección,Imagen\n"
            '8412,Taza roja,"12,50 € / ud.",No,Cocina > Tazas,p/0.jpg\n'
        ),
        ("8412", "Taza roja", "Cocina/Tazas", 12.5, "EUR", False, "p/0.jpg"),
    ),
    "italian, departments": (
        (
            "Cod. articolo;Descrizione;Prezzo al pubblico;Giacenza;Reparto;Sottoreparto;Immagine\n"
            "A1;Tazza rossa;€ 1.250,00;no;Casa;Tazze;p/0.jpg\n"
        ),
        ("A1", "Tazza rossa", "Casa/Tazze", 1250.0, "EUR", False, "p/0.jpg"),
    ),
    "dutch, a recommended price first": (
        (
            "Artikel;Artikelnr;Adviesprijs;Onze prijs;Hoofdgroep;Subgroep;Leverbaar;Foto's\n"
            'Mok;M1;14,95;€ 12,50;Keuken;Mokken;Nee;"p/0.jpg, p/1.jpg"\n'
        ),
        ("M1", "Mok", "Keuken/Mokken", 12.5, "EUR", False, "p/0.jpg p/1.jpg"),
    ),
    "dutch, a description is the title": (
        (
            "Artikelnr.;Omschrijving;Categorie;Verkoopprijs incl. BTW;Voorraad;Afbeelding;Maat\n"
            '001;Mok rood;Keuken;€ 9,-;uitverkocht;p/0.jpg;"0,3 L klein"\n'
            '002;Kom;Keuken;€ 9,-;1;p/1.jpg;"1 L"\n'
        ),
        ("001", "Mok rood", "Keuken", 9.0, "EUR", False, "p/0.jpg"),
    ),
    "polish, a currency in brackets": (
        (
            "Lp.;Kod towaru;Nazwa towaru;Cena brutto [zł];Stan mag.;Kategoria;Zdjęcie\n"
            "1;K-100;Kubek;1 045,00;0 szt.;Dom > Kubki;p/0.jpg\n"
        ),
        ("K-100", "Kubek", "Dom/Kubki", 1045.0, "PLN", False, "p/0.jpg"),
    ),
    "chinese, a sign of two currencies": (
        "货号,品名,类目,售价(元),库存,主图\nM002,大碗,家居>厨房,¥129.00,缺货,p/0.jpg\n",
        ("M002", "大碗", "家居/厨房", 129.0, "CNY", False, "p/0.jpg"),
    ),
    "japanese, wide signs": (
        (
            "商品管理番号,商品名,販売価格（税込）,在庫,カテゴリ,画像1\n"
            'bowl,ボウル,"2,980円",なし,キッチン＞ボウル,p/0.jpg\n'
        ),
        ("bowl", "ボウル", "キッチン/ボウル", 2980.0, "JPY", False, "p/0.jpg"),
    ),
    "vietnamese, a currency in the name": (
        'Mã SP,Tên sản phẩm,Giá bán (VND),Tồn kho,Hình ảnh\nSP01,Áo thun,"250,000",0,p/0.jpg\n',
        ("SP01", "Áo thun", "", 250000.0, "VND", False, "p/0.jpg"),
    ),
    "english, a question that WooCommerce asks too": (
        "SKU,Name,Category,Price,In stock?,Image\nA,Mug,Kitchen|Gifts,12.5,No,p/0.jpg\n",
        ("A", "Mug", "Kitchen; Gifts", 12.5, "", False, "p/0.jpg"),
    ),
    "WP All Export": (
        (
            "ID,Title,Content,Excerpt,Image URL,Product categories,Sku,Price,Stock Status\n"
            "12,Mug,<p>A mug</p>,Short,p/0.jpg|p/1.jpg,Home>Mugs,MUG,12.5,outofstock\n"
        ),
        ("12", "Mug", "Home/Mugs", 12.5, "", False, "p/0.jpg p/1.jpg"),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_a_small_shop_is_read_as_it_is_meant(shop, name):
    table, expected = TABLES[name]
    assert facts(read(shop, "t.csv", table)[0][0]) == expected


@pytest.mark.parametrize("column", ["SKU", "Modelo", "款号"])
def test_a_product_in_several_sizes_and_colors_is_an_item_for_each(shop, column):
    table = (
        f"{column};Nombre;Talla;Color;Precio;Unidades;Foto\n"
        "C-1;Camiseta;S;Rojo;19,95;3;p/0.jpg\nC-1;Camiseta;M;Rojo;21,95;0;p/0.jpg\n"
        "C-1;Camiseta;S;Azul;19,95;2;p/1.jpg\nP-1;Pantalón;40;Negro;39,95;7;p/2.jpg\n"
    )
    items, _ = read(shop, "t.csv", table)
    assert ids(items) == ["C-1-S-Rojo", "C-1-M-Rojo", "C-1-S-Azul", "P-1-40-Negro"]
    assert [item.product_id for item in items] == ["C-1", "C-1", "C-1", "P-1"]
    assert facts(items[1])[3:] == (21.95, "", False, "p/0.jpg")
    assert items[1].attributes["Talla"] == "M"


def test_sizes_below_a_merged_cell_are_variants_of_the_row_above(shop):
    table = (
        "Modell,Farbe,Größe,Artikel-Nr.,Preis,Lager,Foto\nJacke,blau,S,J-S,129.9,2,p/0.jpg\n"
        ",,M,J-M,129.9,0,\nMütze,grau,M,M-1,29.9,5,p/1.jpg\n"
    )
    assert [facts(item) for item in read(shop, "t.csv", table)[0]][1] == (
        *("J-M", "Jacke", "", 129.9, "", False, "p/0.jpg"),
    )


def test_titles_that_differ_are_ids_where_nothing_else_is(shop):
    items, _ = read(shop, "t.csv", "Product,Price,Picture\nCandle,$24,p/0.jpg\nVase,$49,p/1.jpg\n")
    assert [facts(item) for item in items] == [
        ("Candle", "Candle", "", 24.0, "USD", True, "p/0.jpg"),
        ("Vase", "Vase", "", 49.0, "USD", True, "p/1.jpg"),
    ]


def test_a_status_may_be_one_of_the_stock(shop):
    table = "SKU,Item,Status,Photo\n1,Vase,Low Stock,p/0.jpg\n2,Cup,Discontinued,p/1.jpg\n"
    assert [item.in_stock for item in read(shop, "t.csv", table)[0]] == [True, False]


def test_children_of_magento_have_the_options_and_pictures_of_their_configurable(shop):
    table = (
        "sku,product_type,name,price,configurable_variations,base_image,additional_images\n"
        "T-S,simple,Tee S,20,,,\n"
        'T,configurable,Tee,,"sku=T-S,size=S",p/0.jpg,"p/1.jpg,p/2.jpg"\n'
    )
    child = read(shop, "t.csv", table)[0][0]
    assert (child.attributes, child.images) == ({"size": "S"}, ["p/0.jpg", "p/1.jpg", "p/2.jpg"])


@pytest.mark.parametrize(
    ("prices", "amounts"),
    [
        (["12,000", "250,000", "8,500"], [12000.0, 250000.0, 8500.0]),  # no table has them so
        (["12,000", "250,000"], [None, None]),  # two may be by chance
        (["12,000", "250,000", "8,50"], [12.0, 250.0, 8.5]),
    ],
)
def test_a_habit_of_three_prices_tells_thousands(shop, prices, amounts):
    rows = "".join(f'{number};Mug;"{price}";p/0.jpg\n' for number, price in enumerate(prices))
    items, _ = read(shop, "t.csv", f"id;title;price;images\n{rows}")
    assert [item.price for item in items] == amounts


def test_a_currency_tells_thousands(shop):
    table = (
        "id;title;price;currency;images\n1;Mug;250,000;VND;p/0.jpg\n2;Mug;1,299;USD;p/1.jpg\n"
        "3;Mug;1.299;USD;p/2.jpg\n"
    )
    assert [item.price for item in read(shop, "t.csv", table)[0]] == [250000.0, 1299.0, None]


def test_pictures_are_in_the_order_of_their_positions(shop):
    images = '[{"src": "p/1.jpg", "position": 2}, {"src": "p/0.jpg", "position": 1}]'
    items, _ = read(shop, "j.jsonl", f'{{"id": "1", "title": "Mug", "images": {images}}}')
    assert items[0].images == ["p/0.jpg", "p/1.jpg"]


def test_a_picture_without_its_ending_is_found(shop):
    items, report = read(shop, "t.csv", "id,title,images\n1,Mug,p/0\n2,Cup,p/1.jpeg\n")
    assert [item.images for item in items] == [["p/0.jpg"], ["p/1.jpg"]]
    assert "differs in its ending" in report[0].reason


def test_a_small_picture_is_none_beside_large_ones(shop):
    table = "상품코드,상품명,판매가,이미지등록(상세),이미지등록(목록)\nA,컵,900,p/0.jpg,p/1.jpg\n"
    assert read(shop, "t.csv", table)[0][0].images == ["p/0.jpg"]


WORDPRESS = """<?xml version="1.0"?><rss xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<item><title>pic</title><wp:post_id>20</wp:post_id><wp:post_type>attachment</wp:post_type>
<wp:attachment_url>p/0.jpg</wp:attachment_url></item>
<item><title>About us</title><wp:post_id>5</wp:post_id><wp:post_type>page</wp:post_type></item>
<item><title>Tee</title><wp:post_id>12</wp:post_id><wp:post_type>product</wp:post_type>
<category domain="product_cat">Tops</category>
<wp:postmeta><wp:meta_key>_sku</wp:meta_key><wp:meta_value>TEE</wp:meta_value></wp:postmeta>
<wp:postmeta><wp:meta_key>_price</wp:meta_key><wp:meta_value>19.90</wp:meta_value></wp:postmeta>
<wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value>20</wp:meta_value>
</wp:postmeta></item>
<item><title>Tee - Red</title><wp:post_id>13</wp:post_id><wp:post_parent>12</wp:post_parent>
<wp:post_type>product_variation</wp:post_type>
<wp:postmeta><wp:meta_key>_stock_status</wp:meta_key><wp:meta_value>outofstock</wp:meta_value>
</wp:postmeta></item>
<item><title>Mug</title><wp:post_id>14</wp:post_id><wp:post_type>product</wp:post_type></item>
</channel></rss>"""


def test_products_of_wordpress_have_the_pictures_that_are_posts_of_their_own(shop):
    items, _ = read(shop, "wp.xml", WORDPRESS)
    assert [facts(item) for item in items] == [
        ("TEE", "Tee", "Tops", 19.9, "", True, "p/0.jpg"),
        ("13", "Tee", "Tops", 19.9, "", False, "p/0.jpg"),
        ("14", "Mug", "", None, "", True, ""),  # without an SKU and a price
    ]
    assert items[1].product_id == "TEE"


def test_documents_of_sanity_name_their_pictures_by_reference(shop):
    lines = (
        '{"_id":"image-a","_type":"sanity.imageAsset","url":"p/0.jpg"}\n'
        '{"_id":"c1","_type":"category","title":"Mugs"}\n'
        '{"_id":"p1","_type":"product","name":"Mug","price":12.5,"category":{"_ref":"c1"},'
        '"gallery":[{"_type":"image","asset":{"_ref":"image-a"}}]}\n'
    )
    assert [facts(item) for item in read(shop, "s.ndjson", lines)[0]] == [
        ("p1", "Mug", "Mugs", 12.5, "", True, "p/0.jpg")
    ]


def test_prices_of_sylius_are_cents(shop):
    product = (
        '{"@type":"hydra:Collection","hydra:member":[{"@id":"/api/v2/shop/products/mug","@type":'
        '"Product","code":"mug","name":"Mug","mainTaxon":"/api/v2/shop/taxons/mugs","images":'
        '[{"path":"p/0.jpg"}],"variants":["/api/v2/shop/product-variants/r"],'
        '"defaultVariantData":{"@type":"ProductVariant","inStock":false,"price":1250}}]}'
    )
    items, _ = read(shop, "s.json", product)
    assert [facts(item) for item in items] == [("mug", "Mug", "", 12.5, "", False, "p/0.jpg")]


def test_vectors_that_no_cell_of_csv_holds_are_refused_with_a_way_out(tmp_path):
    path = tmp_path / "out.csv"
    writer = writer_of(path, path, [], has_vectors=True)
    fields = dict.fromkeys(("product_id", "title", "description", "currency", "url"), "")
    row = {"id": "a", **fields, "price": None, "in_stock": True, "categories": [], "images": []}
    row |= {"attributes": {}, "vitrine_export": "1", "embeddings": [[0.12345] * 512] * 250}
    with pytest.raises(CannotWrite, match=r"item 'a' take .* export to .jsonl or .parquet"):
        writer.write([row])
    writer.close()
