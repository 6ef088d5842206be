"""Find the part of an item that answers a question by meaning: "crispy" for "is it crunchy?"."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Vectors
    from indexer.words.sentences import SentenceEncoder
    from search.asking.itemfacts import ItemFacts, Passage

# The cosines from which a part answers, and a title is what is asked for; chosen on the questions
# of docs/enrichment.md.
_LEAST: Final = 0.33
_BY_NAME: Final = 0.1  # added for an item that is not shown: the question may not be about it
_LEAST_OF_TITLE: Final = 0.36
_BY_SHARED_WORDS: Final = 0.1  # added for a part that has all terms of the question
_MOST: Final = 40  # texts that are compared, at 0.6 ms of CPU each
_LONGEST: Final = 200  # letters of a part; longer ones are about many things
# "In stock" is near to any question of few words, and a price to any with a number.
_NOT_COMPARED: Final = frozenset({"in_stock", "price"})


class PassageLikeness:
    """Compares questions with parts of items by their vectors. Thread-safe."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._vectors = lru_cache(maxsize=300)(self._encode)  # of so many items

    def nearest(
        self,
        question: str,
        asked: frozenset[str],
        passages: Sequence[Passage],
        *,
        is_shown: bool,
    ) -> Passage | None:
        """Return the part that answers a question with these terms; None if none is near enough.

        ``is_shown`` is True if the customer looks at the item: the question is then about it.
        """
        texts = [
            (text, part)
            for part in passages
            if part.field not in _NOT_COMPARED
            for text in _texts_of(part)
            if len(text) <= _LONGEST
        ][:_MOST]
        if not texts:
            return None
        vectors = self._vectors(tuple(text for text, _ in texts))
        alike = vectors @ self._encoder.encode_query(question)
        shared = [len(asked & part.stems) / max(1, len(asked)) for _, part in texts]
        scores = alike + _BY_SHARED_WORDS * np.array(shared)
        best = int(scores.argmax())
        least = _LEAST if is_shown else _LEAST + _BY_NAME
        return texts[best][1] if scores[best] >= least else None

    def near_titles(self, question: str, items: Sequence[ItemFacts]) -> list[ItemFacts]:
        """Return the items whose titles and categories are what is asked for, the nearest first."""
        compared = items[:_MOST]
        if not compared:
            return []
        titles = [_title_with_kind(item) for item in compared]
        alike = self._vectors(tuple(titles)) @ self._encoder.encode_query(question)
        return [compared[at] for at in np.argsort(-alike) if alike[at] >= _LEAST_OF_TITLE]

    def _encode(self, texts: tuple[str, ...]) -> Vectors:
        return self._encoder.encode(texts)


def _title_with_kind(item: ItemFacts) -> str:
    path = item.hit.categories[0] if item.hit.categories else ""
    return f"{item.hit.title} {path.rpartition('/')[2]}".strip()


def _texts_of(part: Passage) -> list[str]:
    """Return the texts that say what a part says: a sentence, or each of several values."""
    values = [] if part.field == "description" else part.text.partition(": ")[2].split(", ")
    return [part.text, *(values if len(values) > 1 else [])]
