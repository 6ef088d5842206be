"""The models of search requests, which validate them and document them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from indexer.items import MAX_ID_BYTES
from search.query import MAX_PARTS, MAX_TEXT
from service.http.query_fields import (
    BoxField,
    BoxTexts,
    CollapseField,
    CursorField,
    ExcludeField,
    ExcludeText,
    ExplainField,
    FacetsField,
    FilterField,
    FilterText,
    GroupField,
    LimitField,
    MinConfidenceField,
    MinScoreField,
    SortField,
    SwatchesField,
    Weight,
)
from service.http.request_model import RequestModel, without_null

MAX_DIM = 8192
MAX_BATCH = 32

_CONTENTS = ("image", "text", "item_id", "embedding", "user_id")


def _exactly_one_content(schema: dict[str, Any]) -> None:
    without_null(schema)
    schema["oneOf"] = [{"required": [name]} for name in _CONTENTS]
    schema["dependentRequired"] = {"box": ["image"]}


class PartBody(RequestModel):
    """A part of a query: exactly one of image, text, item_id, embedding and user_id."""

    model_config = ConfigDict(json_schema_extra=_exactly_one_content)

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
        description="A user of the shop: hits that the user likes come first. An unknown user "
        "changes nothing. Needs the write key; beside a photo, a weight of 0.3 "
        "orders what looks alike.",
    )
    weight: Weight = 1.0
    box: BoxField | None = None

    @model_validator(mode="after")
    def _has_one_content(self) -> PartBody:
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
    """A customer's question, about an item or in general."""

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
    facets: FacetsField = Field([])
    cursor: CursorField = None
    collapse: CollapseField = None
    sort: SortField = None
    min_score: MinScoreField = None
    min_confidence: MinConfidenceField = None
    swatches: SwatchesField = None
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
    box: BoxTexts = Field([])
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
    swatches: SwatchesField = None
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
    swatches: SwatchesField = None
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
