"""The queues that requests join, so that one kind of work cannot keep others out."""

from __future__ import annotations

import pytest

from indexer.threads import THREADS
from service.http.app import create_app
from service.http.gate import Gate, RequestQueue
from service.settings import Settings

KINDS = ("photos", "searches", "reads", "writes", "events", "styles")
# These read no index and no file.
WITHOUT_QUEUE = {"/livez", "/readyz", "/metrics", "/v1/key", "/v1/settings"}


@pytest.fixture
def queues():
    return {kind: RequestQueue(kind, room=1) for kind in KINDS}


@pytest.fixture
def kind_of(queues):
    """Returns the name of the queue of a request, or None."""
    gate = Gate(queues)

    def kind(method, path, length=0):
        found = gate.queue_of(method, path, length)
        return next((name for name, queue in queues.items() if queue is found), None)

    return kind


@pytest.mark.slow
def test_every_route_that_works_joins_a_queue(kind_of):
    operations = {
        (method.upper(), path)
        for path, methods in create_app(Settings()).openapi()["paths"].items()
        for method in methods
    }
    free = {path for method, path in operations if kind_of(method, path) is None}
    assert free == WITHOUT_QUEUE


@pytest.mark.parametrize(
    ("method", "path", "length", "kind"),
    [
        ("GET", "/v1/search", 0, "searches"),
        ("POST", "/v1/search", 500, "searches"),
        ("POST", "/v1/search", 400_000, "photos"),
        ("POST", "/v1/search/batch", 500, "searches"),
        ("POST", "/v1/search/batch", 400_000, "photos"),
        ("GET", "/v1/items/a/b/similar", 0, "searches"),
        ("GET", "/v1/items/a/bought-together", 0, "searches"),
        ("GET", "/v1/items/a/image", 0, "reads"),
        ("GET", "/v1/suggestions", 0, "reads"),
        ("POST", "/v1/suggestions", 90, "writes"),
        ("OPTIONS", "/v1/search", 0, None),
    ],
)
def test_a_request_joins_the_queue_of_its_work(kind_of, method, path, length, kind):
    assert kind_of(method, path, length) == kind


def test_a_batch_of_searches_is_refused_while_searches_wait(queues):
    queue = Gate(queues).queue_of("POST", "/v1/search/batch", 500)
    assert queue.refusal() is None
    queues["searches"].expect()
    queues["searches"].arrive()
    assert "1 searches wait already" in queue.refusal()


def test_half_as_many_photos_as_other_requests_wait(tiny_shop):
    gate = create_app(Settings(shop=tiny_shop, queue_size=10)).state.protocol_context.gate
    admitted = {"/v1/search/image": 0, "/v1/search": 0}
    for path in admitted:
        queue = gate.queue_of("POST", path, 500)
        while queue.refusal() is None:
            queue.expect()
            queue.arrive()
            admitted[path] += 1
    running = THREADS.count
    assert admitted == {"/v1/search/image": running + 5, "/v1/search": running + 10}
