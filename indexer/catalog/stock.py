"""Read whether an item can be bought: words in several languages, counts, URLs of schema.org."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(_folded(part) for part in text.split("|"))


def _folded(text: str) -> str:
    """Return a text without case, accents and signs between its words."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[\s_\-.,:;!()]+", "", plain)


# A product on pre-order or back-order can be bought.
_TRUE: Final = _words(
    """true | yes | y | t | on | ja | oui | si | sim | tak | wahr | vrai | verdadero | vero |
    ✓ | ✔ | in | in stock | available | available for order | available now |
    available immediately | available on backorder | available to order | low stock |
    limited availability | limited stock | few left | last items | in store only |
    online only | made to order | preorder | presale | backorder | on backorder |
    backorders | backordered | unlimited | infinite | ships today | lieferbar |
    sofort lieferbar | sofort verfügbar | auf lager | ab lager | lagernd | vorrätig |
    verfügbar | vorbestellbar | auf bestellung | bestellbar | unbegrenzt | wenige verfügbar |
    en stock | disponible | dispo | disponible immédiatement | sur commande |
    en réapprovisionnement | précommande | stock faible | existencias | con existencias |
    en existencia | hay existencias | bajo pedido | ilimitado | disponibile |
    disponibilità immediata | in magazzino | su ordinazione | em estoque | em stock |
    disponível | sob encomenda | pré-venda | op voorraad | beschikbaar | leverbaar |
    direct leverbaar | op bestelling | dostępny | dostępna | dostępne | w magazynie |
    na stanie | skladem | na sklade | i lager | på lager | finns i lager | tillgänglig |
    varastossa | stokta var | stokta | mevcut | в наличии | есть в наличии | есть |
    под заказ | да | 有货 | 现货 | 有库存 | 有 | 预售 | 是 | 在庫あり | 有り |
    あり | 在庫有 | 在庫有り | 予約受付中 |
    お取り寄せ | ○ | 있음 | 재고 있음 | 판매중 | checked | ano | áno | da | igen | kyllä |
    evet | raktáron | készleten | van | în stoc | disponibil | na zalihi | na zalogi |
    διαθέσιμο | άμεσα διαθέσιμο | κατόπιν παραγγελίας | σε απόθεμα | ναι |
    متوفر | متاح | نعم | موجود | במלאי | זמין | כן | có |
    còn hàng | tersedia | ya | มีสินค้า | พร้อมส่ง | ใช่ | так | є в наявності | в наявності |
    有庫存 | 現貨 | 有貨 | はい | 예"""
)
_FALSE: Final = _words(
    """false | no | n | f | off | nein | non | não | nie | nee | nej | falsch | faux | falso |
    ✗ | ✘ | x | out | out of stock | sold out | sold | not available | unavailable |
    currently unavailable | discontinued | oos | reserved | not in stock | no stock |
    temporarily out of stock | end of life | coming soon | ausverkauft | nicht lieferbar |
    nicht verfügbar | nicht auf lager | nicht vorrätig | derzeit nicht lieferbar |
    derzeit nicht verfügbar | vergriffen | épuisé | rupture | rupture de stock | en rupture |
    en rupture de stock | indisponible | non disponible | hors stock |
    victime de son succès | agotado | sin stock | sin existencias | no disponible |
    fuera de stock | esaurito | non disponibile | terminato | fuori catalogo | esgotado |
    sem estoque | sem stock | fora de estoque | indisponível | niet op voorraad |
    uitverkocht | niet leverbaar | niet beschikbaar | niedostępny | niedostępna |
    niedostępne | brak | wyprzedany | brak w magazynie | vyprodáno | není skladem | slut |
    slut i lager | slutsåld | ej i lager | ikke på lager | udsolgt | utsolgt | loppu |
    loppuunmyyty | stokta yok | tükendi | нет в наличии | нет | распродано | 缺货 | 无货 |
    售罄 | 无库存 | 无 | 否 | 在庫なし |
    なし | 在庫無 | 在庫無し | 無 | 在庫切れ | 売り切れ | 品切れ | 無し | × | 없음 |
    품절 |
    none | aucun | keine | nessuno | ninguno | geen | unchecked |
    ne | nu | nem | ei | hayır | nei | nincs raktáron | elfogyott |
    stoc epuizat | indisponibil | εξαντλημένο | μη διαθέσιμο | όχι | غير متوفر | نفد |
    نفذت الكمية | لا | אזל | אזל מהמלאי | לא במלאי | לא | không | hết hàng | habis | tidak |
    tidak tersedia | สินค้าหมด | หมด | ไม่ | ні | немає в наявності | 缺貨 | 售完 | 無庫存 |
    無貨 | いいえ | 아니오"""
)
_NOTHING: Final = re.compile(r"[^\d]*\b0\b[^\d]*")  # "available: 0 units"
_MARKS: Final = {"+": True, "-": False}
_LONGEST: Final = 1000  # characters; the last expressions take quadratic time
_SCHEMA: Final = re.compile(r"^(?:https?://(?:www\.)?schema\.org/|schema:)", re.IGNORECASE)
_UNITS: Final = (
    r"in stock|left|available|pcs|pieces|pc|items|units|unit|stück|stk|st|verfügbar|auf lager|"
    r"lieferbar|en stock|unités|disponibles?|unidades|uds|pezzi|pz|disponibili|stuks|op voorraad|"
    r"sztuk|szt|шт|st i lager|件|个|個|点|개"
)
_COUNT: Final = re.compile(
    r"(?:only|noch|nur|plus que|nog|in stock|auf lager|en stock|stock|残り|残|剩余|仅剩|库存|"
    r"在庫)?[\s:(]*"
    rf"(?:[<>]=?\s*)?([+-]?\d+(?:[.,]\d+)?)\s*\+?\)?(?:\s*(?:{_UNITS}))*\.?"
)


