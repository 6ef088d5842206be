"""An answer to a customer's question, as data."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

AnswerKind = Literal["fact", "faq", "policy", "review", "search", "unknown"]


class AnswerSource(msgspec.Struct, frozen=True, kw_only=True):
    """The source of a quotation: a field of an item, an entry of the FAQ, or a review."""

    item_id: str = ""
    field: str = ""
    question: str = ""
    review_id: str = ""


class AnswerItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that an answer is about."""

    item_id: str
    title: str
    price: float | None = None
    currency: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question.

    ``answer`` is a quotation of the shop or of a customer, word for word; empty for the kinds
    ``search`` and ``unknown``. ``holds`` answers a question of yes or no, if the quotation decides
    it. ``items`` are those that the answer is about, or that were found. ``contact`` is only for
    the kind ``unknown``.
    """

    kind: AnswerKind
    answer: Annotated[str, Meta(description="A quotation, word for word.")] = ""
    holds: Annotated[
        bool | None,
        Meta(description="The answer to a question of yes or no, if the quotation decides it."),
    ] = None
    source: AnswerSource | None = None
    items: list[AnswerItem] = []
    confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    contact: Annotated[str, Meta(description="How to reach the shop, if nothing is known.")] = ""
    language: Literal["en", "zh"] = "en"
