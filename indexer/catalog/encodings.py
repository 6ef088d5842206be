"""Find the encoding of a text file: its mark, UTF-8, or one whose letters are of one language."""

from __future__ import annotations

import codecs
import re
import string
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]+")
_MOST_LETTERS: Final = 40  # of a word that is shown
_CHUNK: Final = 1 << 20
_SAMPLE: Final = 1 << 17  # bytes that show the encoding of East Asia
UNSTATED: Final = "utf-8-sig"
"""The encoding of a file that none of these reads."""
# The letters beyond ASCII of the languages that an encoding writes. A text whose letters are those
# of one of them is read so; that of another encoding has letters of several, or signs within words.
_ALPHABETS: Final[Mapping[str, tuple[str, ...]]] = {
    "cp1252": (
        "äöüßéèêàáçôîñ",  # German
        "àâæçéèêëîïôùûüœÿ",  # French
        "áéíóúüñçàèò",  # Spanish, Catalan
        "àèéìíîòóùú",  # Italian
        "áâãàçéêíóôõú",  # Portuguese
        "áéëïíóöüêçà",  # Dutch
        "åäöéüæøèêô",  # Danish, Finnish, Norwegian, Swedish
    ),
    "cp1250": (
        "ąćęłńóśźżéü",  # Polish
        "áčďéěíňóřšťúůýžäöü",  # Czech
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
        "áéíóöőúüű",  # Hungarian
        "ăâîşţéö",  # Romanian
        "čćđšžé",  # Croatian, Slovene
    ),
    "cp1254": ("çğıiöşüâîûİ",),  # Turkish
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),  # Lithuanian, Latvian, Estonian
}
_SCRIPTS: Final[Mapping[str, str]] = {
    "cp1255": "HEBREW LETTER", "cp1251": "CYRILLIC", "cp1253": "GREEK",
    "cp1256": "ARABIC",
}  # fmt: skip
_THAI: Final = "cp874"  # after those of East Asia, whose bytes are also letters of Thai
_EAST_ASIA: Final = {
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "cp950",
    "big5hkscs": "big5hkscs", "cp950": "cp950", "shift_jis": "cp932", "cp932": "cp932",
    "shift_jis_2004": "cp932", "shift_jisx0213": "cp932", "euc_jp": "euc_jp",
    "euc_jis_2004": "euc_jp", "euc_jisx0213": "euc_jp", "euc_kr": "cp949", "cp949": "cp949",
}  # fmt: skip
"""The encodings of East Asia as charset-normalizer names them, and what reads all their letters."""
_JAPANESE: Final = ("cp932", "euc_jp")
_SIGNS: Final = frozenset("€£¥§©®™°²³¹½¼¾µ·•…–—‘’‚“”„«»‹›×±¿¡´`¨†‡‰")
_BETWEEN: Final = frozenset("’‘´–—·")  # signs that may stand between letters, as in l’été
_OPENING: Final = _BETWEEN | frozenset("“„‚«‹¿¡•…")  # and before a letter
_RUN: Final = re.compile(r"[A-Za-z]?[^\x00-\x7f]+[A-Za-z]?")
_LETTERS: Final = re.compile(r"[^\x00-\x7f\W\d_]+")
_FOREIGN: Final = re.compile(r"[A-Za-z]*[^\x00-\x7f]+[A-Za-z]*")
_WORD_LETTERS: Final = re.compile(r"[^\W\d_]+")
_SCRIPT_SIGNS: Final = _SIGNS | frozenset("№฿₪\xa0\xad\u200c\u200d\u200e\u200f،؛؟΄ʼ")
_ASCII: Final = string.ascii_letters
_FEWEST: Final = 4  # different letters that show a script
_WITHOUT_CASE: Final = 8  # without a capital: then bytes are letters in several scripts


def encoding_of(path: Path) -> str:
    """Return the encoding of a file for ``open``.

    It is what a mark at its start says; UTF-16 without one, if the file has its zeros; UTF-8; or
    the one of ``guessed_encoding``. ``UNSTATED``, which is UTF-8, is also the answer if none of
    these reads the file. The file is read once, if it is UTF-8.
    """
    found = path.stat()
    return _encoding_of(path, found.st_mtime_ns, found.st_size)


def is_guess(encoding: str) -> bool:
    """Return True if only the letters of a file show that it has this encoding."""
    return not encoding.startswith("utf")


@lru_cache(maxsize=16)  # a catalog is read several times
def _encoding_of(path: Path, changed: int, size: int) -> str:  # noqa: ARG001
    with path.open("rb") as file:
        start = file.read(400)
    if marked := next((name for mark, name in _MARKS if start.startswith(mark)), ""):
        return marked
    # UTF-16 without its mark: every other byte of Latin letters, delimiters and digits is zero.
    half = len(start) // 2
    zeros = start[1::2].count(0), start[0::2].count(0)
    if half >= 4 and max(zeros) * 10 >= half * 6 and min(zeros) * 10 <= half:
        return "utf-16-le" if zeros[0] > zeros[1] else "utf-16-be"
    return UNSTATED if _is_utf8(path) else _guessed(path)


