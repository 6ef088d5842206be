"""Tell whether a review is English or Chinese, by its script and its most common words."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from indexer.words.folding import fold

Language: TypeAlias = Literal["en", "zh"]

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_OTHER_EAST_ASIAN = re.compile("[\u3040-\u30ff\uac00-\ud7af]")  # kana and Hangul
_LATIN = re.compile("[a-z]+(?:'[a-z]+)?")
_LETTER = re.compile(r"[^\W\d_]")
_READ: Final = 2_000  # letters of a text
_LEAST_SHARE: Final = 0.5  # of the letters, for the script of a language
_SHORT: Final = 8  # words; a shorter text may lack a common word

# Words that are among the commonest of one language and rare in the others.
_ENGLISH: Final = frozenset(
    "the a and i it is was this to for of in my on not with but that have so very you are as be "
    "had they would at too just great love like from when if size these fit wear really looks "
    "good nice perfect than your me or don't it's i'm didn't doesn't an has were all bought "
    "what we how will color product quality well am no do can out by after does buy use".split()
)
_OTHERS: Final = frozenset(
    "der die das und ist nicht ich es ein eine mit auf sehr aber zu den von wie le la les et est "
    "pas je un une des que pour tres dans mais ce el los las y es muy pero lo con por para il di "
    "che non per con molto sono della een het niet ik maar voor erg van op zijn og er ikke jeg det "
    "som att inte jag och nao muito mas com uma o os da do na em je nie jest na sie bardzo ale ne "
    "ve bir bu cok icin ama".split()
) - {"do", "an"}


def language_of(text: str) -> Language | None:
    """Return ``en``, ``zh``, or None for another language or a text without words.

    Reads the first 2,000 letters. A text in both languages is of the one with more letters; a Han
    character counts as three, because it says as much as a short word.
    """
    text = fold(text[:_READ])
    han = 3 * len(_HAN.findall(text))
    letters = len(_LETTER.findall(text)) + han // 3 * 2
    if not letters or 2 * len(_OTHER_EAST_ASIAN.findall(text)) >= max(han // 3, 1):
        return None
    words = _LATIN.findall(text)
    latin = sum(map(len, words))
    if han >= latin:
        return "zh" if han >= _LEAST_SHARE * letters else None
    if latin < _LEAST_SHARE * letters:
        return None
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHERS for word in words)
    if english > other or (english == other == 0 and len(words) <= _SHORT and text.isascii()):
        return "en"
    return None
