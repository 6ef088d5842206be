"""The structs of replies about reviews."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from indexer.enrichment.language import Language
from indexer.enrichment.reviewlog import StoredReview
from indexer.enrichment.score import AspectMood
from indexer.enrichment.summary import ReviewSummary


class ReviewReply(msgspec.Struct, frozen=True, kw_only=True):
    """A review as it was imported, and its estimated mood."""

    review_id: str
    title: str
    text: str
    stars: float | None
    time: Annotated[float | None, Meta(description="Seconds since 1970.")]
    positive: Annotated[
        float | None, Meta(description="Probability that its author is happy; null if unclear.")
    ]
    language: Language | None
    aspects: list[AspectMood]
    model: Annotated[str, Meta(description="What estimated mood and aspects.")]

    @classmethod
    def of(cls, stored: StoredReview) -> ReviewReply:
        """Return the reply for a stored review."""
        review = stored.review
        return cls(
            review_id=review.review_id,
            title=review.title,
            text=review.text,
            stars=review.stars,
            time=review.time,
            positive=stored.positive,
            language=stored.language,
            aspects=stored.aspects,
            model=stored.model,
        )


class ReviewsReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reviews of an item and of its product, the newest first, and their summary."""

    item_id: str
    summary: ReviewSummary
    reviews: list[ReviewReply]
