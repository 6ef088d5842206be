"""The parts of a query. A new kind of part is one subclass of ``Part``, and nothing else.

No other module asks what kind a part is: each reads what it needs from the part itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec

from indexer.errors import BadQuery
from indexer.imaging.images import WHOLE, Box

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Pixels

MAX_TEXT = 1000
MAX_WEIGHT = 1000.0


class Space(Protocol):
    """The vector space of the index that is searched, as parts use it.

    ``search.query_vector.QuerySpace`` implements it. All vectors are (dim,) and of unit length.
    """

    def photo_vector(self, photo: bytes | Pixels, box: Box) -> Embedding:
        """The vector of a photo: encoded bytes, or pixels (h, w, 3). BadImage."""
        ...

    def text_vector(self, text: str) -> Embedding | None:
        """The vector of a text; None if the encoder has no text tower."""
        ...

    def item_vector(self, item_id: str) -> Embedding:
        """The mean direction of an item's original images. UnknownItem; BadQuery without any."""
        ...

    def unit_vector(self, embedding: Embedding) -> Embedding:
        """A vector of the encoder, scaled to unit length.

        Raises IndexMismatch for another dim, BadQuery if it is zero or not finite.
        """
        ...


class Part(msgspec.Struct, frozen=True):
    """A piece of a query. A subclass adds its fields, ``weight``, and what differs from here.

    A part has a vector, or words, or both. As it is here it has neither.
    """

    is_photo: ClassVar[bool] = False  # it has to be decoded and encoded, which takes time
    is_picture: ClassVar[bool] = False  # its vector is that of a picture of a product
    shows_product: ClassVar[bool] = False  # a reply may say that no hit is the product in it

    @property
    def weight(self) -> float:
        """How much the part counts; below 0 hits are kept away from it. A field of each kind."""
        raise NotImplementedError

    @property
    def words(self) -> str | None:
        """The words that hits should have in their texts; None to leave texts alone."""
        return None

    @property
    def named_items(self) -> tuple[str, ...]:
        """The items that are left out of the hits, with all items of their groups."""
        return ()

    def check(self) -> None:
        """Raise BadQuery, naming the field, if the part cannot be searched with."""
        if not -MAX_WEIGHT <= self.weight <= MAX_WEIGHT or self.weight == 0:
            raise BadQuery(
                f"a weight must be from -1000 to 1000 and not 0, got {self.weight}",
                param="weight",
            )

    def identity(self) -> tuple[object, ...]:
        """What must be the same on every page of an answer; cursors hash its ``repr``.

        The first three values are those that cursors have always held: the weight, an item's id,
        words. A kind that needs more appends it. Photos and vectors count by their weight:
        encoding a photo anew may change its vector in the last bits.
        """
        return (self.weight, "", "")

    def vector(self, space: Space) -> Embedding | None:  # noqa: ARG002 - kinds need it
        """What the part adds to the query's vector: (dim,), of unit length; None for nothing."""
        return None

    def allows_confidence(self, *, text_tower: bool) -> bool:  # noqa: ARG002 - kinds need it
        """Return True if hits may have a confidence although this part is in the query.

        Confidences are fitted to photos of products, so what the part adds to the query's vector
        must be the vector of a picture. ``text_tower``: the encoder encodes words too.
        """
        return self.is_picture


class ImagePart(Part, frozen=True):
    """A photo: encoded bytes, or pixels (h, w, 3). ``box`` cuts a region out of it first."""

    is_photo: ClassVar[bool] = True
    is_picture: ClassVar[bool] = True
    shows_product: ClassVar[bool] = True

    image: bytes | Pixels
    weight: float = 1.0
    box: Box = WHOLE

    def vector(self, space: Space) -> Embedding:
        """The vector of the photo. BadImage."""
        return space.photo_vector(self.image, self.box)


class TextPart(Part, frozen=True):
    """Words, in any script."""

    text: str
    weight: float = 1.0

    @property
    def words(self) -> str:
        """The text."""
        return self.text

    def check(self) -> None:
        """Raise BadQuery for a wrong weight, and for a text that is empty or too long."""
        super().check()
        if not self.text.strip():
            raise BadQuery("text is empty; give at least one word", param="text")
        if len(self.text) > MAX_TEXT:
            raise BadQuery(
                f"text has {len(self.text)} characters, at most {MAX_TEXT} are read", param="text"
            )

    def identity(self) -> tuple[object, ...]:
        """The weight and the text."""
        return (self.weight, "", self.text)

    def vector(self, space: Space) -> Embedding | None:
        """The vector of the text; None if the encoder has no text tower."""
        return space.text_vector(self.text)

    def allows_confidence(self, *, text_tower: bool) -> bool:
        """Return True if the words are not in the query's vector."""
        return not text_tower


class ItemPart(Part, frozen=True):
    """An item of the shop: stands for the mean direction of its original images."""

    is_picture: ClassVar[bool] = True

    item_id: str
    weight: float = 1.0

    @property
    def named_items(self) -> tuple[str, ...]:
        """The item itself."""
        return (self.item_id,)

    def identity(self) -> tuple[object, ...]:
        """The weight and the item's id."""
        return (self.weight, self.item_id, "")

    def vector(self, space: Space) -> Embedding:
        """The mean direction of the item's images. UnknownItem; BadQuery if it has none."""
        return space.item_vector(self.item_id)


class EmbeddingPart(Part, frozen=True):
    """A vector (dim,) of the shop's own encoder; any length but zero. Taken for a photo's."""

    is_picture: ClassVar[bool] = True
    shows_product: ClassVar[bool] = True

    embedding: Embedding
    weight: float = 1.0

    def vector(self, space: Space) -> Embedding:
        """The embedding, scaled to unit length. IndexMismatch, BadQuery."""
        return space.unit_vector(self.embedding)
