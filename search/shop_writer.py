"""Writes through an open engine: items, and their renditions in the styles of the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.shop.styles import indexed_styles
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.writing.styling import Styling
from indexer.writing.writes import put_items
from search.live.identity import ViewGuard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.encoders.base import Encoder
    from indexer.imaging.images import ImageLimits
    from indexer.store.store import Store
    from indexer.writing.image_pipeline import Encode
    from indexer.writing.writes import Draft, Outcome
    from search.live.shop import LiveShop
    from style.registry import StyleRegistry

_WRITTEN = ("created", "updated", "unchanged")


class ShopWriter:
    """Stores items of one open shop. Thread-safe."""

    def __init__(
        self, store: Store, live: LiveShop, encoder: Encoder, styles: StyleRegistry
    ) -> None:
        """``encoder`` is that of the index, without views that only queries have."""
        self._store = store
        self._live = live
        self._encoder = encoder
        self._styles = styles
        self._migration_encoders = MigrationEncoders(store, encoder)

    def put(
        self, drafts: Sequence[Draft], limits: ImageLimits, encode: Encode | None
    ) -> list[Outcome]:
        """Store items as ``put_items`` does, then their renditions in the styles of the shop.

        Searches find them after a refresh. The items are on disk before they are rendered.
        """
        outcomes = put_items(
            self._store,
            self._encoder,
            drafts,
            limits=limits,
            encode=encode,
            migration_encoders=self._migration_encoders,
        )
        written = [outcome.item_id for outcome in outcomes if outcome.status in _WRITTEN]
        if written and self.styles():
            self._style(written, limits, encode)
        return outcomes

    def styles(self) -> list[str]:
        """Return the names of the styles that the images of the shop are indexed in."""
        with self._store.read() as reader:
            return indexed_styles(reader)

    def _style(self, item_ids: list[str], limits: ImageLimits, encode: Encode | None) -> None:
        """Render items in the styles of the shop; the guard compares with what is searched now."""
        self._live.refresh()
        styling = Styling(
            self._store,
            self._encoder,
            self._styles,
            self._migration_encoders,
            encode=encode,
            limits=limits,
        )
        styling.run(guard=ViewGuard(self._live.view), item_ids=item_ids)
