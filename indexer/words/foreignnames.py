"""Common words of shops in eleven languages: colors, garments, things of a household, food.

``data/foreign_names.txt`` has a row for each thing, and says how words are abbreviated there.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from indexer.words.folding import fold, spaced, words_of

Name: TypeAlias = tuple[str, ...]

LONGEST: Final = 8  # words of a name, or letters of one without spaces

_FILE: Final = Path(__file__).parent / "data" / "foreign_names.txt"


class Meaning(NamedTuple):
    """What a foreign word may mean: the other names of its rows, the English ones first.

    ``is_sure`` is False for a word that is also an English one.
    """

    names: tuple[Name, ...]
    is_sure: bool


def _expanded(entry: str) -> list[str]:
    """Return the forms that an entry of a row abbreviates."""
    if "~" in entry:
        base, *endings = entry.split("~")
        return [base + ending for ending in endings]
    base, *endings = entry.split("/")
    return [base, *(base + ending for ending in endings)]


@cache
def _meanings() -> dict[Name, Meaning]:
    found: dict[Name, Meaning] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        entries = [entry.strip() for cell in line.split("|") for entry in cell.split(",")]
        forms: dict[Name, bool] = {}
        for entry in filter(None, entries):
            base = entry.removeprefix("*").partition("/")[0]
            english = (base, f"{base}s") if entry.startswith("*") else ()
            for form in _expanded(entry.removeprefix("*")):
                forms.setdefault(tuple(words_of(spaced(fold(form)))), form not in english)
        for name, is_sure in forms.items():
            known = found.get(name, Meaning((), True))
            others = tuple(o for o in forms if o != name and o not in known.names)
            found[name] = Meaning(known.names + others, known.is_sure and is_sure)
    return found


def meaning_of(name: Name) -> Meaning | None:
    """Return what the words of a folded name mean in other languages; None if it is not known.

    The letters of a script without spaces are words.
    """
    return _meanings().get(name)
