"""An answer, as data. The names are those of ``search --json`` and of the HTTP replies."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from indexer.items import AttributeValue

Mode = Literal["exact", "ann", "lexical", "fused"]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the shop that answers the query, with the image of it that matched best.

    ``score`` grows with likeness; within one reply it never increases from hit to hit. It is a
    cosine in [-1, 1] for queries by vector, BM25 (> 0, less that of unwanted words) for queries by
    words alone, and a reciprocal-rank score for both together (see ``search.rank.fuse``).
    ``confidence`` is the probability in [0, 1] that it is the very product the photo shows; None
    for hits found by words, for queries that mix or avoid, and where the shop has too few products
    to tell.
    ``copies`` are the items that were left out as near copies of this one.
    """

    item_id: str
    product_id: str
    score: Annotated[float, Meta(description="Larger is better; see mode for its scale.")]
    confidence: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(
            description="The probability that it is the very product in the photo; null for hits "
            "found by words, and where it cannot be told."
        ),
    ] = None
    image: str
    image_index: int
    variant: str
    title: str = ""
    description: str = ""
    price: float | None = None
    currency: str = ""
    in_stock: bool = True
    categories: list[str] = []
    attributes: dict[str, AttributeValue] = {}
    copies: Annotated[
        list[str], Meta(description="Items left out as near copies of this one.")
    ] = []


class FacetValue(msgspec.Struct, frozen=True):
    """One value of a field, and how many items of the match set carry it."""

    value: str
    count: int


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """All that came of one query.

    ``total`` counts the items that pass the filter (and, for words alone, match a word).
    ``mode`` says how the hits were found: ``exact`` compares every allowed row, ``ann`` an
    approximate index, ``lexical`` words only, ``fused`` words and vectors. ``timings`` are
    milliseconds by stage. ``no_close_match`` is True when a photo was asked for and even the
    best hit is probably not what it shows; the hits are then what comes nearest.
    ``next_cursor`` asks for the hits that follow; None when there are none.
    """

    hits: list[Hit]
    total: int
    facets: dict[str, list[FacetValue]] = {}
    generation: str
    encoder: str
    mode: Mode
    timings: Annotated[dict[str, float], Meta(description="Milliseconds by stage.")]
    no_close_match: Annotated[
        bool,
        Meta(
            description="A photo was asked for, and even the best hit is probably not what it "
            "shows."
        ),
    ] = False
    next_cursor: Annotated[
        str | None,
        Meta(description="Asks for the hits that follow; null when these are the last."),
    ] = None
