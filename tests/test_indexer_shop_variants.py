"""Variants in the tables of shop programs: options, parents, and rows of one product."""

from __future__ import annotations

import json

import pytest

from tests.exportfiles import facts, ids, read, shop

__all__ = ["shop"]  # fixtures

OPTIONS = {
    "square": ("Token,Item Name,Price,Option Name 1,Option Value 1\nT1,Cup,1,Size,Small\n"),
    "webflow": ("Variant Sku,Product Name,Option1 Name,Option1 Value\nT1,Cup,Size,Small\n"),
    "medusa": ("Variant SKU,Product Title,Option 1 Name,Option 1 Value\nT1,Cup,Size,Small\n"),
    "lightspeed": ("id,name,variant_option_one_name,variant_option_one_value\nT1,Cup,Size,Small\n"),
    "ebay": ("Custom label (SKU),Title,Variation details\nT1,Cup,[Size=Small]\n"),
    "wix": (
        "handle,fieldType,name,sku,price,productOptionName[1],productOptionChoices[1]\n"
        "c,PRODUCT,Cup,,1,Size,#000:Small;#fff:Large\nc,VARIANT,,T1,1,Size,Small\n"
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_become_attributes_by_their_names(shop, name):
    (cup,), notes = read(shop, "a.csv", OPTIONS[name])
    assert (cup.item_id, cup.title, cup.attributes["size"], notes) == ("T1", "Cup", "Small", [])
    assert not [column for column in cup.attributes if "ption" in column or "ariat" in column]


def test_the_name_of_an_option_keeps_its_letters(shop):
    text = "sku,name,Variationsname 1,Variationswertname 1\n1,Hose,Größe,M\n"
    assert read(shop, "a.csv", text)[0][0].attributes == {"größe": "M"}


def test_cells_that_list_names_and_values_become_attributes(shop):
    text = (
        "Reference;Name;Feature(Name:Value:Position);Custom Fields;Tags (x,y,z...)\n"
        "A;Print;Fabric:Matt paper:1,Color:Red:2;Season=Summer;art,poster\n"
    )
    assert read(shop, "a.csv", text)[0][0].attributes == {
        "Fabric": "Matt paper", "Color": "Red", "season": "Summer",
        "Tags (x,y,z...)": ["art", "poster"],
    }  # fmt: skip


PARENTS = {
    "shopware": (
        "id;parent_id;product_number;stock;name;description;price_gross;cover_media_url\n"
        "P;;S1;4;Coat;Warm;100,00;p/0.jpg\nV;P;S1.1;0;;;;\n"
    ),
    "volusion": (
        "productcode,productname,productprice,productdescription,photourl,stockstatus,"
        "ischildofproductcode\nP,Coat,100.00,Warm,p/0.jpg,4,\nV,,,,,0,P\n"
    ),
    "oxid": (
        '"OXID";"OXPARENTID";"OXARTNUM";"OXTITLE";"OXLONGDESC";"OXPRICE";"OXSTOCK";"OXPIC1"\n'
        '"1";"oxrootid";"P";"Coat";"Warm";"100";"4";"p/0.jpg"\n"2";"1";"V";"";"";"";"0";""\n'
    ),
    "variant-first": (
        "sku,parent_sku,name,description,price,image,qty\nV,P,,,,,0\nP,,Coat,Warm,100,p/0.jpg,4\n"
    ),
}


@pytest.mark.parametrize("name", PARENTS)
def test_a_variant_takes_what_it_lacks_from_the_row_of_its_parent(shop, name):
    items, notes = read(shop, "a.csv", PARENTS[name])
    assert sorted(map(facts, items)) == [
        ("P", "Coat", "", 100.0, "", True, "p/0.jpg"),
        ("V", "Coat", "", 100.0, "", False, "p/0.jpg"),
    ]
    assert {item.product_id for item in items} == {"P"}
    assert ({item.description for item in items}, notes) == ({"Warm"}, [])


def test_a_column_parent_that_names_no_row_is_an_attribute(shop):
    text = "id,title,parent\n1,Zeus,Cronus\n2,Hera,Cronus\n"
    items, _ = read(shop, "a.csv", text)
    assert [(item.product_id, item.attributes) for item in items] == [
        ("1", {"parent": "Cronus"}), ("2", {"parent": "Cronus"}),
    ]  # fmt: skip
    models = "sku;family;parent;name\n1;tshirt;m1;Tee red\n2;tshirt;m1;Tee blue\n"
    items, _ = read(shop, "a.csv", models)
    assert [item.product_id for item in items] == ["m1", "m1"]


def test_a_parent_without_a_price_has_that_of_its_cheapest_variant(shop):
    text = (
        "item_sku,parent_sku,item_name,standard_price,main_image_url,other_image_url1\n"
        "P,,Shoe,,p/0.jpg,\nB,P,Blue,59.99,p/1.jpg,p/2.jpg\nR,P,Red,49.99,p/3.jpg,\n"
    )
    items, _ = read(shop, "a.csv", text)
    assert [(item.item_id, item.price) for item in items] == [
        ("P", 49.99), ("B", 59.99), ("R", 49.99),
    ]  # fmt: skip
    assert items[2].images == ["p/3.jpg"]  # none of the blue shoe


def test_magento_gives_a_configurable_the_lowest_price_and_a_bundle_none(shop):
    text = (
        "sku,product_type,name,price,special_price,base_image,configurable_variations\n"
        "A,simple,A,52,40,p/0.jpg,\nB,simple,B,52,,p/1.jpg,\n"
        'C,configurable,C,,,p/2.jpg,"sku=A,size=S|sku=B,size=M"\nD,bundle,D,0,,p/3.jpg,\n'
    )
    items, _ = read(shop, "a.csv", text)
    assert [(item.item_id, item.price) for item in items] == [
        ("A", 40.0), ("B", 52.0), ("C", 40.0), ("D", None),
    ]  # fmt: skip


def test_rows_of_one_number_that_differ_in_their_pictures_are_one_item(shop):
    text = "sku,name,color,image\nA,Mug,red,p/0.jpg\nA,,,p/1.jpg\nB,Cup,blue,p/2.jpg\n"
    items, _ = read(shop, "a.csv", text)
    assert {item.item_id: (item.title, item.images) for item in items} == {
        "A": ("Mug", ["p/0.jpg", "p/1.jpg"]), "B": ("Cup", ["p/2.jpg"]),
    }  # fmt: skip


def test_a_repeated_id_is_the_product_if_its_variants_have_ids(shop):
    text = "id,name,variant id,variant sku,product media\nP,Tee,1,T-M,p/0.jpg\nP,Tee,2,T-L,\n"
    items, _ = read(shop, "a.csv", text)
    assert [(item.item_id, item.product_id, item.images) for item in items] == [
        ("T-M", "P", ["p/0.jpg"]), ("T-L", "P", ["p/0.jpg"]),
    ]  # fmt: skip


ROWS = {
    "wix-new": (
        ("handle,fieldType,name,plainDescription,media,price,strikethroughPrice,inventory,sku,"
        "productOptionName[1],productOptionChoices[1]\n"
        "tote,PRODUCT,Tote,Cotton,p/0.jpg;p/1.jpg;p/2.jpg,40,50,,,Color,Black;White\n"
        "tote,VARIANT,,,p/0.jpg,40,50,5,T-B,Color,Black\n"
        "tote,VARIANT,,,p/1.jpg,45,,OUT_OF_STOCK,T-W,Color,White\ntote,MEDIA,,,p/3.jpg,,,,,,\n"),
        [("T-B", "Tote", "", 40.0, "", True, "p/0.jpg p/2.jpg p/3.jpg"),
         ("T-W", "Tote", "", 45.0, "", False, "p/1.jpg p/2.jpg p/3.jpg")],
    ),
    "wix-discount": (
        ("handleId,fieldType,name,productImageUrl,price,surcharge,discountMode,discountValue,"
        "inventory,sku\n1,Product,Tote,p/0.jpg,40,,PERCENT,25,,\n1,Variant,,,,5,,,3,T\n"
        "2,Product,Cap,p/1.jpg,20,,AMOUNT,5,InStock,C\n"),
        [("T", "Tote", "", 33.75, "", True, "p/0.jpg"),
         ("C", "Cap", "", 15.0, "", True, "p/1.jpg")],
    ),
    "bigcommerce-v3": (
        ("Item,ID,Name,SKU,Options,Inventory Tracking,Current Stock,Price,Cost Price,Sale Price,"
        "Variant Image URL,Internal Image URL (Export)\n"
        "Product,111,Cart,CC,,variant,0,200,90,180,,\n"
        "Variant,70,,CC-R,Type=Swatch|Name=Color|Value=Red[#ff0000],,5,,,,p/0.jpg,\n"
        "Variant,71,,CC-B,Type=Swatch|Name=Color|Value=Blue;Type=List|Name=Size|Value=M,,0,210,,,,\n"
        "Image,371,,,,,,,,,,p/1.jpg\nProduct,113,Jar,,,none,0,20,,,,\n"),
        [("CC-R", "Cart", "", 180.0, "", True, "p/0.jpg p/1.jpg"),
         ("CC-B", "Cart", "", 210.0, "", False, "p/1.jpg"),
         ("113", "Jar", "", 20.0, "", True, "")],
    ),
    "ecwid-options": (
        ("type,product_internal_id,product_sku,product_variation_sku,product_name,product_price,"
        "product_media_main_image_url,product_category_1,product_category_2,product_option_name,"
        "product_variation_option_{Color}\nproduct,1,E,,Jam,5.99,p/0.jpg,Food,Food / Jam,,\n"
        "product_option,1,,,,,,,,Color,\nproduct_variation,1,,E-R,,5.49,,,,,Red\n"),
        [("E-R", "Jam", "Food; Food/Jam", 5.49, "", True, "p/0.jpg")],
    ),
    "ebay-upload": (
        ("*Action(SiteID=Germany|Currency=EUR|CC=UTF-8);Custom label (SKU);Category ID;Title;"
        "Relationship;RelationshipDetails;Start price;Quantity;Item photo URL\n"
        'Add;E;15687;Hemd;;"Color=Red;Blue";;;p/0.jpg\n;E-R;;;Variation;Color=Red;19,99;5;p/1.jpg\n'),
        [("E-R", "Hemd", "", 19.99, "EUR", True, "p/1.jpg p/0.jpg")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_variants_follow_that_of_their_product(shop, name):
    text, expected = ROWS[name]
    items, notes = read(shop, "a.csv", text)
    assert ([facts(item) for item in items], notes) == (expected, [])
    if "Color" in text:
        assert items[0].attributes["color"] in ("Red", "Black")


def test_listings_of_etsy_need_no_article_numbers(shop):
    text = (
        "TITLE,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,VARIATION 1 TYPE,"
        'VARIATION 1 NAME,VARIATION 1 VALUES,SKU\nBlue &quot;sea&quot; mug,28,USD,4,"a,b",clay,'
        'p/0.jpg,Color,Glaze,"Blue,White",M1\nBlue plate,30,USD,1,,,p/1.jpg,,,,\n'
        "Blue plate,30,USD,1,,,p/2.jpg,,,,\n"
    )
    items, notes = read(shop, "a.csv", text)
    assert (ids(items), notes) == (["M1", "blue-plate", "blue-plate-2"], [])
    assert (items[0].title, items[0].attributes["glaze"]) == ('Blue "sea" mug', ["Blue", "White"])


def test_the_technical_names_below_the_labels_of_an_amazon_template_are_no_item(shop):
    text = (
        "SKU\tArtikelname\tPreis\tURL des Hauptbildes\n"
        "contribution_sku#1.value\titem_name[language_tag=de_DE]#1.value\t"
        "purchasable_offer[audience=ALL]#1.our_price#1.value\tmain_product_image_locator#1.media\n"
        "A1\tSchuh\t59,99\tp/0.jpg\n"
    )
    items, notes = read(shop, "a.tsv", text)
    assert [facts(item) for item in items] == [("A1", "Schuh", "", 59.99, "", True, "p/0.jpg")]
    assert notes == []


SALESFORCE = (
    '<catalog xmlns="http://www.demandware.com/xml/impex/catalog/2006-10-31"><category '
    'category-id="root"/><category category-id="men"><display-name xml:lang="x-default">Men'
    '</display-name><parent>root</parent></category><product product-id="M"><display-name '
    'xml:lang="x-default">Suit</display-name><display-name xml:lang="de">Anzug</display-name>'
    "<long-description>Wool &lt;b&gt;suit&lt;/b&gt;</long-description><images><image-group "
    'view-type="large"><image path="p/0.jpg"/><image path="p/1.jpg"/></image-group><image-group '
    'view-type="small"><image path="p/2.jpg"/></image-group></images><custom-attributes>'
    '<custom-attribute attribute-id="color">grey</custom-attribute></custom-attributes>'
    '<variations><variants><variant product-id="V"/></variants></variations></product>'
    '<product product-id="V"><custom-attributes><custom-attribute attribute-id="size">38'
    '</custom-attribute></custom-attributes></product><product product-id="X"><online-flag>false'
    '</online-flag></product><category-assignment category-id="men" product-id="M"/></catalog>'
)


def test_a_catalog_of_salesforce_has_masters_variants_and_categories(shop):
    (master, variant), (offline,) = read(shop, "a.xml", SALESFORCE)
    assert facts(master) == ("M", "Suit", "Men", None, "", True, "p/0.jpg p/1.jpg")
    assert facts(variant) == ("V", "Suit", "Men", None, "", True, "p/0.jpg p/1.jpg")
    assert (variant.product_id, variant.description) == ("M", "Wool suit")
    assert (master.attributes, variant.attributes) == ({"color": "grey"}, {"size": "38"})
    assert (offline.item_id, offline.field) == ("X", "status")
    assert read(shop, "a.xml", SALESFORCE, language="de")[0][0].title == "Anzug"


# Other fields of these exports


def test_what_a_shop_pays_itself_is_no_attribute(shop):
    text = (
        "sku,name,Cost per item,Wholesale price,EK netto,Prix d'achat,Supply_Price,brand\n"
        "1,Mug,5,5,5,5,5,Clay\n"
    )
    assert read(shop, "a.csv", text)[0][0].attributes == {"brand": "Clay"}


def test_a_table_of_numbers_names_and_pictures_with_other_columns_is_no_magento(shop):
    text = "sku,title,image,Gross price,currency\n1,Mug,p/0.jpg,12.00,EUR\n"
    (mug,), _ = read(shop, "a.csv", text)
    assert facts(mug) == ("1", "Mug", "", 12.0, "EUR", True, "p/0.jpg")


def test_a_feed_of_meta_has_numbered_columns(shop):
    text = (
        "id,title,availability,price,image[0].url,image[0].tag[0],image[1].url,product_tags[0],"
        "product_tags[1],style[0]\n"
        "1,Tee,in stock,10.00 USD,p/0.jpg,front,p/1.jpg,summer,sale,slim\n"
    )
    (tee,), _ = read(shop, "a.csv", text)
    assert facts(tee) == ("1", "Tee", "", 10.0, "USD", True, "p/0.jpg p/1.jpg")
    assert tee.attributes == {"product_tags": ["summer", "sale"], "style": "slim"}


def test_details_of_a_google_feed_are_attributes(shop):
    text = (
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>1</g:id>'
        "<g:image_link>p/0.jpg</g:image_link><g:price>5 EUR</g:price><g:product_detail>"
        "<g:section_name>General</g:section_name><g:attribute_name>Fabric</g:attribute_name>"
        "<g:attribute_value>Linen</g:attribute_value></g:product_detail></item></channel></rss>"
    )
    assert read(shop, "a.xml", text)[0][0].attributes == {"Fabric": "Linen"}
    table = "id\timage_link\tprice\tproduct detail\tshipping(country:price)\n"
    table += "1\tp/0.jpg\t5 EUR\tGeneral:Fabric:Linen,General:Weight:2 kg\tUS:4 USD\n"
    assert read(shop, "a.tsv", table)[0][0].attributes == {"Fabric": "Linen", "Weight": "2 kg"}


def test_the_api_of_woocommerce_gives_no_attributes_of_the_program(shop):
    product = {
        "id": 1, "name": "Tee", "slug": "tee", "type": "simple", "status": "publish",
        "regular_price": "5", "stock_status": "instock", "on_sale": False, "total_sales": 3,
        "related_ids": [2], "average_rating": "4.00", "catalog_visibility": "visible",
        "meta_data": [{"key": "_x", "value": "y"}, {"key": "fit", "value": "slim"}],
        "attributes": [{"id": 6, "name": "Color", "options": ["Black", "Green"]}],
        "_links": {"self": [{"href": "https://s.example/1"}]},
    }  # fmt: skip
    (tee,), _ = read(shop, "a.json", json.dumps([product]))
    assert tee.attributes == {"fit": "slim", "Color": ["Black", "Green"]}


def test_magentos_pictures_that_are_switched_off_and_videos_are_left_out(shop):
    entries = [
        {"media_type": "image", "disabled": False, "file": "/p/0.jpg"},
        {"media_type": "external-video", "disabled": False, "file": "/p/1.jpg"},
        {"media_type": "image", "disabled": True, "file": "/p/2.jpg"},
    ]
    product = {"sku": "A", "name": "Bag", "price": 34, "type_id": "simple", "status": 1,
               "media_gallery_entries": entries,
               "custom_attributes": [{"attribute_code": "special_price", "value": 30}]}  # fmt: skip
    (bag,), _ = read(shop, "a.json", json.dumps({"items": [product]}))
    assert facts(bag) == ("A", "Bag", "", 30.0, "", True, "p/0.jpg")


def test_a_saved_page_gives_its_address_to_its_product(shop):
    product = {"@type": "Product", "name": "Runner", "sku": "R", "image": "p/0.jpg"}
    page = (
        '<link rel="canonical" href="https://s.example/r?a=1&amp;b=2">'
        f'<script type="application/ld+json">{json.dumps(product)}</script>'
    )
    assert read(shop, "a.html", page)[0][0].url == "https://s.example/r?a=1&b=2"


def test_a_picture_cell_of_airtable_is_the_address_unless_the_file_is_there(shop):
    cell = "0.jpg (https://s.example/v3/0.jpg),p/1.jpg (https://s.example/v3/1.jpg)"
    (item,), _ = read(shop, "a.json", json.dumps([{"id": 1, "images": cell}]))
    assert item.images == ["https://s.example/v3/0.jpg", "p/1.jpg"]
