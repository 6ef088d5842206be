"""The models of search requests, which validate them and document them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from indexer.items import MAX_ID_BYTES
from search.query import MAX_FACETS, MAX_LIMIT, MAX_PARTS, MAX_TEXT, MIN_COLLAPSE
from search.sort import MAX_SORT

MAX_DIM = 8192
MAX_FILTER = 4000

MAX_EXCLUDED = 1000
MAX_BATCH = 32
MAX_BOXES = 10  # of a photo; each is a search

_CONTENTS = ("image", "text", "item_id", "embedding", "user_id")
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


def without_null(schema: dict[str, Any]) -> None:
    """Document optional fields without null, which is accepted too."""
    for field in schema["properties"].values():
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) < len(field.get("anyOf", ())):
            del field["anyOf"]
            field.pop("default", None)
            field.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _one_of_four(schema: dict[str, Any]) -> None:
    without_null(schema)
    schema["oneOf"] = [{"required": [name]} for name in _CONTENTS]
    schema["dependentRequired"] = {"box": ["image"]}


class RequestModel(BaseModel):
    """A request: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PartBody(RequestModel):
    """A part of a query: exactly one of image, text, item_id, embedding and user_id."""

    model_config = ConfigDict(json_schema_extra=_one_of_four)

    image: str | None = Field(
        None,
        min_length=1,
        description="A photo: JPEG, PNG, WebP, GIF, AVIF or HEIC in base64.",
        json_schema_extra={"contentEncoding": "base64"},
    )
    text: str | None = Field(
        None, min_length=1, max_length=MAX_TEXT, description="Words, in any script."
    )
    item_id: str | None = Field(
        None, min_length=1, max_length=MAX_ID_BYTES, description="An item of the shop."
    )
    embedding: list[float] | None = Field(
        None,
        min_length=1,
        max_length=MAX_DIM,
        description="A vector of the index's encoder; it need not have unit length.",
    )
    user_id: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_ID_BYTES,
        description="A user of the shop: hits are drawn towards what the user likes. A user of "
        "whom nothing is known adds nothing. Needs the write key; beside a photo, a weight of 0.3 "
        "orders what looks alike.",
    )
    weight: Weight = 1.0
    box: BoxField | None = None

    @model_validator(mode="after")
    def _one_of(self) -> PartBody:
        given = [name for name in _CONTENTS if getattr(self, name) is not None]
        if len(given) != 1:
            what = " and ".join(given) or "none"
            raise ValueError(
                f"a part has exactly one of image, text, item_id, embedding and user_id; got {what}"
            )
        if self.box is not None and self.image is None:
            raise ValueError(f"a box is only allowed with an image; this part has {given[0]}")
        return self


class AskBody(BaseModel):
    """A customer's question, asked beside an item or not."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=500, description="In English or Chinese.")
    item_id: Annotated[str, StringConstraints(max_length=MAX_ID_BYTES)] | None = Field(
        None, description="The item that the question is about."
    )


class SearchBody(RequestModel):
    """A query: its parts, a filter, and how many hits to return."""

    parts: list[PartBody] = Field(
        min_length=1,
        max_length=MAX_PARTS,
        examples=[
            [{"text": "red mug"}],
            [{"item_id": "mug-012"}, {"text": "striped", "weight": -0.5}],
        ],
    )
    filter: FilterField = None
    limit: LimitField = 10
    group: GroupField = "product"
    facets: FacetsField = []
    cursor: CursorField = None
    collapse: CollapseField = None
    sort: SortField = None
    min_score: MinScoreField = None
    min_confidence: MinConfidenceField = None
    exclude: ExcludeField = None


class BatchBody(RequestModel):
    """Several queries, answered together."""

    searches: list[SearchBody] = Field(min_length=1, max_length=MAX_BATCH)


class PhotoForm(RequestModel):
    """A query with an uploaded photo, as multipart/form-data."""

    model_config = ConfigDict(json_schema_extra=without_null)

    image: str = Field(
        description="The photo: JPEG, PNG, WebP, GIF, AVIF or HEIC. Its type and name are ignored.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    box: BoxTexts = []
    auto_crop: bool = Field(
        False,
        description="Whether to search with the thing that the photo is meant to show, together "
        "with the whole photo. `cropped` in the reply is its region. Not with a box.",
    )
    explain: ExplainField = False
    verify: bool = Field(
        False,
        description="Whether to compare the photo with the pictures of the first 20 hits point by "
        "point, and to reorder these. Needs OpenCV on the server, and counts as 10 searches.",
    )
    ocr: bool = Field(
        False,
        description="Whether to read the words in the photo, and to reorder the first 20 hits by "
        "them. Needs RapidOCR on the server, and counts as 10 searches.",
    )
    weight: Weight = 1.0
    text: str | None = Field(
        None, max_length=MAX_TEXT, description="Words to search for besides the photo."
    )
    text_weight: Weight = 1.0
    filter: FilterText | None = Field(
        None,
        description="Restricts the hits: a string, or the JSON object as text.",
        examples=["price < 20"],
    )
    limit: LimitField = 10
    group: GroupField = "product"
    facets: str | None = Field(
        None,
        max_length=2000,
        description="Fields whose values are counted, separated by commas.",
        examples=["category,color"],
    )
    cursor: CursorField = None
    collapse: CollapseField = None
    sort: SortField = None
    min_score: MinScoreField = None
    min_confidence: MinConfidenceField = None
    exclude: ExcludeText = None


class SimilarParams(BaseModel):
    """The parameters of a request for similar items."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    user: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_ID_BYTES,
        description="A user, whose tastes come first. Needs a key that may write.",
    )
    user_weight: Weight = Field(0.3, description="How much the user counts; the item counts 1.")
    limit: LimitField = 10
    filter: FilterText | None = Field(None, description="Restricts the hits.")
    group: GroupField = "product"
    facets: str | None = Field(
        None, max_length=2000, description="Fields whose values are counted, separated by commas."
    )
    explain: ExplainField = False
    cursor: CursorField = None
    collapse: CollapseField = None
    sort: SortField = None
    min_score: MinScoreField = None
    min_confidence: MinConfidenceField = None
    exclude: ExcludeText = None


class WordsParams(SimilarParams):
    """The parameters of a search by words."""

    q: str = Field(min_length=1, max_length=MAX_TEXT, description="Words, in any script.")


class PhotoParams(SimilarParams):
    """The parameters of a search with a photo as the body."""

    box: BoxTexts = []
    text: str | None = Field(
        None, max_length=MAX_TEXT, description="Words to search for besides the photo."
    )
