"""What an index will cost, before it is built."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.catalog.sources import Catalog
from indexer.errors import BadCatalog, BadImage
from indexer.imaging.imagepath import image_path
from indexer.imaging.images import LIMITS, read_image_file, thumbnail
from indexer.imaging.photos import open_photo
from indexer.items import Item, Skipped
from indexer.store.pictures import DISPLAY_SIDE
from indexer.threads import THREADS
from indexer.writing.image_pipeline import decoding_side

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder

_SAMPLE = 64  # images that are really decoded and encoded
_PAGE = 4096  # bytes; LMDB gives a value larger than half a page pages of its own
# 20,000 drawn items with a row each took an engine 3.9 kB apiece besides their vectors; how that
# splits between item and row is an estimate. The process had 100 MB before; HTTP adds the rest.
_ITEM_MEMORY = 3500
_ROW_MEMORY = 420
_BASE_MEMORY = 120_000_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction, from the whole catalog file and a sample of its images.

    ``seconds`` is for encoding every image; a shop that knows some already needs less.
    ``disk_bytes`` is the shop folder after one build; a rebuild needs ``generation_bytes``
    more while the old generation still serves. ``memory_bytes`` is one serving process.
    ``skipped`` are the rows that are no items, and ``unreadable`` the share of sampled images
    that could not be decoded.
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


def plan_index(catalog: Catalog, encoder: Encoder, *, free_bytes: int) -> Plan:
    """Predict what indexing ``catalog`` will take on this machine; writes nothing.

    Raises BadCatalog as ``Catalog.scan`` does, and when no sampled image can be read.
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
    return Plan(
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
    readable: int
    rate: float  # images per second, decoding beside encoding
    display_bytes: int  # mean, rounded up to pages


def _measure(catalog: Catalog, paths: list[str], encoder: Encoder) -> _Sample:
    side = decoding_side(encoder)

    def read(path: str) -> tuple[Pixels, int] | BadImage:
        try:
            data = read_image_file(image_path(catalog.root, path), LIMITS)
            photo = open_photo(data, encoder.preprocess, side=side)
        except BadImage as error:
            return error
        return photo.square, len(thumbnail(photo.pixels, DISPLAY_SIDE))

    encoder.encode_images([np.zeros((8, 8, 3), dtype=np.uint8)])  # not the first call's set-up
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS.count) as pool:
        read_all = list(pool.map(read, paths))
    decoding = time.perf_counter() - start
    good = [read for read in read_all if not isinstance(read, BadImage)]
    if not good:
        bad = next((read for read in read_all if isinstance(read, BadImage)), None)
        why = f"; {paths[0]}: {bad}" if bad else ""
        raise BadCatalog(f"{catalog.path}: no image of {len(paths)} sampled can be read{why}")
    encoder.encode_images([pixels for pixels, _ in good])
    elapsed = time.perf_counter() - start
    pages = [-(-size // _PAGE) * _PAGE for _, size in good]
    # Decoding runs beside encoding, but on the same cores: the sum is what was measured.
    return _Sample(len(good), len(paths) / max(elapsed, decoding, 1e-6), int(np.mean(pages)))


def _words_bytes(item: Item) -> int:
    return len(item.title) + len(item.description) + sum(map(len, item.categories)) + 64


def _record_bytes(item: Item) -> int:
    return len(msgspec.msgpack.encode(item)) + 64 + 80 * len(item.images)
