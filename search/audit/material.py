"""Decode and measure the original pictures of a shop once, for an audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.classification.fit import FieldFit, Pictures, fit_fields
from indexer.classification.labels import fields_of
from indexer.classification.learn import blank_vectors, originals, pictures_of
from indexer.enrichment.gazetteer import attribute_of
from indexer.errors import BadImage
from indexer.imaging.emptiness import Emptiness, emptiness
from indexer.imaging.photos import Photo
from indexer.store.pictures import display_copy
from search.audit.copies import signature
from search.audit.finding import PictureRef
from style.namedcolors import COLOR_NAMES, PALETTE, measure_colors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.classification.labels import Field
    from indexer.encoders.base import Encoder
    from indexer.jobs.stored_rows import StoredRows
    from indexer.store.records import ItemRecord, Row
    from indexer.store.store import Store

_SIDE = 160  # pixels of the shorter side of the pictures that are examined


class Measured(NamedTuple):
    """The measurements of a picture; ``signature`` is None if it cannot be read."""

    empty: Emptiness | None
    signature: NDArray[np.uint8] | None


class Material(NamedTuple):
    """The original pictures of a shop: n places, with a row, an item and measurements each."""

    rows: Sequence[Row]
    pictures: Pictures
    items: NDArray[np.int64]
    measured: Sequence[Measured]
    refs: Sequence[PictureRef]

    @property
    def contents(self) -> list[bytes]:
        """The content hash of each picture (n,)."""
        return [row.content for row in self.rows]

    def signature(self, place: int) -> NDArray[np.float32] | None:
        """Return a small copy of a picture for comparing; None if it cannot be read."""
        found = self.measured[place].signature
        return None if found is None else found.astype(np.float32)


def read_material(
    store: Store, stored: StoredRows, progress: Callable[[int, int], None]
) -> Material:
    """Decode every original picture of a shop once, and measure it."""
    known = {record.item.item_id: record for record in stored.records}
    places = originals(stored.rows, len(stored.rows))
    rows = [stored.rows[place][1] for place in places.tolist()]
    pictures = pictures_of(stored.vectors, stored.rows, known, places)
    numbers: dict[str, int] = {}
    items = np.array(
        [numbers.setdefault(row.item_id, len(numbers)) for row in rows], dtype=np.int64
    )
    done: dict[bytes, tuple[Measured, NDArray[np.float32]]] = {}
    measured = []
    for at, row in enumerate(rows):
        if row.content not in done:
            done[row.content] = _measure(store, row, known)
        found, pictures.colors[at] = done[row.content]
        measured.append(found)
        progress(at + 1, len(rows))
    refs = [
        PictureRef(row.item_id, row.image_index, known[row.item_id].images[row.image_index].path)
        for row in rows
    ]
    return Material(rows, pictures, items, measured, refs)


def fits_of(encoder: Encoder, material: Material) -> list[FieldFit]:
    """Fit categories, colors and patterns of the shop, each picture without its own product."""
    fields = fields_of(material.pictures.items, frozenset(COLOR_NAMES))
    judged = [field for field in fields if field.is_category or field.of_color or is_pattern(field)]
    empty = np.array([found.empty is not None for found in material.measured], dtype=np.bool_)
    return fit_fields(material.pictures, blank_vectors(encoder), judged, left_out=empty)


def is_pattern(field: Field) -> bool:
    """Return whether a field has patterns, such as striped."""
    return not field.is_category and attribute_of(field.name) == "pattern"


def _measure(
    store: Store, row: Row, known: dict[str, ItemRecord]
) -> tuple[Measured, NDArray[np.float32]]:
    path = known[row.item_id].images[row.image_index].path
    with store.read() as reader:  # kept short, so that LMDB can reuse pages
        jpeg = display_copy(reader, row.picture, path)
    none = np.zeros(len(PALETTE), dtype=np.float32)
    if jpeg is None:
        return Measured(None, None), none
    try:
        pixels: Pixels = Photo(jpeg).cut(side=_SIDE)
    except BadImage:
        return Measured(None, None), none
    small = signature(pixels).round().astype(np.uint8)
    return Measured(emptiness(pixels), small), measure_colors(pixels).shares
