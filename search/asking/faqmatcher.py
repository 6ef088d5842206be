"""Find the entry of a FAQ that answers a question, by words and, with vectors, by meaning.

Meaning is that of the question of an entry, of its answer beside it, and what both are about: one
of the intents that customers of any shop have.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.words.sentences import DIM
from search.asking.asked import take_question_apart
from search.asking.intents import Intents
from search.asking.likeness import PassageLikeness
from search.asking.terms import Terms, terms_of

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Vectors
    from indexer.enrichment.faqlog import FaqEntry, StoredEntry
    from indexer.words.sentences import SentenceEncoder

_ANSWER_SHARE: Final = 0.5  # a word of the answer counts that much of one of the question
# Shares of the score of an entry: of words, and of the meanings of its question, of its question
# with the answer, and of its intents. Fitted with the threshold on the questions of the docs.
_WORDS, _QUESTION, _WHOLE_ENTRY, _INTENT = 0.35, 0.1, 0.25, 0.3


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
        self._intents = None if self._encoder is None else Intents(self._encoder)
        self._likeness = None if self._encoder is None else PassageLikeness(self._encoder)
        self._vectors: Vectors | None = None  # (2, n, DIM): of questions, and with answers
        if self._encoder is not None:
            rows = [np.frombuffer(one.vector, np.float16).reshape(-1, DIM) for one in entries]
            self._vectors = np.stack([[row[0], row[-1]] for row in rows], 1).astype(np.float32)
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
    def likeness(self) -> PassageLikeness | None:
        """Compares questions with parts of items; None if meaning is not compared."""
        return self._likeness

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
        if self._encoder is not None:
            scores = _WORDS * scores + self._meaning_scores(self._encoder.encode_query(question))
        best = int(scores.argmax())
        is_whole = not asked.unknown and asked.stems <= self._questions[best] | self._answers[best]
        return FaqMatch(self._entries[best], float(scores[best]), is_whole and bool(asked.stems))

    def _meaning_scores(self, question: Embedding) -> Vectors:
        """Return what the meaning of a question (DIM,) adds to the score of each entry: (n,)."""
        assert self._vectors is not None
        assert self._intents is not None
        alike, alike_whole = np.clip(self._vectors @ question, 0, 1)
        (of_question,) = self._intents.weights(question[None])
        same_intent = self._entry_intents @ of_question
        scores: Vectors = _QUESTION * alike + _WHOLE_ENTRY * alike_whole + _INTENT * same_intent
        return scores

    @cached_property
    def _entry_intents(self) -> Vectors:
        """The weights of the intents of each entry, by its question: (n, intents)."""
        assert self._vectors is not None
        assert self._intents is not None
        return self._intents.weights(self._vectors[0])

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
