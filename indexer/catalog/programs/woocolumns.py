"""The columns of WooCommerce's product export in other languages than English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from indexer.catalog.shopformat import column_key

_TRANSLATIONS: Final[Mapping[str, str]] = {
    "type": "Typ | Tipo | 类型 | Rodzaj | タイプ",
    "sku": "Artikelnummer | UGS | SKU (código) | Codice (SKU) | COD | REF | 商品SKU | 货号",
    "gtin, upc, ean, or isbn": (
        "GTIN, UPC, EAN oder ISBN | GTIN, UPC, EAN ou ISBN | GTIN, UPC, EAN o ISBN | "
        "GTIN, UPC, EAN of ISBN"
    ),
    "name": "Nom | Nombre | Naam | Nome | Nazwa | Namn | 名称 | 产品名称 | 名前 | Имя",
    "published": (
        "Veröffentlicht | Publié | Publicado | Gepubliceerd | Pubblicato | Opublikowano | "
        "Publicerad | 已发布 | 公開済み | Опубликован"
    ),
    "is featured?": (
        "Ist hervorgehoben? | Mis en avant ? | ¿Está destacado? | Uitgelicht? | "
        "Is uitgelicht? | In primo piano? | È in evidenza? | Em destaque? | Polecany? | "
        "是推荐产品? | 精选"
    ),
    "visibility in catalog": (
        "Sichtbarkeit im Katalog | Visibilité dans le catalogue | Visibilidad en el catálogo | "
        "Zichtbaarheid in catalogus | Visibilità nel catalogo | Visibilidade no catálogo | "
        "Widoczność w katalogu | 在列表页可见 | 目录可见性"
    ),
    "short description": (
        "Kurzbeschreibung | Description courte | Descripción corta | Korte beschrijving | "
        "Korte omschrijving | Breve descrizione | Descrizione breve | Descrição breve | "
        "Descrição curta | Krótki opis | Kort beskrivning | 简短描述 | 短い説明"
    ),
    "description": (
        "Beschreibung | Descripción | Beschrijving | Omschrijving | Descrizione | Descrição | "
        "Opis | Beskrivning | 描述 | 説明 | Описание"
    ),
    "date sale price starts": (
        "Datum, an dem Angebotspreis beginnt | Datum, an dem der Angebotspreis beginnt | "
        "Angebotspreis gültig ab | Date de début de promo | "
        "Día en que empieza el precio rebajado | Startdatum actieprijs | "
        "Data di inizio del prezzo in offerta | Data de início de preço promocional | "
        "促销开始日期"
    ),
    "date sale price ends": (
        "Datum, an dem Angebotspreis endet | Datum, an dem der Angebotspreis endet | "
        "Angebotspreis gültig bis | Date de fin de promo | "
        "Día en que termina el precio rebajado | Einddatum actieprijs | "
        "Data di fine del prezzo in offerta | Data de fim de preço promocional | 促销结束日期"
    ),
    "tax status": (
        "Steuerstatus | État de la TVA | Statut fiscal | Estado del impuesto | "
        "Belastingstatus | Btw status | Stato delle imposte | Status do imposto | 税状态"
    ),
    "tax class": (
        "Steuerklasse | Classe de TVA | Classe TVA | Clase de impuesto | Belastingklasse | "
        "Aliquota di imposta | Classe de imposto | 税类"
    ),
    "in stock?": (
        "Vorrätig? | Auf Lager? | En stock ? | En stock? | En inventaire? | En inventaire ? | "
        "¿Existencias? | ¿En inventario? | ¿En stock? | Hay existencias? | ¿Hay existencias? | "
        "Op voorraad? | In stock? | Disponibile? | Em estoque? | Em stock? | W magazynie? | "
        "W magazynie | I lager? | 有货? | 有货？ | 有库存吗? | 在庫あり? | 在庫あり？"
    ),
    "stock": (
        "Lager | Bestand | Lagerbestand | Inventaire | Inventario | Existencias | Voorraad | "
        "Magazzino | Estoque | Stan magazynowy | 库存 | 在庫"
    ),
    "low stock amount": (
        "Geringe Lagermenge | Montant de stock faible | Cantidad de bajo inventario | "
        "Lage voorraad | Ammontare basso in magazzino | Quantidade baixa de estoque | "
        "低库存数量"
    ),
    "backorders allowed?": (
        "Lieferrückstände erlaubt? | Lieferrückstande erlaubt? | Rückstände erlaubt? | "
        "Autoriser les commandes de produits en rupture ? | "
        "¿Permitir reservas de productos agotados? | Nabestellingen toestaan? | "
        "Ordini arretrati consentiti? | São permitidas encomendas? | 允许缺货下单?"
    ),
    "sold individually?": (
        "Nur einzeln verkaufen? | Vendre individuellement ? | ¿Vendido individualmente? | "
        "Wordt individueel verkocht? | Venduto singolarmente? | Vendido individualmente? | "
        "单独出售?"
    ),
    "allow customer reviews?": (
        "Kundenrezensionen erlauben? | Kundenbewertungen erlauben? | "
        "Autoriser les avis clients ? | ¿Permitir valoraciones de clientes? | "
        "Klantbeoordelingen toestaan? | Abilita le recensioni dei clienti? | "
        "Permitir avaliações de clientes? | 允许客户评论?"
    ),
    "purchase note": (
        "Hinweis zum Kauf | Note de commande | Note de l’achat | Nota de compra | "
        "Aankoopnotitie | Nota di acquisto | Nota da compra | 购物备注"
    ),
    "sale price": (
        "Angebotspreis | Tarif promo | Precio rebajado | Actieprijs | Prezzo in offerta | "
        "Preço promocional | Cena promocyjna | Reapris | 促销价格 | セール価格 | Акционная цена"
    ),
    "regular price": (
        "Regulärer Preis | Tarif régulier | Precio normal | Reguliere prijs | "
        "Prezzo di listino | Preço | Preço normal | Cena regularna | Ordinarie pris | "
        "常规售价 | 常规价格 | 通常価格 | Базовая цена"
    ),
    "categories": (
        "Kategorien | Catégories | Categorías | Categorieën | Categorie | Categorias | "
        "Kategorie | Kategorier | 分类 | 类别 | カテゴリー | Категории"
    ),
    "tags": (
        "Schlagwörter | Étiquettes | Etiquetas | Tag | Tagi | Etiketter | 标签 | タグ | Метки"
    ),
    "shipping class": (
        "Versandklasse | Classe d’expédition | Classe de livraison | Clase de envío | "
        "Verzendklasse | Classe di spedizione | Classe de entrega | 运费类"
    ),
    "images": (
        "Bilder | Imágenes | Afbeeldingen | Immagine | Immagini | Imagens | Obrazki | 图片 | "
        "画像 | Изображения"
    ),
    "download limit": (
        "Downloadlimit | Limite de téléchargement | Límite de descargas | Downloadlimiet | "
        "Limite di download | Limite de downloads | 下载限制"
    ),
    "download expiry days": (
        "Ablauftage des Downloads | Jours d’expiration du téléchargement | "
        "Días de caducidad de la descarga | Dagen vervaltijd download | "
        "Giorni di scadenza del download | 下载过期天数"
    ),
    "parent": (
        "Übergeordnetes Produkt | Übergeordnet | Superior | Hoofd | Genitore | Ascendente | "
        "Nadrzędny | Förälder | 父级 | 親"
    ),
    "grouped products": (
        "Gruppierte Produkte | Produits groupés | Groupes de produits | Productos agrupados | "
        "Gegroepeerde producten | Prodotti raggruppati | Grupo de produtos | 分组产品"
    ),
    "upsells": "Zusatzverkäufe | Produits suggérés | Ventas dirigidas | Up-sell | Aumenta vendas",
    "cross-sells": (
        "Querverkäufe | Cross-Sells (Querverkäufe) | Ventes croisées | Ventas cruzadas | "
        "Cross-sell | Venda cruzada | 交叉销售"
    ),
    "external url": "Externe URL | URL externe | URL externa | URL esterno | 外部链接",
    "button text": (
        "Button-Text | Libellé du bouton | Texto del botón | Knop tekst | Testo del pulsante | "
        "Texto do botão | 按钮文本"
    ),
    "position": "Posición | Positie | Posizione | Posição | Pozycja | 位置",
    "brands": "Marken | Marques | Marcas | Merken | Brand | Marchi | 品牌",
}

_ENGLISH: Final[Mapping[str, str]] = {
    column_key(name).replace("’", "'"): english
    for english, names in _TRANSLATIONS.items()
    for name in names.split(" | ")
}
_WORDS: Final = (
    ("value(s)", r"wert|valeur|valor|waarde|valore|wartoś|värde|值|値|значени"),
    ("visible", r"sichtbar|visible|zichtba|visibil|widoczn|synlig|可见|表示|видим"),
    ("global", r"global|globaal|globale|全局|グローバル|глобальн"),
    ("default", r"standard|défaut|defecto|predefinit|padrão|默认|デフォルト|domyśln"),
    ("name", r"name|nom|nombre|naam|nome|nazwa|namn|名称|名前|название|имя"),
)
_ATTRIBUTE: Final = re.compile(
    r"attribut|atribut|eigenschap|attributo|atrybut|egenskap|属性|атрибут", re.IGNORECASE
)


def english_key(name: str) -> str:
    """Return the key of WooCommerce's column in English; of an unknown column, its own key."""
    key = column_key(name).replace("’", "'")
    if key in _ENGLISH:
        return _ENGLISH[key]
    number = re.search(r"\d+", key)
    if number is None or not _ATTRIBUTE.search(key):
        return column_key(name)
    rest = _ATTRIBUTE.sub("", key)
    kind = next((kind for kind, words in _WORDS if re.search(words, rest)), "")
    return f"attribute {number[0]} {kind}" if kind else column_key(name)
