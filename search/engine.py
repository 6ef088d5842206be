"""The search engine: a shop folder opened for searching."""

from __future__ import annotations

from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from indexer.encoders.base import Model, TextEncoder
from indexer.encoders.views import QueryViews
from indexer.errors import IndexCorrupt
from indexer.imaging.images import LIMITS, WHOLE, Box, ImageLimits, read_image_file
from indexer.items import ORIGINAL
from indexer.shop.encoderfiles import open_encoder
from indexer.shop.folder import ShopFolder
from indexer.shop.shelf import Shelf
from indexer.shop.status import RecallStatus, disk_bytes
from indexer.shop.styles import indexed_styles, registry_of
from indexer.shop.upgrade import encoder_upgrade
from indexer.store.store import Store
from indexer.writing.migration_encoders import MigrationEncoders
from indexer.writing.styling import Styling
from indexer.writing.writes import Draft, Outcome, delete_items, put_items
from search.bound_query import bind
from search.clock import Clock
from search.confidence import ConfidenceScorer
from search.cursor import read_cursor
from search.facets import count_facets, count_items
from search.filters import Filter, filter_from_json, parse_filter
from search.hits import Reply
from search.item_reader import ItemReader
from search.live.identity import ViewGuard
from search.live.recall import RecallWatch
from search.live.shop import Backlog, LiveShop
from search.opening import Opened, check_encoder, index_encoder, load_newest
from search.page import read_page
from search.pipeline import Pipeline
from search.query import ImagePart, ItemPart, Query, TextPart
from search.query_vector import QuerySpace, query_vector
from search.status import EngineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager

    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder
    from indexer.encoders.views import View
    from indexer.items import Item
    from indexer.store.transactions import Reader
    from indexer.writing.image_pipeline import Encode
    from search.hits import Hit
    from search.live.view import ShopView

    OpenReader: TypeAlias = Callable[[], AbstractContextManager[Reader]]

_WRITTEN = ("created", "updated", "unchanged")
_ATTEMPTS = 4  # at an answer while items change, before the store is held still


class Vitals(NamedTuple):
    """What is open: items, rows of the index, rows beside it or dead in it, and its recall."""

    generation: str
    items: int
    indexed_rows: int
    delta_rows: int
    recall: RecallStatus


