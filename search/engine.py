"""The search engine: a shop folder opened for searching."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.classification.classifier import CLASSIFIER
from indexer.encoders.base import Model, TextEncoder
from indexer.encoders.views import QueryViews
from indexer.imaging.images import LIMITS, WHOLE, Box, ImageLimits, read_image_file
from indexer.imaging.photos import Photo
from indexer.items import ORIGINAL
from indexer.layout import STYLES
from indexer.shop.built_model import check_model
from indexer.shop.encoder_upgrade import encoder_upgrade
from indexer.shop.encoderfiles import open_encoder
from indexer.shop.folder import ShopFolder
from indexer.shop.shelf import Shelf
from indexer.shop.status import disk_bytes
from indexer.shop.styles import registry_of
from indexer.store.environment import MAP_BYTES
from indexer.store.store import Store
from indexer.writing.writes import Draft, Outcome, delete_items
from search.confidence import ConfidenceScorer
from search.filters.grammar import parse_filter
from search.filters.jsonform import Filter, filter_from_json
from search.item_reader import ItemPage, ItemReader
from search.live.accepted import AcceptedValues
from search.live.recall import RecallWatch
from search.live.shop import Backlog, LiveShop
from search.opening import OpenGeneration, index_encoder, load_beside_items
from search.personal.facts import FactCode, choose_code, facts_of
from search.personal.recommendation import DEFAULT_LIMIT, RecommendQuery
from search.personal.recommender import Recommender
from search.personal.shown_style import recommend_in_style
from search.pipeline import Pipeline
from search.query import ImagePart, ItemPart, Query, TextPart
from search.query_vector import QuerySpace
from search.recognition.classification import COLOR_SIDE, MIN_CONFIDENCE, PhotoClassifier
from search.recognition.verified_hits import verified_hits
from search.searcher import Searcher
from search.shop_writer import RENDERED_AT_ONCE, ShopWriter
from search.status import EngineStatus, Vitals
from style.registrycache import RegistryCache
from style.stylefolder import StyleFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from indexer.arrays import Pixels, Vectors
    from indexer.encoders.base import Encoder
    from indexer.encoders.views import View
    from indexer.items import Item
    from indexer.writing.image_pipeline import Encode
    from search.hits import Hit, Reply
    from search.live.sharing import Sharing
    from search.live.stored_items import StoredItems
    from search.personal.recommendation import Recommendations
    from search.recognition.classification import Classification
    from style.registry import StyleRegistry


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
        opened: OpenGeneration,
        stored: StoredItems,
        accepted: AcceptedValues,
        no_match_below: float | None = None,
        recall_sample: float = 0.0,
        sharing: Sharing | None = None,
    ) -> None:
        self.shop = shop
        self.encoder = encoder
        self.generation = opened.name
        self._manifest = opened.manifest
        self._store = store
        self._hold = opened.hold
        self._styles = RegistryCache(
            StyleFolder(shop.path / STYLES), lambda: registry_of(shop.path)
        )
        model = self.model = Model.of(encoder)
        self.encoder_upgrade = encoder_upgrade(shop, model)
        self._scorer = ConfidenceScorer(
            opened.manifest.calibration,
            text_tower=isinstance(encoder, TextEncoder),
            below=no_match_below,
        )
        self._accepted = accepted
        self._live = LiveShop(
            store,
            stored,
            opened.vectors,
            opened.words,
            model.key,
            opened.meaning,
            always_current=sharing is not None,
            accepted=accepted,
        )
        effort = None if sharing is None else sharing.effort(opened.name)
        self._watch = RecallWatch(opened.vectors, share=recall_sample, effort=effort)
        self._items = ItemReader(store, self._live)
        self._writer = ShopWriter(store, self._live, index_encoder(encoder), self._styles)
        self.recommender = Recommender(
            shop.path,
            self._live,
            store,
            encoder.dim,
            generation=self.generation,
            model=model.key,
            seal=opened.manifest.seal,
        )
        self.classifier = PhotoClassifier(
            store,
            index_encoder(encoder),
            shop.generations / opened.name,
            stored=CLASSIFIER in opened.manifest.files,
        )
        self._searcher = Searcher(
            self._live,
            store,
            QuerySpace(
                store, encoder, model.key, taste=lambda user: self.recommender.direction(user)
            ),
            Pipeline(self._scorer, self._watch, encoder.dim),
            self._scorer,
            generation=self.generation,
            encoder=encoder.id,
            text_tower=isinstance(encoder, TextEncoder),
        )

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
        sharing: Sharing | None = None,
    ) -> SearchEngine:
        """Open the current generation of a shop, after verifying all of its files.

        If the current generation is damaged, open the newest older one that is not, and log a
        warning; rows that were stored since are searched beside its index. With ``generation``,
        open that one only. ``encoder`` must be the encoder of the index; by default it is loaded.
        A reply says that nothing is close if the confidence of the best hit is less than
        ``no_match_below``. ``recall_sample`` is the share of approximate searches that are
        repeated exactly in the background, to check the promised recall. ``query_views`` are
        encoded beside each query photo, and averaged with it; an index that was built with views
        of its own refuses them. With ``sharing``, other processes serve the same shop at the same
        address: then every search sees all writes that any of them has acknowledged.
        Raises IndexNotFound, IndexCorrupt, IndexMismatch, EncoderNotFound, VectorsUnavailable.
        """
        folder = ShopFolder(shop)
        shelf = Shelf.read(folder)
        names = shelf.serving_order() if generation is None else [generation]
        manifest = shelf.first_readable(names).manifest
        if encoder is None:
            encoder = open_encoder(folder, manifest.model, threads=threads)
        if query_views and not isinstance(encoder, QueryViews):
            encoder = QueryViews(encoder, query_views)
        check_model(folder.path, manifest.model, encoder)
        store = Store(folder.store)
        accepted = AcceptedValues(folder.path)
        try:
            with load_beside_items(folder, names, encoder, store, accepted) as (opened, stored):
                return cls(
                    folder,
                    store,
                    encoder,
                    opened,
                    stored,
                    accepted,
                    no_match_below,
                    recall_sample,
                    sharing,
                )
        except BaseException:
            accepted.close()
            store.close()
            raise

    def __enter__(self) -> SearchEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files. Do not search afterwards."""
        self.recommender.close()
        self._watch.close()
        self._live.words.close()
        self._accepted.close()
        self._hold.close()
        self._store.close()

    def by_image(
        self,
        photo: Path | str | bytes | Pixels,
        k: int = 10,
        *,
        filter: str | Filter | None = None,
        box: Box = WHOLE,
    ) -> list[Hit]:
        """Find ``k`` distinct products that look like a photo, best first; [] if none fits.

        ``photo`` is a file, its bytes, or pixels (h, w, 3). Raises BadImage, BadQuery.
        """
        if isinstance(photo, str | Path):
            photo = read_image_file(Path(photo))
        part = ImagePart(photo, box=box)
        return self.search(Query(parts=[part], limit=k, filter=_as_filter(filter))).hits

    def by_text(self, text: str, k: int = 10, *, filter: str | Filter | None = None) -> list[Hit]:
        """Find ``k`` distinct products that fit these words, best first; [] if none fits."""
        part = TextPart(text)
        return self.search(Query(parts=[part], limit=k, filter=_as_filter(filter))).hits

    def by_item(
        self, item_id: str, k: int = 10, *, filter: str | Filter | None = None
    ) -> list[Hit]:
        """Find ``k`` other products similar to an item, best first. Raises UnknownItem."""
        part = ItemPart(item_id)
        return self.search(Query(parts=[part], limit=k, filter=_as_filter(filter))).hits

    def search(self, query: Query) -> Reply:
        """Answer a query. Raises BadQuery, BadImage, UnknownItem, IndexMismatch, CursorExpired.

        Items named in the query are not among the hits. Neither are other variants of their
        products, unless the query groups by item.
        """
        return self._searcher.search(query)

    def answer_state(self) -> tuple[str, int, int] | None:
        """Return what the answer of the next search depends on, besides the query.

        Searches that begin in equal states have equal answers, apart from queries for a user. None
        if there are writes that the next search may not have yet.
        """
        transaction = self._live.transaction
        if transaction is None:
            return None
        return self.generation, transaction, self._watch.extra_levels

    def classify(
        self, photo: Path | str | bytes, min_confidence: float = MIN_CONFIDENCE
    ) -> Classification:
        """Classify what a photo shows; see ``PhotoClassifier.classify``. BadImage, BadQuery."""
        data = photo if isinstance(photo, bytes) else read_image_file(Path(photo))
        opened = Photo(data).fit(self.encoder.preprocess, side=COLOR_SIDE)
        vector = self.encoder.encode_images([opened.square])[0]  # (dim,)
        return self.classifier.classify(vector, opened.pixels, min_confidence)

    def verify(self, photo: Path | str | bytes, reply: Reply, box: Box = WHOLE) -> Reply:
        """Compare the region ``box`` of a photo with the first 20 hits, and reorder these.

        Raises BadImage, and BadQuery unless OpenCV is installed.
        """
        data = photo if isinstance(photo, bytes) else read_image_file(Path(photo))
        hits = verified_hits(Photo(data), box, reply.hits, self.thumbnail)
        return msgspec.structs.replace(reply, hits=hits)

    def recommend(
        self,
        user_id: str,
        k: int = DEFAULT_LIMIT,
        *,
        filter: str | Filter | None = None,
        context: str | None = None,
        explain: bool = False,
        seen: bool = False,
        style: str | None = None,
    ) -> Recommendations:
        """Recommend ``k`` distinct products to a user, each with a reason.

        ``context`` is the item that the user looks at; ``seen`` allows items that the user has
        met; ``style`` is the style to show pictures in, by default the one that the user reacts to.
        An unknown user gets popular items, or some of each category. Raises BadQuery, UnknownItem
        (of ``context``), UnknownStyle.
        """
        query = RecommendQuery(
            limit=k,
            filter=_as_filter(filter),
            context=context,
            explain=explain,
            seen=seen,
            style=style,
        )
        profile = self.recommender.profile(user_id)
        return recommend_in_style(self.recommender, self.style_registry, profile, query)

    def put(
        self,
        drafts: Sequence[Draft],
        *,
        limits: ImageLimits = LIMITS,
        encode: Encode | None = None,
        render_at_most: int | None = RENDERED_AT_ONCE,
    ) -> list[Outcome]:
        """Store items and their renditions; see ``ShopWriter.put``."""
        return self._writer.put(drafts, limits, encode, render_at_most)

    @property
    def style_registry(self) -> StyleRegistry:
        """The built-in styles and the shop's own, as its folder is now. Raises BadStyleFile."""
        return self._styles.current()

    def styles(self) -> list[str]:
        """Return the names of the styles that the images of this shop are indexed in."""
        return self._writer.styles()

    def delete(
        self, item_ids: Sequence[str], check: Callable[[Item | None], None] | None = None
    ) -> list[Outcome]:
        """Delete items; see ``delete_items``. Searches find them until ``refresh``."""
        return delete_items(self._store, item_ids, check)

    @property
    def no_match_below(self) -> float:
        """A reply says that nothing is close if its best confidence is less than this."""
        return self._scorer.below

    def refresh(self) -> bool:
        """Make new writes to the store visible to searches; return True if there were any.

        Searches that have begun do not see them.
        """
        return self._live.refresh()

    def vitals(self) -> Vitals:
        """Return numbers of what is open; this takes no time."""
        view = self._live.view
        return Vitals(
            generation=self.generation,
            items=view.items,
            indexed_rows=len(view.segments[0].vectors),
            delta_rows=view.backlog,
            recall=self._watch.status(),
            created=datetime.fromisoformat(self._manifest.created).timestamp(),
            map_fill=self._store.bytes_used() / MAP_BYTES,
        )

    def check_ready(self) -> None:
        """Raise VectorsUnavailable if a search by vectors would fail now."""
        self._live.view.segments[0].vectors.check_ready()

    def backlog(self) -> Backlog:
        """Return how much was written since the index was built."""
        view = self._live.view
        changes = view.sequence - self._manifest.changes
        return Backlog(view.backlog, changes, len(view.segments[0].vectors))

    def item(self, item_id: str) -> Item:
        """Return an item as in the catalog, with the images that can be shown. UnknownItem."""
        return self._items.item(item_id)

    def thumbnail(self, item_id: str, index: int = 0, rendition: str = ORIGINAL) -> bytes:
        """Return an image as a small JPEG. UnknownItem if item, image or rendition is unknown."""
        return self._items.thumbnail(item_id, index, rendition)

    def picture(self, item_id: str, index: int = 0) -> bytes:
        """Return the best stored picture of an image, as a file. Raises UnknownItem."""
        return self._items.picture(item_id, index)

    def rendition_strength(self, item_id: str, index: int, rendition: str) -> float | None:
        """Return the strength of a stored rendition; None if it has none. Raises UnknownItem."""
        return self._items.rendition_strength(item_id, index, rendition)

    def items(self, limit: int = 10) -> list[Item]:
        """Return some items to show before the first search, from each category in turn."""
        return self._items.starters(limit)

    def matching(self, filter: str | Filter | None = None, limit: int = 10) -> list[Item]:
        """Return the first ``limit`` items that pass a filter, by id.

        Raises BadQuery for a filter that cannot be read, or an unknown field.
        """
        return self._items.matching(_as_filter(filter), limit)

    def listed_items(self, cursor: str | None = None, limit: int = 100) -> ItemPage:
        """Return the items of the shop page by page, in byte order of their ids. BadQuery."""
        return self._items.listed(cursor, limit)

    def item_vectors(self) -> tuple[list[str], Vectors]:
        """Return the ids of all items and the vectors of their main images: (items, dim).

        An item without an image has a row of zeros.
        """
        return self._live.view.item_vectors(self.encoder.dim)

    def item_facts(self) -> tuple[FactCode, NDArray[np.float32]]:
        """Return what the catalog states about all items, as ``item_vectors``: (items, columns)."""
        columns = self._live.view.columns
        facts = facts_of(columns)
        code = choose_code(facts)
        return code, code.table(facts, len(columns.alive))[columns.alive]

    def has_item(self, item_id: str) -> bool:
        """Return True if the shop has this item."""
        return self._live.view.number(item_id) >= 0

    def main_category(self, item_id: str) -> str:
        """Return the first category of an item; empty if it has none. UnknownItem."""
        return self._items.main_category(item_id)

    def category_sizes(self) -> dict[str, int]:
        """Return how many items each category has, categories below it included.

        Keys are ``search.live.columns.casefolded``.
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
            facets=view.columns.facet_fields(),
            encoder_upgrade=self.encoder_upgrade,
            styles=manifest.styles,
        )


def _as_filter(value: str | Filter | dict[str, object] | None) -> Filter | None:
    if isinstance(value, str):
        return parse_filter(value)
    if isinstance(value, dict):
        return filter_from_json(value)
    return value
