"""Bring an image into the store: recognize, decode, render, encode and write it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from indexer.encoders.base import Model
from indexer.fetching.policy import is_url
from indexer.imaging.images import ImageLimits, inspect, thumbnail
from indexer.imaging.photos import Photo, fit_pixels, open_photo
from indexer.items import ORIGINAL
from indexer.store.pictures import DISPLAY_SIDE, image_storage
from indexer.store.records import PictureKey, content_hash
from indexer.vectors.canary import check_vectors
from indexer.writing.merge import FoundImage

if TYPE_CHECKING:
    from indexer.arrays import Pixels, Vectors
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store
    from indexer.store.transactions import Reader, Writer

Encode: TypeAlias = "Callable[[Sequence[Pixels]], Vectors]"
Embedded: TypeAlias = dict[str, bytes]
"""The vector of each rendition of an image, as the bytes of its dim fp16 numbers."""


class Render(Protocol):
    """Adds renditions to an image while it is decoded. Thread-safe.

    No command uses this hook: ``indexer.writing.styling`` renders the styles of a shop, after all
    originals are embedded.
    """

    @property
    def renditions(self) -> Sequence[str]:
        """The names of the styles; never ``original``.

        An image that is stored in all of them is not rendered again.
        """

    def __call__(self, pixels: Pixels) -> dict[str, Pixels]:
        """Return the picture (h, w, 3) in each of the styles, as (h, w, 3) of any size."""


class Decoded(NamedTuple):
    """The pixels for the encoder and the display copies to store, both by rendition.

    ``original`` holds the bytes of the file if they are kept, else it is empty.
    """

    pixels: dict[str, Pixels]
    displays: dict[str, bytes]
    original: bytes


class Prepared(NamedTuple):
    """A recognized image and the result of decoding it, which is None if the store has the image.

    Items that share a picture share ``decoded``. Its result is BadImage if the pixels are broken.
    """

    image: FoundImage
    decoded: Future[Decoded | None]


class ImagePipeline:
    """Processes the images of one run.

    A picture that several items share is decoded and encoded once. Only ``prepare`` and ``adopt``
    may be called from several threads.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        limits: ImageLimits,
        *,
        encode: Encode | None = None,
        render: Render | None = None,
        trust_store: bool = True,
        rereadable: bool = False,
    ) -> None:
        """``encode`` replaces ``encoder.encode_images``, for example to run in another thread.

        ``render`` adds renditions to every image; by default there is only the original.
        ``rereadable`` says that image files can be read again later; otherwise a display copy of
        every image is stored. Without ``trust_store``, images that the store already has
        are encoded again.
        """
        self.key = Model.of(encoder).key
        self._store = store
        self._encoder = encoder
        self._limits = limits
        self._side = decoding_side(encoder)
        self._encode = encode or encoder.encode_images
        self._render = render
        self._renditions = (ORIGINAL, *(render.renditions if render else ()))
        self._trust_store = trust_store
        with store.read() as reader:
            self._keep = image_storage(reader)
        self._copied = self._keep != "paths" or not rereadable
        self._known: Future[Decoded | None] = Future()
        self._known.set_result(None)
        self._seen: dict[bytes, Future[Decoded | None]] = {}
        self._lock = threading.Lock()
        self._claimed: set[bytes] = set()

    @property
    def copies_files(self) -> bool:
        """True if a display copy of each image file is stored."""
        return self._copied

    @property
    def keeps_originals(self) -> bool:
        """True if the bytes of each image are stored."""
        return self._keep == "originals"

    def prepare(self, path: str, data: bytes) -> Prepared:
        """Recognize an image; decode and render it unless the store or this run already has it.

        Raises BadImage if the header cannot be read. For broken pixels, ``claim`` raises it.
        """
        content = content_hash(data)
        info = inspect(data, self._limits)
        image = FoundImage(path, content, info.width, info.height, self._renditions)
        mine: Future[Decoded | None] = Future()
        with self._lock:
            if content in self._seen:
                return Prepared(image, self._seen[content])
            self._seen[content] = mine
        try:
            if self._trust_store and self._is_known(image):
                self._seen[content] = self._known
                mine.set_result(None)
                return Prepared(image, mine)
            mine.set_result(self._decoded(data))
        except BaseException as error:
            mine.set_exception(error)
            raise
        return Prepared(image, mine)

    def prepare_known(self, path: str, content: bytes, width: int, height: int) -> Prepared | None:
        """Prepare an image by its content hash, without its bytes.

        Return None if neither the store nor this run has it in all renditions.
        """
        image = FoundImage(path, content, width, height, self._renditions)
        with self._lock:
            if content in self._seen:
                return Prepared(image, self._seen[content])
        return Prepared(image, self._known) if self._trust_store and self._is_known(image) else None

    def adopt(self, prepared: Prepared) -> None:
        """Treat an image that was prepared elsewhere as seen, until it is released."""
        with self._lock:
            self._seen.setdefault(prepared.image.content, prepared.decoded)

    def prepare_with_vector(self, path: str, embedding: bytes, data: bytes | None) -> Prepared:
        """Prepare an image that comes with its vector (dim fp16 numbers); ``data`` may be None.

        Its content hash includes the vector, so that items with the same picture do not share the
        given vector. It has only the original rendition. Raises BadImage if the picture cannot be
        read.
        """
        content = content_hash(b"given" + embedding + (data or b""))
        if data is None:
            return Prepared(FoundImage(path, content, 0, 0), self._known)
        photo = Photo(data, self._limits)
        info, pixels = photo.info, photo.cut(side=self._side)
        original = data if self._keep == "originals" else b""
        decoded: Future[Decoded | None] = Future()
        display = thumbnail(pixels, DISPLAY_SIDE)
        decoded.set_result(Decoded({ORIGINAL: pixels}, {ORIGINAL: display}, original))
        return Prepared(FoundImage(path, content, info.width, info.height), decoded)

    def claim(self, prepared: Prepared) -> bool:
        """Return True if the caller must encode this image: it is new and nobody claimed it yet.

        Raises BadImage if its pixels are broken.
        """
        content = prepared.image.content
        if prepared.decoded.result() is None or content in self._claimed:
            return False
        self._claimed.add(content)
        return True

    def encode(self, batch: Sequence[Prepared]) -> list[tuple[Prepared, Embedded]]:
        """Embed claimed images in all their renditions.

        The encoder gets at most as many pictures at once as there are images. Raises BadEncoder if
        it returns invalid vectors.
        """
        pictures: list[tuple[Pixels, str]] = []
        for prepared in batch:
            decoded = prepared.decoded.result()
            assert decoded is not None
            path = prepared.image.path
            pictures += [(decoded.pixels[name], path) for name in prepared.image.renditions]
        halves: list[bytes] = []
        for start in range(0, len(pictures), len(batch)):
            halves += self._vectors(pictures[start : start + len(batch)])
        vectors = iter(halves)
        encoded = [
            (prepared, {name: next(vectors) for name in prepared.image.renditions})
            for prepared in batch
        ]
        for prepared in batch:
            self.release(prepared)
        return encoded

    def release(self, prepared: Prepared) -> None:
        """Free the pixels of this image, and treat it as stored from now on."""
        self._seen[prepared.image.content] = self._known

    def put(self, writer: Writer, prepared: Prepared, embedded: Embedded) -> None:
        """Write the vectors of an encoded image, and those copies of its pictures that are kept."""
        decoded = prepared.decoded.result()
        content = prepared.image.content
        copied = self._copied or is_url(prepared.image.path)
        if decoded is not None:
            for rendition, display in decoded.displays.items():
                if copied or rendition != ORIGINAL:  # only originals have files to read again
                    writer.put_image(PictureKey(content, rendition), display)
            if decoded.original:
                writer.put_original(PictureKey(content), decoded.original)
        for rendition, embedding in embedded.items():
            writer.put_embedding(self.key, PictureKey(content, rendition), embedding)

    def is_stored(self, reader: Reader, image: FoundImage) -> bool:
        """Return True if the store has the image's embeddings, and the copies that are kept."""
        copied = self._copied or is_url(image.path)
        return all(
            reader.has_embedding(self.key, picture)
            and (not (copied or picture.rendition != ORIGINAL) or reader.holds("images", picture))
            for picture in image.pictures
        )

    def _is_known(self, image: FoundImage) -> bool:
        with self._store.read() as reader:
            return self.is_stored(reader, image)

    def _decoded(self, data: bytes) -> Decoded:
        preprocess = self._encoder.preprocess
        photo = open_photo(data, preprocess, side=self._side, limits=self._limits)
        pixels = {ORIGINAL: photo.square}
        displays = {ORIGINAL: thumbnail(photo.pixels, DISPLAY_SIDE)}
        if self._render is not None:
            rendered = self._render(photo.pixels)
            for rendition in self._render.renditions:
                pixels[rendition] = fit_pixels(rendered[rendition], preprocess)
                displays[rendition] = thumbnail(rendered[rendition], DISPLAY_SIDE)
        return Decoded(pixels, displays, data if self._keep == "originals" else b"")

    def _vectors(self, pictures: list[tuple[Pixels, str]]) -> list[bytes]:
        """Encode pictures, given with their image's path; return dim fp16 numbers each as bytes."""
        vectors = encode_batch(self._encode, [pixels for pixels, _ in pictures])
        paths = [path for _, path in pictures]
        check_vectors(vectors, (len(pictures), self._encoder.dim), self._encoder.id, paths)
        return [half.tobytes() for half in vectors.astype("float16")]  # (n, dim)


def encode_batch(encode: Encode, pixels: list[Pixels]) -> Vectors:
    """Encode images so that a vector has the same bits in a batch of any size: (n, dim).

    ONNX Runtime multiplies a single row by another kernel, so one image is encoded twice.
    """
    return encode(pixels * 2)[:1] if len(pixels) == 1 else encode(pixels)


def decoding_side(encoder: Encoder) -> int:
    """Return the least pixels on the shorter side, for the encoder and for the display copy.

    For the copy this is four fifths of its side, so that a square image still fills most of it.
    """
    return max(encoder.preprocess.source_side, DISPLAY_SIDE * 4 // 5)
