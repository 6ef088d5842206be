"""The last step of an answer: read the fields of a page's hits, and make the next cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from search.cursor import Cursor, max_hits, question_of
from search.hits import Hit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.store.records import ItemRecord
    from indexer.store.transactions import Reader
    from search.bound_query import BoundQuery
    from search.collapse import HitGroup
    from search.hits import Mode
    from search.live.best_rows import Candidate
    from search.live.view import ShopView
    from search.rank import Ranking

_JITTER = 1e-3  # a cosine may differ by this much if the same photo is encoded again


class PageRanking(NamedTuple):
    """The ranking that a page is taken from, best first.

    If there is a next page, it has at least one hit more than the page. ``start`` is the place of
    the page's first hit; ``depth`` is for ``Cursor.depth``; ``values`` are those of ``Ranking``.
    """

    hits: list[HitGroup]
    start: int
    mode: Mode
    depth: int
    values: Mapping[int, float]


class Page(NamedTuple):
    """Hits, best first, and the cursor of the next page: None if it would be empty."""

    hits: list[Hit]
    next_cursor: str | None


def page_start(
    hits: Sequence[HitGroup], ranking: Ranking, cursor: Cursor | None, view: ShopView
) -> int:
    """Return the place where a page begins: after the cursor's hit, or else after its score."""
    if cursor is None:
        return 0
    number = view.number(cursor.item_id)
    for place, (candidate, _) in enumerate(hits):
        # A cosine that changed means that the item got another picture.
        moved = ranking.scale == "cosine" and abs(candidate.score - cursor.score) > _JITTER
        moved = moved or ranking.values.get(candidate.item, 0.0) != cursor.value
        if candidate.item == number and not moved:
            return place + 1
    # The hit was deleted or moved. Hits of equal score are in the order of their ids.
    mark = (cursor.value, -cursor.score, cursor.item_id)
    return sum(
        (ranking.values.get(found.item, 0.0), -found.score, view.ids[found.item]) <= mark
        for found, _ in hits
    )


def read_page(
    bound: BoundQuery, ranking: PageRanking, reader: Reader, generation: str
) -> Page | None:
    """Read the hits of the page from the store.

    Returns None if an item of the page has changed since the view was made, because its fields
    would not belong to its rank.
    """
    query, view = bound.query, bound.view
    hits: list[Hit] = []
    changed = reader.changes_since(view.sequence)
    shown = ranking.hits[ranking.start : ranking.start + query.limit]
    images = view.images_of([group.candidate.row for group in shown])
    for (candidate, copies), image in zip(shown, images, strict=True):
        item_id = view.ids[candidate.item]
        if changed is None or item_id in changed:
            return None
        record = unchanged_record(candidate.item, view, reader)
        if record is None:
            return None
        hits.append(make_hit(candidate, image, record, [view.ids[copy] for copy in copies]))
    seen = ranking.start + len(hits)
    if not hits or seen >= min(len(ranking.hits), max_hits(query)):
        return Page(hits, None)
    last = ranking.hits[seen - 1].candidate
    cursor = Cursor(
        generation,
        question_of(query),
        seen,
        ranking.depth,
        last.score,
        view.ids[last.item],
        ranking.values.get(last.item, 0.0),
    )
    return Page(hits, cursor.text())


def unchanged_record(number: int, view: ShopView, reader: Reader) -> ItemRecord | None:
    """Return the record of an item that has not changed since the view was made.

    None if the store lacks it, which means that the store is damaged.
    """
    record = view.records.get(number, view.sequence)
    if record is None:
        record = reader.item(view.ids[number])
        if record is not None:
            view.records.put(number, view.sequence, record)
    return record


def make_hit(
    candidate: Candidate, image: tuple[int, str], record: ItemRecord, copies: list[str]
) -> Hit:
    """Make a hit of a stored item; ``image`` is the image that matched, and its rendition."""
    index, rendition = image
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
        url=item.url,
        categories=item.categories,
        attributes=item.attributes,
        copies=copies,
    )
