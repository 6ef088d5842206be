"""The parts of a query. For the steps of a search, a new kind of part is one subclass of ``Part``.

They read its properties and never check its type. A new source of vectors also needs a method of
``Space``, and a part over HTTP its place in ``service.http.schemas``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec

from indexer.errors import BadQuery
from indexer.imaging.images import WHOLE, Box
from indexer.items import MAX_ID_BYTES

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Pixels

MAX_TEXT = 1000
MAX_WEIGHT = 1000.0


class Space(Protocol):
    """Makes the vectors of parts. All are (dim,) and of unit length.

    ``search.query_vector.QuerySpace`` implements it.
    """

    def photo_vector(self, photo: bytes | Pixels, box: Box) -> Embedding:
        """Encode a photo: a file's bytes, or pixels (h, w, 3). Raises BadImage."""
        ...

    def text_vector(self, text: str) -> Embedding | None:
        """Encode a text; None if the encoder has no text tower."""
        ...

    def item_vector(self, item_id: str) -> Embedding:
        """Return the mean direction of an item's original images.

        Raises UnknownItem, or BadQuery if it has none.
        """
        ...

    def unit_vector(self, embedding: Embedding) -> Embedding:
        """Scale a vector of the encoder to unit length.

        Raises IndexMismatch for another dim, BadQuery if it is zero or not finite.
        """
        ...

    def user_vector(self, user_id: str) -> Embedding | None:
        """Return the direction of what a user likes; None if nothing is known of the user."""
        ...


class Part(msgspec.Struct, frozen=True):
    """A part of a query: has a vector, or words, or both.

    A subclass adds its fields, including ``weight``, and overrides the defaults that do not fit.
    """

    is_photo: ClassVar[bool] = False  # must be decoded and encoded, which takes time
    is_picture: ClassVar[bool] = False  # the vector is of a picture of a product
    shows_product: ClassVar[bool] = False  # ``Reply.no_close_match`` may be True
    is_private: ClassVar[bool] = False  # hits tell what a user did

    @property
    def weight(self) -> float:
        """How much the part counts; hits avoid a part below 0. A field of each subclass."""
        raise NotImplementedError

    @property
    def words(self) -> str | None:
        """The words to search for in the texts of items; None to search no texts."""
        return None

    @property
    def named_items(self) -> tuple[str, ...]:
        """Items that are left out of the hits, together with their groups."""
        return ()

    def check(self) -> None:
        """Raise BadQuery, naming the field, if the part is invalid."""
        if not -MAX_WEIGHT <= self.weight <= MAX_WEIGHT or self.weight == 0:
            raise BadQuery(
                f"a weight must be from -1000 to 1000 and not 0, got {self.weight}",
                param="weight",
            )

    def identity(self) -> tuple[object, ...]:
        """Return what must be the same on every page; cursors contain a hash of its ``repr``.

        The first three values are the weight, an item's id and words, as in older cursors. A
        subclass that needs more appends it. Of photos and vectors only the weight is compared,
        because encoding a photo again may change the last bits of its vector.
        """
        return (self.weight, "", "")

    def vector(self, space: Space) -> Embedding | None:  # noqa: ARG002 - kinds need it
        """Return what the part adds to the query's vector: (dim,), of unit length, or None."""
        return None

    def allows_confidence(self, *, text_tower: bool) -> bool:  # noqa: ARG002 - kinds need it
        """Return True if hits of a query with this part may have a confidence.

        Confidences are fitted to photos of products, so only vectors of pictures may be in the
        query's vector. ``text_tower`` is True if the encoder also encodes words.
        """
        return self.is_picture


class ImagePart(Part, frozen=True):
    """A photo: a file's bytes, or pixels (h, w, 3). Only the region in ``box`` is searched with."""

    is_photo: ClassVar[bool] = True
    is_picture: ClassVar[bool] = True
    shows_product: ClassVar[bool] = True

    image: bytes | Pixels
    weight: float = 1.0
    box: Box = WHOLE

    def vector(self, space: Space) -> Embedding:
        """Encode the photo. Raises BadImage."""
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
                f"text has {len(self.text)} characters, at most {MAX_TEXT} are allowed",
                param="text",
            )

    def identity(self) -> tuple[object, ...]:
        """The weight and the text."""
        return (self.weight, "", self.text)

    def vector(self, space: Space) -> Embedding | None:
        """Encode the text; None if the encoder has no text tower."""
        return space.text_vector(self.text)

    def allows_confidence(self, *, text_tower: bool) -> bool:
        """Return True if the words are not part of the query's vector."""
        return not text_tower


class ItemPart(Part, frozen=True):
    """An item of the shop. Its vector is the mean direction of its original images."""

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
        """Return the mean direction of the images. UnknownItem; BadQuery if there are none."""
        return space.item_vector(self.item_id)


class EmbeddingPart(Part, frozen=True):
    """A vector (dim,) of the shop's encoder, of any length but zero; treated as a photo's."""

    is_picture: ClassVar[bool] = True
    shows_product: ClassVar[bool] = True

    embedding: Embedding
    weight: float = 1.0

    def vector(self, space: Space) -> Embedding:
        """Scale the embedding to unit length. IndexMismatch, BadQuery."""
        return space.unit_vector(self.embedding)


class UserPart(Part, frozen=True):
    """A user of the shop, by the shop's own id. Its vector is the direction of the liked items.

    An unknown user adds nothing, so the other parts decide.
    """

    is_private: ClassVar[bool] = True

    user_id: str
    weight: float = 1.0

    def check(self) -> None:
        """Raise BadQuery for a wrong weight, and for an id that is empty or too long."""
        super().check()
        if not self.user_id.strip() or len(self.user_id.encode("utf-8", "replace")) > MAX_ID_BYTES:
            raise BadQuery(f"a user id has 1 to {MAX_ID_BYTES} bytes", param="user_id")

    def identity(self) -> tuple[object, ...]:
        """The weight and the user's id."""
        return (self.weight, "", "", "user", self.user_id)

    def vector(self, space: Space) -> Embedding | None:
        """Return the direction of the liked items; None if there are none."""
        return space.user_vector(self.user_id)
