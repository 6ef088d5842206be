"""Words in the names of columns, in any language of a shop: hints beside the cells of a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from indexer.catalog.columnnames import loose_key


def _words(text: str) -> tuple[str, ...]:
    return tuple(loose_key(part) for part in text.split())


ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": _words(
        """
        sku id uid ид code codigo cod codice kod kodu kode mã ma ref reference referencia
        artikelnummer artnr nummer number no nr barcode ean gtin cikkszám číslo číslo šifra
        sifra tunnus tootekood κωδικός артикул код รหัส رمز كود رقم کد מקט קוד מספר 編號 编码
        编号 番号 コード 코드 번호 sku코드"""
    ),
    "title": _words(
        """
        title name titel label naziv názov název nume denumire titlu név megnevezés τίτλος
        όνομα ονομασία tên nama judul ชื่อ اسم أسم عنوان نام שם назва название наименование
        adı adi isim 상품명 제품명 名稱 名称 品名 标题 標題 pavadinimas nosaukums nimetus
        nimi navn namn nombre nome nom naam nazwa tytuł ime naslov नाम caption
        benämning betegnelse"""
    ),
    "description": _words(
        """
        description desc text details opis popis leírás descriere περιγραφή mô-tả deskripsi
        keterangan รายละเอียด คำอธิบาย الوصف وصف توضیحات תיאור опис описание explanation
        açıklama aciklama açıklaması 설명 描述 說明 说明 説明 详情 aprašymas apraksts
        kirjeldus beschreibung kuvaus beskrivning beskrivelse descripción descrizione
        descrição विवरण"""
    ),
    "categories": _words(
        """
        category categories categoria categorie kategori kategoria kategorie kategorija
        kategorii kategória κατηγορία danh-mục nhóm-hàng loại-sản-phẩm หมวดหมู่ ประเภท تصنيف
        فئة قسم دسته קטגוריה категория категорія раздел розділ группа группы група групи
        groep groupe gruppe grupa grupo gruppo grupp ryhmä
        group soort 分類 分类 类目 カテゴリ 카테고리 분류
        rubrika kategoorija varugrupp varegruppe tuoteryhmä श्रेणी"""
    ),
    "price": _words(
        """
        price preis prix precio prezzo preço preco pris prijs hinta cena cijena цена ціна ár
        ara pret preț τιμή gia giá harga ราคา سعر السعر ثمن قیمت מחיר fiyat fiyatı 价格 售价
        单价 價格 售價 価格 가격 판매가 kaina hind मूल्य pvp retail"""
    ),
    "sale price": _words(
        """
        sale promo promocional promotion special akciós akcni akční oferta reducere المخفض
        discounted khuyến-mãi diskon ลดราคา מבצע акційна акционная promotivna"""
    ),
    "count": _words(
        """
        anzahl stückzahl viele unidades uds pezzi sztuk aantal magazyn
        stock qty quantity inventory stoc stok stoku készlet raktárkészlet skladem zásoba
        sklad zaliha zaloga απόθεμα tồn-kho จำนวน คงเหลือ المخزون الكمية كمية موجودی מלאי
        כמות остаток количество кількість залишок 库存 庫存 在庫数 在庫數 재고 재고수량 잔여수량
        數量 数量 likutis atlikums laoseis adedi मात्रा saldo varasto zalihi zalihe amount"""
    ),
    "in_stock": _words(
        """
        availability available instock διαθεσιμότητα наявність наличие dostupnost dostupnosť
        elérhetőség disponibilitate disponibilidad التوفر זמינות ketersediaan raspoloživost"""
    ),
    "active": _words(
        """
        active display hiển-thị aktif aktív aktívny aktivní activ mostrar vidljivo
        viditelnost ενεργό نشط פעיל активен активний 진열상태 แสดง"""
    ),
}  # fmt: skip
"""Words in the names of columns, beside those of ``columnnames``, in any language of a shop."""
CERTAIN_IDS: Final = _words(
    """
        sku id uid ид gtin ean артикул 編號 编码 编号 番号"""
)
NO_PRICE: Final = _words(
    """
        einkauf inköp inkoop innkjøp indkøb nakup zakup ostohinta
        old list market compare cost costo vốn buying purchase wholesale shipping delivery
        freight unit min max tax vat discount before alış piyasa nettó netto net nett excl
        bez nákup so-sánh gốc التكلفة 定价 原价 划线价 吊牌价 소비자가 공급가 送料 表示価格
        运费 成本 تكلفة rrp msrp uvp regular original previous step points installment до
        adviesprijs conseille listino katalogowa streichpreis barre tachado 定価 希望小売価格 吊牌价
        закупка закупочная preorder promo akciós special sale المخفض stock qty quantity"""
)
NO_FLAG: Final = _words(
    """
        back stock tracking inventory featured feature digital notification unit"""
)
NO_STOCK: Final = _words(
    """
        out unit when warn warning min max low alert text message"""
)
NO_TITLE: Final = _words(
    """
        brand vendor manufacturer maker meta seo option attribute variant file supplier shop
        store program catalog user category page font company person sender author
        contributor marca thương 브랜드 品牌 ブランド 英文 영문 group listing
        size größe talla taille maat rozmiar taglia misura tamaño tamanho storlek размер 尺寸
        尺码 サイズ 사이즈 color colour farbe couleur colore kleur kolor färg цвет 颜色 カラー
        색상 material weight gewicht poids peso waga 重量"""
)
NO_CATEGORY: Final = _words(
    """
        tax vat steuer taxe impuesto imposta btw shipping customer attribute"""
)
RECOMMENDED: Final = _words("rrp msrp uvp srp adviesprijs conseille 定価 希望小売価格 吊牌价")
"""Words of columns that are prices if a table has no other."""
AMOUNTS: Final = _words("amount betrag montant importe importo kwota bedrag сумма")
"""Words of columns that are prices beside one of currencies, and counts else."""
SMALL_PICTURE: Final = _words("thumb thumbnail small mini")
NO_PICTURE: Final = _words(
    """
        thumb thumbnail small mini icon logo brand swatch chart badge flag manufacturer video
        banner"""
)
NO_LINK: Final = _words(
    """
        impression tracking program pixel video pdf manual logo brand mobile"""
)
