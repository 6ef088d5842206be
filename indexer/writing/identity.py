"""The identity guard: a styled picture is indexed only if its own product is the nearest one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from indexer.arrays import unit
from indexer.store.records import PictureKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.arrays import Embedding
    from indexer.store.records import ItemRecord
    from indexer.store.transactions import Reader

ROUNDING = 1e-4  # two products with the same photo are equally near, up to the rounding of fp16


class StoredImage(NamedTuple):
    """An image of the store: its content, the path of its file, and the items that have it."""

    content: bytes
    path: str
    item_ids: tuple[str, ...]


class IdentityGuard(Protocol):
    """Compares a styled picture with the original pictures of the catalog."""

    def recognizes(self, image: StoredImage, vector: Embedding) -> bool:
        """Return True if no other product is nearer to the styled picture than its own.

        ``vector`` (dim,) is the embedding of ``image`` as it was rendered.
        """
        ...


def stored_images(records: Iterable[ItemRecord]) -> list[StoredImage]:
    """Return the images of these items, each content once, in order."""
    items: dict[bytes, list[str]] = defaultdict(list)
    paths: dict[bytes, str] = {}
    for record in records:
        for image in record.images:
            items[image.content].append(record.item.item_id)
            paths.setdefault(image.content, image.path)
    return [StoredImage(content, path, tuple(items[content])) for content, path in paths.items()]


class CatalogGuard:
    """Compares with every original of the store, exactly. It holds their vectors in memory."""

    def __init__(self, reader: Reader, encoder: bytes, dim: int) -> None:
        """Read the embeddings of all originals by the encoder of this key."""
        self._places: dict[bytes, int] = {}  # of contents, in ``_vectors``
        self._products: dict[bytes, set[str]] = defaultdict(set)  # of contents
        self._of_product: dict[str, list[int]] = defaultdict(list)  # places
        for record in reader.items():
            for image in record.images:
                if reader.has_embedding(encoder, PictureKey(image.content)):
                    self._add(image.content, record.item.product_id)
        pictures = [PictureKey(content) for content in self._places]
        self._vectors = unit(reader.embeddings(encoder, pictures, dim))  # (n, dim)

    def recognizes(self, image: StoredImage, vector: Embedding) -> bool:
        """See ``IdentityGuard.recognizes``."""
        own = [
            place
            for product in self._products[image.content]
            for place in self._of_product[product]
        ]
        if not own:
            return False
        scores = self._vectors @ unit(vector)  # (n, dim) @ (dim,) -> (n,)
        nearest = float(scores[own].max())
        scores[own] = -np.inf
        return float(scores.max()) <= nearest + ROUNDING

    def _add(self, content: bytes, product: str) -> None:
        place = self._places.setdefault(content, len(self._places))
        if product not in self._products[content]:
            self._products[content].add(product)
            self._of_product[product].append(place)
