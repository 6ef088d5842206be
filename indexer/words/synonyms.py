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
_MAX_LINES = 50_000
_MAX_FOUND = 200  # by one phrase, from all lines


class SynonymLine(NamedTuple):
    """One line: each phrase of ``typed`` also finds the phrases of ``found``."""

    typed: tuple[str, ...]
    found: tuple[str, ...]


class Synonyms:
    """The synonyms of a shop, by what people type."""

    def __init__(self, lines: list[SynonymLine]) -> None:
        self.lines = lines
        found: dict[str, dict[str, None]] = {}  # in the order of the lines
        for line in lines:
            for phrase in line.typed:
                found.setdefault(phrase, {}).update(dict.fromkeys(line.found))
        self._found = {
            tuple(phrase.split()): [other for other in others if other != phrase]
            for phrase, others in found.items()
        }
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

    def check_size(self, name: str) -> None:
        """Raise BadCatalog if there are more than a shop should have: each makes searches dearer.

        Shops may have more from before there was a limit.
        """
        if len(self.lines) > _MAX_LINES:
            raise BadCatalog(f"{name} has {len(self.lines):,} lines, at most {_MAX_LINES:,} fit")
        for words, found in self._found.items():
            if len(found) > _MAX_FOUND:
                raise BadCatalog(
                    f"{name}: {' '.join(words)[:80]!r} has {len(found):,} synonyms, at most "
                    f"{_MAX_FOUND} fit"
                )

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
