"""A question, as data: parts with weights, a filter, a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from indexer.errors import BadQuery
from search.parts import MAX_TEXT, EmbeddingPart, ImagePart, ItemPart, Part, TextPart

if TYPE_CHECKING:
    from search.filters import Filter

__all__ = [
    "MAX_FACETS",
    "MAX_LIMIT",
    "MAX_PARTS",
    "MAX_TEXT",
    "MIN_COLLAPSE",
    "CheckedQuery",
    "EmbeddingPart",
    "ImagePart",
    "ItemPart",
    "Part",
    "Query",
    "TextPart",
]

MAX_LIMIT = 1000
MAX_PARTS = 16
MAX_FACETS = 16
MIN_COLLAPSE = 0.5  # images that are less alike are not copies


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A question. Weights may be negative ("like this, but not like that").

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

    def check(self) -> CheckedQuery:
        """Return the query as checked; BadQuery, naming the field, if it cannot be answered."""
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
        self._check_parts()
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return CheckedQuery(**fields)

    def _check_parts(self) -> None:
        for part in self.parts:
            part.check()
        letters = sum(len(part.words or "") for part in self.parts)
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


class CheckedQuery(Query, frozen=True, kw_only=True):
    """A query that ``Query.check`` has passed, so that no later step checks it again.

    ``msgspec.structs.replace`` keeps it checked: put in values that need no check.
    """

    def check(self) -> CheckedQuery:
        """Return the query itself."""
        return self
