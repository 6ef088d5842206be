"""Fit the confidence of a shop's hits when its index is built.

Three kinds of test queries are made from the shop itself and searched in the finished index:

* catalog pictures as a shopper might photograph them (``indexer.confidence.retakes``);
* other images of an item, with the image's own rows hidden;
* pictures without a product, and retakes whose product is hidden: the scores of unsold products.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.confidence.curve import RIVALS, Calibration, margins
from indexer.confidence.logistic import fit_logistic
from indexer.confidence.retakes import no_product, retake
from indexer.errors import BadImage
from indexer.imaging.photos import fit_pixels, open_photo
from indexer.imaging.preprocess import Preprocess
from indexer.items import ORIGINAL
from indexer.store.pictures import display_copy
from indexer.vectors.row_table import RowTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels, Rows, Scores, Vectors
    from indexer.encoders.base import Encoder
    from indexer.store.records import ItemRecord, Row
    from indexer.store.store import Store
    from indexer.vectors.backend import VectorBackend

FEWEST = 8  # products; with fewer a query has too few rivals
_QUERIES = 256  # of each kind, at most
_RETAKES = 4  # of an image, at most
_BLANKS = 64  # pictures without a product
_HITS = 3  # per query that the curve is fitted on
_DEPTH = 128  # rows searched per query
_BATCH = 32
_SECONDS = 30.0  # of encoding; a slow encoder gets fewer queries
_LARGEST = 256  # pixels per side of a retake
_KEPT = 64  # decoded pictures, at most: a shop with so few has several retakes of each
_SOLD_AT = 0.4  # of the span from pictures without a product to similar products
_SOLD_WIDTH = 0.1  # of the same span
_LEAST_SPAN = 0.15


class Fitted(NamedTuple):
    """A calibration, or None and ``note`` with the reason."""

    calibration: Calibration | None
    note: str


class _Sample(NamedTuple):
    """Test queries: places of the right rows in the index (q,), and query vectors (q, dim)."""

    places: NDArray[np.int64]
    vectors: Vectors


class _Outcomes(NamedTuple):
    """The best hits of test queries: score and margin (h, 2), and whether each is right (h,)."""

    features: NDArray[np.float64]
    right: NDArray[np.bool_]


def calibrate(
    store: Store,
    encoder: Encoder,
    index: VectorBackend,
    vectors: Vectors,
    rows: Sequence[tuple[int, Row]],
    records: Iterable[ItemRecord],
) -> Fitted:
    """Fit the confidence of an index's hits. It takes a few seconds with a fast encoder.

    ``vectors`` (n, dim) and ``rows`` are those that ``index`` was built from, by rising number.
    Pictures are the display copies in the store. The result is deterministic for a shop,
    unless encoding takes over 30 s.
    """
    known = {record.item.item_id: record for record in records}
    products, count = _numbered_products(rows, known)
    if count < FEWEST:
        return Fitted(None, f"too few products to calibrate: {count}, needed {FEWEST}")
    shop = _IndexedProducts(index, rows, products)
    rng = np.random.default_rng(0)
    retaken, blanks = _retaken(store, encoder, rows, known, rng)
    if not len(retaken.places):
        return Fitted(None, "no picture of the shop could be read")
    if not (np.isfinite(blanks).all() and np.isfinite(retaken.vectors).all()):
        return Fitted(None, f"encoder {encoder.id!r} gave test photos vectors that are not finite")
    floor, span = _unsold_scores(shop, retaken, blanks)
    pairs = _pairs(vectors, rows, rng)
    outcomes, weights = _sample_outcomes(shop, retaken, pairs, floor)
    coefficients, offset = fit_logistic(outcomes.features, outcomes.right, weights)
    return Fitted(
        Calibration(
            score_weight=float(coefficients[0]),
            margin_weight=float(coefficients[1]),
            offset=offset,
            sold_at=floor + _SOLD_AT * span,
            sold_width=_SOLD_WIDTH * span,
            floor=floor,
            queries=len(outcomes.right) // _HITS,
        ),
        "",
    )


def _numbered_products(
    rows: Sequence[tuple[int, Row]], known: Mapping[str, ItemRecord]
) -> tuple[NDArray[np.int64], int]:
    """Return the number of each row's product (n,), and how many products there are."""
    numbers: dict[str, int] = {}
    products = np.array(
        [numbers.setdefault(known[row.item_id].item.product_id, len(numbers)) for _, row in rows],
        dtype=np.int64,
    )
    return products, len(numbers)


