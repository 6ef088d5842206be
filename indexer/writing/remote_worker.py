"""Reads, decodes and encodes images in another process, which has the files but not the store."""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from indexer.encoders.base import Model
from indexer.errors import BadImage, IndexMismatch
from indexer.imaging.decodebudget import BUDGET
from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import ImageLimits, inspect, thumbnail
from indexer.imaging.photos import open_photo
from indexer.store.pictures import DISPLAY_SIDE
from indexer.store.records import HASH_BYTES, content_hash
from indexer.threads import THREADS
from indexer.vectors.canary import check_vectors
from indexer.writing.image_pipeline import decoding_side, encode_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder

_READ_AHEAD = 8  # images read while one is decoded: an object store takes long to begin an answer


class WorkOrder(NamedTuple):
    """The data that every worker of a run needs.

    ``root`` opens the ``ImageFolder``: a path, the same on all machines, or a URL.
    """

    model: Model
    root: str
    limits: ImageLimits
    keep_originals: bool
    decode_mb: float


class SentImage(NamedTuple):
    """An image to work on: its path in the catalog, or its URL and the bytes fetched from there."""

    path: str
    data: bytes | None = None


class WorkedImage(NamedTuple):
    """An image that was read. ``embedding`` (dim fp16 numbers) is empty if the store has it.

    ``refusal`` is the reason that the image cannot be read; then all other fields are empty.
    """

    content: bytes = b""
    width: int = 0
    height: int = 0
    display: bytes = b""
    original: bytes = b""
    embedding: bytes = b""
    refusal: str = ""


class WorkedBatch(NamedTuple):
    """The images of a batch, in order, and the seconds that decoding and encoding took."""

    images: list[WorkedImage]
    decode_s: float
    encode_s: float


class RemoteWorker:
    """Works on batches of images, one at a time, on one core."""

    def __init__(self, order: WorkOrder, known: bytes, encoder: Encoder | None = None) -> None:
        """Load the encoder. Raises IndexMismatch if it has other weights on this machine.

        ``known`` are the content hashes of the images that the store has, sorted, 16 bytes each.
        """
        from indexer.encoders.registry import load_encoder

        THREADS.limit = 1
        BUDGET.megabytes = order.decode_mb
        self._order = order
        self._known = KnownContents(known)
        self._encoder = encoder or load_encoder(order.model.id, threads=1)
        if Model.of(self._encoder) != order.model:
            raise IndexMismatch(
                f"a worker has {Model.of(self._encoder)}, the shop {order.model}; install the same "
                "version of Vitrine and the same files of the encoder on every machine"
            )

        self._folder = ImageFolder(order.root)

    def pid(self) -> int:
        """Return the id of the process."""
        return os.getpid()

    def embed(self, sent: Sequence[SentImage]) -> WorkedBatch:
        """Read and embed images, in order."""
        start = time.perf_counter()
        images: list[WorkedImage] = []
        squares: dict[bytes, Pixels] = {}
        for data in self._read_ahead(sent):
            try:
                image, square = self._decode(data.result(), squares)
            except BadImage as error:
                images.append(WorkedImage(refusal=str(error)))
                continue
            if square is not None:
                squares[image.content] = square
            images.append(image)
        decoded = time.perf_counter()
        halves = self._encode(squares)
        done = [image._replace(embedding=halves.get(image.content, b"")) for image in images]
        return WorkedBatch(done, decoded - start, time.perf_counter() - decoded)

    def _read_ahead(self, sent: Sequence[SentImage]) -> Iterator[Future[bytes]]:
        """Read the images in order, some of them while earlier ones are decoded."""
        ahead: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(_READ_AHEAD, thread_name_prefix="read") as pool:
            for image in sent:
                ahead.append(pool.submit(self._read, image))
                if len(ahead) > _READ_AHEAD:
                    yield ahead.popleft()
            yield from ahead

    def _read(self, image: SentImage) -> bytes:
        if image.data is not None:
            return image.data
        return self._folder.read(image.path, self._order.limits)

    def _decode(
        self, data: bytes, squares: dict[bytes, Pixels]
    ) -> tuple[WorkedImage, Pixels | None]:
        """Return an image, and its pixels for the encoder unless they are known."""
        order = self._order
        content = content_hash(data)
        info = inspect(data, order.limits)
        image = WorkedImage(content, info.width, info.height)
        if content in squares or content in self._known:
            return image, None
        photo = open_photo(
            data, self._encoder.preprocess, side=decoding_side(self._encoder), limits=order.limits
        )
        return image._replace(
            display=thumbnail(photo.pixels, DISPLAY_SIDE),
            original=data if order.keep_originals else b"",
        ), photo.square

    def _encode(self, squares: dict[bytes, Pixels]) -> dict[bytes, bytes]:
        if not squares:
            return {}
        encoder = self._encoder
        vectors = encode_batch(encoder.encode_images, list(squares.values()))
        names = [content.hex() for content in squares]
        check_vectors(vectors, (len(squares), encoder.dim), encoder.id, names)
        halves = (half.tobytes() for half in vectors.astype("float16"))
        return dict(zip(squares, halves, strict=True))


class KnownContents:
    """A set of content hashes in one block of bytes, which processes of a machine can share."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = len(data) // HASH_BYTES

    def __contains__(self, content: bytes) -> bool:
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            found = self._data[middle * HASH_BYTES : (middle + 1) * HASH_BYTES]
            if found == content:
                return True
            low, high = (middle + 1, high) if found < content else (low, middle)
        return False
