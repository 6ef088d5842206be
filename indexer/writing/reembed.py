"""Embed stored pictures with another encoder."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.encoders.base import Model
from indexer.errors import BadImage, IndexCorrupt
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.imaging.photos import open_photo
from indexer.shop import write_encoders
from indexer.store.pictures import Picture, PictureOrigin, best_picture, image_folder
from indexer.store.records import PictureKey
from indexer.store.store import Store
from indexer.store.transactions import Reader, Writer
from indexer.threads import THREADS
from indexer.vectors.canary import check_vectors
from indexer.writing.image_pipeline import decoding_side, encode_batch

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder

_FIRST_SAMPLE = 2  # pictures of the first speed measurement
_BATCH = 32  # pictures per call of the encoder; an interrupted run repeats at most one batch


class MissingPicture(NamedTuple):
    """A picture that an encoder has not embedded, and the path of its image in the catalog."""

    picture: PictureKey
    path: str


def missing_pictures(
    reader: Reader, encoder: Encoder, start: int = 0, *, lost: bool = False
) -> list[MissingPicture]:
    """List the pictures of the rows from ``start`` on that an encoder has not embedded.

    Each picture is listed once. With ``lost``, pictures that could not be read before are listed
    too. Raises IndexCorrupt if a row has no image.
    """
    found = []
    for row in write_encoders.unembedded(reader, Model.of(encoder), start, lost=lost):
        record = reader.item(row.item_id)
        if record is None or row.image_index >= len(record.images):
            raise IndexCorrupt(f"the store has a row of item {row.item_id!r}, but no such image")
        found.append(MissingPicture(row.picture, record.images[row.image_index].path))
    return found


class Reembedding:
    """Embeds stored images with one encoder, and commits each batch before the next.

    ``share`` in (0, 1] is the fraction of the time to work; searches get the rest. ``encoded``
    counts embedded pictures by their origin, ``lost`` those that could not be read. The store
    marks the lost ones, so that they are not missing any more.
    """

    def __init__(
        self, store: Store, encoder: Encoder, *, limits: ImageLimits = LIMITS, share: float = 1.0
    ) -> None:
        self.encoded: Counter[PictureOrigin] = Counter()
        self.lost = 0
        self._store = store
        self._encoder = encoder
        self._key = Model.of(encoder).key
        self._limits = limits
        self._share = share
        self._side = decoding_side(encoder)

    def is_missing(self, reader: Reader, missing: MissingPicture) -> bool:
        """Return True if a picture is neither embedded nor marked as lost."""
        return reader.embedding(self._key, missing.picture) is None

    def run(
        self, missing: Iterable[MissingPicture], done: Callable[[int], None], *, final: bool = True
    ) -> None:
        """Embed these pictures; call ``done`` with the size of each batch once it is committed.

        Unless ``final``, pictures that cannot be read are not marked as lost, so that a later run
        tries them again.
        """
        waiting = iter(missing)
        while batch := list(islice(waiting, _BATCH)):
            start = time.perf_counter()
            with self._store.read() as reader:
                vectors = self._vectors(reader, batch)
            with self._store.write() as writer:
                self._put(
                    writer, {key: vector for key, vector in vectors.items() if vector or final}
                )
            done(len(batch))
            time.sleep((time.perf_counter() - start) * (1 / self._share - 1))

    def images_per_second(self, missing: Iterable[MissingPicture], seconds: float) -> float:
        """Measure the speed by embedding some of these pictures for ``seconds``; write nothing.

        Returns 0 if no picture can be read. Raises BadEncoder if the encoder returns invalid
        vectors.
        """
        # The first call sets the encoder up, which is not part of the measurement.
        self._encoder.encode_images([np.zeros((8, 8, 3), dtype=np.uint8)])
        waiting, size, tried, done, took = iter(missing), _FIRST_SAMPLE, 0, 0, 0.0
        start = time.perf_counter()
        while took < seconds and (batch := list(islice(waiting, size))):
            with self._store.read() as reader:
                done += sum(1 for vector in self._vectors(reader, batch).values() if vector)
            tried += len(batch)
            took = time.perf_counter() - start
            # No more pictures than a slow encoder can probably embed in the time that is left.
            size = max(1, min(_BATCH, int(tried / took * (seconds - took))))
        return done / took if took else 0.0

    def embed_in(self, writer: Writer, missing: list[MissingPicture]) -> None:
        """Embed these pictures in the caller's transaction."""
        for start in range(0, len(missing), _BATCH):
            self._put(writer, self._vectors(writer, missing[start : start + _BATCH]))

    def _vectors(self, reader: Reader, batch: list[MissingPicture]) -> dict[MissingPicture, bytes]:
        """Return the fp16 numbers of each embedding as bytes, b"" for an unreadable picture."""
        folder = image_folder(reader)
        pictures = [best_picture(reader, folder, *missing) for missing in batch]
        with ThreadPoolExecutor(THREADS.count, thread_name_prefix="decode") as pool:
            squares = list(pool.map(self._square, pictures))
        readable = [
            (missing, picture, square)
            for missing, picture, square in zip(batch, pictures, squares, strict=True)
            if picture is not None and square is not None
        ]
        embeddings = dict.fromkeys(batch, b"")
        if readable:
            fed = [square for _, _, square in readable]
            vectors = encode_batch(self._encoder.encode_images, fed)
            paths = [missing.path for missing, _, _ in readable]
            check_vectors(vectors, (len(readable), self._encoder.dim), self._encoder.id, paths)
            halves = vectors.astype("float16")  # (n, dim)
            for (missing, picture, _), half in zip(readable, halves, strict=True):
                embeddings[missing] = half.tobytes()
                self.encoded[picture.source] += 1
        self.lost += len(batch) - len(readable)
        return embeddings

    def _square(self, picture: Picture | None) -> Pixels | None:
        """Decode and fit a picture; return None if there is none or it is broken."""
        if picture is None:
            return None
        preprocess, side = self._encoder.preprocess, self._side
        try:
            return open_photo(picture.data, preprocess, side=side, limits=self._limits).square
        except BadImage:
            return None

    def _put(self, writer: Writer, vectors: dict[MissingPicture, bytes]) -> None:
        for missing, embedding in vectors.items():
            writer.put_embedding(self._key, missing.picture, embedding)
