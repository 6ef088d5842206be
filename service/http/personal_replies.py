"""The structs of replies about events, users and recommendations."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import asdict

from search.personal.event import Event
from search.personal.recommendation import Recommendation, Recommendations
from service.http.replies import image_url


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was not stored, and why."""

    index: Annotated[int, Meta(description="Its place in the request, from 0.")]
    reason: str
    param: Annotated[str | None, Meta(description="The field at fault.")] = None


class EventsReply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the events. Those that were stored are on disk."""

    stored: int
    repeated: Annotated[int, Meta(description="Their ids are stored already.")]
    no_consent: Annotated[int, Meta(description="Not stored: consent is false.")]
    unknown_items: Annotated[
        int, Meta(description="Stored, but of items that the shop does not have now.")
    ]
    refused: list[RefusedEvent]


class UserReply(msgspec.Struct, frozen=True, kw_only=True):
    """All that is stored about a user."""

    user_id: str
    events: Annotated[list[Event], Meta(description="The oldest first.")]


class ErasedReply(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted of a user."""

    user_id: str
    events: Annotated[int, Meta(description="How many events were deleted.")]


class RecommendedItem(Recommendation, frozen=True, kw_only=True):
    """A recommended item, with the address of its image."""

    image_url: str


class RecommendReply(Recommendations, frozen=True, kw_only=True):
    """Recommended items, in the order in which to show them."""

    items: list[RecommendedItem]  # type: ignore[assignment]  # narrower; lists are invariant


def recommend_reply(found: Recommendations, *, root: str) -> RecommendReply:
    """Return recommendations as they are sent: with the addresses of images, in their style."""
    items = [
        RecommendedItem(
            **{**asdict(item), "reason": item.reason},
            image_url=image_url(item.item_id, item.image_index, style=found.style, root=root),
        )
        for item in found.items
    ]
    return RecommendReply(**{**asdict(found), "items": items})
