"""Make answers out of what is quoted: a part of an item, an entry of the FAQ."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from indexer.enrichment.language import Language, language_of
from search.asking.answer import Answer, AnswerItem, AnswerSource
from search.asking.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexer.enrichment.reviewlog import StoredReview
    from search.asking.faqmatcher import FaqMatch
    from search.asking.itemfacts import ItemFacts, Passage
    from search.hits import Hit

_FACT, _REVIEW = 0.9, 0.6  # the confidence of answers by a fact of an item and by a review
_SENTENCE_END: Final = re.compile(r"(?<=[.!?。！？])\s*")
_READ: Final = 4_000  # letters of a review
_SHORTEST_OPINION: Final = 12  # letters of a sentence that is quoted for no word in particular
_MAX_ITEMS: Final = 6  # of an answer


def quote_passage(passage: Passage, facts: Sequence[ItemFacts], holds: bool | None) -> Answer:
    """Quote a part of an item; ``facts`` are the items that the answer is about, its own first."""
    source = AnswerSource(item_id=facts[0].hit.item_id, field=passage.field)
    return Answer(
        kind="fact", answer=passage.text, holds=holds, source=source, items=list_items(facts),
        confidence=_FACT,
    )  # fmt: skip


def quote_variants(shown: Sequence[tuple[ItemFacts, Passage]], holds: bool | None = None) -> Answer:
    """Quote a field of all variants, each value once."""
    first = shown[0][1]
    texts = dict.fromkeys(part.text for _, part in shown)
    label, _, _ = first.text.partition(": ")
    values = [text.partition(": ")[2] or text for text in texts]
    joined = first.text if len(values) == 1 else f"{label}: {'; '.join(values)}"
    answer = quote_passage(first, [item for item, _ in shown], holds)
    return msgspec.structs.replace(answer, answer=joined)


def quote_entry(match: FaqMatch) -> Answer:
    """Quote the answer of an entry of the FAQ."""
    entry = match.entry
    return Answer(
        kind=entry.kind,
        answer=entry.answer,
        source=AnswerSource(question=entry.question),
        confidence=round(min(1.0, match.score), 4),
    )


def quote_review(
    hit: Hit, reviews: Iterable[StoredReview], terms: frozenset[str], language: Language
) -> Answer | None:
    """Quote the shortest sentence of reviews of a hit that has these terms; None if there is none.

    One in the language of the question is preferred. Without terms, a sentence of a few letters is
    left out: "Love it!" does not say what customers think.
    """
    best: tuple[tuple[bool, int], StoredReview, str] | None = None
    for stored in reviews:
        for sentence in _SENTENCE_END.split(stored.review.text[:_READ]):
            if not terms and len(sentence) < _SHORTEST_OPINION:
                continue
            rank = language_of(sentence) != language, len(sentence)
            if terms <= terms_of(sentence).stems and (best is None or rank < best[0]):
                best = (rank, stored, sentence.strip())
    if best is None:
        return None
    return Answer(
        kind="review",
        answer=best[2],
        source=AnswerSource(item_id=hit.item_id, review_id=best[1].review.review_id),
        items=[item_of(hit)],
        confidence=_REVIEW,
    )


def list_items(facts: Sequence[ItemFacts]) -> list[AnswerItem]:
    """Return the items of an answer, one of each product."""
    first: dict[str, Hit] = {}
    for item in facts:
        first.setdefault(item.hit.product_id, item.hit)
    return [item_of(hit) for hit in list(first.values())[:_MAX_ITEMS]]


def item_of(hit: Hit) -> AnswerItem:
    """Return a hit as an item of an answer."""
    return AnswerItem(item_id=hit.item_id, title=hit.title, price=hit.price, currency=hit.currency)
