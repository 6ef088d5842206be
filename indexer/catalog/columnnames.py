"""The names of columns that shop programs and people give to the fields, in several languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BRACKETS: Final = re.compile(r"[\[(（][^\])）]*[\])）]")
_SMALL: Final = re.compile(
    r"[\[(（](?:작은)?(?:목록|축소|thumb\w*|small|klein|petite|list|一覧|小)[\])）]", re.IGNORECASE
)
_LONGEST: Final = 200  # letters of a name with something in brackets
_SEPARATORS: Final = re.compile(r"[\s_\-./:*#?!¿¡\"'’“”、·|]+")

_NAMES: Final[Mapping[str, str]] = {
    "id": """
        sku | sku id | item sku | seller sku | seller sku id | shop sku | variant sku |
        product sku | custom label | custom sku | product code sku | item number | article number |
        art no | art nr | product number | part number | ordernumber | order number |
        product code | item code | artikelnummer | artikel nr | artikelnr | artnr | artnum |
        bestellnummer | bestellnr | ugs | reference produit | reference article | code article |
        referencia | codigo | codigo del producto | codice | codice articolo | codice prodotto |
        kod produktu | indeks | varenummer | varenr | tuotenumero | urun kodu | stok kodu |
        артикул | код товара | 货号 | 商家编码 | 商品编号 | 商品编码 | 产品编号 | 款号 | 商品番号 |
        品番 | 商品コード | 商品id | 상품코드 | aid | merchant product id | aw product id |
        identifier | item id | product id | productid | product internal id | offer id |
        object id | objectid | internal reference | reference | reference number | external id |
        internal id | id product attribute | id product | system id | codigo de anuncio |
        numero de publicacion | token | uuid | guid | asin | asin1 | listing id | id produktu |
        handle | handle id | model | code | gtin | ean | eans | ean13 | upc | barcode | isbn |
        nummer | nr | no""",
    "product_id": """
        variant group code | product id | id product | internal id | item group id | group id |
        parent sku | parent id | parent code | parent product | parent item | parent asin |
        mainnumber | main number | master sku | handle | handle id | reference handle | pair code |
        codigo pai | model kodu | id товара | артикул продавца | 등록상품id | parent part number |
        product group id | product internal id | itemgroup id | style number | style id |
        variant of | identifizierungsspalte vaterartikel | identificador url | model number |
        hauptartikel | hauptartikelnummer | parent | parent number |
        parent product id | vaterartikel | is child of product code |
        ischildofproductcode | parentid | variation group id | product reference | parent uid""",
    "parent": """
        parent id | parent sku | parent code | parent product | parent item | parent number |
        parent product id | parentid | vaterartikel | is child of product code |
        ischildofproductcode | parent | parent uid | parent part number | codigo pai |
        variant of | identifizierungsspalte vaterartikel""",
    "title": """
        title | name | product name | item name | product title | item title | display name |
        productname | title short | title long | produktname | produkttitel | artikelname |
        artikelbezeichnung | bezeichnung | produktbezeichnung | titel | nom | nom du produit |
        nom produit | designation | libelle | intitule | titre | nombre | nombre del producto |
        nombre producto | titulo | nome | nome prodotto | nome del prodotto | nome do produto |
        titolo | tytul | naam | productnaam | artikelnaam | nazwa | nazwa produktu | namn |
        produktnamn | navn | varenavn | produktnavn | tuotenimi | nimi | urun adi | название |
        наименование | название товара | 名称 | 商品名称 | 产品名称 | 商品标题 | 标题 | 品名 |
        商品名 | 製品名 | タイトル | 상품명 | description short | product line | item | product |
        produkt | produit | producto | prodotto | produto | towar | товар | 商品 | 製品""",
    "description": """
        description | full description | extended description | product description |
        plain description | item description | long description | description long | body html |
        desc | longdesc | details | beschreibung | artikelbeschreibung | produktbeschreibung |
        langbeschreibung | langtext | descriptif | description longue | descripcion |
        descripcion larga | descrizione | descricao | beschrijving | omschrijving | opis |
        opis produktu | beskrivning | beskrivelse | kuvaus | aciklama | описание |
        полное описание | аннотация | 描述 | 商品描述 | 产品描述 | 详情 | 商品详情 | 説明 |
        商品説明 | 説明文 | 상품설명 | post content | short description | description courte |
        kurzbeschreibung | descripcion corta | korte beschrijving | shortdesc | summary |
        excerpt""",
    "categories": """
        categories | category | merchant category | category path | categorypath |
        primary category path | category tree | categorytree | hierarchical categories |
        category paths | category text |
        product category | product categories | product type | product types | category name |
        categorytext | collection | collections | department | shop cat |
        google product category | product category complete name | kategorie | kategorien |
        produktkategorie | warengruppe | artikelgruppe | rubrik | categorie | rayon | famille |
        categoria | categorias | categoria prodotto | categorieen | productgroep | kategoria |
        kategorier | kategori | produktkategori | tuoteryhma | категория | категории | раздел |
        размещение на сайте | 分类 | 类别 | 类目 | 商品分类 | カテゴリ | カテゴリー | 카테고리 |
        e bay category 1 name | taxons | category 1 | product category 1 |
        reporting category | categ id | 分组 | reparto | settore | familia | famiglia | sezione |
        seccion | hoofdgroep | hauptgruppe""",
    "price": """
        price | current price | selling price | sales price | price gross | gross price |
        price incl tax | price incl | price tax included | price vat | price inc vat |
        retail price | regular price | standard price | list price | start price | startprice |
        item price | product price | product price vat inc | unit retail price | default price |
        search price | base price | our price | variant price | price ek |
        std vk brutto | standard selling rate | selling rate |
        price with vat | price including tax | price with tax | preis | verkaufspreis |
        vk preis | vk brutto | vk | bruttopreis | preis brutto | endpreis | einzelpreis |
        verkaufspreis brutto | prix | prix ttc | prix de vente | prix de vente ttc |
        prix unitaire | pu ttc | prix public | prix public ttc | tarif |
        precio | precio de venta | pvp | p v p |
        precio con iva | pvp con iva | prezzo | prezzo di vendita | prezzo ivato |
        preco | preco de venda | valor | prijs | verkoopprijs | cena | cena brutto | cena pl |
        brutto vk | cena sprzedazy | pris | forsaljningspris | hinta | fiyat | satis fiyati |
        цена | стоимость | розничная цена | 价格 | 一口价 | 售价 | 单价 | 商品价格 | 销售价 |
        価格 | 販売価格 | 通常購入販売価格 | 税込価格 | 単価 | 값 | 가격 | 판매가 | price net |
        price no tax | net price | nettopreis | preis netto | prix ht | price excl tax |
        price tax excluded |
        prices | price range v2 | price range | unit price | now | now price | jetzt""",
    "sale price": """
        sale price | special | saleprice | special price | discount price | discounted price |
        promo price | promotional price | offer price | online sale price | angebotspreis |
        aktionspreis | sonderpreis | prix promo | prix promotionnel | prix remise |
        precio rebajado | precio de oferta | precio oferta | prezzo scontato |
        prezzo in offerta | actieprijs | aanbiedingsprijs | preco promocional |
        cena promocyjna | reapris | 促销价 | 特价 | セール価格""",
    "currency": """
        currency | currency code | price currency | currency id | currency iso | wahrung |
        waehrung | devise | moneda | divisa | valuta | moeda | waluta | para birimi | валюта |
        货币 | 币种 | 通貨 | 통화""",
    "in_stock": """
        in stock | availability | availability is on stock | is on stock | stock status |
        stockstatus | is in stock | instock | available | is available | available for sale |
        auf lager | vorratig | verfugbar | verfuegbar | verfugbarkeit | verfuegbarkeit |
        lieferbar | disponibilite | disponible | en stock | statut de stock | disponibilidad |
        disponibilita | disponibile | disponibilidade | op voorraad | beschikbaarheid |
        dostepnosc | i lager | tillganglighet | наличие | в наличии | 有货 | 是否有货 | 在庫状況 |
        inventory | leverbaar | beschikbaar""",
    "count": """
        stock | stock quantity | stock level | current stock | current stock level | qty |
        quantity | quantity on hand | available quantity | on hand | inventory quantity |
        product quantity | stock available | variant inventory | variant inventory quantity |
        fulfillment availability | stock disponible | lagerbestand | bestand | lagermenge |
        menge | quantite | quantite en stock | existencias | inventario | cantidad | giacenza |
        quantita | estoque | quantidade | voorraad | stan magazynowy | ilosc | liczba sztuk |
        num | lager | lagersaldo | antall pa lager | stok | stan mag | stan |
        qte | qty on hand | stock left | qty in stock | cant |
        остаток | количество | 库存 | 库存数量 |
        在庫 | 在庫数 | 재고""",
    "counted": """
        inventory tracking | track inventory | tracks inventory | track stock | manage stock |
        product track inventory | product is inventory tracked""",
    "url": """
        url | link | product url | product link | permalink | page url | item url | deeplink |
        deep link | merchant deep link | aw deep link | canonical url | canonical link |
        produkt url | produktlink | artikel url | lien | lien produit | url produit | enlace |
        url del producto | collegamento | ссылка | 链接 | 商品链接 | 商品url | リンク |
        online store url | external url | website url | item page url""",
    "images": """
        image | images | image url | image urls | image link | image links | image src |
        image path | image file | main image | main image url | base image | primary image |
        cover image | cover media url | picture | pictures | picture url | picurl | pic url |
        pic | pics | photo | photos | photo url | photourl | photo urls | foto | fotos | bild |
        bilder | bild url | bild pfad url | bilder url | bildlink | bilddatei | bildpfad |
        bildname | hauptbild | produktbild | produktbilder | abbildung | visuel |
        photo produit | imagen | imagenes | imagen principal | url de la imagen | immagine |
        immagini | imagem | imagens | afbeelding | afbeeldingen | afbeelding url | zdjecie |
        zdjecia | obrazek | bilde | billede | billeder | kuva | kuvat | resim | gorsel |
        изображение | изображения | фото | картинка | 图片 | 主图 | 商品图片 | 产品图片 |
        link immagine | url immagine | lien image | url image | url imagen | link obrazka |
        图片链接 | 图片地址 | 画像 | 商品画像 | 商品画像パス | メイン画像 | 画像url | 이미지 |
        product image | product images | product image url | product image urls |
        hosted image urls | image name | imgurl | img | imgs | img url | featured image |
        media urls | media url | product media main image url | merchant image url |
        large image | main variant image | product media | cover image url |
        variant image url | item photo url | main product image locator | url des hauptbildes |
        internal image url | image url import | assets""",
    "more images": """
        additional image | additional images | additional image link | additional image links |
        additional image url | additional image urls | other image url | other images |
        alternate image | alternative image | imgurl alternative | gallery | gallery images |
        image gallery | media gallery | more images | galerie | galleria | galeria |
        weitere bilder | zusatzbilder | photos supplementaires | imagenes adicionales |
        variation image | hover image | images url | more variant images | variant media |
        additionalimage | other product image locator | product media gallery image url |
        image url alternative | 附图 | 详情图 | サブ画像""",
    "small images": """
        thumbnail | thumbnail url | thumb | small image | aw image url | product image file |
        vorschaubild | vignette | miniatura""",
    "subcategory": """
        subcategory | sub category | sub sub category | unterkategorie | untergruppe | unterrubrik |
        sous categorie | sous famille | sous rayon | subcategoria | subfamilia | sottocategoria |
        sottoreparto | sottofamiglia | subseccion | subcategorie | subgroep |
        podkategoria | подкатегория |
        子分类 | 二级分类 | サブカテゴリ | サブカテゴリー""",
    "active": """
        active | is active | product is available | enabled | is enabled | visible |
        is visible | product visible | видимость на витрине | published | is published |
        published on online store | aktiv | sichtbar | actif | publie | activo |
        visible en tienda | attivo | ativo | actief | publish to e com | publish to ecom |
        show online | online flag | is for sale | exibir na loja | mostrar en tienda | 公開フラグ |
        veroffentlicht | 진열상태 | for sale | 是否上架 | 上架""",
    "archived": """
        hide | hidden | is hidden | disabled | is disabled |
        hideproduct | archived | is archived | deleted |
        is deleted | archiviert | geloscht | 倉庫指定""",
    "status": """
        status | product status | listing status | state | estado | statut | stato | visibility |
        product visibility | post status | situacao | durum | stav | статус |
        published status | 状态 | 上架状态 | 销售状态 | 판매상태""",
}  # fmt: skip
_PRIVATE: Final = """
        cost | cost price | cost per item | unit cost | average cost | default cost |
        item cost | price cost | purchase prices | wholesale |
        wholesale price | purchase price | supply price | buying price |
        supplier price | product cost | variant cost | cost of goods | einkaufspreis | ek |
        ek preis | ek netto | einstandspreis | prix d achat | prix achat | prix de gros |
        precio de compra | precio de coste | coste | prezzo di acquisto | costo | inkoopprijs |
        preco de custo | custo | cena zakupu | inkopspris | себестоимость | закупочная цена |
        成本价 | 成本 | 进货价 | 仕入価格 | 原価 | سعر التكلفة | سعر الشراء | التكلفة |
        nakupni cena | beszerzesi ar | pret de achizitie | alis fiyati | maliyet | harga modal |
        harga beli | gia von | gia nhap | ราคาทุน | 매입가 | 공급가 | закупівельна ціна |
        цена закупки | τιμη αγορας | מחיר עלות | nabavna cijena | ostohinta | innkjopspris |
        indkobspris
