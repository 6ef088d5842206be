"""Suggest attributes of all items of a shop or a catalog: from texts, kinds and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from indexer.enrichment.attributes import suggest
from indexer.enrichment.gazetteer import Gazetteer, gazetteer_of
from indexer.enrichment.kinds import KindVotes
from indexer.enrichment.nearest import NearestColor
from indexer.enrichment.suggestion import Suggestion
from indexer.enrichment.suggestionlog import ItemSuggestions, Suggested
from indexer.enrichment.tree import bundled_tree
from indexer.items import Item
from indexer.progress import Progress, no_progress
from indexer.store.store import Store
from indexer.words.sentences import SentenceEncoder


class Pictures(Protocol):
    """What pictures say about items, beside their texts."""

    def merged(self, item: Item, from_texts: list[Suggestion]) -> list[Suggestion]:
        """Return what the texts and the pictures of an item suggest, the surest first."""
        ...


class Suggester:
    """Suggests attributes of the items of one shop, by all that the shop's items say."""

    def __init__(
        self,
        items: list[Item],
        *,
        pictures: Pictures | None = None,
        encoder: SentenceEncoder | None = None,
    ) -> None:
        """``encoder`` reads colors by meaning; ``pictures`` are those of the shop."""
        self._gazetteer: Gazetteer = gazetteer_of(items)
        self._votes = KindVotes(items, bundled_tree())
        self._pictures = pictures
        self._nearest = (
            None if encoder is None else NearestColor(encoder, self._gazetteer, bundled_tree())
        )

    def suggest(self, item: Item) -> list[Suggestion]:
        """Return what is suggested for an item, the surest first."""
        found = suggest(item, self._gazetteer)
        if self._nearest is not None and not any(one.attribute == "color" for one in found):
            found = joined(found, self._nearest.suggestions(item))
        found = joined(found, self._votes.suggestions(item))
        return found if self._pictures is None else self._pictures.merged(item, found)


def suggest_all(
    items: list[Item],
    accept_above: float | None,
    progress: Progress = no_progress,
    *,
    pictures: Pictures | None = None,
    encoder: SentenceEncoder | None = None,
) -> Iterator[ItemSuggestions]:
    """Yield the suggestions for each item, in order; items without one are left out.

    With ``accept_above``, a value of an attribute that the item lacks is accepted if its confidence
    is at least that. Reports the stage ``enrich``.
    """
    suggester = Suggester(items, pictures=pictures, encoder=encoder)
    for number, item in enumerate(items, 1):
        found = [_by_rule(one, accept_above) for one in suggester.suggest(item)]
        if found:
            yield ItemSuggestions(item.item_id, found)
        progress("enrich", number, len(items))


def joined(from_texts: Iterable[Suggestion], others: Iterable[Suggestion]) -> list[Suggestion]:
    """Return the suggestions of the texts, and others for attributes that the texts lack."""
    found = list(from_texts)
    known = {one.attribute for one in found}
    found += [one for one in others if one.attribute not in known]
    return sorted(found, key=lambda one: -one.confidence)


def items_of(store: Path) -> list[Item]:
    """Return all items of a shop, in the order of their ids."""
    with Store(store) as opened, opened.read() as reader:
        return [record.item for record in reader.items()]


def _by_rule(one: Suggestion, accept_above: float | None) -> Suggested:
    if accept_above is not None and one.is_new and one.confidence >= accept_above:
        return Suggested(one, accepted=True, by="rule")
    return Suggested(one, accepted=False)
