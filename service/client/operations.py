"""The operations of the service: each function returns the call to send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from indexer.drafting.draft import Draft
from indexer.enrichment.suggestionlog import ItemSuggestions
from indexer.writing.writes import Outcome
from search.asking.answer import Answer
from service.client.calls import Call, Photo, part_of, path_of, photo_call, query_call
from service.http.personal_replies import ErasedReply, EventsReply, RecommendReply
from service.http.replies import (
    BatchReply,
    ClassifyReply,
    GenerationsReply,
    ItemReply,
    ItemsReply,
    RecognizeReply,
    SearchReply,
    ServingReply,
    StatusReply,
    WriteReply,
)
from service.http.review_replies import ReviewsReply
from service.http.suggestion_replies import DecisionsReply, SuggestionsReply

Part = Mapping[str, Any]
"""A part of a query: `image` (bytes or a Path), `text`, `item_id`, `embedding` or `user_id`;
optionally with `weight` and `box`."""


def search(parts: Sequence[Part], options: Mapping[str, Any]) -> Call[SearchReply]:
    """Search by a combination of parts."""
    body = {**options, "parts": [part_of(part) for part in parts]}
    return Call("POST", path_of("search"), SearchReply, body=body)


def search_photo(photo: Photo, options: Mapping[str, Any]) -> Call[SearchReply]:
    """Search by a photo."""
    return photo_call(path_of("search", "image"), photo, SearchReply, options)


def search_batch(searches: Sequence[Mapping[str, Any]]) -> Call[BatchReply]:
    """Search several times; each search has `parts` and the options of a search."""
    bodies = [
        {**search, "parts": [part_of(part) for part in search["parts"]]} for search in searches
    ]
    return Call("POST", path_of("search", "batch"), BatchReply, body={"searches": bodies})


def similar(item_id: str, options: Mapping[str, Any]) -> Call[SearchReply]:
    """Find items like an item."""
    return query_call(path_of("items", item_id, "similar"), SearchReply, options)


def recognize(photo: Photo, options: Mapping[str, Any]) -> Call[RecognizeReply]:
    """Find the things in a photo."""
    return photo_call(path_of("recognize"), photo, RecognizeReply, options)


def classify(photo: Photo) -> Call[ClassifyReply]:
    """Name the category, attributes and colors of a photo."""
    return photo_call(path_of("classify"), photo, ClassifyReply, {})


def ask(question: str, item_id: str | None) -> Call[Answer]:
    """Answer a customer's question, about an item or not."""
    body = {"question": question} | ({} if item_id is None else {"item_id": item_id})
    return Call("POST", path_of("ask"), Answer, body=body)


def suggestions(item_id: str) -> Call[ItemSuggestions]:
    """Return what is suggested for an item."""
    return Call("GET", path_of("items", item_id, "suggestions"), ItemSuggestions)


def decide(item_id: str, attribute: str, value: str, accepted: bool) -> Call[ItemSuggestions]:
    """Accept or refuse a suggested value of an item."""
    body = {"attribute": attribute, "value": value, "accepted": accepted}
    return Call("POST", path_of("items", item_id, "suggestions"), ItemSuggestions, body=body)


def all_suggestions(options: Mapping[str, Any]) -> Call[SuggestionsReply]:
    """Return the suggestions of the shop."""
    return query_call(path_of("suggestions"), SuggestionsReply, options)


def decide_all(decisions: Sequence[Mapping[str, Any]]) -> Call[DecisionsReply]:
    """Accept or refuse suggested values of several items."""
    body = {"decisions": list(decisions)}
    return Call("POST", path_of("suggestions"), DecisionsReply, body=body)


def reviews(item_id: str, limit: int) -> Call[ReviewsReply]:
    """Return what customers write about an item."""
    return query_call(path_of("items", item_id, "reviews"), ReviewsReply, {"limit": limit})


def draft(item_id: str, options: Mapping[str, Any]) -> Call[Draft]:
    """Draft a text of an item."""
    return Call("POST", path_of("items", item_id, "draft"), Draft, body=dict(options))


def item(item_id: str) -> Call[ItemReply]:
    """Return an item."""
    return Call("GET", path_of("items", item_id), ItemReply)


def items(limit: int, cursor: str | None) -> Call[ItemsReply]:
    """Return a page of all items, in the order of their ids."""
    options = {"order": "id", "limit": limit, "cursor": cursor}
    return query_call(path_of("items"), ItemsReply, options)


def image(item_id: str, index: int, size: int | None) -> Call[bytes]:
    """Return a picture of an item, as a file."""
    options = {"index": index, "size": size}
    return query_call(path_of("items", item_id, "image"), bytes, options)


def put(written: Sequence[Mapping[str, Any]]) -> Call[WriteReply]:
    """Add items, or change the given fields of them."""
    return Call("PUT", path_of("items"), WriteReply, body={"items": list(written)})


def patch(item_id: str, changes: Mapping[str, Any], etag: str | None) -> Call[Outcome]:
    """Change fields of one item, with ``etag`` only if it has not changed since it was read."""
    return Call("PATCH", path_of("items", item_id), Outcome, body=dict(changes), etag=etag)


def delete(item_id: str) -> Call[Outcome]:
    """Delete an item."""
    return Call("DELETE", path_of("items", item_id), Outcome)


def send_events(events: Sequence[Mapping[str, Any]]) -> Call[EventsReply]:
    """Store what users did."""
    return Call("POST", path_of("events"), EventsReply, body={"events": list(events)})


def recommend(user_id: str, options: Mapping[str, Any]) -> Call[RecommendReply]:
    """Recommend items for a user."""
    return query_call(path_of("users", user_id, "recommendations"), RecommendReply, options)


def recommend_session(
    events: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> Call[RecommendReply]:
    """Recommend items for the events of a session, which are not stored."""
    body = {**options, "events": list(events)}
    return Call("POST", path_of("sessions", "recommend"), RecommendReply, body=body)


def erase_user(user_id: str) -> Call[ErasedReply]:
    """Erase all that is stored about a user."""
    return Call("DELETE", path_of("users", user_id), ErasedReply)


def status() -> Call[StatusReply]:
    """Return what the service serves."""
    return Call("GET", path_of("status"), StatusReply)


def generations() -> Call[GenerationsReply]:
    """List the generations of the index."""
    return Call("GET", path_of("generations"), GenerationsReply)


def promote(name: str) -> Call[ServingReply]:
    """Serve another generation."""
    return Call("POST", path_of("generations", name, "promote"), ServingReply, body={})


def rollback() -> Call[ServingReply]:
    """Serve the generation before."""
    return Call("POST", path_of("rollback"), ServingReply, body={})
