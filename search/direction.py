"""Where a query points: its parts, as one vector in the encoder's space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.arrays import unit
from indexer.encoders.base import TextEncoder
from indexer.errors import BadQuery, IndexMismatch, UnknownItem
from indexer.imaging.photos import fit_pixels, read_photo
from indexer.store.records import PictureKey
from search.query import ImagePart, ItemPart, Query, TextPart

if TYPE_CHECKING:
    from indexer.arrays import Embedding, Vectors
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store


_ROUNDING = 1e-6  # of the parts' length: what sums of fp32 numbers may leave where nothing is left


class Direction:
    """Turns queries into vectors. Thread-safe as far as its encoder is."""

    def __init__(self, store: Store, encoder: Encoder, key: bytes) -> None:
        """``key`` is the encoder's in the store."""
        self._store = store
        self._encoder = encoder
        self._key = key

    def of(self, query: Query) -> Embedding | None:
        """The query's direction (dim,): the weighted sum of its parts; None without any."""
        total = np.zeros(self._encoder.dim, dtype=np.float32)
        given = 0.0  # the length of all parts laid end to end
        for part in query.parts:
            if isinstance(part, TextPart):
                if not isinstance(self._encoder, TextEncoder):
                    continue
                one = self._encoder.encode_texts([part.text])[0]
            elif isinstance(part, ImagePart):
                one = self._encode(part)
            elif isinstance(part, ItemPart):
                one = self._item_vector(part.item_id)
            else:
                one = self._checked(part.embedding)
            total += np.float32(part.weight) * one  # (dim,)
            given += abs(part.weight)
        if given and np.linalg.norm(total.astype(np.float64)) <= _ROUNDING * given:
            raise BadQuery("the parts of the query cancel each other out", param="parts")
        return unit(total) if given else None

    def _encode(self, part: ImagePart) -> Embedding:
        preprocess = self._encoder.preprocess
        if isinstance(part.image, bytes):
            square = read_photo(part.image, preprocess, box=part.box)
        else:
            square = fit_pixels(part.image, preprocess, box=part.box)
        vector: Embedding = self._encoder.encode_images([square])[0]
        return vector

    def _checked(self, embedding: Embedding) -> Embedding:
        if embedding.shape != (self._encoder.dim,):
            raise IndexMismatch(
                f"embedding has shape {embedding.shape}, the index of encoder "
                f"{self._encoder.id!r} takes ({self._encoder.dim},)",
                param="embedding",
            )
        if not np.isfinite(embedding).all() or not np.any(embedding):
            raise BadQuery("embedding must be finite and not all zero", param="embedding")
        return unit(embedding)

    def _item_vector(self, item_id: str) -> Embedding:
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
            vectors: Vectors = unit(reader.embeddings(self._key, pictures, self._encoder.dim))
        return unit(vectors.mean(axis=0))  # (images, dim) -> (dim,)
