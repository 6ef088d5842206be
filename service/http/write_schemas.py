"""The models of requests to write items."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from indexer.items import MAX_ID_BYTES
from service.base64text import is_data_uri
from service.http.request_model import RequestModel
from service.http.schemas import MAX_DIM

MAX_ITEMS = 10_000  # in a request
MAX_IMAGES = 100  # of an item
MAX_NAME = 1000

Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_BYTES)]
Words = Annotated[str, StringConstraints(max_length=100_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Attribute = str | bool | int | float | list[str] | None  # int: a float would round long numbers
Categories = Annotated[list[Name], Field(max_length=100)]
Link = Annotated[
    str,
    StringConstraints(max_length=2000),
    Field(description="The page where the item can be bought: https://, http:// or a path."),
]
Price = Annotated[float, Field(ge=0)]
Attributes = Annotated[dict[str, Attribute], Field(max_length=1000)]


class ImageBody(BaseModel):
    """A picture within the JSON."""

    model_config = ConfigDict(extra="forbid", strict=True)

    data: Annotated[str, Field(min_length=1, json_schema_extra={"contentEncoding": "base64"})]
    name: Name | None = Field(None, description="By default it is made from the picture.")


def _check_form(image: object) -> object:
    """Refuse what is no image in one message, instead of one for each form that it may have."""
    if isinstance(image, str) and (len(image) <= MAX_NAME or is_data_uri(image)):
        return image
    if isinstance(image, dict | ImageBody):
        return image
    raise ValueError(
        f'an image is a name of at most {MAX_NAME} characters, {{"data": BASE64}}, or a data URI'
    )


DataUri = Annotated[str, StringConstraints(pattern="^(?i:data):", min_length=1)]
Images = Annotated[
    list[Annotated[Name | DataUri | ImageBody, BeforeValidator(_check_form)]],
    Field(
        max_length=MAX_IMAGES,
        description="The main image first. A name is that of a file in the form, a path below the "
        "image root, or an image that the item has already. An image may also be its data, in "
        "base64 or as a data URI.",
        examples=[["front.jpg", {"name": "back.jpg", "data": "/9j/4AAQSkZJRg=="}]],
    ),
]
Embeddings = Annotated[
    list[Annotated[list[float], Field(min_length=1, max_length=MAX_DIM)]],
    Field(
        min_length=1,
        max_length=MAX_IMAGES,
        description="A vector of the index's encoder for each image, which is then not encoded and "
        "need not exist.",
    ),
]


class ItemBody(RequestModel):
    """An item, as in a catalog.

    If the shop has an item with this id, omitted fields keep their values, and fields that are
    null or empty get their default values.
    """

    id: Annotated[Id, Field(description="Spaces at its start and end are removed.")]
    product_id: Id | None = None
    title: Words | None = None
    description: Words | None = None
    categories: Categories | None = None
    price: Price | None = None
    currency: Annotated[str, StringConstraints(max_length=10)] | None = None
    in_stock: bool | None = None
    url: Link | None = None
    attributes: Attributes | None = Field(None, description="Replaces all attributes of the item.")
    images: Images | None = Field(
        None,
        description="If omitted, the item keeps its images.",
    )
    embeddings: Embeddings | None = None


class PatchBody(RequestModel):
    """The fields of an item to change (JSON Merge Patch); null resets a field to its default."""

    product_id: Id | None = None
    title: Words | None = None
    description: Words | None = None
    categories: Categories | None = None
    price: Price | None = None
    currency: Annotated[str, StringConstraints(max_length=10)] | None = None
    in_stock: bool | None = None
    url: Link | None = None
    attributes: Attributes | None = Field(
        None, description="Merged by name; null removes an attribute."
    )
    images: Images | None = None
    embeddings: Embeddings | None = None


class ItemsBody(RequestModel):
    """Items to store."""

    items: list[ItemBody] = Field(min_length=1, max_length=MAX_ITEMS)


class ItemsForm(RequestModel):
    """Items with their images. Every other field of the form is an image with the field's name."""

    model_config = ConfigDict(
        json_schema_extra={
            "additionalProperties": {"type": "string", "contentMediaType": "image/*"}
        }
    )

    items: str = Field(description="The items as JSON, like the JSON body.")


class PatchForm(RequestModel):
    """Changes to an item, with images. Every other field of the form is an image."""

    model_config = ItemsForm.model_config

    item: str = Field(description="The changes as JSON, like the JSON body.")


class DeleteBody(RequestModel):
    """The ids of items to delete."""

    ids: list[Id] = Field(min_length=1, max_length=MAX_ITEMS)


class ItemsEnvelope(RequestModel):
    """``ItemsBody`` with unchecked items, so that an invalid one does not refuse the others."""

    items: list[Any] = Field(min_length=1, max_length=MAX_ITEMS)
