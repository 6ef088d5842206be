"""Sum up the reviews of an item: moods, aspects over time, and sentences of its customers.

All sentences are quotations. If reviews praise and criticize an item, both are quoted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from indexer.enrichment.aspects import Aspect
from indexer.enrichment.reviewlog import StoredReview
from indexer.words.folding import fold, pieces_of, spaced, words_of

_QUOTES: Final = 3  # of each side
_SURE: Final = 0.7  # probability of a quoted sentence's side
_SHORTEST, _LONGEST = 2, 60  # words of a quoted sentence
_MOST_ALIKE: Final = 0.5  # share of words that two quotations have in common
_HAPPY: Final = 0.5
_HALF_SMILE: Final = re.compile(r"\s[;:]-?$")  # the rest of ";)", at which sentences are split


class MonthMood(msgspec.Struct, frozen=True, kw_only=True):
    """The moods of a month, such as ``2026-05``; ``positive`` is None if all are unclear."""

    month: str
    count: int
    positive: float | None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a review, word for word, with its aspect and its mood."""

    sentence: str
    aspect: Aspect
    positive: float
    review_id: str
    stars: float | None
    time: float | None


class AspectSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What reviews say about an aspect: how many, the share of happy ones, by month, and quotes.

    Reviews whose mood about the aspect is unclear count in ``count`` only.
    """

    aspect: Aspect
    count: int
    positive: float | None
    months: list[MonthMood]
    best: Quote | None
    worst: Quote | None


class ReviewSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The reviews of an item. ``positive`` is the share of happy ones among those with a mood.

    ``pros`` and ``cons`` are quotations about different things, the clearest first. Months and
    aspects without a review are left out.
    """

    count: int
    unclear: int
    positive: float | None
    stars: float | None
    months: list[MonthMood]
    aspects: list[AspectSummary]
    pros: list[Quote]
    cons: list[Quote]


class _Voice(NamedTuple):
    """The mood of one review about one thing."""

    time: float | None
    positive: float | None


def summarize(reviews: Sequence[StoredReview]) -> ReviewSummary:
    """Sum up reviews of one item, in any order; zero reviews give a summary without content."""
    voices = [_Voice(stored.review.time, stored.positive) for stored in reviews]
    stars = [stored.review.stars for stored in reviews if stored.review.stars is not None]
    quotes = [quote for stored in reviews for quote in _quotes(stored)]
    # Not sets: their order differs from process to process, and that of equal counts with it.
    mentioned = [dict.fromkeys(part.aspect for part in stored.aspects) for stored in reviews]
    names = Counter(name for aspects in mentioned for name in aspects)
    return ReviewSummary(
        count=len(reviews),
        unclear=sum(voice.positive is None for voice in voices),
        positive=_share(voices),
        stars=round(sum(stars) / len(stars), 2) if stars else None,
        months=_months(voices),
        aspects=[_aspect(name, reviews, quotes) for name, _ in names.most_common()],
        pros=_choose([quote for quote in quotes if quote.positive >= _SURE], names),
        cons=_choose([quote for quote in quotes if quote.positive <= 1 - _SURE], names),
    )


def _aspect(
    name: Aspect, reviews: Sequence[StoredReview], quotes: Sequence[Quote]
) -> AspectSummary:
    voices = []
    for stored in reviews:
        moods = [part.positive for part in stored.aspects if part.aspect == name]
        if moods:
            known = [mood for mood in moods if mood is not None]
            mood = sum(known) / len(known) if known else None
            voices.append(_Voice(stored.review.time, mood))
    of_aspect = [quote for quote in quotes if quote.aspect == name]
    best = max(of_aspect, key=lambda quote: quote.positive, default=None)
    worst = min(of_aspect, key=lambda quote: quote.positive, default=None)
    return AspectSummary(
        aspect=name,
        count=len(voices),
        positive=_share(voices),
        months=_months(voices),
        best=best if best is not None and best.positive >= _SURE else None,
        worst=worst if worst is not None and worst.positive <= 1 - _SURE else None,
    )


def _share(voices: Iterable[_Voice]) -> float | None:
    known = [voice.positive for voice in voices if voice.positive is not None]
    return round(sum(mood > _HAPPY for mood in known) / len(known), 4) if known else None


def _months(voices: Iterable[_Voice]) -> list[MonthMood]:
    """Return the moods of each month, in order. A review without a time is in none."""
    by_month: dict[str, list[_Voice]] = {}
    for voice in voices:
        if voice.time is not None:
            month = datetime.fromtimestamp(voice.time, UTC).strftime("%Y-%m")
            by_month.setdefault(month, []).append(voice)
    return [
        MonthMood(month=month, count=len(part), positive=_share(part))
        for month, part in sorted(by_month.items())
    ]


def _quotes(stored: StoredReview) -> list[Quote]:
    """Return the sentences of a review whose mood is known and whose length is fit to quote."""
    review = stored.review
    return [
        Quote(
            sentence=_HALF_SMILE.sub("", part.sentence),
            aspect=part.aspect,
            positive=part.positive,
            review_id=review.review_id,
            stars=review.stars,
            time=review.time,
        )
        for part in stored.aspects
        if part.positive is not None and _SHORTEST <= len(_words(part.sentence)) <= _LONGEST
    ]


def _words(sentence: str) -> set[str]:
    return {piece for word in words_of(spaced(fold(sentence))) for piece in pieces_of(word)}


def _choose(quotes: Sequence[Quote], names: Counter[Aspect]) -> list[Quote]:
    """Return the clearest quotes about the aspects that most reviews are about, one of each first.

    Quotes that repeat another one are left out.
    """
    order = sorted(quotes, key=lambda quote: (-names[quote.aspect], -abs(quote.positive - 0.5)))
    chosen: list[Quote] = []
    seen: list[set[str]] = []
    for is_second in (False, True):
        for quote in order:
            if len(chosen) == _QUOTES:
                return chosen
            words = _words(quote.sentence)
            has_aspect = any(quote.aspect == other.aspect for other in chosen)
            if (has_aspect and not is_second) or any(_alike(words, other) for other in seen):
                continue
            chosen.append(quote)
            seen.append(words)
    return chosen


def _alike(words: set[str], other: set[str]) -> bool:
    return len(words & other) > _MOST_ALIKE * min(len(words), len(other))
