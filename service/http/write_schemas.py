"""What a request to write items may hold; each item is checked by itself."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from indexer.items import MAX_ID_BYTES
from service.http.schemas import MAX_DIM

MAX_ITEMS = 10_000  # of one request
MAX_IMAGES = 100  # of one item

Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_BYTES)]
Words = Annotated[str, StringConstraints(max_length=100_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Attribute = str | bool | int | float | list[str] | None  # int: a long article number keeps its end
Categories = Annotated[list[Name], Field(max_length=100)]
Price = Annotated[float, Field(ge=0)]
Attributes = Annotated[dict[str, Attribute], Field(max_length=1000)]
Images = Annotated[
    list[Name],
    Field(
        max_length=MAX_IMAGES,
        description="The main image first: names of files of the form, or paths below the image "
        "root, or images that the item has already.",
    ),
]
Embeddings = Annotated[
    list[Annotated[list[float], Field(min_length=1, max_length=MAX_DIM)]],
    Field(
        min_length=1,
        max_length=MAX_IMAGES,
        description="A vector of the index's own encoder for each image, instead of encoding it; "
        "the images may then be names without files.",
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class ItemBody(_Request):
    """An item, as in a catalog.

    Where one of its id is stored, fields that are not given stay as they are; a field that is
    null or empty is back to its default.
    """

    id: Annotated[Id, Field(description="Blanks at its ends are no part of it.")]
    product_id: Id | None = None
    title: Words | None = None
    description: Words | None = None
    categories: Categories | None = None
    price: Price | None = None
    currency: Annotated[str, StringConstraints(max_length=10)] | None = None
    in_stock: bool | None = None
    attributes: Attributes | None = Field(
        None, description="All of them: those that are not named here go."
    )
    images: Images | None = Field(
        None,
        description="Not given: the item keeps those it has. Embeddings need them.",
    )
    embeddings: Embeddings | None = None


class PatchBody(_Request):
    """The fields of an item that change (JSON Merge Patch); null is back to the default."""

    product_id: Id | None = None
    title: Words | None = None
    description: Words | None = None
    categories: Categories | None = None
    price: Price | None = None
    currency: Annotated[str, StringConstraints(max_length=10)] | None = None
    in_stock: bool | None = None
    attributes: Attributes | None = Field(
        None, description="Merged by name; one that is null goes."
    )
    images: Images | None = None
    embeddings: Embeddings | None = None


class ItemsBody(_Request):
    """Items to be stored."""

    items: list[ItemBody] = Field(min_length=1, max_length=MAX_ITEMS)


class ItemsForm(_Request):
    """Items with their images. Every other field of the form is an image, by the field's name."""

    model_config = ConfigDict(
        json_schema_extra={
            "additionalProperties": {"type": "string", "contentMediaType": "image/*"}
        }
    )

    items: str = Field(description="The items as JSON text: what the JSON body has.")


class PatchForm(_Request):
    """Changes of an item with images. Every other field of the form is an image."""

    model_config = ItemsForm.model_config

    item: str = Field(description="The changes as JSON text: what the JSON body has.")


class DeleteBody(_Request):
    """Items to be deleted."""

    ids: list[Id] = Field(min_length=1, max_length=MAX_ITEMS)


class ItemsEnvelope(_Request):
    """The outside of ``ItemsBody``: its items are checked one by one."""

    items: list[Any] = Field(min_length=1, max_length=MAX_ITEMS)
