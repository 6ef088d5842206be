"""Map an item to the taxonomy by the noun of its title, or by what its description says it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from indexer.enrichment.gazetteer import HAN, folded_words
from indexer.enrichment.nouns import Word, words_in
from indexer.enrichment.tree import CategoryTree, Named, words_of_path
from indexer.enrichment.values import bundled

_MOST_WORDS: Final = 6  # of a name
_MOST_NOUNS: Final = 3  # of a part
_QUOTED: Final = re.compile(r"[\"“][^\"”]*[\"”]|(?<!\w)['‘][^'’]{3,}['’](?!\w)")
_SPLIT: Final = re.compile(
    r"(?<!\s)\s++[-–—]\s+|[,|(;:·]|\s(?:with|for|in|by|from|featuring|including|without|no)\s",
    re.IGNORECASE,
)
_IS_A: Final = re.compile(
    r"\b(?:is|are)\s+(?:an?|the|our|simply|truly)\s+(?P<what>[^.!?;:,]{3,80}?)"
    r"(?=[.!?;:,]|\s(?:that|which|with|made|for|of|in|from|and|to|by|has|you|whose|is)\s|$)",
    re.IGNORECASE,
)
# Words after a noun that do not change what it names.
_TAIL: Final = frozenset(
    "set pack pair bundle kit series edition collection pro plus max mini lite new sale piece pcs "
    "pc size small medium large xs s m l xl xxl xxxl gb tb ml cl kg g oz lb cm mm inch in ft w v "
    "mah one two three print printed pattern design".split()
)  # fmt: skip
# Words in the path of a category that a text must have, or the category is another one.
_DEMANDED: Final = frozenset(
    "baby toddler infant maternity nursing man woman boy girl pet dog cat bird fish reptile "
    "animal horse doll costume vehicle car motorcycle marine boat medical sport collectible "
    "replacement part accessory outdoor laboratory tattoo bridal wedding party game toy pretend "
    "camera gift industrial restaurant traditional ceremonial uniform dance bath pool golf "
    "hockey football hunting fishing camping climbing kitchen office patio lawn garden magic "
    "school military travel repair care cleaning material cleaner cover storage holder stand "
    "instrument orchestra art craft building memorabilia plumbing door window wall floor vending "
    "decoration artificial religious prayer massage seat bed alcohol "
    "legging shapewear".split()
)  # fmt: skip
_COSTLY_ROOTS: Final = {"ap": 1.0, "bi": 1.5, "rc": 1.5, "vp": 1.2, "ae": 0.7, "ha": 0.5, "os": 0.3}
_AGES: Final = frozenset({"baby", "toddler", "infant", "newborn", "kid", "child"})
# Chinese: words around a noun, and the marks that end a part of a title.
_CHINESE_SPLIT: Final = re.compile(r"[\s,，。、;；:：|/()（）【】\[\]!！·-]+")
_CHINESE_TAIL: Final = re.compile(
    r"(?:男女款?|男款?|女款?|男士|女士|儿童|新款|正品|套装|礼盒|大码|加厚|款"
    r"|(?<![一两二三四五六七八九十\d])[一两二三四五六七八九十\d]+[个只双件条袋瓶盒片层包支]?装?)$"
)
_CHINESE_DEMANDED: Final = {
    "婴": "婴宝", "幼童": "童幼", "孕": "孕", "宠物": "宠狗猫犬", "狗": "狗犬", "猫": "猫",
    "鸟": "鸟", "鱼": "鱼", "车辆": "车", "汽车": "车", "摩托": "摩托", "娃娃": "娃偶",
    "玩具": "玩童", "收藏": "藏", "服装道具": "装", "配件": "配", "替换": "替换", "零件": "零",
    "医": "医", "户外": "外庭", "男童": "男",
}  # fmt: skip


_CHINESE_AMOUNT: Final = re.compile(r"[\d.x×*]+[\u3400-\u9fffa-z]{0,2}")


class CategoryGuess(NamedTuple):
    """A category of the taxonomy, how sure it is, and the words it stands on.

    ``start`` and ``end`` are places in the title, or in the description if ``in_title`` is false.
    """

    code: str
    confidence: float
    in_title: bool
    start: int
    end: int


class _Match(NamedTuple):
    named: Sequence[Named]
    words: int
    start: int
    end: int
    is_head: bool  # nothing but a tail follows it in its part of the title


def guess_category(title: str, description: str, tree: CategoryTree) -> CategoryGuess | None:
    """Return the category that the texts name, or None if they name none or several.

    Texts are plain. A guess from a title has a confidence of at most 0.95, from a description of
    at most 0.75.
    """
    context = f"{title} {description[:400]}"
    guesses: list[CategoryGuess] = []
    if HAN.search(title):
        guesses += _judged(_in_chinese(title, tree), title, context, tree)
    else:
        guesses += _judged(_in_english(title, tree), title, context, tree)
        if not guesses or guesses[0].confidence < 0.6:
            defined = _judged(_in_definition(description, tree), description, context, tree)
            guesses += [
                one._replace(confidence=round(one.confidence - 0.2, 3), in_title=False)
                for one in defined
            ]
    return max(guesses, key=lambda one: one.confidence, default=None)


def _judged(
    parts: Iterable[Sequence[_Match]], text: str, context: str, tree: CategoryTree
) -> list[CategoryGuess]:
    """Return the surest guess, or none. A noun that is no head, or of a later part, counts less.

    The places of the matches are in ``text``; ``context`` is all that is known of the item.
    """
    found = []
    for number, part in enumerate(parts):
        for place, match in enumerate(part):
            phrase = text[match.start : match.end]
            code, margin = _best(match, phrase, context, tree)
            if code is None:
                continue
            base = 0.95 if any(one.is_ours for one in match.named) or match.words > 1 else 0.85
            # An unknown word behind it makes it another thing: 平板电脑保护套 is no computer.
            unlike = 0.5 if HAN.search(phrase) else 0.3
            base -= 0.0 if match.is_head else unlike + 0.1 * max(place - 1, 0)
            base -= 0.1 * min(number, 2) + 0.15 * (1 - min(margin, 1.0))
            found.append(
                CategoryGuess(code, round(base, 3), in_title=True, start=match.start, end=match.end)
            )
            break
    return [max(found, key=lambda one: one.confidence)] if found else []


def _best(match: _Match, phrase: str, context: str, tree: CategoryTree) -> tuple[str | None, float]:
    """Return the category that fits the context best, and by how much; None if two fit alike."""
    own = {word.text for word in words_in(context)}
    named = {word.text for word in words_in(phrase)}
    # A long name is seldom one of another thing, so its path matters less.
    weight = 0.5 if match.words > (2 if HAN.search(phrase) else 1) else 1
    scored = sorted(
        ((_fit(one, own, named, context, tree, weight), one.code) for one in match.named),
        key=lambda pair: (-pair[0], len(pair[1]), pair[1]),
    )
    top, code = scored[0]
    if top < -1.0:
        return None, 0.0
    rivals = [one for score, one in scored if score > top - 0.35]
    if len(rivals) > 1:
        shared = tree.common(rivals)
        if shared is None or shared.depth < 2:
            return None, 0.0
        return shared.code, 0.5
    others = [score for score, one in scored[1:] if not one.startswith(f"{code}-")]
    return code, top - others[0] if others else 1.0


def _fit(
    one: Named, own: set[str], named: set[str], context: str, tree: CategoryTree, weight: float
) -> float:
    """Return how well a category fits: words of its path that the text has, or should have.

    ``weight`` is of those that it should have.
    """
    path = _path_words(tree, one.code)
    missing = (path & _DEMANDED) - own - named
    if path & _AGES and own & _AGES:
        missing -= _AGES
    chinese = _chinese_path(tree, one.code)
    is_chinese = bool(HAN.search(context))
    if is_chinese:
        missing = frozenset()
        lacking = sum(
            word in chinese and not any(sign in context for sign in signs)
            for word, signs in _CHINESE_DEMANDED.items()
        )
        missing_cost = min(2.0, 0.8 * lacking)
    else:
        missing_cost = min(2.0, 0.8 * len(missing))
    root = one.code.partition("-")[0]
    shared = len((path & own) - named)
    return (
        (1.5 if one.is_ours else 0.0)
        + 0.4 * min(shared, 3)
        - missing_cost * (0.3 if one.is_ours else weight)
        - 0.08 * one.code.count("-")
        - (0.0 if one.is_ours else _COSTLY_ROOTS.get(root, 0.0))
    )


@lru_cache(maxsize=4096)
def _path_words(tree: CategoryTree, code: str) -> frozenset[str]:
    return words_of_path(tree, code)


@lru_cache(maxsize=4096)
def _chinese_path(tree: CategoryTree, code: str) -> str:
    return tree.chinese_path(code)


def _in_english(title: str, tree: CategoryTree) -> list[list[_Match]]:
    """Return the nouns of each part of a title, the last first."""
    title = _QUOTED.sub(lambda match: " " * len(match.group()), title)
    found, start = [], 0
    ends = [(match.start(), match.end()) for match in _SPLIT.finditer(title)]
    for end, following in [*ends, (len(title), len(title))]:
        found.append(_nouns(title[start:end], start, tree, is_first=start == 0))
        start = following
    return found


def _in_definition(description: str, tree: CategoryTree) -> list[list[_Match]]:
    """Return the nouns after "is a" in the first sentences of a description."""
    return [
        [
            noun
            for noun in _nouns(match["what"], match.start("what"), tree, is_first=True)
            if noun.is_head
        ]
        for match in list(_IS_A.finditer(description[:600]))[:3]
    ]


def _nouns(part: str, offset: int, tree: CategoryTree, *, is_first: bool) -> list[_Match]:
    """Return the nouns of a part of a title, the last first, each with its longest name."""
    words = words_in(part)
    last = len(words)
    while last and _is_tail(words[last - 1]):
        last -= 1
    found = _nouns_before(words, last, offset, tree)
    if not found and is_first and last < len(words):  # "Orange" is a fruit, "Zorblax (Orange)" not
        found = _nouns_before(words, len(words), offset, tree)
    return found


def _nouns_before(words: list[Word], last: int, offset: int, tree: CategoryTree) -> list[_Match]:
    """Return the nouns among the first ``last`` words, and names that reach into their tail."""
    found: list[_Match] = []
    for end in range(len(words), last, -1):  # "lounge set" is a name of its own
        for size in range(min(_MOST_WORDS, end), 1, -1):
            named = tree.english.get(tuple(word.text for word in words[end - size : end]))
            if named and not found:
                span = (offset + words[end - size].start, offset + words[end - 1].end)
                found.append(_Match(named, size, *span, is_head=True))
                last = end - size
    end = last
    while end and len(found) < _MOST_NOUNS:
        taken = 1
        for size in range(min(_MOST_WORDS, end), 0, -1):
            named = tree.english.get(tuple(word.text for word in words[end - size : end]))
            if named:
                span = (offset + words[end - size].start, offset + words[end - 1].end)
                found.append(_Match(named, size, *span, is_head=end == last))
                taken = size
                break
        end -= taken
    return found


def _is_tail(word: Word) -> bool:
    return (
        word.text in _TAIL
        or word.text in _color_words()
        or any(sign.isdigit() for sign in word.text)
    )


@lru_cache(maxsize=1)
def _color_words() -> frozenset[str]:
    values = bundled().values.items()
    return frozenset(
        word for word, known in values if any(value.attribute == "color" for value in known)
    )


def _in_chinese(title: str, tree: CategoryTree) -> list[list[_Match]]:
    """Return the nouns of a Chinese title, those that end a part first, the longest first."""
    folded = folded_words(title)
    found: list[list[_Match]] = []
    start = 0
    ends = [(match.start(), match.end()) for match in _CHINESE_SPLIT.finditer(title)]
    for end, following in [*ends, (len(title), len(title))]:
        part = folded[start:end]
        if _CHINESE_AMOUNT.fullmatch(part):
            start = following
            continue
        while (tail := _CHINESE_TAIL.search(part)) and tail.start() > 0:
            part = part[: tail.start()]
        found.append(_chinese_nouns(part, start, tree))
        start = following
    return sorted(
        filter(None, found),
        key=lambda part: (not part[0].is_head, -min(part[0].words, 3)),
    )


def _chinese_nouns(part: str, start: int, tree: CategoryTree) -> list[_Match]:
    """Return the nouns in a part, the last first; one character counts at its end only."""
    found: list[_Match] = []
    last = len(part)
    while last and len(found) < _MOST_NOUNS:
        taken = 1
        for size in range(min(8, last), 0, -1):
            named = tree.chinese.get(part[last - size : last])
            is_head = last == len(part)
            if named and (size > 1 or is_head):
                span = (start + last - size, start + last)
                found.append(_Match(named, size, *span, is_head=is_head))
                taken = size
                break
        last -= taken
    return found
