"""The steps of an answer, from a query to a page of hits.

| step | takes | returns |
|---|---|---|
| ``query_vector.query_vector`` | ``Query`` | the query's vector, or None |
| ``bound_query.bind`` | both, and a ``ShopView`` | ``BoundQuery`` |
| ``candidates.find_candidates`` | ``BoundQuery``, depth | ``Candidates``, by vector and by words |
| ``rank.Ranker.rank`` | ``BoundQuery``, ``Candidates`` | ``Ranking``, best first, and its scale |
| ``refine.refine`` | ``BoundQuery``, ``Ranking``, depth | ``Ranking``, cut and sorted |
| ``collapse.Collapser.collapse`` | ``Ranking``, depth | ``CollapsedRanking`` of ``HitGroup`` |
| ``page.read_page`` | ``PageRanking``, ``Reader`` | ``Page``: hits with fields, and the cursor |

``Searcher.search`` runs the first two steps and the last. ``Pipeline.rank_page`` runs the steps
between them, and repeats them with greater depth until the page is full. Only the ``Collapser`` has
state: what it has compared for this query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.candidates import find_candidates
from search.collapse import Collapser
from search.cursor import MAX_DEPTH
from search.page import PageRanking, page_start
from search.rank import ScoreRanker
from search.refine import refine

if TYPE_CHECKING:
    from indexer.stopwatch import Stopwatch
    from search.bound_query import BoundQuery
    from search.candidates import Candidates
    from search.confidence import ConfidenceScorer
    from search.cursor import Cursor
    from search.live.recall import RecallWatch
    from search.rank import Ranker, Ranking

_RANK_DEPTH = 200  # least depth of rankings whose depth is the same for all pages
_SORTED_DEPTH = 1000  # the same if hits above a least score are sorted by a field
_MAX_COLLAPSED = 20_000  # greatest depth at which copies are collapsed to fill a page


class Pipeline:
    """Ranks the hits of pages in views of one shop. Thread-safe."""

    def __init__(
        self,
        scorer: ConfidenceScorer,
        watch: RecallWatch | None,
        dim: int,
        ranker: Ranker | None = None,
    ) -> None:
        """``dim`` is the dimension of the vectors. The default ``ranker`` ranks by score."""
        self._scorer = scorer
        self._watch = watch
        self._dim = dim
        self._ranker = ranker or ScoreRanker()

    def rank_page(
        self, bound: BoundQuery, cursor: Cursor | None, stopwatch: Stopwatch
    ) -> PageRanking:
        """Rank until the page is full, with one more hit if there is a next page.

        Finding candidates is the lap ``search_ms`` of the stopwatch, all after it ``rank_ms``.
        """
        limit = bound.query.limit
        fixed = self._ranker.has_fixed_depth(bound) or bound.sort is not None
        fixed_depth = cursor.depth if cursor else _fixed_depth(bound)
        depth = (cursor.seen if cursor else 0) + limit + 1
        deepest = (MAX_DEPTH if bound.query.collapse is None else _MAX_COLLAPSED) + limit + 1
        collapser = Collapser(bound, self._dim)
        found, ranking = self._find_and_rank(bound, fixed_depth if fixed else depth, stopwatch)
        while True:
            hits, available, used = collapser.collapse(ranking, depth)
            start = page_start(hits, ranking, cursor, bound.view)
            is_full = len(hits) > start + limit
            is_whole = fixed or available < depth  # a greater depth would not find more
            is_used_up = is_whole and used == available
            if is_full or is_used_up or depth >= deepest or collapser.is_too_costly:
                stopwatch.lap("rank_ms")
                return PageRanking(hits, start, found.mode, fixed_depth, ranking.values)
            # Not full: hits were copies, or new items rank before the cursor.
            depth = min(4 * depth, deepest)
            if not is_whole:
                found, ranking = self._find_and_rank(bound, depth, stopwatch)

    def _find_and_rank(
        self, bound: BoundQuery, depth: int, stopwatch: Stopwatch
    ) -> tuple[Candidates, Ranking]:
        found = find_candidates(bound, depth, self._scorer, self._watch)
        stopwatch.lap("search_ms")
        ranking = refine(bound, self._ranker.rank(bound, found), depth)
        stopwatch.lap("rank_ms")
        return found, ranking


def _fixed_depth(bound: BoundQuery) -> int:
    """Return how many groups all pages rank, if their number must not depend on the page."""
    query = bound.query
    has_least = query.min_score is not None or query.min_confidence is not None
    least = _SORTED_DEPTH if bound.sort is not None and has_least else _RANK_DEPTH
    return max(least, 10 * query.limit)
