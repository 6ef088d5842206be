"""Answer questions about a shop by a fact of an item, the FAQ, a review or a search."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from indexer.enrichment.language import Language
from indexer.errors import BadQuery
from search.asking.answer import Answer
from search.asking.asked import Asked, last_clause, take_question_apart
from search.asking.itemanswers import LIGHT, items_by_titles, search_items, which_items
from search.asking.itemfacts import ItemFacts, Passage, facts_of_hit
from search.asking.naming import named_item, names_items
from search.asking.quoting import (
    quote_entry,
    quote_passage,
    quote_review,
    quote_variants,
)
from search.asking.terms import stem_of, terms_of
from search.query import Query, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.enrichment.reviewlog import ReviewLog
    from indexer.items import Item
    from search.asking.faqmatcher import FaqMatch, FaqMatcher
    from search.filters.conditions import Range
    from search.hits import Hit, Reply

MAX_LENGTH: Final = 500  # of a question, in characters
THRESHOLDS: Final = {True: 0.36, False: 0.5}  # of the FAQ: by words and meaning, by words alone
_BESIDE_ITEM: Final = 0.24  # added to the threshold beside an item: most questions are about it
_SURE: Final = 0.5  # the score of an entry that goes before a search
_CLEAR: Final = 0.55  # the score of an entry that goes before items that are asked for
_WHOLE: Final = 0.1  # taken off the threshold of an entry that has all words of the question
_CANDIDATES: Final = 60
_FIELDS: Final = ("color", "material", "size", "cost", "pattern", "brand", "gender", "stock")
_SIZE: Final = re.compile(
    r"(?<![\w-])(xxs|xs|s|m|l|xl|xxl|xxxl|\d{2})(?![\w-])(?!\s*(?:%|usd|eur))"
)
_HOW_LONG: Final = re.compile(r"\bhow long (?:is|are)\b|多长(?!时间)")
_NUMBER: Final = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|half|single|double|dual)\b"
    r"|[一二两三四五六七八九十]",
    re.IGNORECASE,
)
_OR: Final = re.compile(r"\bor\b|还是")


class ShopSearch(Protocol):
    """The methods of a search engine that answering needs."""

    def search(self, query: Query) -> Reply:
        """Return the reply to a query."""
        ...

    def item(self, item_id: str) -> Item:
        """Return an item. Raises UnknownItem."""
        ...


class _Subject(NamedTuple):
    """The product that a question is about: its variants, and the terms that do not name it.

    ``is_shown`` is True if the customer looks at the first variant.
    """

    variants: list[ItemFacts]
    left: frozenset[str]
    is_shown: bool


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
        match = self._entry(question, asked)
        if match is not None and match.score < self._least_score(match, item_id):
            match = None
        if asked.way in ("which", "have") and match is not None and match.score < _CLEAR:
            found = which_items(asked, hits)
            if found is not None:
                return found
        is_search = names_items(asked, [facts_of_hit(hit) for hit in hits]) and (
            asked.price is not None or not _is_sure(match)
        )
        if match is not None and not is_search:
            return quote_entry(match)
        if subject is not None and (item_id is not None or asked.way != "search"):
            return self._by_likeness(asked, subject)
        found = search_items(asked, hits) if asked.way == "search" else which_items(asked, hits)
        if found is None and match is not None:
            return quote_entry(match)
        return found or items_by_titles(self._faq.likeness, question, asked, hits)

    def _entry(self, question: str, asked: Asked) -> FaqMatch | None:
        """Return the entry that best fits a question, or its last clause if that fits better."""
        match = self._faq.best(question, asked.terms)
        clause = last_clause(question)
        if match is None or clause == question:
            return match
        other = self._faq.best(clause, take_question_apart(clause).terms)
        return other if other is not None and other.score > match.score else match

    def _least_score(self, match: FaqMatch, item_id: str | None) -> float:
        """Return the score from which an entry is an answer."""
        least = THRESHOLDS[self._faq.has_meaning]
        if item_id is not None:
            return least + _BESIDE_ITEM
        return least - _WHOLE if match.is_whole else least

    def _hits(self, asked: Asked, question: str) -> list[Hit]:
        """Return the items with words of a question, all variants; [] if no item has a word.

        Items beyond the price limit of a search are left out.
        """
        price = None if asked.way == "ask" else asked.price
        words = " ".join(asked.terms.words)
        texts = [words, question] if asked.language == "zh" and not words.isascii() else [words]
        found: dict[str, Hit] = {}
        for text in texts:
            if text.strip():
                found |= {hit.item_id: hit for hit in self._variants(text, price)}
        return list(found.values())

    def _variants(self, text: str, price: Range | None = None) -> list[Hit]:
        query = Query(parts=[TextPart(text)], filter=price, limit=_CANDIDATES, group="item")
        return self._engine.search(query).hits

    def _subject(self, asked: Asked, hits: Sequence[Hit], item_id: str | None) -> _Subject | None:
        """Return the product that is shown, or that a word names which few products have."""
        if item_id is not None:
            item = self._engine.item(item_id)
            product, title = item.product_id, item.title
        else:
            named = named_item(asked.terms.stems, [facts_of_hit(hit) for hit in hits])
            if named is None:
                return None
            product, title = named.hit.product_id, named.hit.title
        same = [hit for hit in self._variants(title) if hit.product_id == product]
        variants = [facts_of_hit(hit) for hit in same]
        variants.sort(key=lambda variant: variant.hit.item_id != item_id)
        if not variants:
            return None
        left = asked.terms.stems - variants[0].title - variants[0].kinds
        return _Subject(variants, left, is_shown=item_id is not None)

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
            return self._nearest(asked, subject) or _told(first)
        for terms in (left, *_alternatives(asked, left), left - LIGHT):
            passages = _that_may_answer(asked, first.passages)
            best = max(passages, key=lambda part: len(terms & part.stems), default=None)
            if terms and best is not None and terms <= best.stems:
                is_decided = asked.is_yes_no and best.field != "description" and terms == left
                return quote_passage(best, [first], True if is_decided else None)
        return None

    def _field(self, asked: Asked, subject: _Subject, field: str) -> Answer | None:
        """Answer by a field, if the question names it, or a value of it."""
        named = [value.name for value in asked.terms.values if value.attribute == field]
        sizes = _SIZE.findall(asked.text) if field == "size" else []
        values = frozenset(stem_of(part.lower()) for name in named for part in name.split())
        others = subject.left - {field} - values - {stem_of(size) for size in sizes}
        if field == "cost":
            others -= {"much"}
        if field != "stock":  # "is it available in size 36?" asks for the size
            others -= {"stock"}
        is_asked = field in subject.left or (field == "cost" and asked.price is not None)
        if not (is_asked or values or sizes) or others - _of_values(asked, field):
            return None
        shown = [
            (variant, passage)
            for variant in subject.variants
            if (passage := variant.field(field)) is not None
        ]
        if not shown:
            return None
        if field == "stock" or (field == "cost" and subject.is_shown):
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
        """Quote a review of the subject that has all that is left to answer."""
        if self._reviews is None:
            return None
        hit = subject.variants[0].hit
        stored = self._reviews.about([hit.item_id, hit.product_id])
        return quote_review(hit, stored, subject.left, language)

    def _by_likeness(self, asked: Asked, subject: _Subject) -> Answer | None:
        """Answer by a review with all terms that are left, or by the part nearest in meaning."""
        found = None if asked.terms.unknown else self._review(subject, asked.language)
        return found or self._nearest(asked, subject)

    def _nearest(self, asked: Asked, subject: _Subject) -> Answer | None:
        """Answer by the part of a product that is nearest to a question in meaning."""
        likeness = self._faq.likeness
        if likeness is None:
            return None
        first = subject.variants[0]
        passages = _that_may_answer(asked, first.passages)
        question = asked.text
        if not subject.is_shown:  # each sentence with the name would be near
            question = _without(question, first.title | first.kinds)
        nearest = likeness.nearest(
            question, subject.left - LIGHT, passages, is_shown=subject.is_shown
        )
        return None if nearest is None else quote_passage(nearest, [first], None)


def _told(facts: ItemFacts) -> Answer | None:
    """Quote the first sentence of the description of an item; None if it has none."""
    passage = next((part for part in facts.passages if part.field == "description"), None)
    return None if passage is None else quote_passage(passage, [facts], None)


def _is_sure(match: FaqMatch | None) -> bool:
    """Return True for an entry that is better than a search for the same words."""
    return match is not None and match.is_whole and match.score >= _SURE


def _without(question: str, named: frozenset[str]) -> str:
    """Return a question without the words of these stems."""
    words = [(word, terms_of(word).stems) for word in question.split()]
    return " ".join(word for word, stems in words if not stems or not stems <= named)


def _that_may_answer(asked: Asked, passages: Sequence[Passage]) -> Sequence[Passage]:
    """Return the passages that can answer a question: those with a number for "how many"."""
    return [part for part in passages if not asked.is_amount or _NUMBER.search(part.text)]


def _alternatives(asked: Asked, left: frozenset[str]) -> Iterator[frozenset[str]]:
    """Yield the terms of each side of "waterproof or just water repellent?"; nothing without "or".

    Terms that both sides have are part of each.
    """
    sides = [terms_of(side).stems & left for side in _OR.split(asked.text)]
    if len(sides) == 2 and all(sides):
        yield left - (sides[0] - sides[1])
        yield left - (sides[1] - sides[0])


def _of_values(asked: Asked, field: str) -> frozenset[str]:
    """Return the stems of the words of a question that name values of a field ("navy" for Blue)."""
    words = re.findall(r"[^\W_]+", asked.text)
    return frozenset(
        stem_of(word)
        for word in words
        if any(value.attribute == field for value in terms_of(word).values)
    )
