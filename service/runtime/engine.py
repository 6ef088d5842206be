"""The protocol of the search engine that the service uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from indexer.items import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.encoders.base import Encoder
    from indexer.imaging.images import ImageLimits
    from indexer.items import Item
    from indexer.writing.image_pipeline import Encode
    from indexer.writing.writes import Draft, Outcome
    from search.hits import Reply
    from search.item_reader import ItemPage
    from search.live.shop import Backlog
    from search.personal.recommender import Recommender
    from search.query import Query
    from search.recognition.classification import PhotoClassifier
    from search.status import EngineStatus, Vitals
    from style.registry import StyleRegistry


class Engine(Protocol):
    """The part of ``search.engine.SearchEngine`` that the service uses; tests pass smaller ones."""

    @property
    def encoder(self) -> Encoder:
        """The encoder of query photos."""
        ...

    @property
    def generation(self) -> str:
        """The name of the open index, such as ``000007``."""
        ...

    @property
    def classifier(self) -> PhotoClassifier:
        """Classifies what photos show."""
        ...

    def search(self, query: Query) -> Reply:
        """Return the reply to a query. Called from several threads at once."""
        ...

    def answer_state(self) -> tuple[str, int, int] | None:
        """Return what the answer of the next search depends on; None if that is not known."""
        ...

    def item(self, item_id: str) -> Item:
        """Return an item of the shop. Raises UnknownItem."""
        ...

    def items(self, limit: int = 10) -> list[Item]:
        """Return some items to start from."""
        ...

    def listed_items(self, cursor: str | None = None, limit: int = 100) -> ItemPage:
        """Return the items of the shop page by page. Raises BadQuery for a bad cursor."""
        ...

    @property
    def style_registry(self) -> StyleRegistry:
        """The styles that pictures can be rendered in."""
        ...

    def styles(self) -> list[str]:
        """Return the names of the styles that the images of the shop are indexed in."""
        ...

    def thumbnail(self, item_id: str, index: int = 0, rendition: str = ORIGINAL) -> bytes:
        """Return a stored image of an item, in this rendition, as JPEG. Raises UnknownItem."""
        ...

    def picture(self, item_id: str, index: int = 0) -> bytes:
        """Return the best picture of an image that is left. Raises UnknownItem."""
        ...

    def rendition_strength(self, item_id: str, index: int, rendition: str) -> float | None:
        """Return the strength of a stored rendition; None if it has none. Raises UnknownItem."""
        ...

    def put(self, drafts: Sequence[Draft], *, limits: ImageLimits, encode: Encode) -> list[Outcome]:
        """Store items on disk. Searches find them after ``refresh``."""
        ...

    def delete(
        self, item_ids: Sequence[str], check: Callable[[Item | None], None] | None = None
    ) -> list[Outcome]:
        """Delete items on disk. Searches no longer find them after ``refresh``.

        ``check`` gets each stored item; if it raises an error, nothing is deleted.
        """
        ...

    def refresh(self) -> bool:
        """Read new writes of this and other processes; return True if there were any."""
        ...

    def vitals(self) -> Vitals:
        """Return the figures for ``/metrics``, which are cheap to read."""
        ...

    def check_ready(self) -> None:
        """Raise VectorsUnavailable if a search by vectors would fail now."""
        ...

    def backlog(self) -> Backlog:
        """Return how much was written since the index was built."""
        ...

    @property
    def recommender(self) -> Recommender:
        """The events of the shop, and recommendations."""
        ...

    def has_item(self, item_id: str) -> bool:
        """Return True if the shop has this item."""
        ...

    def status(self) -> EngineStatus:
        """Return what the engine serves."""
        ...

    def close(self) -> None:
        """Release files and memory."""
        ...
