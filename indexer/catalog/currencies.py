"""The codes and signs of currencies, as prices have them."""

from __future__ import annotations

from typing import Final

CODES: Final = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN "
    "BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY "
    "KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR "
    "RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR "
    "ZMW ZWG".split()
)
"""ISO 4217, without funds and metals."""

SYMBOLS: Final[dict[str, str]] = {
    "US$": "USD", "C$": "CAD", "CA$": "CAD", "CAD$": "CAD", "A$": "AUD", "AU$": "AUD",
    "NZ$": "NZD", "HK$": "HKD", "NT$": "TWD", "S$": "SGD", "R$": "BRL", "MX$": "MXN", "$": "USD",
    "€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₪": "ILS",
    "฿": "THB", "₫": "VND", "₴": "UAH", "₱": "PHP", "₦": "NGN", "₸": "KZT", "₾": "GEL",
    "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "Fr.": "CHF", "SFr.": "CHF", "лв.": "BGN", "лв": "BGN",
    "د.إ": "AED", "ر.س": "SAR", "Rp": "IDR", "RM": "MYR", "S/": "PEN", "₡": "CRC", "₲": "PYG",
    "Kr.": "", "TL": "TRY", "грн": "UAH", "RUR": "RUB", "lei": "RON",
    "руб.": "RUB", "руб": "RUB", "บาท": "THB", "đ": "VND", "din.": "RSD", "ر.س.": "SAR",
    "円": "JPY", "元": "CNY", "원": "KRW",
    # Of several currencies: the price is read, its currency is not.
    "¥": "", "Rs.": "", "Rs": "", "₨": "", "kr.": "", "kr": "", "Kr": "",
}  # fmt: skip
"""Signs to codes. A bare ``$`` is read as USD; a currency column of the catalog comes first."""

WITHOUT_DECIMALS: Final = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()
)
DOT_DECIMAL: Final = frozenset(
    "USD GBP AUD NZD CAD HKD SGD INR CNY JPY KRW TWD THB ILS PHP MXN MYR".split()
)
"""Where a comma separates thousands, so that ``$1,299`` is not ambiguous."""
COMMA_DECIMAL: Final = frozenset("ARS BRL COP IDR".split())
"""Where a point separates thousands, so that ``R$ 1.299`` is not ambiguous."""
