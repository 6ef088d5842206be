"""The protocols of encoders, which turn images and texts into unit vectors, and their identity."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from indexer.errors import EncoderNotFound
from indexer.regularfile import open_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.arrays import Pixels, Vectors
    from indexer.imaging.preprocess import Preprocess

_PIECE = 16 << 20  # bytes of a file that are read at a time


class Model(NamedTuple):
    """The identity of an encoder: two encoders of the same model give the same vectors.

    An index can be searched with any encoder of its model, and with no other.
    """

    id: str
    weights_hash: str

    @classmethod
    def of(cls, encoder: Encoder) -> Model:
        """Return the model of a loaded encoder."""
        return cls(encoder.id, encoder.weights_hash)

    @property
    def key(self) -> bytes:
        """The 8 bytes that stand for this model in the keys of the store."""
        return hashlib.sha256(f"{self.id}\n{self.weights_hash}".encode()).digest()[:8]

    def __str__(self) -> str:
        """Return the id and the first letters of the hash, for messages."""
        return f"{self.id} ({self.weights_hash[:8]})"


class Encoder(Protocol):
    """Encodes images to vectors whose inner product is their similarity; see ``Model``."""

    @property
    def id(self) -> str:
        """The name it is loaded by, such as ``builtin`` or ``openclip:ViT-B-32/laion2b``."""
        ...

    @property
    def dim(self) -> int:
        """The length of its vectors."""
        ...

    @property
    def weights_hash(self) -> str:
        """SHA-256, as hex, of everything that determines the vectors besides the pixels."""
        ...

    @property
    def preprocess(self) -> Preprocess:
        """How images are fitted; callers may apply it early, in their decoding threads."""
        ...

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Encode images, in order: (n, dim) float32 unit rows; n = 0 gives (0, dim).

        Each image is (h, w, 3), of any size; sizes may differ. A batch gives the vectors of its
        single images, within rounding, and repeated calls agree.
        """
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """An encoder with a text tower: texts and images share one vector space."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order: (n, dim) float32 unit rows. Long texts are truncated."""
        ...


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, as hex. Raises OSError."""
    # In large pieces: for each one, a thread waits for Python's lock, which another may be using.
    piece = memoryview(bytearray(min(_PIECE, path.stat().st_size + 1)))
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while count := file.readinto(piece):
            digest.update(piece[:count])
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a weights file, as hex. Raises EncoderNotFound if it is unreadable."""
    try:
        return file_digest(path)
    except OSError as error:
        raise EncoderNotFound(
            f"cannot read encoder weights {path}: {error.strerror or error}"
        ) from error
