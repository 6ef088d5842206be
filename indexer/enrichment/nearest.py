"""Colors that no list has, by the meaning of their names: with the extra ``words``.

A word of a title is compared with the names of all known colors. Only colors are read so: the names
of materials and patterns are too near to those of other things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from indexer.catalog.texts import plain_text
from indexer.enrichment.contexts import is_denied, is_of_part
from indexer.enrichment.gazetteer import HAN, Gazetteer, Value, folded_words
from indexer.enrichment.nouns import words_in
from indexer.enrichment.suggestion import Source, Suggestion
from indexer.enrichment.tree import CategoryTree
from indexer.items import Item

if TYPE_CHECKING:
    from indexer.words.sentences import SentenceEncoder

_LEAST: Final = 0.78  # cosine; see docs/enrichment.md
_AGREE: Final = 0.04  # names this much farther than the nearest must be of the same color
_MOST_SURE: Final = 0.8
_LONGEST: Final = 4  # characters of a Chinese name of a color
_MOST_WORDS: Final = 20  # of a title
_CHINESE: Final = re.compile("[\u3400-\u9fff]+")


class NearestColor:
    """Finds colors by meaning. It embeds the names of all known colors once, in seconds."""

    def __init__(
        self,
        encoder: SentenceEncoder,
        gazetteer: Gazetteer,
        tree: CategoryTree,
        least: float = _LEAST,
    ) -> None:
        named = [
            (word, value)
            for word, values in gazetteer.values.items()
            for value in values
            if value.attribute == "color"
        ]
        self._encoder, self._gazetteer, self._tree, self._least = encoder, gazetteer, tree, least
        self._colors: list[Value] = [value for _, value in named]
        self._vectors = encoder.encode([word for word, _ in named])  # (c, dim)
        self._seen: dict[str, tuple[Value, float] | None] = {}

    def suggestions(self, item: Item) -> list[Suggestion]:
        """Return the color that the title of an item names by a word of no list; one, or none.

        The texts must not name another: ask only for items without a color.
        """
        title = plain_text(item.title)
        found: dict[str, Suggestion] = {}
        for word, start, end in self._unknown(title):
            near = self.near(word)
            if near is None or is_denied(title, start, end, of_color=True):
                continue
            if is_of_part(title, start, end, in_title=True, of_color=True):
                continue
            value, cosine = near
            found[value.name] = Suggestion(
                attribute="color",
                value=value.name,
                confidence=round(min(_MOST_SURE, cosine), 3),
                source=Source("title", start, end, title[start:end]),
                is_new=not item.attributes.get("color"),
                note=f"{word} is near in meaning",
            )
        return list(found.values()) if len(found) == 1 else []

    def near(self, word: str) -> tuple[Value, float] | None:
        """Return the color that a word means and the cosine, or None if it means none, or two."""
        if word not in self._seen:
            cosines = self._vectors @ self._encoder.encode_query(word)  # (c,)
            top = int(cosines.argmax())
            close = np.flatnonzero(cosines >= max(self._least, cosines[top] - _AGREE))
            names = {self._colors[int(at)].name for at in close}
            self._seen[word] = (self._colors[top], float(cosines[top])) if len(names) == 1 else None
        return self._seen[word]

    def unknown_words(self, title: str) -> list[str]:
        """Return the words of a title that are compared."""
        return [word for word, _, _ in self._unknown(title)]

    def _unknown(self, title: str) -> Iterator[tuple[str, int, int]]:
        """Yield the words of a title that name no value and no kind of thing, with their places."""
        folded = folded_words(title)
        taken = [match.span() for match in self._gazetteer.pattern.finditer(folded)]
        spans = [(word.text, word.start, word.end) for word in words_in(title)]
        spans += [(match.group(), *match.span()) for match in _CHINESE.finditer(folded)]
        for word, start, end in spans[:_MOST_WORDS]:
            is_known = any(start < last and first < end for first, last in taken)
            if is_known or len(word) < 2 or any(sign.isdigit() for sign in word):
                continue
            if HAN.search(word):
                if len(word) <= _LONGEST and word not in self._tree.chinese:
                    yield word, start, end
            elif len(word) > 3 and (word,) not in self._tree.english:
                yield word, start, end
