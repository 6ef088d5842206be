"""Embedding again what the store holds: pictures that an encoder has not seen yet."""

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
from indexer.store.pictures import PictureOrigin, best_picture, images_root
from indexer.store.records import PictureKey
from indexer.store.store import Store
from indexer.store.transactions import Reader, Writer
from indexer.threads import THREADS
from indexer.vectors.canary import check_vectors
from indexer.writing.image_pipeline import decoding_side

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder

_TRIED_FIRST = 2  # pictures by which it is first told how fast an encoder is
_BATCH = 32  # pictures the encoder gets at once, and the most that a kill makes it see again


class Missing(NamedTuple):
    """A picture that an encoder has not embedded, and where the file of its image was."""

    picture: PictureKey
    path: str


def missing_pictures(
    reader: Reader, encoder: Encoder, start: int = 0, *, lost: bool = False
) -> list[Missing]:
    """What the encoder has not embedded of the rows from ``start`` on, each picture once.

    ``lost`` asks for those too that had no picture when it last looked.
    """
    found = []
    for row in write_encoders.unembedded(reader, Model.of(encoder), start, lost=lost):
        record = reader.item(row.item_id)
        if record is None or row.image_index >= len(record.images):
            raise IndexCorrupt(f"the store has a row of item {row.item_id!r}, but no such image")
        found.append(Missing(row.picture, record.images[row.image_index].path))
    return found


class Reembedding:
    """Embeds stored images by one encoder, batch by batch, each on disk before the next.

    ``share`` in (0, 1] is how much of the time to work: the rest belongs to those who search.
    ``encoded`` counts what was embedded, by where its picture came from; ``lost`` what had no
    picture that can be read, which the store remembers, so that nobody waits for it.
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

    def lacks(self, reader: Reader, missing: Missing) -> bool:
        """Whether this is neither embedded nor known to have no picture."""
        return reader.embedding(self._key, missing.picture) is None

    def run(
        self, missing: Iterable[Missing], done: Callable[[int], None], *, final: bool = True
    ) -> None:
        """Embed all of these; ``done`` hears how many more are on disk.

        Where it is not ``final``, what has no picture is passed over: somebody else will look
        again, and by then it may have one.
        """
        waiting = iter(missing)
        while batch := list(islice(waiting, _BATCH)):
            start = time.perf_counter()
            with self._store.read() as reader:
                vectors = self._vectors(reader, batch)
            with self._store.write() as writer:
                self._put(writer, {k: v for k, v in vectors.items() if v or final})
            done(len(batch))
            time.sleep((time.perf_counter() - start) * (1 / self._share - 1))

    def images_per_second(self, missing: Iterable[Missing], seconds: float) -> float:
        """How fast this goes, tried on some of these for so long; nothing is written.

        0 when none of them has a picture. IndexCorrupt when the encoder gives what none should.
        """
        self._encoder.encode_images([np.zeros((8, 8, 3), dtype=np.uint8)])  # not its set-up
        waiting, size, tried, done, took = iter(missing), _TRIED_FIRST, 0, 0, 0.0
        start = time.perf_counter()
        while took < seconds and (batch := list(islice(waiting, size))):
            with self._store.read() as reader:
                done += sum(1 for vector in self._vectors(reader, batch).values() if vector)
            tried += len(batch)
            took = time.perf_counter() - start
            # A slow encoder is given as many as the time that is left is likely enough for.
            size = max(1, min(_BATCH, int(tried / took * (seconds - took))))
        return done / took if took else 0.0

    def within(self, writer: Writer, missing: list[Missing]) -> None:
        """Embed these within the caller's transaction."""
        for start in range(0, len(missing), _BATCH):
            self._put(writer, self._vectors(writer, missing[start : start + _BATCH]))

    def _vectors(self, reader: Reader, batch: list[Missing]) -> dict[Missing, bytes]:
        """The embedding of each as the bytes of its numbers; empty where there is no picture."""
        root = images_root(reader)
        pictures = [best_picture(reader, root, *missing) for missing in batch]
        with ThreadPoolExecutor(THREADS.count, thread_name_prefix="decode") as pool:
            decoded = list(pool.map(self._decoded, [p.data if p else b"" for p in pictures]))
        out = dict.fromkeys(batch, b"")
        ready = [at for at, pixels in enumerate(decoded) if pixels is not None]
        if ready:
            vectors = self._encoder.encode_images([p for p in decoded if p is not None])
            names = [batch[at].path for at in ready]
            check_vectors(vectors, (len(ready), self._encoder.dim), self._encoder.id, names)
            for at, half in zip(ready, vectors.astype("float16"), strict=True):
                out[batch[at]] = half.tobytes()
                picture = pictures[at]
                assert picture is not None
                self.encoded[picture.source] += 1
        self.lost += len(batch) - len(ready)
        return out

    def _decoded(self, data: bytes) -> Pixels | None:
        try:
            preprocess = self._encoder.preprocess
            return open_photo(data, preprocess, side=self._side, limits=self._limits).square
        except BadImage:
            return None

    def _put(self, writer: Writer, vectors: dict[Missing, bytes]) -> None:
        for missing, embedding in vectors.items():
            writer.put_embedding(self._key, missing.picture, embedding)
