"""One page of a ranking: one hit a group, near copies folded, from where the last page ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.items import ORIGINAL
from search.copies import Folding
from search.cursor import Cursor, deepest, question_of
from search.hits import Hit
from search.ranking import Ranked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.store.store import ItemRecord, Reader
    from search.live.view import Candidate, ShopView
    from search.ranking import Asked, Ranking


_JITTER = 1e-3  # by which a score may differ when the same photo is encoded anew


class Page(NamedTuple):
    """Hits, best first, and what the page after them is asked for with: None where none is."""

    hits: list[Hit]
    next_cursor: str | None


def leaders(found: Sequence[Candidate], groups: NDArray[np.int64]) -> list[Candidate]:
    """The first of each group, in their order."""
    taken: set[int] = set()
    first = []
    of = groups[[one.item for one in found]].tolist()
    for one, group in zip(found, of, strict=True):
        if group not in taken:
            taken.add(group)
            first.append(one)
    return first


class FoldedRanking:
    """A ranking with what is a near copy folded into the first of them.

    Each look may go deeper than the one before, and compares only what is new.
    """

    def __init__(self, at: float, view: ShopView, dim: int) -> None:
        """``at`` is the least cosine of a copy; ``dim`` is that of the vectors."""
        self._at = at
        self._view = view
        self._dim = dim
        self._folding = Folding(dim, at)
        self._found: list[Candidate] = []

    def look(self, found: list[Candidate]) -> list[Ranked]:
        """Fold a ranking; only what is new is compared if it begins as the one before."""
        before = [one.item for one in self._found]
        if before != [one.item for one in found[: len(before)]]:
            self._folding = Folding(self._dim, self._at)
            before = []
        self._folding.add(self._vectors(found[len(before) :]))
        self._found = found
        return [
            Ranked(found[kept], [found[n].item for n in copies])
            for kept, copies in self._folding.kept.items()
        ]

    @property
    def compared(self) -> int:
        """How many pairs of pictures were compared, at most."""
        return len(self._folding) * len(self._folding.kept)

    def _vectors(self, found: Sequence[Candidate]) -> Vectors:
        """The vector of the image that each was found by, or of its first: (n, dim).

        Zeros for what has none.
        """
        rows = np.array([one.row for one in found], dtype=np.int64)  # (n,)
        worded = np.flatnonzero(rows < 0)
        if len(worded):
            rows[worded] = self._view.main_rows([found[place].item for place in worded.tolist()])
        return self._view.vectors_of(rows, self._dim)


def begin_of(
    ranked: Sequence[Ranked], cursor: Cursor | None, view: ShopView, *, cosines: bool
) -> int:
    """The place in a ranking where a page begins: behind the cursor's hit, or its score.

    ``cosines`` says that scores are, so that one that changed tells a hit that got another picture.
    """
    if cursor is None:
        return 0
    number = view.number(cursor.item_id)
    for place, one in enumerate(ranked):
        moved = cosines and abs(one.found.score - cursor.score) > _JITTER
        if one.found.item == number and not moved:
            return place + 1
    # Deleted or moved: those that score alike stand in the order of their ids.
    mark = (-cursor.score, cursor.item_id)
    return sum((-one.found.score, view.ids[one.found.item]) <= mark for one in ranked)


def page_of(asked: Asked, ranking: Ranking, reader: Reader, generation: str) -> Page | None:
    """The hits of the page with their stored fields.

    None when one of these items has changed since the view was made: its fields would be of
    another moment than the answer.
    """
    query, view = asked.query, asked.view
    hits: list[Hit] = []
    seen = ranking.begin
    changed = reader.changes_since(view.sequence)
    for one, copies in ranking.ranked[ranking.begin :]:
        seen += 1
        item_id = view.ids[one.item]
        record = reader.item(item_id)
        if record is None or changed is None or item_id in changed:
            return None
        hits.append(_hit(view, one, record, [view.ids[copy] for copy in copies]))
        if len(hits) == query.limit:
            break
    if not hits or not seen < min(len(ranking.ranked), deepest(query)):
        return Page(hits, None)
    last = ranking.ranked[seen - 1].found
    cursor = Cursor(
        generation,
        question_of(query),
        seen,
        ranking.fuse_depth,
        last.score,
        view.ids[last.item],
    )
    return Page(hits, cursor.text())


def _hit(view: ShopView, one: Candidate, record: ItemRecord, copies: list[str]) -> Hit:
    index, variant = view.image_of(one.row) if one.row >= 0 else (0, ORIGINAL)
    item = record.item
    return Hit(
        item_id=item.item_id,
        product_id=item.product_id,
        score=round(one.score, 6),
        confidence=None if one.confidence is None else round(one.confidence, 4),
        image=record.images[index].path if index < len(record.images) else "",
        image_index=index,
        variant=variant,
        title=item.title,
        description=item.description,
        price=item.price,
        currency=item.currency,
        in_stock=item.in_stock,
        categories=item.categories,
        attributes=item.attributes,
        copies=copies,
    )
