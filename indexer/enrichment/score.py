"""Score reviews: their language, their mood, and the mood of each aspect with its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import numpy as np

from indexer.enrichment.aspects import Aspect, Mention, mentions
from indexer.enrichment.language import Language, language_of
from indexer.enrichment.lexicon_zh import ChineseLexicon
from indexer.enrichment.ngrams import clean_text
from indexer.enrichment.sentiment import bundled_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_AT_ONCE: Final = 500  # reviews


class Mood(Protocol):
    """Gives the probability that a text of its language is happy."""

    def probability(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability that each clean text is happy, (n,); NaN where it is unclear."""
        ...

    @property
    def name(self) -> str:
        """The name of the model, with its version."""
        ...


class AspectMood(msgspec.Struct, frozen=True):
    """What a review says about an aspect: the sentence, and its mood or None if it is unclear."""

    aspect: Aspect
    positive: float | None
    sentence: str


class ScoredReview(msgspec.Struct, frozen=True, kw_only=True):
    """The mood of a review: the probability that its author is happy.

    ``positive`` is None for a language that is not known, and for a text that says nothing.
    ``language`` is None if it is neither English nor Chinese.
    """

    positive: float | None
    language: Language | None
    aspects: list[AspectMood]


class ReviewScorer:
    """Scores texts with one model per language; without models of its own, with the bundled ones.

    A language that has no model gets the words of ``ChineseLexicon`` if it is Chinese.
    """

    def __init__(self, models: Mapping[Language, Mood] | None = None) -> None:
        self._moods: dict[Language, Mood] = {"zh": ChineseLexicon()}
        for language in ("en", "zh"):
            bundled = bundled_model(language)
            if bundled is not None:
                self._moods[language] = bundled
        self._moods.update(models or {})

    def model_name(self, language: Language | None) -> str:
        """Return the name of the model of a language; empty if there is none."""
        mood = None if language is None else self._moods.get(language)
        return "" if mood is None else mood.name

    def score(self, texts: Iterable[str]) -> Iterator[ScoredReview]:
        """Yield the score of each text, in order. Reads the texts in batches of 500."""
        rest = iter(texts)
        while batch := list(islice(rest, _AT_ONCE)):
            yield from self.score_batch(batch)

    def score_batch(self, texts: Sequence[str]) -> list[ScoredReview]:
        """Return the score of each text, in order; the texts and their sentences are in memory."""
        cleaned = [clean_text(text) for text in texts]
        languages = [language_of(text) for text in cleaned]
        found: list[list[Mention]] = [
            mentions(text, language) if language else []
            for text, language in zip(cleaned, languages, strict=True)
        ]
        moods = self._probabilities(cleaned, languages)
        owners = [mention.language for of_text in found for mention in of_text]
        parts = [mention.sentence for of_text in found for mention in of_text]
        part_moods = iter(self._probabilities(parts, owners))
        return [
            ScoredReview(
                positive=mood,
                language=language,
                aspects=[AspectMood(m.aspect, next(part_moods), m.sentence) for m in of_text],
            )
            for mood, language, of_text in zip(moods, languages, found, strict=True)
        ]

    def _probabilities(
        self, texts: Sequence[str], languages: Sequence[Language | None]
    ) -> list[float | None]:
        """Return the probability of each text by the model of its language, in order."""
        out: list[float | None] = [None] * len(texts)
        for language, mood in self._moods.items():
            at = [number for number, of_text in enumerate(languages) if of_text == language]
            values = mood.probability([texts[number] for number in at])
            for number, value in zip(at, values.tolist(), strict=True):
                out[number] = None if np.isnan(value) else round(value, 4)
        return out