class SearchEngine:
    """Answers questions about one shop. Thread-safe; close it, or use it as a context manager.

    >>> with SearchEngine.open("shop") as engine:
    ...     for hit in engine.by_image("photo.jpg", k=3):
    ...         print(hit.item_id, hit.score)
    """

    def __init__(
        self,
        shop: ShopFolder,
        store: Store,
        encoder: Encoder,
        opened: Opened,
        no_match_below: float | None = None,
        recall_sample: float = 0.0,
    ) -> None:
        self.shop = shop
        self.encoder = encoder
        self.generation = opened.name
        self._manifest = opened.manifest
        self._store = store
        self._index_encoder = index_encoder(encoder)
        self._migration_encoders = MigrationEncoders(store, self._index_encoder)
        self._held = opened.held
        self.style_registry = registry_of(shop.path)
        model = Model.of(encoder)
        self.encoder_upgrade = encoder_upgrade(shop, model)
        self._space = QuerySpace(store, encoder, model.key)
        self._scorer = ConfidenceScorer(
            opened.manifest.calibration,
            text_tower=isinstance(encoder, TextEncoder),
            below=no_match_below,
        )
        self._live = LiveShop(store, opened.vectors, opened.words, model.key)
        self._watch = RecallWatch(opened.vectors, share=recall_sample)  # last: it has a thread
        self._items = ItemReader(store, self._live)
        self._pipeline = Pipeline(self._scorer, self._watch, encoder.dim)

    @classmethod
    def open(
        cls,
        shop: Path | str,
        *,
        encoder: Encoder | None = None,
        threads: int | None = None,
        generation: str | None = None,
        no_match_below: float | None = None,
        recall_sample: float = 0.0,
        query_views: Sequence[View] = (),
    ) -> SearchEngine:
        """Open the current generation of a shop, every file of it verified first.

        Where the current generation is damaged, the newest older one that is whole serves
        instead (with the store's later rows searched beside it), and a warning is logged.
        ``encoder`` must be the one the index was built with; by default it is loaded.
        ``generation`` opens that one, and no other if it is damaged. ``no_match_below`` is
        the confidence of the best hit under which a reply says that nothing is close.
        ``recall_sample`` is the share of approximate searches that are searched again exactly in
        the background, to watch the promised recall. ``query_views`` are averaged for each photo
        that is searched with, beside the whole; an index built with views of its own refuses.
        Raises IndexNotFound, IndexCorrupt, IndexMismatch, EncoderNotFound.
        """
        folder = ShopFolder(shop)
        shelf = Shelf.read(folder)
        names = shelf.serving_order() if generation is None else [generation]
        manifest = shelf.first_readable(names).manifest
        if encoder is None:
            encoder = open_encoder(folder, manifest.model, threads=threads)
        if query_views and not isinstance(encoder, QueryViews):
            encoder = QueryViews(encoder, query_views)
        check_encoder(folder, manifest, encoder)
        store = Store(folder.store)
        try:
            opened = load_newest(folder, names, encoder, store)
            try:
                return cls(folder, store, encoder, opened, no_match_below, recall_sample)
            except BaseException:
                opened.words.close()
                opened.held.close()
                raise
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> SearchEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files. Do not search afterwards."""
        self._watch.close()
        self._live.words.close()
        self._held.close()
        self._store.close()

    def by_image(
        self,
        photo: Path | str | bytes | Pixels,
        k: int = 10,
        *,
        filter: str | Filter | None = None,
        box: Box = WHOLE,
    ) -> list[Hit]:
        """What looks like this photo: ``k`` distinct products, best first, [] if none fits.

        ``photo`` is a file, its bytes, or pixels (h, w, 3). Raises BadImage, BadQuery.
        """
        if isinstance(photo, str | Path):
            photo = read_image_file(Path(photo))
        part = ImagePart(photo, box=box)
        return self.search(Query(parts=[part], limit=k, filter=_as_filter(filter))).hits

    def by_text(self, text: str, k: int = 10, *, filter: str | Filter | None = None) -> list[Hit]:
        """What these words describe: ``k`` distinct products, best first, [] if none fits."""
        part = TextPart(text)
        return self.search(Query(parts=[part], limit=k, filter=_as_filter(filter))).hits

    def by_item(
        self, item_id: str, k: int = 10, *, filter: str | Filter | None = None
    ) -> list[Hit]:
        """What is similar to this item: ``k`` other products, best first. UnknownItem."""
        part = ItemPart(item_id)
        return self.search(Query(parts=[part], limit=k, filter=_as_filter(filter))).hits

    def search(self, query: Query) -> Reply:
        """Answer a question. Raises BadQuery, BadImage, UnknownItem, IndexMismatch.

        Items named in the query are not among the hits, nor are their products' other
        variants unless the query groups by item.
        """
        clock = Clock()
        query = query.check()
        cursor = read_cursor(query.cursor, query, self.generation) if query.cursor else None
        vector = query_vector(query, self._space)
        clock.lap("encode_ms")
        with closing(self._moments()) as moments:
            for view, read in moments:
                bound = bind(query, vector, view, self._live.words)
                ranking = self._pipeline.rank_page(bound, cursor)  # candidates, rank, collapse
                clock.lap("search_ms")
                facets = count_facets(bound)
                with read() as reader:
                    page = read_page(bound, ranking, reader, self.generation)
                if page is not None:
                    break
            else:
                raise IndexCorrupt(
                    f"{self.shop.store} lacks items that it counts; 'vitrine check --shop "
                    f"{self.shop.path}' says what is wrong"
                )
        clock.lap("fields_ms")
        return Reply(
            hits=page.hits,
            total=count_items(bound),
            facets=facets,
            generation=self.generation,
            encoder=self.encoder.id,
            mode=ranking.mode,
            timings=clock.laps(),
            no_close_match=cursor is None and self._scorer.no_close_match(query, page.hits),
            next_cursor=page.next_cursor,
        )

    def _moments(self) -> Generator[tuple[ShopView, OpenReader]]:
        """The newest view, and what opens the store to read its items; newer each time.

        The store may change after a view was taken, and an answer then begins again. The last
        moment holds the store still. Not the first: while a reader is open, the store cannot
        reuse its pages.
        """
        for _ in range(_ATTEMPTS):
            yield self._live.view, self._store.read
            self.refresh()
        with self._live.moment() as (view, reader):
            yield view, lambda: nullcontext(reader)

    def put(
        self,
        drafts: Sequence[Draft],
        *,
        limits: ImageLimits = LIMITS,
        encode: Encode | None = None,
    ) -> list[Outcome]:
        """Store items as ``put_items`` does, then their renditions in the styles of the shop.

        Searches see them after ``refresh``. The items are on disk before they are rendered.
        """
        outcomes = put_items(
            self._store,
            self._index_encoder,
            drafts,
            limits=limits,
            encode=encode,
            migration_encoders=self._migration_encoders,
        )
        written = [one.item_id for one in outcomes if one.status in _WRITTEN]
        if written and self.styles():
            self._style(written, limits, encode)
        return outcomes

    def _style(self, item_ids: list[str], limits: ImageLimits, encode: Encode | None) -> None:
        """Render items in the styles of the shop; the guard compares with what is searched now."""
        self.refresh()
        styling = Styling(
            self._store,
            self._index_encoder,
            self.style_registry,
            self._migration_encoders,
            encode=encode,
            limits=limits,
        )
        styling.run(guard=ViewGuard(self._live.view), item_ids=item_ids)

    def styles(self) -> list[str]:
        """Return the names of the styles that the images of this shop are indexed in."""
        with self._store.read() as reader:
            return indexed_styles(reader)

    def delete(self, item_ids: Sequence[str]) -> list[Outcome]:
        """Delete items. Searches miss them after ``refresh``."""
        return delete_items(self._store, item_ids)

    @property
    def no_match_below(self) -> float:
        """The confidence of the best hit under which a reply says that nothing is close."""
        return self._scorer.below

    def refresh(self) -> bool:
        """Take in what was written to the store since the last time; return True if anything was.

        Searches that run meanwhile answer from before.
        """
        return self._live.refresh()

    def vitals(self) -> Vitals:
        """What is open, in numbers that cost nothing to get."""
        view = self._live.view
        return Vitals(
            generation=self.generation,
            items=view.items,
            indexed_rows=len(view.segments[0].vectors),
            delta_rows=view.backlog,
            recall=self._watch.status(),
        )

    def backlog(self) -> Backlog:
        """How much was written since the index was built."""
        view = self._live.view
        changes = view.sequence - self._manifest.changes
        return Backlog(view.backlog, changes, len(view.segments[0].vectors))

    def item(self, item_id: str) -> Item:
        """An item as the catalog says it, with the images that can be shown. UnknownItem."""
        return self._items.item(item_id)

    def thumbnail(self, item_id: str, index: int = 0, rendition: str = ORIGINAL) -> bytes:
        """An image of an item as a small JPEG. UnknownItem for any of the three."""
        return self._items.thumbnail(item_id, index, rendition)

    def items(self, limit: int = 10) -> list[Item]:
        """Some items to start from: one of each category in turn."""
        return self._items.starters(limit)

    def has_item(self, item_id: str) -> bool:
        """Whether the shop has an item of this id."""
        return self._live.view.number(item_id) >= 0

    def main_category(self, item_id: str) -> str:
        """The first category of an item; empty where it has none. UnknownItem."""
        return self._items.main_category(item_id)

    def category_sizes(self) -> dict[str, int]:
        """How many items each category holds, those below it included.

        Names are as ``search.live.columns.casefolded`` has them.
        """
        return self._live.view.columns.sizes("category")

    def status(self) -> EngineStatus:
        """Return what this engine serves."""
        view = self._live.view
        manifest = self._manifest
        return EngineStatus(
            generation=self.generation,
            encoder=manifest.encoder,
            dim=manifest.dim,
            items=view.items,
            rows=view.rows,
            skipped=manifest.skipped,
            bytes=disk_bytes(self.shop.path),
            products=view.products,
            recipe=manifest.recipe,
            promise=manifest.contract.note,
            recall=self._watch.status(),
            device=view.segments[0].vectors.note,
            created=manifest.created,
            text="fused" if isinstance(self.encoder, TextEncoder) else "lexical",
            facets=view.columns.offered(),
            encoder_upgrade=self.encoder_upgrade,
            styles=manifest.styles,
        )


def _as_filter(value: str | Filter | dict[str, object] | None) -> Filter | None:
    if isinstance(value, str):
        return parse_filter(value)
    if isinstance(value, dict):
        return filter_from_json(value)
    return value
