"""Render, embed and index what a shop lacks in its styles, for all items or some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.encoders.base import Model
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.shop.styles import indexed_styles, known_styles
from indexer.writing.identity import CatalogGuard, stored_images
from indexer.writing.rendition_rows import (
    RenditionNotes,
    deleted_renditions,
    missing_renditions,
    sync_rows,
)
from indexer.writing.renditions import Rendered, Rendering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.encoders.base import Encoder
    from indexer.shop.styles import ShopStyle
    from indexer.store.records import ItemRecord
    from indexer.store.store import Store
    from indexer.store.transactions import Reader
    from indexer.writing.identity import IdentityGuard
    from indexer.writing.image_pipeline import Encode
    from indexer.writing.migration_encoders import MigrationEncoders
    from style.registry import StyleRegistry

_TRIES = 3  # more than enough: a collection of garbage deletes a new picture at most once


class Styling:
    """Renders what a store lacks in the styles of its shop, and adds and deletes the rows."""

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        registry: StyleRegistry,
        migration_encoders: MigrationEncoders,
        *,
        encode: Encode | None = None,
        limits: ImageLimits = LIMITS,
    ) -> None:
        """``encode`` replaces ``encoder.encode_images``, for example to run in another thread.

        Styles of the shop that ``registry`` lacks are not rendered; their renditions stay.
        """
        self.unknown: dict[str, str] = {}
        """The styles of the shop that could not be used, each with the reason, after ``run``."""
        self.left = 0
        """The images that ``run`` left to a later run, because of ``most``."""
        self._store = store
        self._encoder = encoder
        self._registry = registry
        self._migration_encoders = migration_encoders
        self._encode = encode
        self._limits = limits
        self._key = Model.of(encoder).key

    def run(
        self,
        *,
        guard: IdentityGuard | None = None,
        item_ids: Sequence[str] | None = None,
        most: int | None = None,
        watch: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Rendered:
        """Render what these items lack (None: all items); their originals must be embedded.

        At most ``most`` images are rendered, in the order of ``item_ids``; None is all. ``guard``
        compares with the whole store by default. ``watch`` is called with the number of images
        done and their total. Safe to interrupt and to run again. Raises BadEncoder, StoreFull.
        """
        found = self._read_styles()
        if found is None:
            return Rendered()
        styles, notes = found
        # First delete the rows of outdated pictures, because a picture made again gets a new row.
        sync_rows(self._store, notes, self._migration_encoders, item_ids)
        with self._store.read() as reader:
            records = reader.items() if item_ids is None else _items(reader, item_ids)
            missing = missing_renditions(reader, stored_images(records), styles, notes)
            if missing and guard is None:
                guard = CatalogGuard(reader, self._key, self._encoder.dim)
        if not missing:
            return Rendered()
        assert guard is not None
        self.left = 0 if most is None else max(0, len(missing) - most)
        work = Rendering(
            self._store, self._encoder, guard, encode=self._encode, limits=self._limits
        )
        missing = missing[:most]
        for _ in range(_TRIES):
            work.run(missing, watch)
            sync_rows(self._store, notes, self._migration_encoders, item_ids)
            with self._store.read() as reader:
                missing = deleted_renditions(reader, missing, notes)
            if not missing:
                break
        return work.done

    def _read_styles(self) -> tuple[list[ShopStyle], RenditionNotes] | None:
        """Look up the styles of the shop; None if it has neither styles nor renditions."""
        with self._store.read() as reader:
            names = indexed_styles(reader)
            if not names and not reader.count("renditions"):
                return None
        styles, self.unknown = known_styles(self._registry, names)
        return styles, RenditionNotes(self._key, styles, self.unknown)


def _items(reader: Reader, item_ids: Sequence[str]) -> list[ItemRecord]:
    return [record for item_id in item_ids if (record := reader.item(item_id)) is not None]
