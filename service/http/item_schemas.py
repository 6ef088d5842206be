"""The models of requests for items, their images and their reviews."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from indexer.items import ORIGINAL
from service.http.query_fields import LimitField
from service.runtime.resized import SIZES


class ItemsParams(BaseModel):
    """The parameters of a request for items."""

    model_config = ConfigDict(extra="forbid")

    limit: LimitField = 10
    order: Literal["start", "id"] = Field(
        "start",
        description="start: some items of each category. id: all items, page by page, in byte "
        "order of their ids.",
    )
    cursor: str | None = Field(
        None,
        max_length=400,
        description="The next_cursor of the page before; it implies the order id.",
    )


class ReviewsParams(BaseModel):
    """The parameters of a request for the reviews of an item."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(10, ge=0, le=100, description="The most reviews that are returned whole.")


class ImageParams(BaseModel):
    """The parameters of a request for an image of an item."""

    model_config = ConfigDict(extra="forbid")

    index: int = Field(0, ge=0, le=10_000, description="0 is the main image.")
    rendition: str = Field(
        ORIGINAL,
        min_length=1,
        max_length=200,
        description="The name of a rendition, such as a style. The reply to an unknown name lists "
        "the renditions of the image.",
    )
    style: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="A style, see `/v1/styles`. If the image is stored in it, that rendition is "
        "sent; otherwise it is rendered for this reply, at most 400 pixels a side.",
    )
    strength: float | None = Field(
        None,
        ge=0,
        le=1,
        description="With `style`: render the image for this reply, at this strength.",
    )

    size: int | None = Field(
        None,
        description="The longer side of the reply in pixels, at most; a smaller image keeps its "
        "size. It is WebP or AVIF if `Accept` names `image/webp` or `image/avif`, or else JPEG.",
        json_schema_extra={"enum": list(SIZES)},
        examples=[240],
    )
    cutout: bool = Field(
        False,
        description="The product alone, as WebP with a transparent background, at most 400 pixels "
        "a side. The reply is 404 if the product cannot surely be told from the background.",
    )

    @field_validator("size")
    @classmethod
    def _known_size(cls, size: int | None) -> int | None:
        if size is not None and size not in SIZES:
            raise ValueError(f"size is one of {', '.join(map(str, SIZES))}, got {size}")
        return size

    @model_validator(mode="after")
    def _one_rendition(self) -> ImageParams:
        if self.style is not None and self.rendition != ORIGINAL:
            raise ValueError("style and rendition exclude each other")
        if self.strength is not None and self.style is None:
            raise ValueError("strength needs a style")
        if self.cutout and self.style is not None:
            raise ValueError("cutout and style exclude each other")
        return self
