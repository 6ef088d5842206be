"""The way of one image into the store: recognized, decoded once, encoded, written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from indexer.encoders.base import Model
from indexer.imaging.images import ImageLimits, decode, inspect, thumbnail
from indexer.imaging.photos import open_photo
from indexer.store.pictures import DISPLAY_SIDE, kept_images
from indexer.store.store import content_hash
from indexer.vectors.canary import check_vectors
from indexer.writing.merge import FoundImage

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Pixels, Vectors
    from indexer.encoders.base import Encoder
from indexer.store.store import Reader, Store, Writer

Encode: TypeAlias = "Callable[[Sequence[Pixels]], Vectors]"


class Decoded(NamedTuple):
    """What comes out of the decoder: pixels as the encoder wants them, and copies to keep."""

    pixels: Pixels
    display: bytes
    original: bytes


class Prepared(NamedTuple):
    """An image that was recognized, and what its decoding gives: nothing where it is known.

    Items that share a picture share ``decoded``; it fails where the pixels are broken.
    """

    image: FoundImage
    decoded: Future[Decoded | None]


class Intake:
    """Takes the images of one run. ``prepare`` may be called from many threads, the rest not.

    A picture that many items share is decoded and encoded once, whoever comes first.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        limits: ImageLimits,
        *,
        encode: Encode | None = None,
        trust_store: bool = True,
        root: Path | None = None,
    ) -> None:
        """``encode`` does the encoder's work elsewhere, such as in a thread it owns.

        ``root`` is where the paths of images begin that can be read from their files again; of
        others a copy is kept in any case.
        Without ``trust_store``, images that the store knows are encoded as well.
        """
        self.key = Model.of(encoder).key
        self._store = store
        self._encoder = encoder
        self._limits = limits
        self._side = decoding_side(encoder)
        self._encode = encode or encoder.encode_images
        self._trust_store = trust_store
        with store.read() as reader:
            self._keep = kept_images(reader)
        self._copied = self._keep != "paths" or root is None
        self._known: Future[Decoded | None] = Future()
        self._known.set_result(None)
        self._seen: dict[bytes, Future[Decoded | None]] = {}
        self._lock = threading.Lock()
        self._claimed: set[bytes] = set()

    def prepare(self, path: str, data: bytes) -> Prepared:
        """Recognize an image and decode it, unless the store or this run has done so.

        BadImage when its header cannot be read; broken pixels are told by ``claim``.
        """
        content = content_hash(data)
        info = inspect(data, self._limits)
        image = FoundImage(path, content, info.width, info.height)
        mine: Future[Decoded | None] = Future()
        with self._lock:
            if content in self._seen:
                return Prepared(image, self._seen[content])
            self._seen[content] = mine
        try:
            if self._trust_store and self._is_known(content):
                self._seen[content] = self._known
                mine.set_result(None)
                return Prepared(image, mine)
            preprocess = self._encoder.preprocess
            photo = open_photo(data, preprocess, side=self._side, limits=self._limits)
            display = thumbnail(photo.pixels, DISPLAY_SIDE)
            original = data if self._keep == "originals" else b""
            mine.set_result(Decoded(photo.square, display, original))
        except BaseException as error:
            mine.set_exception(error)
            raise
        return Prepared(image, mine)

    def given(self, path: str, embedding: bytes, data: bytes | None) -> Prepared:
        """An image that comes with its vector (dim fp16 numbers); without ``data`` no picture.

        It is kept apart from the same picture as the encoder sees it: a vector that was handed
        in must not find other items. BadImage when the picture cannot be read.
        """
        content = content_hash(b"given" + embedding + (data or b""))
        if data is None:
            return Prepared(FoundImage(path, content, 0, 0), self._known)
        info = inspect(data, self._limits)
        pixels = decode(data, side=self._side, limits=self._limits)
        original = data if self._keep == "originals" else b""
        decoded: Future[Decoded | None] = Future()
        decoded.set_result(Decoded(pixels, thumbnail(pixels, DISPLAY_SIDE), original))
        return Prepared(FoundImage(path, content, info.width, info.height), decoded)

    def claim(self, prepared: Prepared) -> bool:
        """Whether this image is yet to be encoded, and the caller is the one to do it.

        BadImage when its pixels are broken.
        """
        content = prepared.image.content
        if prepared.decoded.result() is None or content in self._claimed:
            return False
        self._claimed.add(content)
        return True

    def encode(self, batch: Sequence[Prepared]) -> list[tuple[Prepared, bytes]]:
        """The claimed images with their vectors, as the bytes of dim fp16 numbers.

        IndexCorrupt unless the encoder gave what encoders promise.
        """
        pixels = [decoded.pixels for one in batch if (decoded := one.decoded.result())]
        vectors = self._encode(pixels)
        names = [one.image.path for one in batch]
        check_vectors(vectors, (len(batch), self._encoder.dim), self._encoder.id, names)
        halves = vectors.astype("float16")  # (b, dim)
        for one in batch:
            self.let_go(one)
        return [(one, half.tobytes()) for one, half in zip(batch, halves, strict=True)]

    def let_go(self, prepared: Prepared) -> None:
        """Keep the pixels of this image no longer; it is known from now on."""
        self._seen[prepared.image.content] = self._known

    def put(self, writer: Writer, prepared: Prepared, embedding: bytes) -> None:
        """Write an encoded image."""
        decoded = prepared.decoded.result()
        content = prepared.image.content
        if decoded is not None and self._copied:
            writer.put_image(content, decoded.display)
        if decoded is not None and decoded.original:
            writer.put_original(content, decoded.original)
        writer.put_embedding(self.key, content, embedding)

    def is_stored(self, reader: Reader, content: bytes) -> bool:
        """Whether the store has this image's embedding, and its copy where one is to be kept."""
        return reader.has_embedding(self.key, content) and (
            not self._copied or reader.image(content) is not None
        )

    def _is_known(self, content: bytes) -> bool:
        with self._store.read() as reader:
            return self.is_stored(reader, content)


def decoding_side(encoder: Encoder) -> int:
    """How many pixels the shorter side keeps: enough for the encoder and the display copy.

    Four fifths of the copy's side, so that a square image still fills most of it.
    """
    return max(encoder.preprocess.source_side, DISPLAY_SIDE * 4 // 5)
