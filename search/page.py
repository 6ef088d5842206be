"""The last step of an answer: the hits of a page with their stored fields, and its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from indexer.items import ORIGINAL
from search.cursor import Cursor, deepest, question_of
from search.hits import Hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.store.records import ItemRecord
    from indexer.store.transactions import Reader
    from search.bound_query import BoundQuery
    from search.collapse import HitGroup
    from search.hits import Mode
    from search.live.view import Candidate, ShopView
    from search.rank import Scale

_JITTER = 1e-3  # by which a cosine may differ when the same photo is encoded anew


class PageRanking(NamedTuple):
    """The ranking that a page is cut from: best first, and one hit more than the page if there is.

    ``start`` is the place of the page's first hit, ``depth`` that of ``Cursor.depth``.
    """

    hits: list[HitGroup]
    start: int
    mode: Mode
    depth: int


class Page(NamedTuple):
    """Hits, best first, and the cursor of the page after them: None if it would be empty."""

    hits: list[Hit]
    next_cursor: str | None


def page_start(
    hits: Sequence[HitGroup], scale: Scale, cursor: Cursor | None, view: ShopView
) -> int:
    """The place in a ranking where a page begins: behind the cursor's hit, or behind its score."""
    if cursor is None:
        return 0
    number = view.number(cursor.item_id)
    for place, (candidate, _) in enumerate(hits):
        # The cosine of an item changes only if the item got another picture.
        moved = scale == "cosine" and abs(candidate.score - cursor.score) > _JITTER
        if candidate.item == number and not moved:
            return place + 1
    # Deleted or moved: equal scores are in the order of their ids.
    mark = (-cursor.score, cursor.item_id)
    return sum((-candidate.score, view.ids[candidate.item]) <= mark for candidate, _ in hits)


def read_page(
    bound: BoundQuery, ranking: PageRanking, reader: Reader, generation: str
) -> Page | None:
    """Read the hits of the page from the store.

    None if an item of the page has changed since the view was made: its fields would be of
    another moment than its place.
    """
    query, view = bound.query, bound.view
    hits: list[Hit] = []
    changed = reader.changes_since(view.sequence)
    for candidate, copies in ranking.hits[ranking.start : ranking.start + query.limit]:
        item_id = view.ids[candidate.item]
        record = reader.item(item_id)
        if record is None or changed is None or item_id in changed:
            return None
        hits.append(hit_of(view, candidate, record, [view.ids[copy] for copy in copies]))
    seen = ranking.start + len(hits)
    if not hits or seen >= min(len(ranking.hits), deepest(query)):
        return Page(hits, None)
    last = ranking.hits[seen - 1].candidate
    cursor = Cursor(
        generation, question_of(query), seen, ranking.depth, last.score, view.ids[last.item]
    )
    return Page(hits, cursor.text())


def hit_of(view: ShopView, candidate: Candidate, record: ItemRecord, copies: list[str]) -> Hit:
    """Return the hit of a candidate, with the fields of its record and the ids of its copies."""
    index, rendition = view.image_of(candidate.row) if candidate.row >= 0 else (0, ORIGINAL)
    item = record.item
    return Hit(
        item_id=item.item_id,
        product_id=item.product_id,
        score=round(candidate.score, 6),
        confidence=None if candidate.confidence is None else round(candidate.confidence, 4),
        image=record.images[index].path if index < len(record.images) else "",
        image_index=index,
        variant=rendition,
        title=item.title,
        description=item.description,
        price=item.price,
        currency=item.currency,
        in_stock=item.in_stock,
        categories=item.categories,
        attributes=item.attributes,
        copies=copies,
    )