def _unsold_scores(
    shop: _IndexedProducts, retaken: _Sample, blanks: Vectors
) -> tuple[float, float]:
    """Return the median score of pictures without a product, and its distance to unsold products.

    Products are made unsold by hiding their rows.
    """
    found = shop.search(blanks, [frozenset()] * len(blanks))
    floor = float(np.median([scores[0] for _, scores in found if len(scores)]))
    own = [shop.rows_of_product(place) for place in retaken.places]
    unsold = [scores[0] for _, scores in shop.search(retaken.vectors, own) if len(scores)]
    return floor, max(float(np.median(unsold)) - floor if unsold else 0.0, _LEAST_SPAN)


def _sample_outcomes(
    shop: _IndexedProducts, retaken: _Sample, pairs: _Sample, floor: float
) -> tuple[_Outcomes, NDArray[np.float64]]:
    """Search both samples; return their outcomes (h hits) and the weight of each hit (h,)."""
    none_hidden: frozenset[int] = frozenset()
    found = [shop.outcomes(retaken, [none_hidden] * len(retaken.places), floor)]
    weights = [np.ones(len(found[0].right))]
    if len(pairs.places):
        own = [shop.rows_of_image(place) for place in pairs.places]
        found.append(shop.outcomes(pairs, own, floor))
        # Both kinds weigh the same in total; few pairs are not weighted more than four times.
        share = min(4.0, len(found[0].right) / max(1, len(found[1].right)))
        weights.append(np.full(len(found[1].right), share))
    features = np.concatenate([outcomes.features for outcomes in found])  # (h, 2)
    right = np.concatenate([outcomes.right for outcomes in found])  # (h,)
    return _Outcomes(features, right), np.concatenate(weights)


class _IndexedProducts:
    """The index and the products of its rows. Rows are places in ``rows``, 0 to n - 1."""

    def __init__(
        self, index: VectorBackend, rows: Sequence[tuple[int, Row]], products: NDArray[np.int64]
    ) -> None:
        self._index = index
        self._products = products
        self._rows = rows
        numbers = np.array([number for number, _ in rows], dtype=np.int64)
        self._place_at = RowTable(numbers).positions_of(index.rows)  # (n,), by position
        self._by_product = np.argsort(products, kind="stable")  # (n,)
        self._sorted_products = products[self._by_product]

    def rows_of_product(self, place: int) -> frozenset[int]:
        """Return all rows of the product that a row belongs to."""
        product = self._products[place]
        start = self._sorted_products.searchsorted(product)
        end = self._sorted_products.searchsorted(product, side="right")
        return frozenset(self._by_product[start:end].tolist())

    def rows_of_image(self, place: int) -> frozenset[int]:
        """Return the rows of all renditions of the image that a row belongs to."""
        row = self._rows[place][1]
        image = row.item_id, row.image_index
        return frozenset(
            other
            for other in self.rows_of_product(place)
            if (self._rows[other][1].item_id, self._rows[other][1].image_index) == image
        )

    def search(
        self, vectors: Vectors, hidden: Sequence[frozenset[int]]
    ) -> list[tuple[Rows, Scores]]:
        """Search each query; return products and scores, best first, without the hidden rows."""
        depth = min(len(self._rows), _DEPTH)
        positions, scores = self._index.exact(vectors, depth)  # (q, depth) each
        out = []
        for found, values, hidden_rows in zip(positions, scores, hidden, strict=True):
            known = found >= 0  # (depth,): the index pads with -1
            places = self._place_at[found[known]]
            shown = np.array([int(place) not in hidden_rows for place in places], dtype=np.bool_)
            out.append((self._products[places[shown]], values[known][shown]))
        return out

    def outcomes(
        self, sample: _Sample, hidden: Sequence[frozenset[int]], floor: float
    ) -> _Outcomes:
        """Search a sample without the hidden rows; return its best products, right or not."""
        features, right = [], []
        answers = self._products[sample.places]  # (q,)
        results = self.search(sample.vectors, hidden)
        for answer, (products, scores) in zip(answers, results, strict=True):
            _, first = np.unique(products, return_index=True)
            leaders = np.sort(first)[: RIVALS + 1]
            margin = margins(scores[leaders], products[leaders], floor)
            for at, value in zip(leaders[:_HITS], margin[:_HITS], strict=True):
                features.append((float(scores[at]), float(value)))
                right.append(bool(products[at] == answer))
        return _Outcomes(np.array(features, dtype=np.float64).reshape(-1, 2), np.array(right, bool))


