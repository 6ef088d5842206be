"""Writes through an open engine: items, and their renditions in the styles of the shop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from indexer.shop.styles import indexed_styles
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.writing.styling import Styling
from indexer.writing.writes import put_items
from search.live.identity import ViewGuard
from style.errors import StyleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.encoders.base import Encoder
    from indexer.imaging.images import ImageLimits
    from indexer.store.store import Store
    from indexer.writing.image_pipeline import Encode
    from indexer.writing.writes import Draft, Outcome
    from search.live.shop import LiveShop
    from style.registrycache import RegistryCache

RENDERED_AT_ONCE = 20
"""Images that one write renders at most, because the next write waits for them."""
_WRITTEN = ("created", "updated", "unchanged")

logger = logging.getLogger("vitrine.search")


class ShopWriter:
    """Stores items of one open shop. Thread-safe."""

    def __init__(
        self, store: Store, live: LiveShop, encoder: Encoder, styles: RegistryCache
    ) -> None:
        """``encoder`` is that of the index, without views that only queries have."""
        self._store = store
        self._live = live
        self._encoder = encoder
        self._styles = styles
        self._migration_encoders = MigrationEncoders(store, encoder)

    def put(
        self,
        drafts: Sequence[Draft],
        limits: ImageLimits,
        encode: Encode | None,
        render_at_most: int | None = RENDERED_AT_ONCE,
    ) -> list[Outcome]:
        """Store items as ``put_items`` does, then their renditions in the styles of the shop.

        Searches find them after a refresh. The items are on disk before they are rendered. At most
        ``render_at_most`` images are rendered (None: all). The number of the others is logged; a
        later job renders them.
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
            self._style(written, limits, encode, render_at_most)
        return outcomes

    def styles(self) -> list[str]:
        """Return the names of the styles that the images of the shop are indexed in."""
        with self._store.read() as reader:
            return indexed_styles(reader)

    def _style(
        self, item_ids: list[str], limits: ImageLimits, encode: Encode | None, most: int | None
    ) -> None:
        """Render items in the styles of the shop; the guard compares with what is searched now."""
        try:
            registry = self._styles.current()  # another process may have changed the shop's own
        except StyleError as error:
            logger.warning("%d items are stored but not rendered: %s", len(item_ids), error)
            return
        self._live.refresh()
        styling = Styling(
            self._store,
            self._encoder,
            registry,
            self._migration_encoders,
            encode=encode,
            limits=limits,
        )
        styling.run(guard=ViewGuard(self._live.view), item_ids=item_ids, most=most)
        if styling.left:
            logger.warning(
                "a write rendered %d images in the styles of the shop and left %d to the next "
                "'vitrine styles add' or 'vitrine index'",
                most,
                styling.left,
            )
