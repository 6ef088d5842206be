"""What goes over the wire: requests are checked against these, replies are documented by them.

Replies are written by msgspec from the structs of the floors below; a test keeps the fields of
both in step.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from indexer.items import MAX_ID_BYTES
from search.hits import Mode
from search.query import MAX_FACETS, MAX_LIMIT, MAX_PARTS, MAX_TEXT, MIN_COLLAPSE

MAX_DIM = 8192
MAX_FILTER = 4000

_CONTENTS = ("image", "text", "item_id", "embedding")
_EDGE = r"(0(\.\d+)?|1(\.0+)?)"

Unit = Annotated[float, Field(ge=0, le=1)]
BoxField = Annotated[
    tuple[Unit, Unit, Unit, Unit],
    Field(
        description="The region of the photo to search with, as shares of its width and height, "
        "origin top left: x0, y0, x1, y1.",
        examples=[[0.1, 0.1, 0.9, 0.8]],
    ),
]
Weight = Annotated[
    float,
    Field(
        ge=-1000,
        le=1000,
        description="How much the part counts; below 0 it says what to stay away from. Never 0.",
    ),
]
FilterText = Annotated[str, StringConstraints(max_length=MAX_FILTER)]
FilterField = Annotated[
    FilterText | dict[str, Any] | None,
    Field(
        description="Which items may answer: a string, or must / should / must_not with match "
        "and range.",
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
    Field(description="One hit per product (its best variant), or every item by itself."),
]
CursorField = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=2048,
        description="The next_cursor of the page before; everything else as it was asked then.",
    ),
]
CollapseField = Annotated[
    float | None,
    Field(
        ge=MIN_COLLAPSE,
        le=1,
        description="Leave out near copies: hits whose pictures have at least this cosine to "
        "those of a hit before. They are listed as its copies.",
        examples=[0.97],
    ),
]
FacetsField = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=100)]],
    Field(
        max_length=MAX_FACETS,
        description="Fields to count the values of: category, in_stock or any attribute.",
        examples=[["category", "color"]],
    ),
]


def _without_null(schema: dict[str, Any]) -> None:
    """Document a field that may be left out as just that: null is accepted, and not advised."""
    for field in schema["properties"].values():
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) < len(field.get("anyOf", ())):
            del field["anyOf"]
            field.pop("default", None)
            field.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _one_of_four(schema: dict[str, Any]) -> None:
    _without_null(schema)
    schema["oneOf"] = [{"required": [name]} for name in _CONTENTS]
    schema["dependentRequired"] = {"box": ["image"]}


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PartBody(_Request):
    """One part of a question: exactly one of image, text, item_id and embedding."""

    model_config = ConfigDict(json_schema_extra=_one_of_four)

    image: str | None = Field(
        None,
        min_length=1,
        description="A photo: JPEG, PNG, WebP, GIF or AVIF in base64.",
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
        description="A vector of the index's own encoder; its length does not matter.",
    )
    weight: Weight = 1.0
    box: BoxField | None = None

    @model_validator(mode="after")
    def _one_of(self) -> PartBody:
        given = [name for name in _CONTENTS if getattr(self, name) is not None]
        if len(given) != 1:
            what = " and ".join(given) or "none of them"
            raise ValueError(
                f"a part holds exactly one of image, text, item_id and embedding; got {what}"
            )
        if self.box is not None and self.image is None:
            raise ValueError(f"a box cuts an image, and this part holds {given[0]}")
        return self


class SearchBody(_Request):
    """A question: what to look for, among which items, and how many answers."""

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


class PhotoForm(_Request):
    """A question asked with an uploaded photo, as multipart/form-data."""

    model_config = ConfigDict(json_schema_extra=_without_null)

    image: str = Field(
        description="The photo: JPEG, PNG, WebP, GIF or AVIF, told by its content.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    box: str | None = Field(
        None,
        description="The region to search with: x0,y0,x1,y1.",
        examples=["0.1,0.1,0.9,0.8"],
        json_schema_extra={"pattern": f"^({_EDGE}(,{_EDGE}){{3}})?$"},
    )
    weight: Weight = 1.0
    text: str | None = Field(None, max_length=MAX_TEXT, description="Words to search for as well.")
    text_weight: Weight = 1.0
    filter: FilterText | None = Field(
        None,
        description="The string form, or the JSON form as text.",
        examples=["price < 20"],
    )
    limit: LimitField = 10
    group: GroupField = "product"
    facets: str | None = Field(
        None,
        max_length=2000,
        description="Fields to count the values of, separated by commas.",
        examples=["category,color"],
    )
    cursor: CursorField = None
    collapse: CollapseField = None


class SimilarParams(BaseModel):
    """How many similar items, among which."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    limit: LimitField = 10
    filter: FilterText | None = Field(None, description="Which items may answer.")
    group: GroupField = "product"
    facets: str | None = Field(
        None, max_length=2000, description="Fields to count the values of, separated by commas."
    )
    cursor: CursorField = None
    collapse: CollapseField = None


