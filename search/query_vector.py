"""The vector of a query: its parts, summed by weight in the encoder's space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit
from indexer.encoders.base import TextEncoder
from indexer.errors import BadQuery, IndexMismatch, UnknownItem
from indexer.imaging.photos import Photo, SharedPhotos, fit_pixels
from indexer.store.records import PictureKey

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Pixels, Vectors
    from indexer.encoders.base import Encoder
    from indexer.imaging.images import Box
    from indexer.store.store import Store
    from search.query import Query

_ROUNDING = 1e-6  # of the parts' length: what sums of fp32 numbers that cancel may leave


def query_vector(query: Query, space: QuerySpace) -> Embedding | None:
    """The weighted sum of the parts' vectors, as a unit vector (dim,); None if no part has one.

    Raises BadQuery if the parts cancel each other out, and what the parts raise.
    """
    space = space.for_one_query()
    total = np.zeros(space.dim, dtype=np.float32)
    length = 0.0  # of all parts laid end to end
    for part in query.parts:
        vector = part.vector(space)
        if vector is not None:
            total += np.float32(part.weight) * vector  # (dim,)
            length += abs(part.weight)
    if length and np.linalg.norm(total.astype(np.float64)) <= _ROUNDING * length:
        raise BadQuery("the parts of the query cancel each other out", param="parts")
    return unit(total) if length else None


class QuerySpace:
    """The vector space of an index: implements ``search.parts.Space``.

    Thread-safe as far as its encoder is.
    """

    def __init__(
        self, store: Store, encoder: Encoder, key: bytes, photos: SharedPhotos | None = None
    ) -> None:
        """``key`` is the encoder's in the store, ``photos`` are those of one query."""
        self.dim = encoder.dim
        self._store = store
        self._encoder = encoder
        self._key = key
        self._photos = photos

    def for_one_query(self) -> QuerySpace:
        """Return this space for one query: parts with the same photo share its decoding."""
        return QuerySpace(self._store, self._encoder, self._key, SharedPhotos())

    def photo_vector(self, photo: bytes | Pixels, box: Box) -> Embedding:
        """The vector of a photo: encoded bytes, or pixels (h, w, 3). BadImage."""
        preprocess = self._encoder.preprocess
        if isinstance(photo, bytes):
            opened = self._photos.photo(photo) if self._photos else Photo(photo)
            square = opened.fit(preprocess, box=box).square
        else:
            square = fit_pixels(photo, preprocess, box=box)
        vector: Embedding = self._encoder.encode_images([square])[0]
        return vector

    def text_vector(self, text: str) -> Embedding | None:
        """The vector of a text; None if the encoder has no text tower."""
        if not isinstance(self._encoder, TextEncoder):
            return None
        vector: Embedding = self._encoder.encode_texts([text])[0]
        return vector

    def unit_vector(self, embedding: Embedding) -> Embedding:
        """A vector of the encoder, scaled to unit length.

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

    def item_vector(self, item_id: str) -> Embedding:
        """The mean direction of an item's original images. UnknownItem; BadQuery without any."""
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
            vectors: Vectors = unit(reader.embeddings(self._key, pictures, self.dim))
        return unit(vectors.mean(axis=0))  # (images, dim) -> (dim,)
