"""Find the entry of a FAQ that answers a question, by words and, with vectors, by meaning."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from search.asking.asked import take_question_apart
from search.asking.terms import Terms, terms_of

if TYPE_CHECKING:
    from indexer.arrays import Vectors
    from indexer.enrichment.faqlog import FaqEntry, StoredEntry
    from indexer.words.sentences import SentenceEncoder

_ANSWER_SHARE: Final = 0.5  # a word of the answer counts that much of one of the question
_WORDS_SHARE: Final = 0.4  # of the score, beside meaning


class FaqMatch(NamedTuple):
    """An entry, and how well it fits a question: in [0, 1].

    ``is_whole`` is True if the entry has all words of the question.
    """

    entry: FaqEntry
    score: float
    is_whole: bool


class FaqMatcher:
    """Compares questions with the entries of one FAQ. Thread-safe."""

    def __init__(self, entries: Sequence[StoredEntry], encoder: SentenceEncoder | None) -> None:
        """``encoder`` is used if the vectors of all entries are of its model."""
        self._entries = [stored.entry for stored in entries]
        is_usable = encoder is not None and all(stored.model == encoder.model for stored in entries)
        self._encoder = encoder if is_usable and entries else None
        vectors = [np.frombuffer(stored.vector, np.float16) for stored in entries]
        self._vectors: Vectors | None = (
            np.stack(vectors).astype(np.float32) if self._encoder is not None else None
        )
        self._questions = [take_question_apart(one.question).terms.stems for one in self._entries]
        self._answers = [terms_of(entry.answer[:2000]).stems for entry in self._entries]
        found = Counter(stem for stems in self._questions for stem in stems)
        pairs = zip(self._questions, self._answers, strict=True)
        everywhere = Counter(stem for question, answer in pairs for stem in question | answer)
        # A word that only one entry has tells it from all others, such as the name of a card.
        self._telling = frozenset(stem for stem, count in everywhere.items() if count == 1)
        count = len(self._entries)
        self._rarity = {stem: math.log((1 + count) / (0.5 + n)) for stem, n in found.items()}
        self._unseen = math.log((1 + count) / 0.5) if count else 1.0

    @property
    def has_meaning(self) -> bool:
        """True if questions are compared by meaning too."""
        return self._encoder is not None

    def best(self, question: str, asked: Terms) -> FaqMatch | None:
        """Return the entry that best fits a question with these terms; None for an empty FAQ."""
        if not self._entries:
            return None
        scores = np.array(
            [
                self._words_score(asked.stems, len(asked.unknown), number)
                for number in range(len(self._entries))
            ]
        )  # (n,)
        if self._encoder is not None and self._vectors is not None:
            likeness = self._vectors @ self._encoder.encode_query(question)  # (n,)
            scores = _WORDS_SHARE * scores + (1 - _WORDS_SHARE) * np.clip(likeness, 0, 1)
        best = int(scores.argmax())
        is_whole = not asked.unknown and asked.stems <= self._questions[best] | self._answers[best]
        return FaqMatch(self._entries[best], float(scores[best]), is_whole and bool(asked.stems))

    def _words_score(self, asked: frozenset[str], unknown: int, number: int) -> float:
        """Return how alike a question and that of an entry are: in [0, 1].

        It is the harmonic mean of the shares that each has of the other's words, by their weight.
        A word that only the answer of this entry has counts as one of its question.
        """
        own = self._questions[number]
        if not asked or not own:
            return 0.0
        both = self._weight(asked & own)
        only_answered = (asked - own) & self._answers[number]
        both += self._weight(only_answered & self._telling)
        in_answer = self._weight(only_answered - self._telling)
        if not both:
            return 0.0
        whole = self._weight(asked) + unknown * self._unseen
        of_asked = (both + _ANSWER_SHARE * in_answer) / whole
        of_own = min(1.0, both / self._weight(own))
        return 2 * of_asked * of_own / (of_asked + of_own)

    def _weight(self, stems: frozenset[str]) -> float:
        return sum(self._rarity.get(stem, self._unseen) for stem in stems)
