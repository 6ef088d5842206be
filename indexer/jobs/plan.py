"""Predict the time, disk space and memory of an index before it is built."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.catalog.sources import Catalog
from indexer.errors import BadCatalog, BadImage
from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import thumbnail
from indexer.imaging.photos import open_photo
from indexer.items import Item, Skipped
from indexer.store.pictures import DISPLAY_SIDE
from indexer.threads import THREADS
from indexer.writing.image_pipeline import decoding_side

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder

_SAMPLE = 64  # images that are decoded and encoded to measure the speed
_PAGE = 4096  # bytes; LMDB gives a value larger than half a page pages of its own
# Measured: 20,000 items with one row each take 3.9 kB of memory per item besides the vectors. The
# split between item and row is an estimate. A served shop of 1,600 items takes 270 MB after photos
# came: 110 MB with the bundled encoder, 80 MB for its batches, and HTTP the rest.
_ITEM_MEMORY = 3500
_ROW_MEMORY = 420
_BASE_MEMORY = 260_000_000


class IndexPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction from the whole catalog file and a sample of its images.

    ``seconds`` is the time to encode every image; a shop that has some already needs less.
    ``disk_bytes`` is the size of the shop folder after one build. A rebuild needs
    ``generation_bytes`` more, while the old generation still serves. ``memory_bytes`` is for one
    serving process. ``skipped`` are rows that are not items; ``unreadable`` is the share of sampled
    images that could not be decoded.
    """

    items: int
    images: int
    skipped: list[Skipped]
    sampled: int
    unreadable: float
    encoder: str
    dim: int
    images_per_second: float
    seconds: float
    disk_bytes: int
    generation_bytes: int
    memory_bytes: int
    free_bytes: int


def plan_index(catalog: Catalog, encoder: Encoder, *, free_bytes: int) -> IndexPlan:
    """Predict the cost of indexing ``catalog`` on this machine; write nothing.

    Raises BadCatalog as ``Catalog.scan`` does, or if no sampled image can be read.
    """
    scan = catalog.scan()
    items = [entry.item for entry in catalog if not isinstance(entry, Skipped)]
    paths = [path for item in items for path in item.images]
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(paths))[:_SAMPLE]
    sample = _measure(catalog, [paths[at] for at in chosen], encoder)
    share = sample.readable / max(1, len(chosen))
    rows = round(scan.images * share)
    words = sum(_words_bytes(item) for item in items)
    records = sum(_record_bytes(item) for item in items)
    generation = rows * (4 * encoder.dim + 8) + 2 * words
    stored = rows * (sample.display_bytes + 2 * encoder.dim + 160) + records
    return IndexPlan(
        items=scan.items,
        images=scan.images,
        skipped=scan.skipped,
        sampled=len(chosen),
        unreadable=round(1 - share, 4),
        encoder=encoder.id,
        dim=encoder.dim,
        images_per_second=round(sample.rate, 1),
        seconds=round(scan.images / sample.rate, 1),
        disk_bytes=stored + generation,
        generation_bytes=generation,
        memory_bytes=_BASE_MEMORY
        + rows * (4 * encoder.dim + _ROW_MEMORY)
        + scan.items * _ITEM_MEMORY,
        free_bytes=free_bytes,
    )


class _Sample(msgspec.Struct, frozen=True):
    """Measurements of a sample: readable images, images per second, mean bytes of a display copy.

    ``rate`` includes decoding; ``display_bytes`` is rounded up to pages.
    """

    readable: int
    rate: float
    display_bytes: int


def _measure(catalog: Catalog, paths: list[str], encoder: Encoder) -> _Sample:
    side = decoding_side(encoder)
    folder = ImageFolder(catalog.root)
    folder.check()

    def read(path: str) -> tuple[Pixels, int] | BadImage:
        try:
            data = folder.read(path)
            photo = open_photo(data, encoder.preprocess, side=side)
        except BadImage as error:
            return error
        return photo.square, len(thumbnail(photo.pixels, DISPLAY_SIDE))

    # The first call sets the encoder up, which is not part of the measurement.
    encoder.encode_images([np.zeros((8, 8, 3), dtype=np.uint8)])
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS.count) as pool:
        read_all = list(pool.map(read, paths))
    decoding = time.perf_counter() - start
    good = [read for read in read_all if not isinstance(read, BadImage)]
    if not good:
        bad = next((read for read in read_all if isinstance(read, BadImage)), None)
        why = f"; {paths[0]}: {bad}" if bad else ""
        raise BadCatalog(f"{catalog.name}: no image of {len(paths)} sampled can be read{why}")
    encoder.encode_images([pixels for pixels, _ in good])
    elapsed = time.perf_counter() - start
    pages = [-(-size // _PAGE) * _PAGE for _, size in good]
    # A build decodes and encodes at the same time, but on the same cores, so the times add up.
    return _Sample(len(good), len(paths) / max(elapsed, decoding, 1e-6), int(np.mean(pages)))


def _words_bytes(item: Item) -> int:
    return len(item.title) + len(item.description) + sum(map(len, item.categories)) + 64


def _record_bytes(item: Item) -> int:
    return len(msgspec.msgpack.encode(item)) + 64 + 80 * len(item.images)
