"""Answering one query: from its vector to the hits of a page, all of one moment of the shop."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from indexer.errors import IndexCorrupt
from indexer.stopwatch import Stopwatch
from search.bound_query import bind
from search.cursor import read_cursor
from search.hits import Reply
from search.moments import moments
from search.page import read_page
from search.query_vector import query_vector
from search.swatches import with_swatches

if TYPE_CHECKING:
    from indexer.store.store import Store
    from search.confidence import ConfidenceScorer
    from search.live.shop import LiveShop
    from search.pipeline import Pipeline
    from search.query import Query
    from search.query_vector import QuerySpace


class Searcher:
    """Answers the queries of one engine. Thread-safe."""

    def __init__(
        self,
        live: LiveShop,
        store: Store,
        space: QuerySpace,
        pipeline: Pipeline,
        scorer: ConfidenceScorer,
        *,
        generation: str,
        encoder: str,
        text_tower: bool = False,
    ) -> None:
        """``generation`` and ``encoder`` are names that go into each reply.

        ``text_tower`` is True if words are part of the query's vector.
        """
        self._live = live
        self._store = store
        self._space = space
        self._pipeline = pipeline
        self._scorer = scorer
        self._generation = generation
        self._encoder = encoder
        self._text_tower = text_tower

    def search(self, query: Query) -> Reply:
        """Answer a query. Raises BadQuery, BadImage, UnknownItem, IndexMismatch, CursorExpired.

        Raises IndexCorrupt if the store lacks items that its own log has.
        """
        stopwatch = Stopwatch()
        query = query.check()
        self._scorer.check(query)
        cursor = read_cursor(query.cursor, query, self._generation) if query.cursor else None
        vector = query_vector(query, self._space)
        stopwatch.lap("encode_ms")
        with closing(moments(self._live, self._store)) as pairs:
            for view, open_reader in pairs:
                bound = bind(
                    query,
                    vector,
                    view,
                    self._live.words,
                    meaning=self._live.meaning,
                    text_tower=self._text_tower,
                )
                ranking = self._pipeline.rank_page(bound, cursor, stopwatch)
                facets = bound.count_facets()
                with open_reader() as reader:
                    page = read_page(bound, ranking, reader, self._generation)
                    if page is not None and query.swatches:
                        hits = with_swatches(page.hits, query.swatches, view, reader)
                        page = page._replace(hits=hits)
                if page is not None:
                    break
            else:
                raise IndexCorrupt(
                    f"{self._store.path} lacks some items; run 'vitrine check --shop "
                    f"{self._store.shop}' to see what is wrong"
                )
        stopwatch.lap("fields_ms")
        return Reply(
            hits=page.hits,
            total=bound.count_items(),
            products=bound.count_products(),
            facets=facets,
            generation=self._generation,
            encoder=self._encoder,
            mode=ranking.mode,
            timings=milliseconds(stopwatch),
            no_close_match=cursor is None and self._scorer.no_close_match(query, page.hits),
            next_cursor=page.next_cursor,
            did_you_mean=bound.corrected or None,
            understood=list(bound.understood),
        )


def milliseconds(stopwatch: Stopwatch) -> dict[str, float]:
    """Return the milliseconds of each lap so far, and their sum as ``total_ms``."""
    laps = {stage: round(seconds * 1e3, 3) for stage, seconds in stopwatch.seconds.items()}
    return {**laps, "total_ms": round(stopwatch.total * 1e3, 3)}
