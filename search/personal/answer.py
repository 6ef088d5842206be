"""Read the stored fields, images and reasons of the items that were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import asdict

from search.live.best_rows import Candidate
from search.page import make_hit, unchanged_record
from search.personal.recommendation import Reason, Recommendation

if TYPE_CHECKING:
    from indexer.store.transactions import Reader
    from search.live.view import ShopView
    from search.personal.choice import Choice, Chosen
    from search.personal.recommendation import RecommendQuery


def read_choice(
    choice: Choice, query: RecommendQuery, view: ShopView, reader: Reader
) -> list[Recommendation] | None:
    """Return the chosen items with their fields, in the order of the choice.

    None if an item has changed since the view was made: choose again on a newer view.
    """
    changed = reader.changes_since(view.sequence)
    items: list[Recommendation] = []
    images = view.images_of([chosen.row for chosen in choice.chosen])
    for chosen, image in zip(choice.chosen, images, strict=True):
        item_id = view.ids[chosen.item]
        if changed is None or item_id in changed:
            return None
        record = unchanged_record(chosen.item, view, reader)
        if record is None:
            return None
        hit = make_hit(Candidate(chosen.item, chosen.row, chosen.score), image, record, [])
        items.append(
            Recommendation(
                **asdict(hit),
                reason=_reason(chosen, view, reader),
                surface=chosen.surface,
                propensity=round(chosen.propensity, 6),
                contributions=chosen.contributions if query.explain else None,
            )
        )
    return items


def _reason(chosen: Chosen, view: ShopView, reader: Reader) -> Reason:
    if chosen.grounds.item < 0:
        return Reason(chosen.grounds.code)
    item_id = view.ids[chosen.grounds.item]
    record = view.records.get(chosen.grounds.item, view.sequence) or reader.item(item_id)
    return Reason(chosen.grounds.code, item_id, record.item.title if record else "")
