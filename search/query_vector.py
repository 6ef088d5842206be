"""The vector of a query: the weighted sum of the vectors of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit
from indexer.encoders.base import TextEncoder
from indexer.errors import BadQuery, IndexMismatch, UnknownItem
from indexer.imaging.photos import Photo, SharedPhotos, fit_pixels
from indexer.store.records import PictureKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Embedding, Pixels, Vectors
    from indexer.encoders.base import Encoder
    from indexer.imaging.images import Box
    from indexer.store.store import Store
    from search.query import Query

_ROUNDING = 1e-6  # of the length of all parts: a sum shorter than this is rounding error


def query_vector(query: Query, space: QuerySpace) -> Embedding | None:
    """Return the weighted sum of the parts' vectors, as a unit vector (dim,).

    None if no part has a vector. Raises BadQuery if the parts cancel each other out, or if the only
    part is an unknown user; raises the errors of the parts too.
    """
    space = space.for_one_query()
    total = np.zeros(space.dim, dtype=np.float32)
    length = 0.0  # the sum of the lengths of all parts
    for part in query.parts:
        vector = part.vector(space)
        if vector is not None:
            total += np.float32(part.weight) * vector  # (dim,)
            length += abs(part.weight)
    if not length and not any(part.words for part in query.parts):
        raise BadQuery(
            "nothing is known of this user yet; add a photo, words or an item, or ask for "
            "/v1/users/{id}/recommendations",
            param="user_id",
        )
    exact = total.astype(np.float64)  # (dim,)
    if length and exact @ exact <= (_ROUNDING * length) ** 2:
        raise BadQuery("the parts of the query cancel each other out", param="parts")
    return unit(total) if length else None


class QuerySpace:
    """Makes the vectors of query parts with the encoder of an index. Thread-safe if that is.

    Implements ``search.parts.Space``.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        key: bytes,
        photos: SharedPhotos | None = None,
        *,
        taste: Callable[[str], Embedding | None] = lambda _: None,
    ) -> None:
        """``key`` is the store's key of the encoder, ``photos`` are those of one query.

        ``taste`` returns the direction (dim,) of what a user likes; None for an unknown user.
        """
        self.dim = encoder.dim
        self._store = store
        self._encoder = encoder
        self._key = key
        self._photos = photos
        self._taste = taste

    def for_one_query(self) -> QuerySpace:
        """Return this space for one query: parts with the same photo share its decoding."""
        return QuerySpace(self._store, self._encoder, self._key, SharedPhotos(), taste=self._taste)

    def photo_vector(self, photo: bytes | Pixels, box: Box) -> Embedding:
        """Encode a photo: a file's bytes, or pixels (h, w, 3). Raises BadImage."""
        preprocess = self._encoder.preprocess
        if isinstance(photo, bytes):
            opened = self._photos.photo(photo) if self._photos else Photo(photo)
            square = opened.fit(preprocess, box=box).square
        else:
            square = fit_pixels(photo, preprocess, box=box)
        vector: Embedding = self._encoder.encode_images([square])[0]
        return vector

    def text_vector(self, text: str) -> Embedding | None:
        """Encode a text; None if the encoder has no text tower."""
        if not isinstance(self._encoder, TextEncoder):
            return None
        vector: Embedding = self._encoder.encode_texts([text])[0]
        return vector

    def unit_vector(self, embedding: Embedding) -> Embedding:
        """Scale a vector of the encoder to unit length.

        Raises IndexMismatch for another dim, BadQuery if it is zero or not finite.
        """
        if embedding.shape != (self.dim,):
            raise IndexMismatch(
                f"embedding has shape {embedding.shape}, the index of encoder "
                f"{self._encoder.id!r} takes ({self.dim},)",
                param="embedding",
            )
        if not np.isfinite(embedding).all() or not np.any(embedding):
            raise BadQuery("embedding must be finite and not all zero", param="embedding")
        return unit(embedding)

    def user_vector(self, user_id: str) -> Embedding | None:
        """Return the direction of what a user likes; None if nothing is known of the user."""
        return self._taste(user_id)

    def item_vector(self, item_id: str) -> Embedding:
        """Return the mean direction of an item's original images.

        Raises UnknownItem, or BadQuery if it has none.
        """
        with self._store.read() as reader:
            record = reader.item(item_id)
            if record is None:
                raise UnknownItem(f"no item {item_id[:80]!r} in this shop", param="item_id")
            originals = [PictureKey(image.content) for image in record.images]
            pictures = [key for key in originals if not reader.has_no_picture(self._key, key)]
            if not pictures:
                raise BadQuery(
                    f"item {item_id[:80]!r} has no picture that encoder {self._encoder.id!r} has "
                    "seen: it came with an embedding, or its picture is lost",
                    param="item_id",
                )
            vectors: Vectors = reader.embeddings(self._key, pictures, self.dim)
        if len(vectors) == 1:
            return unit(vectors[0])
        return unit(unit(vectors).mean(axis=0))  # (images, dim) -> (dim,)
