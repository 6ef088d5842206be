"""What the words around a value make of it: denied, compared, or the value of a part only."""

from __future__ import annotations

import re
from typing import Final

from indexer.enrichment.gazetteer import HAN

_CLAUSE: Final = re.compile(r"[.,;:!?()\[\]|•]|\s[-–—]\s|\bbut\b", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"\b(?:(?:no|zero)(?:\s(?:added|real|genuine|animal|more|of|any|or|other|natural|artificial))*"
    r"|non|faux|fake|imitation|artificial|synthetic|simulated|vegan|protein|pu|eco"
    r"|(?:not(?!\s+(?:only|just))|never|without|isn't|aren't|doesn't|nor|cannot|avoid|excludes?)(?:\s[\w'%]+){0,4}"
    r"|(?:free\s(?:of|from)|instead\sof|rather\sthan|other\sthan|unlike|than|replaces?|lacks?)(?:\s[\w'%]+){0,3}"
    r"|(?:feels?|looks?|soft|warm|light|strong|sheer|smooth|hard)\s(?:like|as)(?:\s\w+){0,2}"
    r"|like|resembl\w+|reminiscent\sof|inspired\sby|imitat\w+|mimic\w*"
    r"|(?:scents?|notes?|hints?|smells?|tastes?|flavou?rs?|touch|aromas?)\sof(?:\s\w+){0,2})"
    r"\s?(?:the\s|an?\s)?$",
    re.IGNORECASE,
)
_NOT_AFTER: Final = re.compile(
    r"^[\s-]?(?:free|like|look|looking|feel|effect|style|styled|proof|scented|scent|flavou?red|flavou?r|"
    r"inspired|imitation|alternative|substitute|friendly|resistant|safe|optics?|imitating|soft|colou?r(?:ed)?)\b",
    re.IGNORECASE,
)
_NOT_COLOR_AFTER: Final = re.compile(
    r"^[\s-]?(?:free|scented|scent|flavou?red|flavou?r|tea|wine|juice|oil|extract|seeds?|powder|"
    r"sugar|rice|beans?|blossom|essence|fragrance|salt|sauce|jam|cake|friendly|label|award|shades?|orchids?|lagoon|musk|pepper|lotus|dahlia)\b",
    re.IGNORECASE,
)
_PART: Final = (
    r"(?:accents?|trims?|trimmed|trimming|piping|stitch\w*|details?|detailing|insets?|inserts?|lining|liner|"
    r"lined|waistband|waist|zippers?|(?<!full[\s-])(?<!half[\s-])(?<!quarter[\s-])(?<!/4[\s-])zips?(?![\s-]up)|logos?|pockets?|panels?|straps?|laces?|soles?|outsoles?|midsoles?|"
    r"insoles?|buckles?|handles?|screens?(?!\s+protect)|display|carpets?|floors?|flooring|backing|frames?|legs?(?!\s(?:pants?|jeans|trousers|tights|leggings|shorts))|bases?(?!\s+layers?)|feet|"
    r"keycaps?|switch(?:es)?|buttons?|knobs?|wheels?|pouch(?:es)?|vents?|venting|zones?|gussets?|padded|bottles?|jars?|box(?:es)?|packaging|shades?\sof|"
    r"cuffs?(?!\s+bracelet)|collars?|hoods?|stands?|stones?|gems?|beads?|hems?|tips?|caps?|lids?|cords?|tassels?|hardware|rivets?|clasps?|posts?|fasteners?|"
    r"palms?|clips?|carabiners?|ribs?|wicks?|bristles|seats?|patch(?:es)?|grips?|coat(?:ed|ing)|ventilation|(?:carry\s|storage\s)?bag\sincluded|"
    r"lights?|leds?|contrast\w*|undertones?|overlays?|filling|fill|padding|cushions?|mattress(?:es)?|surfaces?|walls?|furniture|shel(?:f|ves)|poles?|doors?|drawers?|heads?)"
)
_PART_AFTER: Final = re.compile(
    rf"^[\s-]++(?:and\s\w+\s)?(?:[\w'-]+\s){{0,2}}?{_PART}\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_PART_BEFORE: Final = re.compile(
    r"\b(?:lin(?:ed|ing|er)|fill(?:ed|ing)|trim(?:med)?|coat(?:ed|ing)|back(?:ed|ing)|stuff(?:ed|ing)|"
    r"piping|(?:in|out|mid)?soles?|straps?|handles?|packag\w+|pouch|accents?|details?|base|legs?|padd(?:ed|ing)|"
    r"posts?|poles?|covers?|cushions?|shel(?:f|ves)|lids?|wrapped|reinforced|contrast\w*|comes?)\b[^.;!?]{0,12}?(?:\bof|\bin|\bwith|:|\bis|\bare|\bfrom)\s"
    r"(?:an?\s|the\s)?(?:\d+\s?%\s)?(?:[\w'-]+\s){0,2}$",
    re.IGNORECASE,
)
# "Mesh at the back", "a built-in mesh brief".
_AT_PART: Final = re.compile(
    r"^\s(?:at|on|along)\s(?:the\s)?(?:back|front|sides?|shoulders?|neck\w*|under\w*|hems?|cuffs?)\b",
    re.IGNORECASE,
)
_INNER_BEFORE: Final = re.compile(
    r"\b(?:built[\s-]in|inner|interior|internal|removable|detachable)\s(?:[\w'-]+\s){0,4}$",
    re.IGNORECASE,
)
_TECHNOLOGY: Final = re.compile(r"^\W*(?:[\w'-]+\s)?technolog", re.IGNORECASE)
_WITH: Final = re.compile(r"\b(?:with|featuring|and)\s(?:[\w'-]+\s){0,4}$", re.IGNORECASE)
_MADE_WITH: Final = re.compile(r"\b(?:made|crafted|knit|blended|woven)\swith\b|%", re.IGNORECASE)
_USED_ON: Final = re.compile(
    r"\b(?:works?\son|use\son|used\son|suitable\sfor|ideal\sfor|perfect\sfor|cuts?(?!\sfrom)|drills?|cleans?|polish(?:es)?|"
    r"protects?|glues?|for\suse\son|for\suse\swith|pairs?\s(?:well\s)?with|goes\swith|match(?:es)?|over)\s[^.;!?]{0,30}$"
    r"|^\s*for\s[^.,;!?]{0,30}$",
    re.IGNORECASE,
)
_OPTIONS: Final = re.compile(
    r"\b(?:choose|choice|available\sin|options|colou?rs|variety|assorted|various)\b|可选|多色可|任选|随机|或",
    re.IGNORECASE,
)
# "Red, navy, gray or blue": an "or" that is far away is about something else.
_OR_BEFORE: Final = re.compile(r"\bor\s(?:[\w'-]+\s){0,2}$", re.IGNORECASE)
_OR_AFTER: Final = re.compile(r"^(?:[\s,]+[\w'-]+){0,4}[\s,]+or\b", re.IGNORECASE)
_SURE: Final = re.compile(
    r"(?:\d{1,3}\s?%\s?(?:[\w'-]+\s){0,2}|\b(?:made|crafted|knit|knitted|woven|cut|sewn|built|carved|cast)\s"
    r"(?:entirely\s|out\s)?(?:of|from|in|with)\s(?:an?\s|the\s)?(?:[\w'%-]+\s){0,4}"
    r"|\b(?:fabric|materials?|upper|outer|shell|composition|cover|body|fabrication|made\sin)\s?[:=]?\s(?:[\w'%-]+\s){0,2}"
    r"|(?:面料|材质|鞋面|成分|外壳|主料|表层|材料)[:：]?)$",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(r"(?<!\d)(\d{1,2}|100)\s?[%％]\s?(?:[\w'-]+\s){0,2}$")
# Chinese.
_CHINESE_CLAUSE: Final = re.compile(r"[，。,；;!！?？()（）\s]")
_CHINESE_DENIED: Final = re.compile(
    r"(?:不含|不是|没有|不用|不带|不适合|不适用于?|不添加|不使用|拒绝|替代|告别|不掺|未添加)[^，。]{0,8}$"
    r"|(?:[无非零]|仿|仿真|人造|合成|像|如同?|似|类似?|媲美|犹如|好像)$|[非无]真$"
)
_CHINESE_AFTER: Final = re.compile(
    r"^(?:感|手感|触感|外观|味|般|状|风格|风味|香|质感|纹|效果|油|酱|糖|茶|酒|汁|树|花香|清洁|护理|胶水|保养|地板|墙|家具)"
)
_CHINESE_PART: Final = re.compile(
    r"^(?:内里|里料|里衬|衬里|里布|内衬|鞋底|大底|底盘?|脚|腿|把手|手柄|柄|表带|腕带|带|轴|键帽|边|包边|拉链|纽扣|扣|"
    r"配饰|点缀|拼接|装饰|瓶|盒|袋|罐装|底座|框|轮|填充|坐垫|靠垫|面板|背板|背面|盖|耳针|字|图案|logo|印花|条纹|线条)"
)
_CHINESE_PART_BEFORE: Final = re.compile(
    r"(?:内里|里料|里布|衬里|内衬|填充物?|鞋底|大底|底材|内胆|配件|包装|表带|底盘|坐垫|靠垫|面板|背面|耳针)[:：]?[^，。；;]{0,4}$"
)


_NEAR: Final = 200  # letters before a value that can be about it


def just_before(text: str, start: int) -> str:
    """Return the letters before ``start`` that can be about the value there.

    A pattern that ends at the value is tried from every letter, so its text must be bounded: a
    sentence can have 20,000 letters, and each of its words can be a value.
    """
    return text[max(0, start - _NEAR) : start]


def is_denied(
    text: str, start: int, end: int, *, of_color: bool = False, only_before: bool = False
) -> bool:
    """Return whether the words around a value deny it or compare with it, in either language.

    ``only_before`` ignores the words after it, such as "style".
    """
    if HAN.search(text[start:end]):
        clause = _CHINESE_CLAUSE.split(text[max(0, start - 16) : start])[-1]
        if _CHINESE_DENIED.search(clause):
            return True
        return not only_before and bool(_CHINESE_AFTER.match(text[end : end + 4]))
    clause = _CLAUSE.split(text[max(0, start - 60) : start].replace("’", "'"))[-1]
    after = text[end : end + 16]
    pattern = _NOT_COLOR_AFTER if of_color else _NOT_AFTER
    if _DENIED.search(clause.replace("-", " ")):
        return True
    return not only_before and bool(pattern.match(after))


def offers_choice(sentence: str) -> bool:
    """Return whether a sentence offers a choice: "available in", "assorted", 可选."""
    return bool(_OPTIONS.search(sentence))


def is_alternative(sentence: str, start: int, end: int) -> bool:
    """Return whether a value is one of several that "or" joins."""
    after = sentence[end : end + 60]
    return bool(_OR_BEFORE.search(just_before(sentence, start)) or _OR_AFTER.match(after))


def is_stated(sentence: str, start: int) -> bool:
    """Return whether a sentence states what something is made of: "80% cotton", "made of wool"."""
    return bool(_SURE.search(just_before(sentence, start)))


def percent_of(text: str, start: int) -> int:
    """Return the percentage before a material, such as 80 of "80% combed cotton"; 0 without one."""
    found = _PERCENT.search(text[max(0, start - 40) : start])
    return int(found[1]) if found else 0


def is_of_part(text: str, start: int, end: int, *, in_title: bool, of_color: bool = False) -> bool:
    """Return whether a value is of a part, of the packing, or of what an item is used on.

    In a title, a part that is its last noun is the item itself: "leather strap".
    """
    if HAN.search(text[start:end]):
        before = text[max(0, start - 12) : start]
        return bool(
            _CHINESE_PART.match(text[end : end + 4].lstrip("的色"))
            or _CHINESE_PART_BEFORE.search(before)
        )
    before = _sentence_before(text, start)
    after = text[end : end + 60]
    clause = re.split(r"[.;!?|,(]|\s(?:with|for|in|on|of|from|that|which)\s", after)[0]
    found = _PART_AFTER.match(clause)
    is_first = in_title and not _CLAUSE.search(text[:start])
    if found and not (is_first and not found["rest"].strip() and not _WITH.search(before)):
        return True
    if _PART_BEFORE.search(before) or _AT_PART.match(after):
        return True
    if _INNER_BEFORE.search(before) and not _TECHNOLOGY.match(after):
        return True
    if in_title:
        return bool(_WITH_TITLE.search(before))
    if of_color and re.search(r"\bwith\s(?:[\w'-]+\s){0,3}$", before, re.IGNORECASE):
        return True
    return bool(_USED_ON.search(before) and not _MADE_WITH.search(before))


_WITH_TITLE: Final = re.compile(
    r"\b(?:with|featuring|for|incl\w*)\s(?:(?!\s[-–—]\s)[^,|()])*$", re.IGNORECASE
)


def _sentence_before(text: str, start: int) -> str:
    return re.split(r"[.;!?|]\s", text[max(0, start - 60) : start])[-1]