# A time of delivery: "Available from 1 to 3 days", "2-3 Werktage", "ships in 24 h".
_DELIVERY: Final = re.compile(
    r"(?:(?:available|delivery|delivered|ships?|shipped|dispatched|lieferbar|lieferzeit|versand|"
    r"livraison|expédié|envío|consegna|disponible|disponibile|leverbaar|levertijd|wysyłka)\b\D*)?"
    r"\d+\s*(?:(?:-|–|to|bis|à|a|do|tot)\s*\d+\s*)?"
    r"(?:h|hours?|stunden?|(?:business|working) days?|days?|werktage?n?|tage?n?|wochen?|weeks?|"
    r"jours?(?: ouvrés)?|días?|giorni|dni|dagen|werkdagen|dní|dnů|дн\.?|дней|дня|ημέρες)\b.*"
)


def parse_stock(value: object) -> bool:
    """Parse a text or number as "can be bought"; an empty value is True.

    A count is True above 0, and ``In stock (5)`` is what its words and its count say. Raise
    ValueError if the value is neither.
    """
    if value is None or value == "" or value != value:  # NaN: an empty cell of a data frame
        return True
    if isinstance(value, bool):
        return value
    text = str(value)
    if len(text) > _LONGEST:
        raise ValueError(f"in_stock must be true or false, got {len(text):,} characters")
    return _parsed(text)


@lru_cache(maxsize=4096)  # the rows of a catalog have few words
def _parsed(value: str) -> bool:
    text = _SCHEMA.sub("", value.strip()).casefold()
    if text in _MARKS:
        return _MARKS[text]
    word = _folded(text)
    if word in _FALSE:
        return False
    if word in _TRUE:
        return True
    count = _COUNT.fullmatch(text)
    if count is not None:
        return float(count[1].replace(",", ".")) > 0
    if _DELIVERY.fullmatch(text):
        return True
    for bare in (re.sub(r"\([^)]*\)", "", text), re.split(r"[,;:]| [-–] ", text, maxsplit=1)[0]):
        word = _folded(bare)  # "yes (2 left)", "ja, sofort"
        if word in _FALSE or word in _TRUE:
            return word in _TRUE and _NOTHING.fullmatch(text) is None
    raise ValueError(f"in_stock must be true or false, got {value[:40]!r}")
