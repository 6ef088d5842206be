"""Values that are suggested for the items of a shop, for tests of what decides about them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from indexer.enrichment.suggestion import Source, Suggestion
from indexer.enrichment.suggestionlog import ItemSuggestions, Suggested, SuggestionLog


def suggest(shop: Path, values: Mapping[str, tuple[str, str]]) -> None:
    """Suggest an (attribute, value) for each of these items, undecided."""
    with SuggestionLog(shop, create=True) as log:
        log.replace([ItemSuggestions(item, [_suggested(*value)]) for item, value in values.items()])


def _suggested(attribute: str, value: str) -> Suggested:
    """Return a value that the first letter of a title suggests."""
    source = Source("title", 0, 1, "?")
    suggestion = Suggestion(
        attribute=attribute, value=value, confidence=0.9, source=source, is_new=True
    )
    return Suggested(suggestion, accepted=False)
