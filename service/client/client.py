"""The client for synchronous code."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from service.client import operations
from service.client.calls import (
    LONGEST_WAIT_S,
    PAGE,
    TIMEOUT_S,
    TRIES,
    Call,
    DraftOptions,
    Photo,
    PhotoOptions,
    RecommendOptions,
    SearchOptions,
    SuggestionsOptions,
    http_library,
    read,
    wait_of,
)
from service.client.errors import ServiceUnreachable

if TYPE_CHECKING:
    import httpx

    from indexer.drafting.draft import Draft
    from indexer.enrichment.suggestionlog import ItemSuggestions
    from indexer.writing.writes import Outcome
    from search.asking.answer import Answer
    from service.client.operations import Part
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

T = TypeVar("T")


class Vitrine:
    """A client of one service. Thread-safe. Use it in a ``with`` block, or close it.

    ``key`` is one of `vitrine keys`. A request is sent again, up to ``TRIES`` times in all, if the
    reply (429, 503) asks to wait at most ``LONGEST_WAIT_S``. Every method raises
    ServiceError if the service replies with an error, and ServiceUnreachable if there is no reply.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        http: httpx.Client | None = None,
    ) -> None:
        """``url`` is that of the service. ``http`` replaces the HTTP client that is used."""
        self._url, self._key = url.rstrip("/"), key
        self._http: httpx.Client = http or http_library().Client(timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, call: Call[T]) -> T:
        for left in range(TRIES - 1, -1, -1):
            try:
                response = self._http.request(**call.request(self._url, self._key))
            except http_library().HTTPError as error:
                raise ServiceUnreachable(f"{self._url} does not answer: {error}") from error
            wait_s = wait_of(response, LONGEST_WAIT_S) if left else None
            if wait_s is None:
                break
            time.sleep(wait_s)
        return read(call, response)

    def search(self, parts: Sequence[Part], **options: Unpack[SearchOptions]) -> SearchReply:
        """Search by a combination of photos, words, items and users, each with a weight."""
        return self._send(operations.search(parts, options))

    def search_text(self, text: str, **options: Unpack[SearchOptions]) -> SearchReply:
        """Search by words."""
        return self._send(operations.search([{"text": text}], options))

    def search_image(self, photo: Photo, **options: Unpack[PhotoOptions]) -> SearchReply:
        """Search by a photo: its bytes or its file."""
        return self._send(operations.search_photo(photo, options))

    def search_batch(self, searches: Sequence[Mapping[str, Any]]) -> BatchReply:
        """Search several times; one that fails has a problem in place of its reply."""
        return self._send(operations.search_batch(searches))

    def similar(self, item_id: str, **options: Unpack[SearchOptions]) -> SearchReply:
        """Find items like an item."""
        return self._send(operations.similar(item_id, options))

    def recognize(self, photo: Photo, *, search: bool = False) -> RecognizeReply:
        """Find the things in a photo, and with ``search`` the items that look like each."""
        return self._send(operations.recognize(photo, {"search": search}))

    def classify(self, photo: Photo) -> ClassifyReply:
        """Name the category, attributes and colors of a photo."""
        return self._send(operations.classify(photo))

    def ask(self, question: str, item_id: str | None = None) -> Answer:
        """Answer a customer's question, about an item or not."""
        return self._send(operations.ask(question, item_id))

    def suggestions(self, item_id: str) -> ItemSuggestions:
        """Return what the texts and pictures of an item suggest, the surest first."""
        return self._send(operations.suggestions(item_id))

    def decide(
        self, item_id: str, attribute: str, value: str, *, accepted: bool = True
    ) -> ItemSuggestions:
        """Accept a suggested value of an item, or refuse it; needs a key to write."""
        return self._send(operations.decide(item_id, attribute, value, accepted))

    def all_suggestions(self, **options: Unpack[SuggestionsOptions]) -> SuggestionsReply:
        """List the suggestions of the shop, the surest first; needs a key to write."""
        return self._send(operations.all_suggestions(options))

    def decide_all(self, decisions: Sequence[Mapping[str, Any]]) -> DecisionsReply:
        """Accept or refuse suggested values of several items, all or none.

        A decision has ``item_id``, ``attribute``, ``value`` and ``accepted`` (by default true).
        """
        return self._send(operations.decide_all(decisions))

    def reviews(self, item_id: str, limit: int = 10) -> ReviewsReply:
        """Return what customers write about an item, summed up, and its newest reviews."""
        return self._send(operations.reviews(item_id, limit))

    def draft(self, item_id: str, **options: Unpack[DraftOptions]) -> Draft:
        """Draft a text of an item from its own facts; nothing stores it."""
        return self._send(operations.draft(item_id, options))

    def item(self, item_id: str) -> ItemReply:
        """Return an item."""
        return self._send(operations.item(item_id))

    def image(self, item_id: str, index: int = 0, size: int | None = None) -> bytes:
        """Return a picture of an item as a file; ``size`` is its longer side in pixels."""
        return self._send(operations.image(item_id, index, size))

    def put(self, items: Sequence[Mapping[str, Any]]) -> WriteReply:
        """Add items, or change the given fields of them. Each has its outcome in the reply."""
        return self._send(operations.put(items))

    def patch(
        self, item_id: str, changes: Mapping[str, Any], *, etag: str | None = None
    ) -> Outcome:
        """Change fields of an item; with ``etag`` only if it has not changed since it was read."""
        return self._send(operations.patch(item_id, changes, etag))

    def delete(self, item_id: str) -> Outcome:
        """Delete an item."""
        return self._send(operations.delete(item_id))

    def send_events(self, events: Sequence[Mapping[str, Any]]) -> EventsReply:
        """Store what users did."""
        return self._send(operations.send_events(events))

    def recommend(self, user_id: str, **options: Unpack[RecommendOptions]) -> RecommendReply:
        """Recommend items for a user."""
        return self._send(operations.recommend(user_id, options))

    def recommend_session(
        self, events: Sequence[Mapping[str, Any]], **options: Unpack[RecommendOptions]
    ) -> RecommendReply:
        """Recommend items for the events of a session, which are not stored."""
        return self._send(operations.recommend_session(events, options))

    def erase_user(self, user_id: str) -> ErasedReply:
        """Erase all that is stored about a user."""
        return self._send(operations.erase_user(user_id))

    def status(self) -> StatusReply:
        """Return what the service serves."""
        return self._send(operations.status())

    def generations(self) -> GenerationsReply:
        """List the generations of the index, newest first."""
        return self._send(operations.generations())

    def promote(self, name: str) -> ServingReply:
        """Serve another generation."""
        return self._send(operations.promote(name))

    def rollback(self) -> ServingReply:
        """Serve the generation before."""
        return self._send(operations.rollback())

    def items(self, page: int = PAGE) -> Iterator[ItemReply]:
        """Go through all items, in the order of their ids, ``page`` of them a request."""
        cursor: str | None = None
        while True:
            reply: ItemsReply = self._send(operations.items(page, cursor))
            yield from reply.items
            cursor = reply.next_cursor
            if cursor is None:
                return
