"""POST /v1/ask: answers customers' questions."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request, Response

from indexer.enrichment import faqlog, reviewlog
from indexer.errors import VitrineError
from indexer.layout import FAQ
from indexer.store.environment import DATA_FILE
from search.asking.answer import Answer
from search.asking.answerer import Answerer
from search.asking.faqmatcher import FaqMatcher
from search.asking.opening import installed_encoder
from search.asking.terms import terms_of
from service.http.appstate import AppState, bind
from service.http.json_body import check_json_type, check_marks
from service.http.middleware import cancel_on_disconnect
from service.http.openapi import body_of, problems, reply_of
from service.http.schemas import AskBody

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.words.sentences import SentenceEncoder

_COST = 3  # a question counts as this many searches, the most that are made for it


class SharedFaq:
    """The FAQ of a shop, read again when its file has changed. Thread-safe."""

    def __init__(self, shop: Path) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._matcher = FaqMatcher([], None)
        self._encoder: SentenceEncoder | None = None

    def warm(self) -> None:
        """Load the FAQ and its encoder in a thread, if there is a FAQ; this takes seconds."""
        if self._file_stamp() is not None:
            threading.Thread(target=self._load, name="vitrine-faq", daemon=True).start()

    def _load(self) -> None:
        # An error is raised again by the first question.
        with contextlib.suppress(VitrineError):
            self.matcher().best("?", terms_of("?"))

    def matcher(self) -> FaqMatcher:
        """Return the matcher of the FAQ as it is now. Raises IndexCorrupt."""
        with self._lock:
            stamp = self._file_stamp()
            if stamp != self._stamp:
                self._matcher = self._read()
                self._stamp = stamp
            return self._matcher

    def _file_stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._shop / FAQ / DATA_FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _read(self) -> FaqMatcher:
        log = faqlog.open_if_exists(self._shop)
        if log is None:
            return FaqMatcher([], None)
        with log:
            entries = log.entries()
        if self._encoder is None and any(entry.vector for entry in entries):
            self._encoder = installed_encoder()
        return FaqMatcher(entries, self._encoder)


def ask_routes(state: AppState) -> APIRouter:
    """Return POST /v1/ask."""
    router = APIRouter(tags=["search"])
    faq = SharedFaq(state.settings.shop)
    faq.warm()

    async def ask_shop(state: AppState, request: Request) -> Response:
        """Answer a question by a quotation from catalog, FAQ, policies or reviews.

        Questions that are searches are answered with items. If nothing answers it, the kind is
        `unknown`, and the contact of the shop is offered.
        """
        return await _ask(state, faq, request)

    router.add_api_route(
        "/v1/ask",
        bind(ask_shop, state),
        methods=["POST"],
        summary="Answer a customer's question",
        responses=reply_of(Answer) | problems(404, 413, 415, 422, 429, 503),
        openapi_extra=body_of((AskBody, "application/json")),
        operation_id="ask",
    )
    return router


async def _ask(state: AppState, faq: SharedFaq, request: Request) -> Response:
    state.rates.take_search(request.scope, request.headers, _COST)
    check_json_type(request)
    body = await request.body()
    check_marks(body)
    fields = AskBody.model_validate_json(body)
    async with state.serving.lease() as served:
        engine = served.engine

        def work() -> bytes:
            log = reviewlog.open_if_exists(state.settings.shop)
            try:
                answerer = Answerer(engine, faq.matcher(), log, state.settings.contact)
                return msgspec.json.encode(answerer.ask(fields.question, fields.item_id))
            finally:
                if log is not None:
                    log.close()

        reply = await cancel_on_disconnect(request, state.pools.searching.run(work))
    return Response(reply, media_type="application/json")
