"""The search engine: a shop folder opened for questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from indexer.encoders.base import Model, TextEncoder
from indexer.encoders.views import QueryViews
from indexer.errors import IndexCorrupt
from indexer.imaging.images import LIMITS, WHOLE, Box, ImageLimits, read_image_file
from indexer.shop.encoderfiles import open_encoder
from indexer.shop.folder import ShopFolder
from indexer.shop.shelf import Shelf
from indexer.shop.status import RecallStatus, Status, status_of
from indexer.shop.upgrade import encoder_upgrade
from indexer.store.store import Store
from indexer.writing.migration_encoders import Companions
from indexer.writing.writes import Draft, Outcome, delete_items, put_items
from search.clock import Clock
from search.confidence import Judge
from search.cursor import read_cursor
from search.direction import Direction
from search.filters import Filter, filter_from_json, parse_filter
from search.finder import Finder
from search.hits import Reply
from search.item_reader import Showcase
from search.live.recall import RecallWatch
from search.live.shop import Backlog, LiveShop
from search.opening import Opened, check_encoder, index_encoder, load_newest
from search.page import page_of
from search.query import ImagePart, ItemPart, Query, TextPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Embedding, Pixels
    from indexer.encoders.base import Encoder
    from indexer.encoders.views import View
    from indexer.items import Item
    from indexer.writing.image_pipeline import Encode
    from search.cursor import Cursor
    from search.hits import FacetValue, Hit
    from search.ranking import Asked, Ranking

_ATTEMPTS = 4  # to answer while items change under the search, before the store is held still


class Vitals(NamedTuple):
    """What is open: items, rows of the index, rows beside it or dead in it, and its recall."""

    generation: str
    items: int
    indexed_rows: int
    delta_rows: int
    recall: RecallStatus


class _Answer(NamedTuple):
    """What was found in one view of the shop, before the fields of the hits are read."""

    ranking: Ranking
    facets: dict[str, list[FacetValue]]


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
        self._companions = Companions(store, self._index_encoder)
        self._held = opened.held
        model = Model.of(encoder)
        self.encoder_upgrade = encoder_upgrade(shop, model)
        key = model.key
        self._direction = Direction(store, encoder, key)
        self._judge = Judge(
            opened.manifest.calibration,
            text_tower=isinstance(encoder, TextEncoder),
            below=no_match_below,
        )
        self._live = LiveShop(store, opened.vectors, opened.words, key)
        self._watch = RecallWatch(opened.vectors, share=recall_sample)  # last: it has a thread
        self._showcase = Showcase(store, self._live)
        self._finder = Finder(self._live, self._judge, self._watch, encoder.dim)

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
        """Let go of the files. Do not search afterwards."""
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
        query.check()
        cursor = read_cursor(query.cursor, query, self.generation) if query.cursor else None
        vector = self._direction.of(query)
        clock.lap("encode_ms")
        for _ in range(_ATTEMPTS):
            asked = self._finder.asked(query, self._live.view)
            answer = self._answer(asked, vector, cursor, clock)
            with self._store.read() as reader:
                page = page_of(asked, answer.ranking, reader, self.generation)
            if page is not None:
                break
            self.refresh()
        else:  # not at first: while a reader is held the store cannot reuse its pages
            with self._live.moment() as (view, reader):
                asked = self._finder.asked(query, view)
                answer = self._answer(asked, vector, cursor, clock)
                page = page_of(asked, answer.ranking, reader, self.generation)
        if page is None:
            raise IndexCorrupt(
                f"{self.shop.store} lacks items that it counts; 'vitrine check --shop "
                f"{self.shop.path}' says what is wrong"
            )
        clock.lap("fields_ms")
        return Reply(
            hits=page.hits,
            total=self._finder.total(asked, answer.ranking.mode),
            facets=answer.facets,
            generation=self.generation,
            encoder=self.encoder.id,
            mode=answer.ranking.mode,
            timings=clock.laps(),
            no_close_match=cursor is None and self._judge.none_close(query, page.hits),
            next_cursor=page.next_cursor,
        )

    def _answer(
        self, asked: Asked, vector: Embedding | None, cursor: Cursor | None, clock: Clock
    ) -> _Answer:
        ranking = self._finder.ranking(asked, vector, cursor)
        clock.lap("search_ms")
        return _Answer(ranking, self._finder.facets(asked, ranking.mode))

    def put(
        self,
        drafts: Sequence[Draft],
        *,
        limits: ImageLimits = LIMITS,
        encode: Encode | None = None,
    ) -> list[Outcome]:
        """Store items as ``put_items`` does. Searches see them after ``refresh``."""
        return put_items(
            self._store,
            self._index_encoder,
            drafts,
            limits=limits,
            encode=encode,
            companions=self._companions,
        )

    def delete(self, item_ids: Sequence[str]) -> list[Outcome]:
        """Delete items. Searches miss them after ``refresh``."""
        return delete_items(self._store, item_ids)

    @property
    def no_match_below(self) -> float:
        """The confidence of the best hit under which a reply says that nothing is close."""
        return self._judge.below

    def refresh(self) -> bool:
        """Take in what was written to the store since the last time; whether there was anything.

        Searches that run meanwhile answer from before.
        """
        return self._live.refresh()

    def vitals(self) -> Vitals:
        """What is open, in numbers that cost nothing to give."""
        view = self._live.view
        return Vitals(
            generation=self.generation,
            items=view.items,
            indexed_rows=len(view.segments[0].vectors),
            delta_rows=view.backlog,
            recall=self._watch.status(),
        )

    def backlog(self) -> Backlog:
        """How much was written since the index was built: when to build it anew."""
        view = self._live.view
        changes = view.sequence - self._manifest.changes
        return Backlog(view.backlog, changes, len(view.segments[0].vectors))

    def item(self, item_id: str) -> Item:
        """An item as the catalog says it, with the images that can be shown. UnknownItem."""
        return self._showcase.item(item_id)

    def thumbnail(self, item_id: str, index: int = 0) -> bytes:
        """An image of an item as a small JPEG. UnknownItem for either."""
        return self._showcase.thumbnail(item_id, index)

    def items(self, limit: int = 10) -> list[Item]:
        """Some items to begin with: one of each category in turn."""
        return self._showcase.some(limit)

    def has_item(self, item_id: str) -> bool:
        """Whether the shop has an item of this id."""
        return self._live.view.number(item_id) >= 0

    def main_category(self, item_id: str) -> str:
        """The first category of an item; empty where it has none. UnknownItem."""
        return self._showcase.main_category(item_id)

    def category_sizes(self) -> dict[str, int]:
        """How many items each category holds, those below it included.

        Names are as ``search.live.columns.folded`` has them.
        """
        return self._live.view.columns.sizes("category")

    def status(self) -> Status:
        """What this engine serves; see ``Status``."""
        text = "fused" if isinstance(self.encoder, TextEncoder) else "lexical"
        view = self._live.view
        return replace(
            status_of(self.shop, self.generation, self._manifest),
            items=view.items,
            products=view.products,
            rows=view.rows,
            text=text,
            facets=view.columns.offered(),
            recall=self._watch.status(),
            device=self._live.view.segments[0].vectors.placement.note,
            encoder_upgrade=self.encoder_upgrade,
        )


def _as_filter(value: str | Filter | dict[str, object] | None) -> Filter | None:
    if isinstance(value, str):
        return parse_filter(value)
    if isinstance(value, dict):
        return filter_from_json(value)
    return value
