"""Recommendations, as data. The names are those of ``recommend --json`` and of the HTTP replies."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from indexer.errors import BadQuery
from indexer.items import ORIGINAL
from search.filters.jsonform import Filter
from search.hits import Hit
from search.query import MAX_LIMIT

ReasonCode = Literal[
    "like_recent",
    "like_liked",
    "others_took",
    "bought_together",
    "like_context",
    "buy_again",
    "new",
    "popular",
    "assorted",
    "seen_before",
]
Fallback = Literal["similar", "popular", "assorted", "seen_before", "nothing_allowed"]
DEFAULT_LIMIT: Final = 12


class Reason(msgspec.Struct, frozen=True):
    """Why an item is recommended.

    ``item_id`` is the evidence: an item that the user met, without which the score would be lower.
    It is empty for reasons that do not depend on the user.
    """

    code: Annotated[
        ReasonCode,
        Meta(
            description="like_recent, like_liked: it looks like item_id, one of the newest items "
            "or an earlier one. others_took: people who met item_id met it. "
            "bought_together: it is bought together with item_id. like_context: it "
            "looks like the item asked about. "
            "buy_again: the user bought item_id, which it is, at least three times, and is due to "
            "buy it again. new: few users have met it yet, and what is known of it fits. "
            "popular, assorted, seen_before: see fallback."
        ),
    ]
    item_id: str = ""
    title: str = ""


class Recommendation(Hit, frozen=True, kw_only=True):
    """A recommended item. ``score`` sums ``contributions``, see ``search.personal.mixer``."""

    reason: Reason
    surface: Annotated[
        str,
        Meta(
            description="Send it back with the events on this item: recommended, "
            "recommended/explore (drawn at random), or recommended/a and /b of two rankers."
        ),
    ] = "recommended"
    propensity: Annotated[
        float,
        Meta(
            description="The probability with which it is shown at this place after those before "
            "it. Send it back with the events on it."
        ),
    ] = 1.0
    contributions: Annotated[
        dict[str, float] | None,
        Meta(description="What each feature adds to the score; with explain only."),
    ] = None


class Recommendations(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one request for recommendations.

    Items are in the order in which to show them, which is not quite that of their scores: items
    like those before them are moved back.
    """

    items: list[Recommendation]
    fallback: Annotated[
        Fallback | None,
        Meta(
            description="Why some items do not depend on the user: popular or assorted items fill "
            "up where too little is known of the user, seen_before where nothing new is left; "
            "nothing_allowed: no item passes the filter. similar: too few are bought together "
            "with the item, and those that look like it fill up."
        ),
    ] = None
    style: Annotated[
        str,
        Meta(
            description="The style to show the pictures in: the one asked for, else the one that "
            "the user reacts to most. original: as they were photographed."
        ),
    ] = ORIGINAL
    events: Annotated[int, Meta(description="Events of the user that were looked at.")]
    generation: str
    timings: Annotated[dict[str, float], Meta(description="Milliseconds by stage.")]


class RecommendQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A request to recommend ``limit`` products that pass the filter.

    ``context`` is the item that the user looks at; it is not recommended itself. ``seen`` allows
    items that the user has met before. ``explain`` asks for contributions. ``diversity`` is what
    an item loses for likeness to those before it, from 0 (nothing) to 1. ``style`` is the style to
    show pictures in; None is the one that the user reacts to most.
    """

    limit: int = DEFAULT_LIMIT
    filter: Filter | None = None
    context: str | None = None
    seen: bool = False
    explain: bool = False
    diversity: float = 0.1
    style: str | None = None

    def check(self) -> RecommendQuery:
        """Return the query itself. Raises BadQuery, naming the field."""
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadQuery(f"limit must be from 1 to {MAX_LIMIT}, got {self.limit}", param="limit")
        if not 0 <= self.diversity <= 1:
            raise BadQuery(
                f"diversity must be from 0 to 1, got {self.diversity}", param="diversity"
            )
        return self