class ItemsParams(BaseModel):
    """How many items."""

    model_config = ConfigDict(extra="forbid")

    limit: LimitField = 10


class ImageParams(BaseModel):
    """Which image of an item."""

    model_config = ConfigDict(extra="forbid")

    index: int = Field(0, ge=0, le=10_000, description="0 is the main image.")


class ItemReply(BaseModel):
    """One item of the shop, as the catalog says it."""

    item_id: str
    product_id: str
    title: str
    description: str
    categories: list[str]
    price: float | None
    currency: str
    in_stock: bool
    attributes: dict[str, str | float | bool | list[str]]
    images: list[str]
    image_urls: list[str] = Field(description="Where its images are, in the order of images.")


class ItemsReply(BaseModel):
    """A few items."""

    items: list[ItemReply]


class HitReply(BaseModel):
    """One item that answers, with its image that matched best."""

    item_id: str
    product_id: str
    score: float = Field(description="Larger is better; see mode for its scale.")
    confidence: float | None = Field(
        ge=0,
        le=1,
        description="The probability that it is the very product in the photo; null for hits "
        "found by words, and where it cannot be told.",
    )
    image: str
    image_index: int
    variant: str
    title: str
    description: str
    price: float | None
    currency: str
    in_stock: bool
    categories: list[str]
    attributes: dict[str, str | float | bool | list[str]]
    copies: list[str] = Field(description="Items left out as near copies of this one.")
    image_url: str


class FacetValueReply(BaseModel):
    """One value of a field, and how many items carry it."""

    value: str
    count: int


class SearchReply(BaseModel):
    """The answers, best first."""

    hits: list[HitReply]
    total: int
    facets: dict[str, list[FacetValueReply]]
    generation: str
    encoder: str
    mode: Mode
    timings: dict[str, float] = Field(description="Milliseconds by stage.")
    no_close_match: bool = Field(
        description="A photo was asked for, and even the best hit is probably not what it shows."
    )
    next_cursor: str | None = Field(
        description="Asks for the hits that follow; null when these are the last."
    )


class RecallReply(BaseModel):
    """Recall@10 against exact search."""

    promised: float
    measured: float = Field(description="At the build, with held-out queries.")
    live: float | None = Field(description="Of recent real queries; null before any was looked at.")
    samples: int = Field(description="Real queries that were searched again exactly.")
    raised: int = Field(description="Levels of effort above what the build found necessary.")
    kept: bool = Field(description="False when real queries are surely answered worse.")


class StatusReply(BaseModel):
    """What is being served."""

    generation: str
    encoder: str
    dim: int
    items: int
    rows: int
    skipped: int
    bytes: int
    products: int
    recipe: str = Field(description="How the index is laid out.")
    promise: str = Field(description="What was measured before it was chosen.")
    recall: RecallReply
    device: str = Field(description="Where the index is searched: cpu, or which GPUs.")
    created: str = Field(description="When the generation was built (RFC 3339).")
    text: Literal["", "lexical", "fused"] = Field(
        description="How words are answered: by words only, or with the encoder's text tower too."
    )
    facets: list[str] = Field(description="Fields worth offering as filters.")
    encoder_upgrade: str | None = Field(
        description="That newer weights of the encoder are there, and the command that brings "
        "them; null when there are none."
    )
    max_limit: int = Field(description="The most hits that one request may ask for.")


class HealthReply(BaseModel):
    """Alive, or ready."""

    status: Literal["ok"]
    generation: str | None = None


class Problem(BaseModel):
    """Any error, as RFC 9457 has it."""

    type: str = Field(examples=["urn:vitrine:problem:bad_image"])
    title: str = Field(examples=["Bad image"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["empty: 0 bytes, expected an image"])
    code: str = Field(description="Tells errors apart.", examples=["bad_image"])
    param: str | None = Field(description="The field at fault.", examples=["image"])
    request_id: str = Field(description="Finds the request in the log.", examples=["9f1c24be71a0"])