"""
_CURRENCY: Final = re.compile(r" (?:[a-z]{3}|[€£$₹¥₽₺])$|^[a-z]{3} unit ")
_LETTERS: Final = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_DEFAULT: Final = re.compile(r"(?:translations\.)?\bDEFAULT\.|\.value$")  # of Shopware 6
_NUMBER_SIGN: Final = re.compile(r"#\s*$")
_BEFORE: Final = re.compile(
    r"v (?=status|categories)|"  # of Zen Cart
    r"(?:v )?(?:products?|prod|p|items?|artikel|article|produkt|produit|producto|prodotto|produto)"
    r"(?: |(?<=.{4})(?=.))|商品|宝贝|产品|pc用商品|"
    r"ox(?=artnum|id$|parentid|title|shortdesc|longdesc|price$|stock$|pic\d|active$)"  # of OXID
)  # what people write before the name of a column
_AFTER: Final = re.compile(
    r" (?:total|gesamt|oferty|main|hauptfoto|hoofdfoto|file|"
    r"produit|article|produkt|artikel|prodotto|producto|produto)$"
)  # after it


def is_small_picture(name: object) -> bool:
    """Return True if the name of a column says in brackets that its pictures are small."""
    return _SMALL.search(str(name)[:_LONGEST]) is not None


@lru_cache(maxsize=1 << 15)  # more than the columns of the widest table
def loose_key(name: object) -> str:
    """Return the name of a column without case, accents, signs and what is in brackets.

    ``imageURL``, ``Image-URL *`` and ``image_url [Non Editable]`` are ``image url``.
    """
    text = _DEFAULT.sub("", str(name).removeprefix("g:"))
    # Each open bracket is a search to the end of the text, so only names are searched.
    bare = _BRACKETS.sub(" ", text) if len(text) <= _LONGEST else text
    text = _CAMEL.sub(" ", bare if bare.strip(" *") else text)
    letters = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    plain = plain.casefold().translate(_LETTERS)
    return _SEPARATORS.sub(" ", _NUMBER_SIGN.sub(" number", plain)).strip()


def is_private(name: object) -> bool:
    """Return True if a column is what a shop pays itself, also with a currency: ``Cost €``."""
    key = loose_key(name)
    return key in PRIVATE or _CURRENCY.sub("", key) in PRIVATE


def _named(text: str) -> tuple[str, ...]:
    return tuple(loose_key(part) for part in text.split("|"))


NAMES: Final[Mapping[str, tuple[str, ...]]] = {name: _named(text) for name, text in _NAMES.items()}
"""By field or role: the names of its columns by ``loose_key``, the most telling first."""

PRIVATE: Final = frozenset(_named(_PRIVATE))
"""Columns of what a shop pays itself, by ``loose_key``; its shoppers must not see them."""

KNOWN: Final[frozenset[str]] = frozenset(name for names in NAMES.values() for name in names) | {
    "id",
    "brand",
    "color",
    "size",
    "tags",
    "vendor",
    "manufacturer",
}


def is_header(cells: Iterable[object]) -> bool:
    """Return True if a row has a cell ``id``, or names of columns in most of two cells or more.

    Of four known names, a fourth of the cells is enough: templates have columns of their own.
    """
    keys = [loose_key(cell) for cell in cells if cell not in (None, "")]
    if "id" in keys and len(keys) > 1:
        return True
    known = sum(key in KNOWN or key.rstrip(" 0123456789") in KNOWN for key in keys)
    return (known >= 2 and known * 2 >= len(keys)) or (known >= 4 and known * 4 >= len(keys))


@lru_cache(maxsize=1 << 15)  # more than the columns of the widest table
def known_key(name: object) -> str:
    """Return the ``loose_key`` of a column, without what is around a known name.

    ``productprice`` and ``p_price`` are ``price``; an unknown name is its ``loose_key``.
    """
    key = loose_key(name)
    for text in (key, _BEFORE.sub("", key, count=1) if _BEFORE.match(key) else key):
        for part in (text, _AFTER.sub("", text)):
            if part in KNOWN or _without_number(part) in KNOWN:
                return "item id" if part == "id" and part != key else part
    return key


def _without_number(key: str) -> str:
    return re.sub(r" ?\d+(?= |$)", "", key)
