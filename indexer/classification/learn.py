"""Learn the classifier of a shop from its store, when an index is built or at the first question.

It learns from stored vectors and display copies. Nothing is encoded but a few pictures that show
no product.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from indexer.classification.classifier import Classifier
from indexer.classification.fit import FEWEST, NO_FIELDS, Pictures, fit_classifier
from indexer.classification.labels import fields_of
from indexer.confidence.retakes import no_product
from indexer.errors import BadImage
from indexer.imaging.photos import Photo
from indexer.items import ORIGINAL
from indexer.store.pictures import display_copy
from style.namedcolors import COLOR_NAMES, PALETTE, palette_shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.encoders.base import Encoder
    from indexer.store.records import ItemRecord, Row
    from indexer.store.store import Store

MOST_PICTURES = 10_000  # pictures that a classifier learns from
MEASURED_SIDE = 160  # pixels of the shorter side of the picture whose colors are measured
_MEASURED = 1000  # pictures whose colors are measured, at most
_SECONDS = 30.0  # of measuring colors; a slow machine measures fewer pictures
_BLANKS = 32  # pictures without a product


def learn_classifier(
    store: Store,
    encoder: Encoder,
    vectors: Vectors,
    rows: Sequence[tuple[int, Row]],
    records: Iterable[ItemRecord],
    *,
    seed: int = 0,
) -> Classifier:
    """Fit the classifier of an index. It takes seconds.

    ``vectors`` (n, dim) and ``rows`` are those that the index is built from, in the same order. The
    result is deterministic for a shop and a seed, unless measuring colors takes over 30 s.
    """
    known = {record.item.item_id: record for record in records}
    places = originals(rows, MOST_PICTURES, seed)
    pictures = pictures_of(vectors, rows, known, places)
    names = frozenset(COLOR_NAMES)
    count = len(np.unique(pictures.products))
    if count < FEWEST:
        return Classifier([], f"too few products to learn from: {count}, needed {FEWEST}")
    fields = fields_of(pictures.items, names)
    if not fields:
        return Classifier([], NO_FIELDS)
    if any(field.of_color for field in fields):
        wanted = _main_images_first(rows, places, seed)
        _fill_colors(store, rows, known, places, wanted, pictures.colors)
    return fit_classifier(pictures, blank_vectors(encoder, seed), names)


def blank_vectors(encoder: Encoder, seed: int = 0) -> Vectors:
    """Draw pictures without a product, and return their vectors (b, dim)."""
    rng = np.random.default_rng(seed)
    side = min(encoder.preprocess.size, MEASURED_SIDE)
    return encoder.encode_images([no_product(side, rng) for _ in range(_BLANKS)])


def originals(rows: Sequence[tuple[int, Row]], most: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the places of the rows of original pictures, at most ``most``, in order."""
    found = np.array(
        [place for place, (_, row) in enumerate(rows) if row.rendition == ORIGINAL], dtype=np.int64
    )
    if len(found) > most:
        found = np.sort(np.random.default_rng(seed).choice(found, most, replace=False))
    return found


def pictures_of(
    vectors: Vectors,
    rows: Sequence[tuple[int, Row]],
    known: dict[str, ItemRecord],
    places: NDArray[np.int64],
) -> Pictures:
    """Return the pictures at these places of the index, with no color measured yet."""
    items = [known[rows[place][1].item_id].item for place in places.tolist()]
    numbers: dict[str, int] = {}
    products = np.array(
        [numbers.setdefault(item.product_id, len(numbers)) for item in items], dtype=np.int64
    )
    colors = np.zeros((len(places), len(PALETTE)), dtype=np.float32)
    return Pictures(items, vectors[places], products, colors)


def _fill_colors(
    store: Store,
    rows: Sequence[tuple[int, Row]],
    known: dict[str, ItemRecord],
    places: NDArray[np.int64],
    wanted: NDArray[np.int64],
    colors: NDArray[np.float32],
) -> None:
    """Measure the colors of some pictures into ``colors`` (n, 29).

    ``wanted`` are positions in ``places``. Stops after 30 s of computing. A picture that cannot be
    read keeps its zeros.
    """
    began = time.thread_time()
    done: dict[bytes, NDArray[np.float32]] = {}
    for at in wanted.tolist():
        if time.thread_time() - began > _SECONDS:
            break
        row = rows[int(places[at])][1]
        if row.content not in done:
            path = known[row.item_id].images[row.image_index].path
            with store.read() as reader:  # kept short, so that LMDB can reuse pages
                jpeg = display_copy(reader, row.picture, path)
            done[row.content] = _measured(jpeg)
        colors[at] = done[row.content]


def _main_images_first(
    rows: Sequence[tuple[int, Row]], places: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """Return the positions in ``places`` to measure: in random order, but main images first."""
    order = np.random.default_rng(seed).permutation(len(places))
    image_numbers = np.array([rows[int(places[at])][1].image_index for at in order])
    return order[np.argsort(image_numbers, kind="stable")][:_MEASURED]


def _measured(jpeg: bytes | None) -> NDArray[np.float32]:
    if jpeg is None:
        return np.zeros(len(PALETTE), dtype=np.float32)
    try:
        return palette_shares(Photo(jpeg).cut(side=MEASURED_SIDE))
    except BadImage:
        return np.zeros(len(PALETTE), dtype=np.float32)
