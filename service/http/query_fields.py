"""The types of the fields that searches and recommendations share, with their documentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from search.query import MAX_FACETS, MAX_LIMIT, MIN_COLLAPSE
from search.sort import MAX_SORT

MAX_FILTER = 4000
MAX_EXCLUDED = 1000
MAX_BOXES = 10  # of a photo; each is a search

_EDGE = r"(0(\.\d+)?|1(\.0+)?)"

ExcludedValue = Annotated[str, StringConstraints(max_length=1000)] | bool | int | float
Unit = Annotated[float, Field(ge=0, le=1)]
BoxField = Annotated[
    tuple[Unit, Unit, Unit, Unit],
    Field(
        description="The region of the photo to search with: x0, y0, x1, y1 as shares of its width "
        "and height, from the top left.",
        examples=[[0.1, 0.1, 0.9, 0.8]],
    ),
]
Weight = Annotated[
    float,
    Field(
        ge=-1000,
        le=1000,
        description="How much the part counts; a negative weight finds items unlike it. Not 0.",
    ),
]
BoxTexts = Annotated[
    list[
        Annotated[
            str,
            StringConstraints(max_length=200),
            Field(json_schema_extra={"pattern": f"^({_EDGE}(,{_EDGE}){{3}})?$"}),
        ]
    ],
    Field(
        max_length=MAX_BOXES,
        description="The region to search with: x0,y0,x1,y1. If it is repeated, each region is a "
        "search of its own, and `groups` has the hits of each.",
        examples=[["0.1,0.1,0.9,0.8"]],
    ),
]
FilterText = Annotated[str, StringConstraints(max_length=MAX_FILTER)]
FilterField = Annotated[
    FilterText | dict[str, Any] | None,
    Field(
        description="Restricts the hits: a string, or a JSON object of must / should / must_not "
        "with match and range.",
        examples=[
            'category = "Home/Mugs" and price < 20 and color in [red, blue]',
            {"must": [{"key": "color", "match": {"value": "red"}}]},
        ],
    ),
]
LimitField = Annotated[
    int, Field(ge=1, le=MAX_LIMIT, description="How many products (or items) to return.")
]
GroupField = Annotated[
    Literal["product", "item"],
    Field(description="product: one hit for each product, its best variant. item: every item."),
]
CursorField = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=2048,
        description="next_cursor of the page before; all other fields must be as in that request.",
    ),
]
CollapseField = Annotated[
    float | None,
    Field(
        ge=MIN_COLLAPSE,
        le=1,
        description="Leaves out near copies: hits whose images have at least this cosine to those "
        "of an earlier hit, which lists them as its copies.",
        examples=[0.97],
    ),
]
ExplainField = Annotated[
    bool,
    Field(
        description="Whether to return heat maps of the photo and of the first hits, which say "
        "what the scores come from. Takes seconds, and counts as 40 searches."
    ),
]
FacetsField = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=100)]],
    Field(
        max_length=MAX_FACETS,
        description="Fields whose values are counted: category, in_stock or any attribute.",
        examples=[["category", "color"]],
    ),
]

SwatchesField = Annotated[
    str | None,
    Field(
        max_length=100,
        description="An attribute, such as color: each hit lists the values that its product comes "
        "in, with an item of each.",
        examples=["color"],
    ),
]
SortField = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=MAX_SORT,
        description="Sorts the hits: price or any attribute that is a number or a date, with - "
        "before it the largest first, or newest. With a photo, an item or a vector, the 200 best "
        "hits are sorted (10 times the limit, if that is more); with several words, the hits that "
        "have most of them.",
        examples=["price", "-price", "newest"],
    ),
]
MinScoreField = Annotated[
    float | None, Field(description="Leaves out hits with a lower score; see mode for its scale.")
]
MinConfidenceField = Annotated[
    float | None,
    Field(ge=0, le=1, description="Leaves out hits with a lower confidence, and with none."),
]
ExcludeText = Annotated[
    str | None,
    Field(
        max_length=MAX_FILTER,
        description="Ids of items and products to leave out, separated by commas.",
    ),
]
ExcludeField = Annotated[
    list[str] | dict[str, ExcludedValue | list[ExcludedValue]] | None,
    Field(
        max_length=MAX_EXCLUDED,
        description="What to leave out: ids of items and products, or fields and their values.",
        examples=[["mug-012"], {"color": ["red"], "product_id": "mug"}],
    ),
]
