"""What an operator has to decide: the suggestions of a shop by attribute, the surest first."""

from __future__ import annotations

from collections import defaultdict
from heapq import nlargest
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.enrichment.suggestionlog import ItemSuggestions, Suggested

DecisionState: TypeAlias = Literal["open", "accepted", "refused"]
"""Accepted by the rule or the operator, refused by the operator, or undecided."""

MAX_LISTED: Final = 200


class SuggestionCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many suggestions of an attribute are undecided, accepted and refused."""

    attribute: str
    open: int
    accepted: int
    refused: int


class ItemSuggestion(NamedTuple):
    """A suggestion, and the item that it is for."""

    item_id: str
    suggested: Suggested


class SuggestionReview(NamedTuple):
    """The counts of all attributes, most undecided first, and the listed suggestions."""

    attributes: list[SuggestionCount]
    listed: list[ItemSuggestion]


def state_of(suggested: Suggested) -> DecisionState:
    """Return what was decided about a suggestion."""
    if suggested.accepted:
        return "accepted"
    return "refused" if suggested.by == "operator" else "open"


def review(
    found: Iterable[ItemSuggestions],
    attribute: str | None,
    state: DecisionState,
    limit: int = MAX_LISTED,
) -> SuggestionReview:
    """Count all suggestions, and list those of one attribute that are in a state.

    Without an attribute, those of all attributes are listed. The surest come first, those of equal
    confidence in the order of their values and ids.
    """
    counts: defaultdict[str, dict[DecisionState, int]] = defaultdict(
        lambda: {"open": 0, "accepted": 0, "refused": 0}
    )
    listed: list[ItemSuggestion] = []
    for item in found:
        for suggested in item.suggestions:
            name, its_state = suggested.suggestion.attribute, state_of(suggested)
            counts[name][its_state] += 1
            if its_state == state and attribute in (None, name):
                listed.append(ItemSuggestion(item.item_id, suggested))
    listed.sort(key=lambda one: (one.suggested.suggestion.value, one.item_id))
    surest = nlargest(limit, listed, key=lambda one: one.suggested.suggestion.confidence)
    attributes = [SuggestionCount(attribute=name, **states) for name, states in counts.items()]
    return SuggestionReview(sorted(attributes, key=lambda one: (-one.open, one.attribute)), surest)
