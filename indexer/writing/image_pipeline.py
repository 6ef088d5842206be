"""The way of one image into the store: recognized, decoded once, rendered, encoded, written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from indexer.encoders.base import Model
from indexer.imaging.images import ImageLimits, decode, inspect, thumbnail
from indexer.imaging.photos import fit_pixels, open_photo
from indexer.items import ORIGINAL
from indexer.store.pictures import DISPLAY_SIDE, image_storage
from indexer.store.records import PictureKey, content_hash
from indexer.vectors.canary import check_vectors
from indexer.writing.merge import FoundImage

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.arrays import Pixels, Vectors
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store
    from indexer.store.transactions import Reader, Writer

Encode: TypeAlias = "Callable[[Sequence[Pixels]], Vectors]"
Embedded: TypeAlias = dict[str, bytes]
"""The vector of each rendition of an image, as the bytes of its dim fp16 numbers."""


class Render(Protocol):
    """Renders an image in styles: the place where styled pictures come into a shop.

    It knows nothing of items, and is called from many threads at once.
    """

    @property
    def renditions(self) -> Sequence[str]:
        """The names of its styles, none of them ``original``.

        An image whose picture is stored in all of them is not rendered again.
        """

    def __call__(self, pixels: Pixels) -> dict[str, Pixels]:
        """The picture (h, w, 3) in each of these styles, as (h, w, 3) of any size."""


class Decoded(NamedTuple):
    """What the decoder and the styles give: by rendition the pixels that the encoder takes, and
    the copies to keep. ``original`` is empty unless the bytes as they came are kept.
    """

    pixels: dict[str, Pixels]
    displays: dict[str, bytes]
    original: bytes


class Prepared(NamedTuple):
    """A recognized image and the result of decoding it: None where the store knows the image.

    Items that share a picture share ``decoded``; it fails where the pixels are broken.
    """

    image: FoundImage
    decoded: Future[Decoded | None]


class ImagePipeline:
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
        render: Render | None = None,
        trust_store: bool = True,
        root: Path | None = None,
    ) -> None:
        """``encode`` does the encoder's work elsewhere, such as in a thread it owns.

        ``render`` adds renditions to every image; by default there is the original only.
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
        self._render = render
        self._renditions = (ORIGINAL, *(render.renditions if render else ()))
        self._trust_store = trust_store
        with store.read() as reader:
            self._keep = image_storage(reader)
        self._copied = self._keep != "paths" or root is None
        self._known: Future[Decoded | None] = Future()
        self._known.set_result(None)
        self._seen: dict[bytes, Future[Decoded | None]] = {}
        self._lock = threading.Lock()
        self._claimed: set[bytes] = set()

    def prepare(self, path: str, data: bytes) -> Prepared:
        """Recognize an image, decode and render it, unless the store or this run has done so.

        BadImage when its header cannot be read; ``claim`` raises it for broken pixels.
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

    def given(self, path: str, embedding: bytes, data: bytes | None) -> Prepared:
        """An image that comes with its vector (dim fp16 numbers); without ``data`` no picture.

        It is kept apart from the same picture as the encoder sees it: a vector that was handed
        in must not find other items. It has no renditions but the original. BadImage when the
        picture cannot be read.
        """
        content = content_hash(b"given" + embedding + (data or b""))
        if data is None:
            return Prepared(FoundImage(path, content, 0, 0), self._known)
        info = inspect(data, self._limits)
        pixels = decode(data, side=self._side, limits=self._limits)
        original = data if self._keep == "originals" else b""
        decoded: Future[Decoded | None] = Future()
        display = thumbnail(pixels, DISPLAY_SIDE)
        decoded.set_result(Decoded({ORIGINAL: pixels}, {ORIGINAL: display}, original))
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

    def encode(self, batch: Sequence[Prepared]) -> list[tuple[Prepared, Embedded]]:
        """Embed the claimed images in all their renditions.

        The encoder gets at most as many pictures at once as there are images. IndexCorrupt unless
        it gave what encoders promise.
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
            self.let_go(prepared)
        return encoded

    def let_go(self, prepared: Prepared) -> None:
        """Keep the pixels of this image no longer; it is known from now on."""
        self._seen[prepared.image.content] = self._known

    def put(self, writer: Writer, prepared: Prepared, embedded: Embedded) -> None:
        """Write an encoded image: its vectors, and the copies of its pictures that are kept."""
        decoded = prepared.decoded.result()
        content = prepared.image.content
        if decoded is not None:
            for rendition, display in decoded.displays.items():
                if self._copied or rendition != ORIGINAL:  # a rendition has no file to read again
                    writer.put_image(PictureKey(content, rendition), display)
            if decoded.original:
                writer.put_original(PictureKey(content), decoded.original)
        for rendition, embedding in embedded.items():
            writer.put_embedding(self.key, PictureKey(content, rendition), embedding)

    def is_stored(self, reader: Reader, image: FoundImage) -> bool:
        """Whether the store has the image's embeddings, and its copies where they are kept."""
        return all(
            reader.has_embedding(self.key, picture)
            and (
                not (self._copied or picture.rendition != ORIGINAL)
                or reader.holds("images", picture)
            )
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
        """Encode pictures and the paths of their images; the bytes of dim fp16 numbers each."""
        vectors = self._encode([pixels for pixels, _ in pictures])
        paths = [path for _, path in pictures]
        check_vectors(vectors, (len(pictures), self._encoder.dim), self._encoder.id, paths)
        return [half.tobytes() for half in vectors.astype("float16")]  # (n, dim)


def decoding_side(encoder: Encoder) -> int:
    """How many pixels the shorter side keeps: enough for the encoder and the display copy.

    Four fifths of the copy's side, so that a square image still fills most of it.
    """
    return max(encoder.preprocess.source_side, DISPLAY_SIDE * 4 // 5)
