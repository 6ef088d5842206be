"""A question, as data: parts with weights, a filter, a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from indexer.errors import BadQuery
from indexer.imaging.images import WHOLE, Box

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Pixels
    from search.filters import Filter

MAX_LIMIT = 1000
MAX_PARTS = 16
MAX_TEXT = 1000
MAX_FACETS = 16
MIN_COLLAPSE = 0.5  # less alike is no copy of anything


class ImagePart(msgspec.Struct, frozen=True):
    """A photo: encoded bytes, or pixels (h, w, 3). ``box`` cuts a region out of it first."""

    image: bytes | Pixels
    weight: float = 1.0
    box: Box = WHOLE


class TextPart(msgspec.Struct, frozen=True):
    """Words, in any script."""

    text: str
    weight: float = 1.0


class ItemPart(msgspec.Struct, frozen=True):
    """An item of the shop: stands for the mean direction of its original images."""

    item_id: str
    weight: float = 1.0


class EmbeddingPart(msgspec.Struct, frozen=True):
    """A vector (dim,) of the shop's own encoder; any length but zero."""

    embedding: Embedding
    weight: float = 1.0


Part: TypeAlias = ImagePart | TextPart | ItemPart | EmbeddingPart


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One question. Weights may be negative ("like this, but not like that").

    ``limit`` counts distinct products, or items with ``group="item"``. ``facets`` names the
    fields to count values of: ``category``, ``in_stock`` or any attribute. ``cursor`` is the
    ``next_cursor`` of the page before. With ``collapse``, a cosine, hits whose pictures are at
    least that alike count as copies of the first of them.
    """

    parts: list[Part]
    filter: Filter | None = None
    limit: int = 10
    group: Literal["product", "item"] = "product"
    facets: list[str] = []
    cursor: str | None = None
    collapse: float | None = None

    def check(self) -> Query:
        """The query itself; BadQuery, naming the field, when it cannot be answered."""
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadQuery(f"limit must be from 1 to {MAX_LIMIT}, got {self.limit}", param="limit")
        if self.collapse is not None and not MIN_COLLAPSE <= self.collapse <= 1:
            raise BadQuery(
                f"collapse is a cosine from {MIN_COLLAPSE} to 1, got {self.collapse}",
                param="collapse",
            )
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise BadQuery(
                f"a query has 1 to {MAX_PARTS} parts (image, text, item_id or embedding), "
                f"got {len(self.parts)}",
                param="parts",
            )
        if len(self.facets) > MAX_FACETS:
            raise BadQuery(
                f"facets names {len(self.facets)} fields, at most {MAX_FACETS} are counted",
                param="facets",
            )
        for part in self.parts:
            if not -1e3 <= part.weight <= 1e3 or part.weight == 0:
                raise BadQuery(
                    f"a weight must be from -1000 to 1000 and not 0, got {part.weight}",
                    param="weight",
                )
            if isinstance(part, TextPart):
                _check_text(part.text)
        letters = sum(len(part.text) for part in self.parts if isinstance(part, TextPart))
        if letters > MAX_TEXT:
            raise BadQuery(
                f"the text parts have {letters} characters, at most {MAX_TEXT} are read together",
                param="text",
            )
        if not any(part.weight > 0 for part in self.parts):
            raise BadQuery(
                "at least one part needs a positive weight: a query of only negative parts "
                "says what to avoid, not what to find",
                param="weight",
            )
        return self


def _check_text(text: str) -> None:
    if not text.strip():
        raise BadQuery("text is empty; give at least one word", param="text")
    if len(text) > MAX_TEXT:
        raise BadQuery(
            f"text has {len(text)} characters, at most {MAX_TEXT} are read", param="text"
        )
