"""The models of requests about a picture: recognize, classify, style, advertise."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from indexer.items import MAX_ID_BYTES
from search.recognition.look import MOST_THINGS
from service.http.query_fields import FilterText, Unit
from service.http.request_model import RequestModel, without_null

MAX_THING_HITS = 50


class RecognizeForm(RequestModel):
    """A photo to find things in, as multipart/form-data."""

    model_config = ConfigDict(json_schema_extra=without_null)

    image: str = Field(
        description="The photo: JPEG, PNG, WebP, GIF or AVIF. Its type and name are ignored.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    search: bool = Field(False, description="Whether to search for each thing too.")
    most: int = Field(
        10, ge=1, le=MOST_THINGS, description="How many things to return, best first."
    )
    limit: int = Field(
        10, ge=1, le=MAX_THING_HITS, description="How many products to return for each thing."
    )
    filter: FilterText | None = Field(None, description="Restricts the hits.")
    masks: Literal["none", "png", "rle"] = Field(
        "none", description="Whether to return the pixels of each thing, as a PNG or run lengths."
    )


class ClassifyForm(RequestModel):
    """A photo to classify, as multipart/form-data."""

    model_config = ConfigDict(json_schema_extra=without_null)

    image: str = Field(
        description="The photo: JPEG, PNG, WebP, GIF or AVIF. Its type and name are ignored.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    min_confidence: Unit = Field(
        0.5, description="Leaves out categories and values that are less sure."
    )


class StyleForm(RequestModel):
    """A photo to style, as multipart/form-data."""

    model_config = ConfigDict(json_schema_extra=without_null)

    image: str = Field(
        description="The photo: JPEG, PNG, WebP, GIF, AVIF or HEIC, recognized by its content.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    style: str | None = Field(
        None, min_length=1, max_length=200, description="See `/v1/styles`.", examples=["watercolor"]
    )
    style_image: str | None = Field(
        None,
        description="Instead of `style`: a picture whose colors and strokes the photo takes.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    strength: float | None = Field(
        None,
        ge=0,
        le=1,
        description="0 leaves the photo as it is; by default that of the style.",
    )
    background_strength: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The strength for the background, if it differs; needs a plain background.",
    )
    seed: int = Field(0, ge=0, le=2**32, description="Another seed draws other strokes.")
    format: Literal["jpeg", "png"] = "jpeg"


class OwnStyleForm(RequestModel):
    """A style of the shop's own, as multipart/form-data: a picture, or a .cube file."""

    model_config = ConfigDict(json_schema_extra=without_null)

    image: str | None = Field(
        None,
        description="A picture whose colors and strokes photos take.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    cube: str | None = Field(
        None,
        description="A color table of a photo or video program, as a .cube file.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )

    @model_validator(mode="after")
    def _one(self) -> OwnStyleForm:
        if (self.image is None) == (self.cube is None):
            raise ValueError("give one file: image or cube")
        return self


class CampaignBody(RequestModel):
    """An item to advertise, and the look of its picture."""

    model_config = ConfigDict(json_schema_extra=without_null)

    item_id: str = Field(min_length=1, max_length=MAX_ID_BYTES, description="An item of the shop.")
    index: int = Field(0, ge=0, le=10_000, description="Which of its images; 0 is the main one.")
    width: int = Field(
        1080, ge=240, le=2048, description="Pixels; a side is at most 3 times the other."
    )
    height: int = Field(1080, ge=240, le=2048)
    style: str | None = Field(
        None, min_length=1, max_length=200, description="See `/v1/styles`; by default none."
    )
    strength: float | None = Field(
        None,
        ge=0,
        le=1,
        description="With `style`: for the product; by default that of the style.",
    )
    background_strength: float | None = Field(
        None,
        ge=0,
        le=1,
        description="With `style`: for the rest; by default that of the style.",
    )
    seed: int = Field(0, ge=0, le=2**32, description="Another seed draws other strokes.")
    template: dict[str, Any] = Field(
        {},
        description="The fields of a template, without `logo` and `font`, which are files.",
        examples=[{"page": "#f4efe6", "note": "Free returns"}],
    )
    format: Literal["jpeg", "png"] = "jpeg"

    @model_validator(mode="after")
    def _sides_and_strengths(self) -> CampaignBody:
        if max(self.width, self.height) > 3 * min(self.width, self.height):
            raise ValueError(
                f"a side may be at most 3 times the other, got {self.width} x {self.height}"
            )
        if self.style is None and not (self.strength is None and self.background_strength is None):
            raise ValueError("strength and background_strength need a style")
        return self