def _retaken(
    store: Store,
    encoder: Encoder,
    rows: Sequence[tuple[int, Row]],
    known: Mapping[str, ItemRecord],
    rng: np.random.Generator,
) -> tuple[_Sample, Vectors]:
    """Encode retakes of a sample of the shop's images, and pictures without a product (b, dim)."""
    originals = [place for place, (_, row) in enumerate(rows) if row.rendition == ORIGINAL]
    wanted = min(_QUERIES, _RETAKES * len(originals))
    # Whole rounds over all images: the images of a small shop are used equally often.
    rounds = [rng.permutation(originals) for _ in range(-(-wanted // max(1, len(originals))))]
    chosen = np.concatenate(rounds)[:wanted] if rounds else np.empty(0, dtype=np.int64)
    copies = _display_copies(store, rows, known, set(chosen.tolist()))
    side = min(encoder.preprocess.size, _LARGEST)
    began = time.perf_counter()
    blanks = encoder.encode_images([no_product(side, rng) for _ in range(_BLANKS)])
    places: list[int] = []
    parts: list[Vectors] = []
    last: Pixels = np.full((side, side, 3), 255, dtype=np.uint8)

    @lru_cache(_KEPT if len(originals) <= _KEPT else 0)
    def picture(place: int) -> Pixels | None:
        return _picture(copies[place], side, encoder.preprocess)

    for start in range(0, len(chosen), _BATCH):
        if len(parts) > 1 and time.perf_counter() - began > _SECONDS:
            break
        batch = []
        for place in chosen[start : start + _BATCH].tolist():
            pixels = picture(place)
            if pixels is not None:
                batch.append(fit_pixels(retake(pixels, last, rng), encoder.preprocess))
                places.append(place)
                last = pixels
        if batch:
            parts.append(encoder.encode_images(batch))
    vectors = np.concatenate(parts) if parts else np.empty((0, encoder.dim), dtype=np.float32)
    return _Sample(np.array(places, dtype=np.int64), vectors), blanks


def _display_copies(
    store: Store, rows: Sequence[tuple[int, Row]], known: Mapping[str, ItemRecord], places: set[int]
) -> dict[int, bytes | None]:
    copies = {}
    with store.read() as reader:  # kept short: LMDB does not reuse pages that a reader can see
        for place in places:
            row = rows[place][1]
            path = known[row.item_id].images[row.image_index].path
            copies[place] = display_copy(reader, row.picture, path)
    return copies


def _picture(jpeg: bytes | None, side: int, preprocess: Preprocess) -> Pixels | None:
    """Decode a display copy to (side, side, 3); None if it is missing or broken.

    Plain borders are trimmed if the encoder trims them, since a shopper photographs the product
    and not the page around it.
    """
    if jpeg is None:
        return None
    square = Preprocess(side, trim=preprocess.trim)
    try:
        return open_photo(jpeg, square, side=preprocess.source_side if square.trim else 0).square
    except BadImage:
        return None


def _pairs(vectors: Vectors, rows: Sequence[tuple[int, Row]], rng: np.random.Generator) -> _Sample:
    """Sample images whose item has other images, with their stored vectors."""
    images: dict[str, dict[bytes, int]] = {}
    for place, (_, row) in enumerate(rows):
        if row.rendition == ORIGINAL:
            images.setdefault(row.item_id, {}).setdefault(row.content, place)
    places = [place for views in images.values() if len(views) > 1 for place in views.values()]
    chosen = rng.permutation(np.array(places, dtype=np.int64))[:_QUERIES]
    return _Sample(chosen, vectors[chosen])
