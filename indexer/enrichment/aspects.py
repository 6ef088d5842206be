"""Find the aspects that reviews are about: fit, size, quality, color, price, comfort, delivery.

A sentence is split at words such as "but" ("soft, but it runs small"), so that each part has one
mood. A part is about an aspect if it contains one of the aspect's words.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias

from indexer.enrichment.gazetteer import HAN
from indexer.enrichment.language import Language

Aspect: TypeAlias = Literal["fit", "size", "quality", "color", "price", "comfort", "delivery"]

MOST_MENTIONS: Final = 50  # of a review
_LONGEST: Final = 400  # letters of a quoted sentence

# Words, and pairs of words joined by "_".
_ENGLISH: Final[dict[Aspect, str]] = {
    "fit": "fit fits fitted fitting snug snugly tight tighter loose loosely baggy boxy roomy "
    "clingy flattering unflattering flatters hugs gape gapes gaped gaping drape "
    "drapes bulky figure silhouette maternity tent",
    "size": "size sizes sized sizing xxs xs xl xxl small smaller large larger medium petite "
    "petites oversized length too_long too_short too_big too_wide too_narrow inches",
    "quality": "quality well_made well-made poorly_made material fabric stitch stitches "
    "stitching seam seams thin flimsy sheer see-through see_through durable sturdy "
    "cheaply looks_cheap look_cheap looked_cheap feels_cheap feel_cheap felt_cheap "
    "pills pilled pilling fell_apart rips ripped ripping torn hole holes shrink "
    "shrinks shrunk shrank defect defects defective broke broken zipper thread "
    "threads unravel unravels unraveled unraveling workmanship craftsmanship wash "
    "washes washed washing",
    "color": "color colors colored colour colours coloured hue hues shade shades fade fades "
    "faded fading vibrant washed_out",
    "price": "price prices priced pricey pricy pricing expensive cost costs costly money "
    "bargain affordable overpriced inexpensive on_sale value worth_it worth_the "
    "worth_every cheaper discount",
    "comfort": "comfort comfortable comfortably comfy uncomfortable soft softer softness itchy "
    "itch itches scratchy cozy breathable breathes stiff irritates irritated "
    "irritating stretchy stretch",
    "delivery": "deliver delivers delivered delivery ship ships shipped shipping shipment arrive "
    "arrived arrives arrival package packaged packaging courier tracking "
    "customer_service wrong_item came_late",
}
_HOLES_FOR: Final = frozenset({"arm", "neck", "button", "belt", "sleeve"})  # "arm holes" are meant
_CHINESE: Final[dict[Aspect, str]] = {
    "fit": "合身|版型|板型|修身|显瘦|显胖|宽松|紧身|贴身|上身效果|剪裁|裁剪|松垮|勒得?",
    "size": "尺码|尺寸|码数|大小|偏大|偏小|太大|太小|大了|小了|大一号|小一号|有点大|有点小|"
    "偏长|偏短|太长|太短|[SMLX]码|均码|大码|小码",
    "quality": "质量|品质|做工|材质|面料|布料|质地|质感|结实|耐用|坏了|坏的|烂|起球|线头|正品|"
    "假货|假的|开裂|开线|瑕疵|损坏|破损|次品|山寨|缩水|新鲜|死机|故障|掉毛|脱线|粗糙|精致",
    "color": "颜色|色差|掉色|褪色|色彩|色泽|退色|配色",
    "price": "价格|价钱|价位|性价比|便宜|太贵|很贵|贵了|偏贵|不贵|实惠|划算|降价|物有所值|"
    "物美价廉|价廉物美|不值|值得|超值|优惠|花钱|涨价|保价",
    "comfort": "舒服|舒适|柔软|透气|闷热|扎人|扎皮肤|硬邦邦|亲肤|不适|难受|手感",
    "delivery": "物流|快递|发货|送货|包装|配送|到货|收到货|运费|送到|派送|快递员|送货员|卖家服务",
}
_ASPECT_OF: Final[dict[str, Aspect]] = {
    word: aspect for aspect, words in _ENGLISH.items() for word in words.split()
}
_CHINESE_PATTERN: Final = re.compile(
    "|".join(f"(?P<{aspect}>{words})" for aspect, words in _CHINESE.items())
)
_ORDER: Final = tuple(_ENGLISH)
_ENGLISH_WORD: Final = re.compile("[a-z]+(?:-[a-z]+)*")
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？!?；;…\n])")
_TURN: Final[dict[Language, re.Pattern[str]]] = {
    "en": re.compile(
        r"[,;:]?\s+(?=(?:but|however|although|though|yet|except|unfortunately|otherwise)\b)|;\s+",
        re.IGNORECASE,
    ),
    "zh": re.compile("[，,；;、\\s]+(?=但|可是|不过|只是|然而|就是|除了)|[，,；;]"),
}


# Where a run of English words begins or ends: "质量很好 but it runs small", not "买了 XL 码".
_BETWEEN: Final = re.compile(
    "(?<=[\u3400-\u9fff])[\\s,，]*(?=[A-Za-z]{2,}\\s+[A-Za-z]{2,})"
    "|(?<=[a-z])[^\\w.!?。！？]*(?=[\u3400-\u9fff])"
)


class Mention(NamedTuple):
    """An aspect, the part of a sentence that is about it, and the language of that part."""

    aspect: Aspect
    sentence: str
    language: Language


def sentences(text: str) -> list[str]:
    """Split a clean text into sentences, in order. A sentence is cut after 400 letters."""
    parts = (part.strip() for part in _SENTENCE.split(text))
    return [part[:_LONGEST] for part in parts if part]


def clauses(text: str, language: Language) -> list[str]:
    """Split a clean text into sentences, and these at words such as "but", in order.

    A text with Han characters is also split where its language changes.
    """
    split = _TURN[language].split
    whole = sentences(text)
    if HAN.search(text):
        whole = [part for sentence in whole for part in _BETWEEN.split(sentence)]
    parts = (part.strip(" ,，、") for sentence in whole for part in split(sentence))
    return [part for part in parts if part]


def mentions(text: str, language: Language) -> list[Mention]:
    """Return the aspects that a clean text is about, in its order, at most 50.

    In a text of two languages, each part is read in its own: one without Han characters is English.
    """
    found: list[Mention] = []
    for clause in clauses(text, language):
        own: Language = "zh" if HAN.search(clause) else "en"
        aspects = _chinese_aspects(clause) if own == "zh" else _english_aspects(clause)
        found += [Mention(aspect, clause, own) for aspect in _ORDER if aspect in aspects]
        if len(found) >= MOST_MENTIONS:
            break
    return found[:MOST_MENTIONS]


def _english_aspects(clause: str) -> set[Aspect]:
    words = _ENGLISH_WORD.findall(clause.lower())
    found: set[Aspect] = set()
    before = ""
    for word in words:
        aspect = _ASPECT_OF.get(word) or _ASPECT_OF.get(f"{before}_{word}")
        if aspect and not (word in ("hole", "holes") and before in _HOLES_FOR):
            found.add(aspect)
        before = word
    return found


def _chinese_aspects(clause: str) -> set[Aspect]:
    matches = _CHINESE_PATTERN.finditer(clause)
    return {aspect for match in matches for aspect in _ORDER if aspect == match.lastgroup}