def likely_encodings(error: UnicodeDecodeError) -> str:
    """Return encodings that read the word at a fault, and how they do: only a person can choose."""
    words = _WORD.finditer(error.object)
    word = next((match[0] for match in words if match.end() > error.start), b"")
    read: list[str] = []
    for name in ("cp1252", "gb18030", "shift_jis", "cp1251"):
        try:
            text = word.decode(name)
        except UnicodeDecodeError:
            continue
        if text.isalpha() and len(text) <= _MOST_LETTERS:
            read.append(f"{name} ({text!r})")
    return " or ".join(read) or "cp1252"


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _guessed(path: Path) -> str:
    """Return the encoding in which all words of a file are of one language or script.

    Those of Europe are tried first, because a test of their words is strict.
    """
    for encoding in _ALPHABETS:
        if _is_of_a_language(path, encoding):
            return encoding
    for encoding, script in _SCRIPTS.items():
        if _is_in_script(path, encoding, script):
            return encoding
    if encoding := _of_east_asia(path):
        return encoding
    return _THAI if _is_in_script(path, _THAI, "THAI") else UNSTATED


def _is_of_a_language(path: Path, encoding: str) -> bool:
    """Return True if the words of a file in an encoding of Latin letters are of one language."""
    letters: set[str] = set()
    longest = 2 if encoding == "cp1252" else 4  # letters beyond ASCII in a row: Größe, příští

    def has_words(text: str) -> bool:
        for run in _RUN.finditer(text):
            if not _is_plausible(run[0], longest):
                return False
            letters.update(filter(str.isalpha, run[0].strip(_ASCII)))
        return True

    if not _all_chunks(path, encoding, has_words):
        return False
    small = {letter.lower() if letter != "İ" else letter for letter in letters}
    return any(small <= set(alphabet) for alphabet in _ALPHABETS[encoding])


def _is_in_script(path: Path, encoding: str, script: str) -> bool:
    """Return True if every word with a letter beyond ASCII is in one script, in usual case."""
    seen: set[str] = set()

    def has_words(text: str) -> bool:
        for run in _FOREIGN.finditer(text):
            signs = {sign for sign in run[0] if not sign.isascii()}
            letters = {sign for sign in signs if _is_of_script(sign, script)}
            if signs - letters - _SCRIPT_SIGNS:
                return False
            if not all(_is_word(word[0], script) for word in _WORD_LETTERS.finditer(run[0])):
                return False
            seen.update(letters)
        return True

    is_read = _all_chunks(path, encoding, has_words)
    has_capital = any(letter.isupper() for letter in seen)
    return is_read and len(seen) >= (_FEWEST if has_capital else _WITHOUT_CASE)


def _of_east_asia(path: Path) -> str:
    """Return the encoding of Chinese, Japanese or Korean that reads a file, or ""."""
    from charset_normalizer import from_bytes

    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    if len(sample) == _SAMPLE:
        sample = sample.rpartition(b"\n")[0] or sample
    best = from_bytes(sample).best()
    encoding = _EAST_ASIA.get(best.encoding, "") if best is not None else ""
    encoding = next((name for name in _JAPANESE if _has_kana(sample, name)), encoding)
    seen: set[str] = set()

    def is_common(text: str) -> bool:
        foreign = {sign for sign in text if not sign.isascii()}
        wide = sum(unicodedata.east_asian_width(sign) in "WFA" for sign in foreign)
        seen.update(foreign)
        return wide * 10 >= len(foreign) * 9 and all(map(str.isprintable, foreign))

    is_read = encoding and _all_chunks(path, encoding, is_common)
    return encoding if is_read and len(seen) >= _FEWEST else ""


def _has_kana(sample: bytes, encoding: str) -> bool:
    """Return True if a sixth of the letters beyond ASCII are kana, as in any text in Japanese.

    A short text is too little for statistics of letters.
    """
    text = sample.decode(encoding, "replace")
    wide = [sign for sign in text if not sign.isascii()]
    kana = sum("\u3041" <= sign <= "\u30fc" for sign in wide)
    return kana * 6 >= len(wide) > 0 and "\ufffd" not in text[:-1]


def _all_chunks(path: Path, encoding: str, holds: Callable[[str], bool]) -> bool:
    """Return True if a condition holds for every part of a file, which the encoding can read."""
    try:
        with path.open(encoding=encoding) as file:
            while text := file.read(_CHUNK):
                if not holds(text):
                    return False
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=4096)
def _is_of_script(sign: str, script: str) -> bool:
    return unicodedata.name(sign, "").startswith(script)


def _is_word(letters: str, script: str) -> bool:
    """Return True if letters are ASCII, or all of one script and in usual case."""
    if letters.isascii():
        return True
    if not all(_is_of_script(letter, script) for letter in letters):
        return False
    has_case = letters.lower() != letters.upper()
    return not has_case or letters.islower() or letters.isupper() or letters.istitle()


def _is_plausible(run: str, most: int) -> bool:
    """Return True if signs beyond ASCII, with the letter on each side, may be of a text."""
    for at, sign in enumerate(run):
        if sign.isascii() or sign.isalpha() or sign.isspace():
            continue
        is_after = at > 0 and run[at - 1].isalpha()
        is_before = at + 1 < len(run) and run[at + 1].isalpha()
        known = _BETWEEN if is_after and is_before else _OPENING if is_before else _SIGNS
        if sign not in known:
            return False
    longest = max(map(len, _LETTERS.findall(run)), default=0)
    return longest <= most  # other scripts have words of such letters alone
