"""Find the encoding of a text file: its mark, UTF-8, or that of Windows in Western Europe."""

from __future__ import annotations

import codecs
import re
import string
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
WINDOWS: Final = "cp1252"
"""The encoding of spreadsheets on Windows in Western Europe."""
# The letters beyond ASCII of languages that Windows-1252 writes. A text whose letters are those of
# one of them is read so; that of another encoding has letters of several, or signs within words.
_ALPHABETS: Final = tuple(
    frozenset(letters + letters.upper().replace("SS", ""))
    for letters in (
        "äöüßéèêàáçôîñ",  # German
        "àâæçéèêëîïôùûüœÿ",  # French
        "áéíóúüñçàèò",  # Spanish, Catalan
        "àèéìíîòóùú",  # Italian
        "áâãàçéêíóôõú",  # Portuguese
        "áéëïíóöüêçà",  # Dutch
        "åäöéüæøèêô",  # Danish, Finnish, Norwegian, Swedish
    )
)
_SIGNS: Final = frozenset("€£¥§©®™°²³¹½¼¾µ·•…–—‘’‚“”„«»‹›×±¿¡´`¨†‡‰")
_BETWEEN: Final = frozenset("’‘´–—·")  # signs that may stand between letters, as in l’été
_OPENING: Final = _BETWEEN | frozenset("“„‚«‹¿¡•…")  # and before a letter
_RUN: Final = re.compile(r"[A-Za-z]?[^\x00-\x7f]+[A-Za-z]?")
_LETTERS: Final = re.compile(r"[^\x00-\x7f\W\d_]+")
_ASCII: Final = string.ascii_letters


def encoding_of(path: Path) -> str:
    """Return the encoding of a file for ``open``.

    It is what a mark at its start says; UTF-16 without one, if the file has its zeros; UTF-8; or
    Windows-1252, which spreadsheets still write, if every word is one of a language that has it.
    UTF-8 is also the answer if none of these reads the file. The file is read once, if it is UTF-8.
    """
    found = path.stat()
    return _encoding_of(path, found.st_mtime_ns, found.st_size)


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
    return WINDOWS if not _is_utf8(path) and _is_western(path) else "utf-8-sig"


def likely_encodings(error: UnicodeDecodeError) -> str:
    """Return encodings that read the word at a fault, and how they do: only a person can choose."""
    words = _WORD.finditer(error.object)
    word = next((match[0] for match in words if match.end() > error.start), b"")
    read: list[str] = []
    for name in (WINDOWS, "gb18030", "shift_jis", "cp1251"):
        try:
            text = word.decode(name)
        except UnicodeDecodeError:
            continue
        if text.isalpha() and len(text) <= _MOST_LETTERS:
            read.append(f"{name} ({text!r})")
    return " or ".join(read) or WINDOWS


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


def _is_western(path: Path) -> bool:
    """Return True if the words of a file in Windows-1252 are those of one language."""
    letters: set[str] = set()
    try:
        with path.open(encoding=WINDOWS) as file:
            while text := file.read(_CHUNK):
                for run in _RUN.finditer(text):
                    if not _is_plausible(run[0]):
                        return False
                    letters.update(filter(str.isalpha, run[0].strip(_ASCII)))
    except UnicodeDecodeError:
        return False
    return any(letters <= alphabet for alphabet in _ALPHABETS)


def _is_plausible(run: str) -> bool:
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
    return longest <= 2  # as in Größe; other scripts have words of such letters alone
