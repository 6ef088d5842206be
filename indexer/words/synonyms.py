"""The synonyms of a shop: words that find the same items, in the format that Solr reads.

# words of equal rank, all of which find each other
sofa, couch, settee
# only from left to right: "trainers" also finds sneakers
trainers => sneakers, running shoes
"""

from __future__ import annotations

from typing import NamedTuple

from indexer.errors import BadCatalog
from indexer.words.folding import fold, words_of

SYNONYMS = "synonyms"  # the name of their text in the store's meta
MAX_BYTES = 1_000_000
_MAX_WORDS = 5  # of one phrase
_MAX_PHRASES = 50  # of one line


class SynonymLine(NamedTuple):
    """One line: each phrase of ``typed`` also finds the phrases of ``found``."""

    typed: tuple[str, ...]
    found: tuple[str, ...]


class Synonyms:
    """The synonyms of a shop, by what people type."""

    def __init__(self, lines: list[SynonymLine]) -> None:
        self.lines = lines
        self._found: dict[tuple[str, ...], list[str]] = {}
        for line in lines:
            for phrase in line.typed:
                found = self._found.setdefault(tuple(phrase.split()), [])
                found.extend(new for new in line.found if new not in (phrase, *found))
        self.longest = max((len(words) for words in self._found), default=0)

    @classmethod
    def parse(cls, text: str, name: str = "synonyms") -> Synonyms:
        """Read synonyms. Raises BadCatalog with the number of the line that cannot be read."""
        if len(text.encode()) > MAX_BYTES:
            raise BadCatalog(f"{name} is larger than {MAX_BYTES} bytes; give fewer synonyms")
        lines = []
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
            if content := line.partition("#")[0].strip():
                lines.append(_parse_line(content, f"{name}, line {number}"))
        return cls(lines)

    def of(self, words: tuple[str, ...]) -> list[str]:
        """Return the phrases that these folded words also find; [] without synonyms."""
        return self._found.get(words, [])

    def __len__(self) -> int:
        return len(self.lines)


def _parse_line(content: str, where: str) -> SynonymLine:
    left, arrow, right = content.partition("=>")
    typed = _phrases(left, where)
    found = _phrases(right, where) if arrow else typed
    if not typed or not found or (not arrow and len(typed) < 2):
        raise BadCatalog(
            f"{where}: expected 'sofa, couch' or 'trainers => sneakers', got {content[:80]!r}"
        )
    return SynonymLine(typed, found)


def _phrases(text: str, where: str) -> tuple[str, ...]:
    phrases = [" ".join(words_of(fold(part))) for part in text.split(",")]
    kept = tuple(dict.fromkeys(phrase for phrase in phrases if phrase))
    if len(kept) > _MAX_PHRASES:
        raise BadCatalog(f"{where}: has {len(kept)} phrases, at most {_MAX_PHRASES} are allowed")
    for phrase in kept:
        if len(phrase.split()) > _MAX_WORDS:
            raise BadCatalog(
                f"{where}: {phrase[:80]!r} has more than {_MAX_WORDS} words; separate phrases by "
                "commas"
            )
    return kept
