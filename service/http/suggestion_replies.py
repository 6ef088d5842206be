"""The structs of replies about all suggestions of a shop."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from indexer.enrichment.decisions import SuggestionCount
from indexer.enrichment.suggestion import Suggestion


class ListedSuggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A suggested value of an item; see `/v1/items/{id}/suggestions`."""

    item_id: str
    title: str
    suggestion: Suggestion
    accepted: bool
    by: Annotated[str, Meta(description="Who decided: rule, operator, or empty for nobody.")]


class SuggestionsReply(msgspec.Struct, frozen=True, kw_only=True):
    """Suggestions of a shop."""

    attributes: Annotated[
        list[SuggestionCount], Meta(description="Of all attributes; most undecided first.")
    ]
    suggestions: Annotated[list[ListedSuggestion], Meta(description="The surest first.")]


class DecisionsReply(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided."""

    decided: Annotated[int, Meta(description="How many values.")]
