"""A query, as data: parts with weights, a filter, a limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

from indexer.errors import BadQuery
from search.parts import MAX_TEXT, EmbeddingPart, ImagePart, ItemPart, Part, TextPart, UserPart
from search.sort import parse_sort

if TYPE_CHECKING:
    from search.filters.jsonform import Filter

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
    "UserPart",
]

MAX_LIMIT = 1000
MAX_PARTS = 16
MAX_FACETS = 16
MIN_COLLAPSE = 0.5  # images with a lower cosine are not copies


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query. Weights may be negative ("like this, but not like that").

    ``limit`` counts distinct products, or items with ``group="item"``. ``facets`` are the fields
    whose values are counted: ``category``, ``in_stock`` or any attribute. ``cursor`` is the
    ``next_cursor`` of the page before. ``collapse`` is a cosine: a hit whose picture is at least
    this similar to that of a hit before it is left out, as a copy of it. ``sort`` is a field to
    sort by (see ``search.sort.parse_sort``). Hits with a lower score than ``min_score``, or a
    lower confidence than ``min_confidence``, are left out. ``swatches`` is the attribute whose
    values are shown with each hit (see ``search.swatches``).
    """

    parts: list[Part]
    filter: Filter | None = None
    limit: int = 10
    group: Literal["product", "item"] = "product"
    facets: list[str] = []
    cursor: str | None = None
    collapse: float | None = None
    sort: str | None = None
    min_score: float | None = None
    min_confidence: float | None = None
    swatches: str | None = None

    def check(self) -> CheckedQuery:
        """Check the query, and return it as checked. BadQuery names the field that is invalid."""
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadQuery(f"limit must be from 1 to {MAX_LIMIT}, got {self.limit}", param="limit")
        if self.collapse is not None and not MIN_COLLAPSE <= self.collapse <= 1:
            raise BadQuery(
                f"collapse is a cosine from {MIN_COLLAPSE} to 1, got {self.collapse}",
                param="collapse",
            )
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise BadQuery(
                f"a query has 1 to {MAX_PARTS} parts (image, text, item_id, embedding or user_id), "
                f"got {len(self.parts)}",
                param="parts",
            )
        if len(self.facets) > MAX_FACETS:
            raise BadQuery(
                f"facets names {len(self.facets)} fields, at most {MAX_FACETS} are allowed",
                param="facets",
            )
        self._check_parts()
        self._check_refinement()
        return CheckedQuery(
            parts=self.parts,
            filter=self.filter,
            limit=self.limit,
            group=self.group,
            facets=self.facets,
            cursor=self.cursor,
            collapse=self.collapse,
            sort=self.sort,
            min_score=self.min_score,
            min_confidence=self.min_confidence,
            swatches=self.swatches,
        )

    def _check_refinement(self) -> None:
        if self.sort is not None:
            parse_sort(self.sort)
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise BadQuery(f"min_score is a number, got {self.min_score}", param="min_score")
        if self.min_confidence is None:
            return
        if not 0 <= self.min_confidence <= 1:
            raise BadQuery(
                f"min_confidence is from 0 to 1, got {self.min_confidence}", param="min_confidence"
            )
        if not any(part.is_picture for part in self.parts):
            raise BadQuery(
                "min_confidence needs a photo or an item: hits found by words have no confidence; "
                "use min_score",
                param="min_confidence",
            )

    def _check_parts(self) -> None:
        for part in self.parts:
            part.check()
        letters = sum(len(part.words or "") for part in self.parts)
        if letters > MAX_TEXT:
            raise BadQuery(
                f"the text parts together have {letters} characters, at most {MAX_TEXT} are "
                "allowed",
                param="text",
            )
        if not any(part.weight > 0 for part in self.parts):
            raise BadQuery(
                "at least one part needs a positive weight: a query of only negative parts "
                "says what to avoid, not what to find",
                param="weight",
            )


class CheckedQuery(Query, frozen=True, kw_only=True):
    """A query that was checked, so that no later step has to check it.

    ``msgspec.structs.replace`` returns a ``CheckedQuery`` too: replace only by valid values.
    """

    def check(self) -> CheckedQuery:
        """Return the query itself."""
        return self
