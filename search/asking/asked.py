"""Take a question apart: its language, the way it asks, and its terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from indexer.words.folding import fold
from search.asking.terms import Terms, stem_of, terms_of
from search.words.price_words import take_order, take_price

if TYPE_CHECKING:
    from search.filters.conditions import Range

Way = Literal["which", "have", "ask", "search"]

_HAN: Final = re.compile("[\u3400-\u9fff]")
_WHICH: Final = re.compile(
    r"\bwhich\b|\bwhat (?:kind|sort|type)s? of\b|\bwhat (?!is\b|are\b|do\b|does\b|'s)(?:\w+ ){1,3}"
    r"(?:is|are|do you have|have)\b|哪些|哪款|哪件|哪种|哪个|哪双"
)
_HAVE: Final = re.compile(
    r"^(?:do|does) (?:you|the shop|your shop) (?:have|sell|carry|stock|offer)\b|^have you got\b|"
    r"^(?:is|are) there\b|^(?:got |have you got |you got )?any(?:thing)?\b|"
    r"(?:你们|店里|这里)?有(?:没有)?.*(?:吗|么|？|\?)$|有没有|^有什么|卖.*吗"
)
_SEARCH: Final = re.compile(
    r"^(?:please )?(?:show|find|get|give) (?:me |us )?|^(?:i(?:'m| am)? )?(?:want|need|looking for|"
    r"searching for|would like)\b|^i'd like\b|^looking for\b|"
    r"^(?:我)?(?:想买|想要|要买|找一?|给我看|看看|推荐)"
)
_ASKS: Final = re.compile(
    r"[?？]\s*$|^(?:what|which|who|when|where|why|how|is|are|was|do|does|did|can|could|will|"
    r"would|should|has|have|may|am|my|i|we|it|you|your)\b|吗|呢\s*$|什么|哪|多少|怎么|如何|几|能不能|可不可以|"
    r"是不是|有没有|多久|多大|是否|咋|能.+不$|可以.+不$"
)
# Phrases whose single words do not say what they mean, and the term for what they mean.
_PHRASES: Final = tuple(
    (re.compile(pattern), term)
    for pattern, term in (
        (r"\bmade (?:of|from|out of)\b|什么做的|用什么做", "material"),
        (r"\bwho (?:makes|made|produces)\b|谁(?:做|生产)的", "brand"),
        (r"\bsen[dt](?:ing)? (?:\w+ )?back\b|\b(?:take|bring|give) (?:\w+ )?back\b", "return"),
        (r"\bmoney back\b|\bback my money\b", "refund"),
        (r"\b(?:pick|collect)(?:ing)? (?:\w+ )?up\b|自提|自取", "collect"),
        (r"\bback in stock\b|\bin stock again\b", "stock"),
        (r"\b(?:opening|business) hours\b|营业时间|几点(?:开门|关门)", "store"),
        (r"\bcredit cards?\b|\bdebit cards?\b", "pay"),
        (r"\bwhat (?:do|does|will|must) (?:i|we|it) pay\b", "cost"),
        (r"\b(?:get|receive) (?:my|our|the) (?:order|parcel|package|things)\b", "delivery"),
        (r"\bstop (?:sending|mailing|e-?mailing)\b(?: me)?(?: (?:e-?)?mails?)?", "newsletter"),
        (r"\b(?:another|bigger|larger|smaller|different|wrong) size\b", "exchange"),
        (r"\bwhat (?:does|do) (?:it|they|this) cost\b", "cost"),
        (r"\bhow (?:heavy|much does (?:it|this) weigh)\b|多重", "weight"),
        (
            r"\bwhere (?:is|are|was|were) (?:it|they|this|these) (?:made|manufactured|from)\b",
            "origin",
        ),
        (r"\bwhere do(?:es)? (?:\w+ ){1,3}come from\b", "origin"),
        (r"\bhow (?:wide|tall|high|deep|thick|big|large)\b|多[宽高大深]", "size"),
        (r"\bruns? (?:\w+ )?(?:small|large|big|tight)\b|尺码(?:标准|正|准)|偏[大小]", "true"),
        (r"\b(?:which|what) country\b.*\b(?:from|made)\b|产地|产的|哪里生产|哪国", "origin"),
    )
)
_OPINION: Final = re.compile(
    r"\b(?:what|how) do (?:\w+ )?(?:people|customers|buyers|others|reviews?) "
    r"(?:say|think|feel|like)(?: (?:about|of))?\b"
    r"|(?:大家|顾客|买家|别人)都?(?:怎么说|怎么看|觉得)|评价"
)
# Words of chats, and what they stand for; a greeting goes.
_CHAT: Final = (
    (re.compile(r"^(?:hi|hey|hello|hallo|good (?:morning|evening|day))\b(?: there)?[\s,.!]*"), ""),
    (re.compile(r"^(?:您好|你好|亲|请问|麻烦问(?:一)?下|想问(?:一)?下)+[，,。！!\s]*"), ""),
    (re.compile(r"\b(?:pls|plz|please|thx|thanks|thank you)\b[\s,.!]*"), ""),
    (re.compile(r"(?<!\w)u(?!\w)"), "you"),
    (re.compile(r"(?<!\w)ur(?!\w)"), "your"),
    (re.compile(r"(?<!\w)(what|where|who|how|when)s(?!\w)"), r"\1 is"),
    (re.compile(r"(?<!\w)(do|does|did|is|are|ca|wo|was|have)nt(?!\w)"), r"\1n't"),
    (re.compile(r"\bextra large\b|特大号|加大号"), "xl"),
    (re.compile(r"(?<=in )small\b|(?<=size )small\b|小号"), "s"),
    (re.compile(r"(?<=in )medium\b|(?<=size )medium\b|中号"), "m"),
    (re.compile(r"(?<=in )large\b|(?<=size )large\b|大号"), "l"),
)
_AMOUNT: Final = re.compile(
    r"\bhow (?:many|much|long|wide|tall|high|deep|thick|big|heavy|large|far|old)\b"
    r"|多少|几[个件片瓶升米斤口条块层]|多[长宽高厚深重大]|容量"
)
# A text of several clauses asks with the last one: "I'd like to try it on, do you have a shop?".
_LAST_CLAUSE: Final = re.compile(r"^.+[.,;!，。；！]\s*(?=\S{4,}$|\S+\s+\S+\s+\S)")
_YES_NO: Final = re.compile(r"^(?:is|are|does|do|can|could|has|have|will)\b|吗|是不是|有没有|是否")


class Asked(NamedTuple):
    """A question. ``text`` has no price limit; ``order`` is 1 for cheapest, -1 for dearest.

    ``price`` is the limit, None if there is none. ``is_opinion`` is True if it asks what customers
    say, ``is_amount`` if only a number answers it.
    """

    language: Literal["en", "zh"]
    way: Way
    text: str
    terms: Terms
    order: int
    is_yes_no: bool
    is_opinion: bool = False
    is_amount: bool = False
    price: Range | None = None


def take_question_apart(question: str) -> Asked:
    """Return what a question asks. A text without any sign of a question is a search."""
    folded = " ".join(fold(question).split())
    for pattern, instead in _CHAT:
        folded = pattern.sub(instead, folded).strip() or folded
    text, order = take_order(folded)
    text, price = take_price(text)
    meant = {stem_of(term) for pattern, term in _PHRASES if pattern.search(text)}
    plain = _OPINION.sub(" ", text)
    for pattern, _ in _PHRASES:
        plain = pattern.sub(" ", plain)
    terms = terms_of(plain)
    is_yes_no = bool(_YES_NO.search(folded))
    # "What watches cost under 50?" asks for items; "is it under 50?" for a price.
    is_limited = price is not None and not is_yes_no and _way_of(folded) == "ask"
    return Asked(
        language="zh" if _HAN.search(folded) else "en",
        way="search" if is_limited else _way_of(folded),
        text=text,
        terms=terms._replace(stems=terms.stems | meant),
        order=order,
        is_yes_no=is_yes_no,
        is_opinion=bool(_OPINION.search(folded)),
        price=price,
        is_amount=bool(_AMOUNT.search(folded)),
    )


def last_clause(question: str) -> str:
    """Return the last clause of a question, if it asks; else the question."""
    clause = _LAST_CLAUSE.sub("", question)
    return clause if _ASKS.search(clause) else question


def _way_of(folded: str) -> Way:
    folded = last_clause(folded)
    if _SEARCH.search(folded):
        return "search"
    if _HAVE.search(folded):
        return "have"
    if _WHICH.search(folded):
        return "which"
    return "ask" if _ASKS.search(folded) else "search"
