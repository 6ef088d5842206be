"""Tables in which one cell needs another, or the name of its column, to be read."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.catalog.categories import split_at_commas
from indexer.catalog.stock import parse_stock
from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures

MEDUSA = (
    "Product Handle;Product Title;Variant Title;Variant SKU;Variant Inventory Quantity;Price EUR;"
    "Price JPY;Option 1 Name;Option 1 Value;Image 1 Url\nmug;Mug;S;M-S;0;1950;3000;Size;S;p/0.jpg\n"
)
SALEOR = (
    "id,name,description,category,variant sku,product media,variant media,"
    "color (product attribute),size (variant attribute),web (channel price amount),"
    "web (channel variant currency code),"
    "web (channel published),East (warehouse quantity),West (warehouse quantity)\n"
    'U1,Juice,"{""blocks"": [{""data"": {""text"": ""<b>Good</b>""}}]}",Juices,J-1,p/0.jpg,p/1.jpg,'
    "red,1l,1.99,USD,True,0,3\n"
)
COMMERCETOOLS = (
    "productType,variantId,key,sku,prices,images,name.en,categories,availability.isOnStock\n"
    "tee,1,k,T-1,DE-EUR 1999;USD 2499,p/0.jpg;p/1.jpg,Tee,Men>Tees,true\n"
    ",2,,T-2,EUR 1799,p/2.jpg,,,false\n"
)
COMBINATIONS = (
    "Product ID*;Attribute (Name:Type:Position)*;Value (Value:Position)*;Reference;Quantity;"
    "Image URLs (x,y,z...)\n"
    "7;Color:color:0,Disk:select:1;Blue:0,16GB:1;B16;0;p/0.jpg\n"
    "7;Color:color:0,Disk:select:1;Red:0,8GB:1;R8;2;p/1.jpg\n"
)
TIKTOK = (
    "sku_id,title,availability,price,sale_price,sale_price_effective_date,image_link,product_type\n"
    'T1,Dress,in stock,33 USD,25 USD,2019-01-01/2019-02-01,p/0.jpg,"Toys, Games & Hobbies"\n'
)
AMAZON = (
    "sku\tparent sku\tproduct name\tstandard price\tcurrency\tquantity\tmain image url\n"
    "A\t\tShirt\t\tEUR\t\tp/0.jpg\nA-S\tA\tShirt S\t19.99\tEUR\t3\tp/1.jpg\n"
)
LIGHTSPEED = (
    "Internal_ID,Article_Code,NL_Title_Short,EN_Title_Short,Price,Stock_Level,Images,NL_Category_1,"
    "NL_SubCategory_1,EN_Category_1,EN_SubCategory_1\n"
    "1,A1,Stoel,Chair,45,5,p/0.jpg,Meubels,Stoelen,Furniture,Chairs\n"
    "1,A2,Stoel,Chair,47,0,p/0.jpg,Meubels,Stoelen,Furniture,Chairs\n"
)
JTL = (
    "Artikelnummer;Artikelname;Brutto-VK;Kategorie Ebene 1;Kategorie Ebene 2;Vaterartikel;Bild\n"
    "A;Jacke;129,90;Damen;Jacken;;p/0.jpg\nA-R;Jacke rot;99,90;;;A;p/1.jpg\n"
)
EBAY = (
    "Info;Version=1.0.0;Template=fx_category_template_EBAY_DE;;;;;;\n"
    "*Action(SiteID=Germany|Country=DE|Currency=EUR|Version=1193);CustomLabel;*Category;*Title;"
    "*C:Marke;PicURL;*StartPrice;Relationship;RelationshipDetails\n"
    "Add;E;11450;Hemd;Acme;p/0.jpg;;;\n;E-S;;;;p/1.jpg;19,99;Variation;Farbe=Blau\n"
)
OPENCART = (
    "product_id;name(en-gb);categories;price;special;quantity;image_name\n"
    "42;Screen;Desktops>Mac;100,00;80,00;9;p/0.jpg\n"
)
TAXONOMY = (
    "Handle,Title,Product Category,Variant SKU,Variant Price,Image Src\n"
    'tea,Tea,"Food, Beverages & Tobacco > Food Items",T1,5,p/0.jpg\n'
)
PAIRS = 'reference;id_product;name;attributes;image\nT-S;7;Tee;"Size: S, Color: White";p/0.jpg\n'
TABLES: dict[str, tuple[str, int, tuple[Any, ...], str, dict[str, Any]]] = {
    "medusa's cents": (
        MEDUSA, 0, ("M-S", "Mug", "", 19.5, "EUR", False, "p/0.jpg"), "mug", {"size": "S"}),
    "saleor's channels": (
        SALEOR, 0, ("J-1", "Juice", "Juices", 1.99, "USD", True, "p/1.jpg p/0.jpg"), "U1",
        {"color": "red", "size": "1l"}),
    "commercetools' first variant": (
        COMMERCETOOLS, 0, ("T-1", "Tee", "Men/Tees", 19.99, "EUR", True, "p/0.jpg p/1.jpg"), "k",
        {}),
    "commercetools' second variant": (
        COMMERCETOOLS, 1, ("T-2", "Tee", "Men/Tees", 17.99, "EUR", False, "p/2.jpg"), "k", {}),
    "prestashop's combinations": (
        COMBINATIONS, 0, ("B16", "", "", None, "", False, "p/0.jpg"), "7",
        {"Color": "Blue", "Disk": "16GB"}),
    "prestashop's pairs": (
        PAIRS, 0, ("T-S", "Tee", "", None, "", True, "p/0.jpg"), "7",
        {"Size": "S", "Color": "White"}),
    "a sale of tiktok that is over": (
        TIKTOK, 0, ("T1", "Dress", "Toys, Games & Hobbies", 33.0, "USD", True, "p/0.jpg"), "T1",
        {}),
    "amazon's product without a price": (
        AMAZON, 0, ("A", "Shirt", "", 19.99, "EUR", True, "p/0.jpg"), "A", {}),
    "lightspeed's levels in a language": (
        LIGHTSPEED, 1, ("A2", "Chair", "Furniture/Chairs", 47.0, "", False, "p/0.jpg"), "1", {}),
    "jtl's levels of the product": (
        JTL, 1, ("A-R", "Jacke rot", "Damen/Jacken", 99.9, "", True, "p/1.jpg"), "A", {}),
    "ebay's header below a row of notes": (
        EBAY, 0, ("E-S", "Hemd", "11450", 19.99, "EUR", True, "p/1.jpg p/0.jpg"), "E",
        {"farbe": "Blau"}),
    "opencart's special price": (
        OPENCART, 0, ("42", "Screen", "Desktops/Mac", 80.0, "", True, "p/0.jpg"), "42", {}),
    "commas in a taxonomy": (
        TAXONOMY, 0, ("T1", "Tea", "Food, Beverages & Tobacco/Food Items", 5.0, "", True,
                      "p/0.jpg"), "tea", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_with_what_its_columns_mean_together(shop, name):
    text, number, expected, product, attributes = TABLES[name]
    items, notes = read(shop, "a.csv", text)
    item = items[number]
    assert (facts(item), item.product_id, notes) == (expected, product, [])
    assert attributes.items() <= item.attributes.items()


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("Food, Beverages & Tobacco > Tea", ["Food, Beverages & Tobacco > Tea"]),
        ("Women > Tops, Tees & Shirts", ["Women > Tops, Tees & Shirts"]),
        ("Women > Tops, Sale", ["Women > Tops", "Sale"]),
        ("Sale, Women > Tops", ["Sale", "Women > Tops"]),
        ("A > B, C > D", ["A > B", "C > D"]),
        ("Kitchen, Home & Garden", ["Kitchen", "Home & Garden"]),
        ("Bags\\, Cases > A, B", ["Bags\\, Cases > A", "B"]),
    ],
)
def test_a_comma_separates_paths_unless_a_name_goes_on_as_an_enumeration(text, paths):
    assert split_at_commas(text) == paths


@pytest.mark.parametrize(
    "text", ["Available from 1 to 3 days", "2-3 Werktage", "Ships in 24 hours", "Lieferzeit 5 Tage"]
)
def test_a_time_of_delivery_means_that_an_item_can_be_bought(text):
    assert parse_stock(text) is True
