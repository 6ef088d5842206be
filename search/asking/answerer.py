"""Answer questions about a shop by a fact of an item, the FAQ, a review or a search."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from indexer.enrichment.language import Language, language_of
from indexer.errors import BadQuery
from search.asking.answer import Answer, AnswerSource
from search.asking.asked import Asked, take_question_apart
from search.asking.itemfacts import ItemFacts, facts_of_hit
from search.asking.quoting import (
    item_of,
    list_items,
    quote_entry,
    quote_passage,
    quote_variants,
)
from search.asking.terms import stem_of, terms_of
from search.query import Query, TextPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.enrichment.reviewlog import ReviewLog, StoredReview
    from indexer.items import Item
    from search.asking.faqmatcher import FaqMatcher
    from search.hits import Hit, Reply

MAX_LENGTH: Final = 500  # of a question, in characters
THRESHOLDS: Final = {True: 0.45, False: 0.5}  # of the FAQ: by words and meaning, by words alone
_CANDIDATES: Final = 60
_RARE_PRODUCTS: Final = 2  # a word that at most as many products have names one of them
_FIELDS: Final = ("color", "material", "size", "cost", "pattern", "brand", "gender", "stock")
_SIZE: Final = re.compile(
    r"(?<![\w-])(xxs|xs|s|m|l|xl|xxl|xxxl|\d{2})(?![\w-])(?!\s*(?:%|usd|eur))"
)
_HOW_LONG: Final = re.compile(r"\bhow long (?:is|are)\b|多长(?!时间)")
_SHORTEST_OPINION: Final = 12  # letters of a sentence that is quoted for no word in particular
_FOUND, _REVIEW = 0.8, 0.6  # the confidence of answers by a search and by a review


class ShopSearch(Protocol):
    """The methods of a search engine that answering needs."""

    def search(self, query: Query) -> Reply:
        """Return the reply to a query."""
        ...

    def item(self, item_id: str) -> Item:
        """Return an item. Raises UnknownItem."""
        ...


class _Subject(NamedTuple):
    """The product that a question is about: its variants, and the terms that do not name it."""

    variants: list[ItemFacts]
    left: frozenset[str]


class Answerer:
    """Answers questions about one shop. Thread-safe if its parts are."""

    def __init__(
        self, engine: ShopSearch, faq: FaqMatcher, reviews: ReviewLog | None, contact: str = ""
    ) -> None:
        self._engine, self._faq, self._reviews, self._contact = engine, faq, reviews, contact

    def ask(self, question: str, item_id: str | None = None) -> Answer:
        """Answer a question; ``item_id`` is the item that the customer looks at.

        Raises BadQuery for a question that is empty or longer than 500 characters, UnknownItem.
        """
        if not question.strip() or len(question) > MAX_LENGTH:
            got = len(question) if question.strip() else "an empty one"
            raise BadQuery(
                f"a question has 1 to {MAX_LENGTH} characters, got {got}", param="question"
            )
        asked = take_question_apart(question)
        found = self._answer(question, asked, item_id)
        if found is None:
            found = Answer(kind="unknown", contact=self._contact)
        return msgspec.structs.replace(found, language=asked.language)

    def _answer(self, question: str, asked: Asked, item_id: str | None) -> Answer | None:
        """Try the facts of an item that is shown or named, then the FAQ, reviews and all items."""
        hits = self._hits(asked, question)
        subject = self._subject(asked, hits, item_id)
        if subject is not None and asked.is_opinion:
            return None if asked.terms.unknown else self._review(subject, asked.language)
        found = None if subject is None else self._about(asked, subject)
        if found is not None:
            return found
        match = self._faq.best(question, asked.terms)
        if match is not None and match.score < THRESHOLDS[self._faq.has_meaning]:
            match = None
        if match is not None and asked.way != "search":
            return quote_entry(match)
        if subject is not None and (item_id is not None or asked.way != "search"):
            return self._review(subject, asked.language) if not asked.terms.unknown else None
        found = self._search(asked, hits) if asked.way == "search" else self._which(asked, hits)
        return quote_entry(match) if found is None and match is not None else found

    def _hits(self, asked: Asked, question: str) -> list[Hit]:
        """Return the items with words of a question, all variants; [] if no item has a word."""
        words = " ".join(asked.terms.words)
        texts = [words, question] if asked.language == "zh" and not words.isascii() else [words]
        found: dict[str, Hit] = {}
        for text in texts:
            if text.strip():
                found |= {hit.item_id: hit for hit in self._variants(text)}
        return list(found.values())

    def _variants(self, text: str) -> list[Hit]:
        query = Query(parts=[TextPart(text)], limit=_CANDIDATES, group="item")
        return self._engine.search(query).hits

    def _subject(self, asked: Asked, hits: Sequence[Hit], item_id: str | None) -> _Subject | None:
        """Return the product that is shown, or that a word names which few products have."""
        if item_id is not None:
            item = self._engine.item(item_id)
            product, title = item.product_id, item.title
        else:
            named = _named(asked.terms.stems, [facts_of_hit(hit) for hit in hits])
            if named is None:
                return None
            product, title = named.hit.product_id, named.hit.title
        same = [hit for hit in self._variants(title) if hit.product_id == product]
        variants = [facts_of_hit(hit) for hit in same]
        variants.sort(key=lambda variant: variant.hit.item_id != item_id)
        if not variants:
            return None
        return _Subject(variants, asked.terms.stems - variants[0].title - variants[0].kinds)

    def _about(self, asked: Asked, subject: _Subject) -> Answer | None:
        """Answer a question about one product: by a field, a sentence, or a review of it."""
        first = subject.variants[0]
        if asked.terms.unknown:
            return None
        for field in _FIELDS:
            found = self._field(asked, subject, field)
            if found is not None:
                return found
        left = subject.left
        if len(left) > 1 and _HOW_LONG.search(asked.text):  # "how long is the inseam?"
            left -= {"long"}
        if not left:
            passage = next((part for part in first.passages if part.field == "description"), None)
            return None if passage is None else quote_passage(passage, [first], None)
        best = max(first.passages, key=lambda part: len(left & part.stems))
        if not left <= best.stems:
            return None
        holds = True if asked.is_yes_no and best.field != "description" else None
        return quote_passage(best, [first], holds)

    def _field(self, asked: Asked, subject: _Subject, field: str) -> Answer | None:
        """Answer by a field, if the question names it, or a value of it."""
        named = [value.name for value in asked.terms.values if value.attribute == field]
        sizes = _SIZE.findall(asked.text) if field == "size" else []
        values = frozenset(stem_of(part.lower()) for name in named for part in name.split())
        others = subject.left - {field} - values - {stem_of(size) for size in sizes}
        if field == "cost":
            others -= {"much"}
        if values or sizes:  # "is it available in size 36?" asks for the size
            others -= {"stock"}
        is_asked = field in subject.left
        if not (is_asked or values or sizes) or others - _of_values(asked, field):
            return None
        shown = [
            (variant, passage)
            for variant in subject.variants
            if (passage := variant.field(field)) is not None
        ]
        if not shown:
            return None
        if field == "stock":  # of the variant that is shown
            shown = shown[:1]
        if not values and not sizes:
            return quote_variants(shown)
        wanted = values | {
            stem for value in asked.terms.values if value.attribute == field for stem in values
        }
        for variant, passage in shown:
            given = {word.lower() for word in re.findall(r"[\w.]+", passage.text)}
            if (values and wanted <= passage.stems) or any(size in given for size in sizes):
                return quote_passage(passage, [variant], True)
        return quote_variants(shown, holds=False)

    def _review(self, subject: _Subject, language: Language) -> Answer | None:
        """Quote the shortest sentence of a review that has all that is left to answer.

        One in the language of the question is preferred.
        """
        if self._reviews is None:
            return None
        hit = subject.variants[0].hit
        best: tuple[tuple[bool, int], StoredReview, str] | None = None
        for stored in self._reviews.about([hit.item_id, hit.product_id]):
            for sentence in re.split(r"(?<=[.!?。！？])\s*", stored.review.text[:4000]):
                stems = terms_of(sentence).stems
                if not subject.left and len(sentence) < _SHORTEST_OPINION:
                    continue  # "Love it!" does not say what they think
                rank = language_of(sentence) != language, len(sentence)
                if subject.left <= stems and (best is None or rank < best[0]):
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

    def _search(self, asked: Asked, hits: Sequence[Hit]) -> Answer | None:
        """Return the items that have all words of a search; else those with two thirds of them."""
        facts = [facts_of_hit(hit) for hit in hits]
        terms = asked.terms.stems
        shown = [item for item in facts if terms <= item.stems]
        if not shown and len(terms) > 2:
            shown = [item for item in facts if 3 * len(terms & item.stems) >= 2 * len(terms)]
        if not shown or (asked.terms.unknown and not terms):
            return None
        return Answer(kind="search", items=list_items(shown), confidence=_FOUND)

    def _which(self, asked: Asked, hits: Sequence[Hit]) -> Answer | None:
        """Name the items that have all that a question asks, and quote the first of them."""
        terms = asked.terms.stems
        if not terms or asked.terms.unknown:
            return None
        facts = [item for hit in hits if _has_all(asked, item := facts_of_hit(hit))]
        facts = [item for item in facts if terms & item.names]
        if not facts:
            return None
        if asked.order:
            facts = [item for item in facts if terms <= item.names and item.hit.price is not None]
            facts.sort(key=lambda item: asked.order * (item.hit.price or 0.0))
            price = facts[0].field("cost") if facts else None
            return None if price is None else quote_passage(price, facts[:1], None)
        facts.sort(key=lambda item: -len(terms & item.names))
        left = terms - facts[0].names - {"material", "color"}
        if not left or asked.way == "have":
            return Answer(kind="search", items=list_items(facts), confidence=_FOUND)
        best = max(facts[0].passages, key=lambda part: len(left & part.stems))
        if not left <= best.stems:
            return None
        return quote_passage(best, facts, None)


def _has_all(asked: Asked, facts: ItemFacts) -> bool:
    """Return True if an item has all terms, and the values in the fields of their attributes."""
    if not asked.terms.stems - {"material", "color"} <= facts.stems:
        return False
    for value in asked.terms.values:
        field = facts.field(value.attribute)
        if value.attribute in ("color", "material", "pattern") and field is not None:
            wanted = {stem_of(part) for part in value.name.lower().split()}
            if not wanted <= field.stems:
                return False
    return True


def _named(asked: frozenset[str], facts: Sequence[ItemFacts]) -> ItemFacts | None:
    """Return the item whose title has most words of a question, among them a rare one."""
    products: dict[str, set[str]] = {}
    for item in facts:
        for stem in item.stems & asked:
            products.setdefault(stem, set()).add(item.hit.product_id)
    kinds = {stem for item in facts for stem in item.kinds}
    rare = {stem for stem, found in products.items() if len(found) <= _RARE_PRODUCTS} - kinds
    named = [item for item in facts if item.title & rare]
    return max(named, key=lambda item: len(item.title & asked), default=None)


def _of_values(asked: Asked, field: str) -> frozenset[str]:
    """Return the stems of the words of a question that name values of a field ("navy" for Blue)."""
    words = re.findall(r"[^\W_]+", asked.text)
    return frozenset(
        stem_of(word)
        for word in words
        if any(value.attribute == field for value in terms_of(word).values)
    )
