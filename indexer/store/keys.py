"""The keys of the store's databases, as bytes; ``indexer.store.store`` lists the databases."""

from __future__ import annotations

from typing import Final

from indexer.items import ORIGINAL
from indexer.store.records import HASH_BYTES, PictureKey

ENCODER_BYTES: Final = 8  # at the start of the key of an embedding, see ``Model.key``
_ORIGINAL: Final = ORIGINAL.encode()


def number_key(number: int) -> bytes:
    """Return the key of a row or a change, whose byte order is that of the numbers."""
    return number.to_bytes(8, "big")


def item_key(item_id: str) -> bytes:
    """Return the key of an item, given its clean id."""
    return item_id.encode("utf-8", "surrogatepass")


def picture_key(picture: PictureKey) -> bytes:
    """Return the key of a picture: the content alone for an original, as before renditions."""
    content, rendition = picture
    return content if rendition == ORIGINAL else content + rendition.encode()


def embedding_key(encoder: bytes, picture: PictureKey) -> bytes:
    """Return the key of the embedding of a picture by an encoder."""
    content, rendition = picture
    return encoder + content + rendition.encode()


def picture_of_key(key: bytes) -> PictureKey:
    """Return the picture of a key; the key of an embedding without that of its encoder."""
    rendition = key[HASH_BYTES:]
    if rendition in (b"", _ORIGINAL):
        return PictureKey(key[:HASH_BYTES])
    return PictureKey(key[:HASH_BYTES], rendition.decode(errors="replace"))
