"""The steps of an answer, from a query to a page of hits.

| step | takes | gives |
|---|---|---|
| ``query_vector.query_vector`` | ``Query`` | the query's vector, or None |
| ``bound_query.bind`` | both, and a ``ShopView`` | ``BoundQuery`` |
| ``candidates.find_candidates`` | ``BoundQuery``, depth | ``Candidates``, by vector and by words |
| ``rank.Ranker.rank`` | ``BoundQuery``, ``Candidates`` | ``Ranking``, best first, and its scale |
| ``collapse.Collapser.collapse`` | ``Ranking``, depth | ``Collapsed``, a ``HitGroup`` a hit |
| ``page.read_page`` | ``PageRanking``, ``Reader`` | ``Page``: hits with fields, and the cursor |

``SearchEngine.search`` does the first two and the last; ``Pipeline.rank_page`` does those between,
again and deeper until the page is full. Each step gives values and keeps none, but for the
``Collapser`` of a query, which keeps what it has compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.candidates import find_candidates
from search.collapse import Collapser
from search.cursor import MAX_DEPTH
from search.page import PageRanking, page_start
from search.rank import ScoreRanker

if TYPE_CHECKING:
    from search.bound_query import BoundQuery
    from search.candidates import Candidates
    from search.confidence import ConfidenceScorer
    from search.cursor import Cursor
    from search.live.recall import RecallWatch
    from search.rank import Ranker, Ranking

_RANK_DEPTH = 200  # how deep is ranked, at least, if all pages must be ranked alike
_MAX_COLLAPSED = 20_000  # how deep copies are collapsed to fill a page


class Pipeline:
    """Ranks the hits of pages in views of one shop. Thread-safe."""

    def __init__(
        self,
        scorer: ConfidenceScorer,
        watch: RecallWatch | None,
        dim: int,
        ranker: Ranker | None = None,
    ) -> None:
        """``dim`` is that of the vectors; ``ranker`` decides the order, by default by score."""
        self._scorer = scorer
        self._watch = watch
        self._dim = dim
        self._ranker = ranker or ScoreRanker()

    def rank_page(self, bound: BoundQuery, cursor: Cursor | None) -> PageRanking:
        """Rank as deep as the page needs, and one hit more if there is one."""
        limit = bound.query.limit
        fixed = self._ranker.has_fixed_depth(bound)
        fixed_depth = cursor.depth if cursor else max(_RANK_DEPTH, 10 * limit)
        depth = (cursor.seen if cursor else 0) + limit + 1
        deepest = (MAX_DEPTH if bound.query.collapse is None else _MAX_COLLAPSED) + limit + 1
        collapser = Collapser(bound, self._dim)
        found, ranking = self._ranked(bound, fixed_depth if fixed else depth)
        while True:
            hits, available, used = collapser.collapse(ranking, depth)
            start = page_start(hits, ranking.scale, cursor, bound.view)
            is_full = len(hits) > start + limit
            is_whole = fixed or available < depth  # a deeper ranking would not be longer
            is_used_up = is_whole and used == available
            if is_full or is_used_up or depth >= deepest or collapser.is_too_costly:
                return PageRanking(hits, start, found.mode, fixed_depth)
            # Not full: hits were copies, or items written since are before the cursor's.
            depth = min(4 * depth, deepest)
            if not is_whole:
                found, ranking = self._ranked(bound, depth)

    def _ranked(self, bound: BoundQuery, depth: int) -> tuple[Candidates, Ranking]:
        found = find_candidates(bound, depth, self._scorer, self._watch)
        return found, self._ranker.rank(bound, found)
