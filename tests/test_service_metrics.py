"""GET /metrics: what Prometheus reads, parsed as Prometheus does."""

from __future__ import annotations

import os
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from indexer.errors import IndexNotFound
from indexer.shop.status import RecallStatus
from search.status import Vitals
from service.runtime.metrics import Metrics


@pytest.fixture
def http(serve):
    """A service of each test: it counts all that it did."""
    return serve()


def scrape(http):
    """All series of the service: (name, labels) to value."""
    response = http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return series(response.text)


def series(text):
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("pid") == str(os.getpid())
            found[sample.name, tuple(sorted(labels.items()))] = sample.value
    return found


def labels(**pairs):
    return tuple(sorted(pairs.items()))


def test_a_search_is_counted_with_its_stages(http):
    for _ in range(3):
        http.post("/v1/search", json={"parts": [{"item_id": "red-shoe"}]})
    http.post("/v1/search", json={"parts": [{"text": "mug"}]})
    found = scrape(http)
    assert found["vitrine_searches_total", labels(mode="exact")] == 3
    assert found["vitrine_searches_total", labels(mode="lexical")] == 1
    stages = {
        dict(pairs)["stage"]: count
        for (name, pairs), count in found.items()
        if name == "vitrine_search_stage_seconds_count"
    }
    # Two of the three equal searches were answered from memory.
    assert stages == {
        "queue": 2, "decode": 0, "encode": 0, "query": 2, "search": 2, "rank": 2, "fields": 2,
        "total": 4,
    }  # fmt: skip


def test_requests_are_counted_by_route_and_never_by_path(http):
    http.get("/v1/items/red-shoe")
    http.get("/v1/items/nothing-such")
    http.get("/no/such/path/1")
    http.get("/no/such/path/2")
    found = scrape(http)
    counted = {k[1]: v for k, v in found.items() if k[0] == "vitrine_requests_total"}
    routes = {dict(pairs)["route"] for pairs in counted}
    assert all("red-shoe" not in route and "such" not in route for route in routes)
    items = [dict(p) | {"n": v} for p, v in counted.items() if "items" in dict(p)["route"]]
    assert sorted((one["status"], one["n"]) for one in items) == [("200", 1), ("404", 1)]
    assert counted[labels(method="GET", route="other", status="404")] == 2


def test_photos_are_counted_by_batch(http, photo):
    http.post("/v1/search/image", files={"image": photo("red")})
    found = scrape(http)
    waits = 3  # for a thread that decodes, for the encoder, for a thread that searches
    for stage, count in {"queue": waits, "decode": 1, "encode": 1, "total": 1}.items():
        assert found["vitrine_search_stage_seconds_count", labels(stage=stage)] == count
    assert found["vitrine_batch_photos_count", ()] == 1
    assert found["vitrine_batch_photos_sum", ()] == 1


def test_what_is_served_is_told(http):
    found = scrape(http)
    assert found["vitrine_generation", labels(generation="000001")] == 1
    assert found["vitrine_items", ()] == 12
    assert found["vitrine_index_rows", ()] == 24
    assert found["vitrine_delta_rows", ()] == 0
    assert 0 < found["vitrine_generation_created_seconds", ()] <= time.time()
    assert 0 < found["vitrine_store_map_fill", ()] < 0.01
    assert found["vitrine_recall", labels(kind="promised")] == 1
    assert found["vitrine_queue_depth", labels(queue="searching")] == 0


def test_without_an_index_there_are_metrics_all_the_same(serve):
    def nothing(*_):
        raise IndexNotFound("nothing built here")

    found = scrape(serve(open_engine=nothing, current=nothing))
    assert not any(name == "vitrine_generation" for name, _ in found)


def test_recall_of_real_queries_is_a_gauge_and_an_old_generation_is_forgotten():
    metrics = Metrics()
    for generation, live in (("000001", None), ("000002", 0.93)):
        recall = RecallStatus(promised=0.98, measured=0.99, live=live, samples=7, raised=1)
        text = metrics.text(Vitals(generation, 5, 6, 2, recall, 1e9, 0.25), {"photos": 3})
    found = series(text.decode())
    assert found["vitrine_recall", labels(kind="live")] == 0.93
    assert found["vitrine_recall_samples", ()] == 7
    assert found["vitrine_effort_raised", ()] == 1
    assert found["vitrine_queue_depth", labels(queue="photos")] == 3
    assert found["vitrine_generation_created_seconds", ()] == 1e9
    assert found["vitrine_store_map_fill", ()] == 0.25
    assert [k for k in found if k[0] == "vitrine_generation"] == [
        ("vitrine_generation", labels(generation="000002"))
    ]


@pytest.mark.parametrize("method", ["BREW", "PROPFIND"])
def test_made_up_methods_make_no_series(method):
    metrics = Metrics()
    metrics.request(method, "/v1/search", 405, 0.1)
    found = series(metrics.text(None, {}).decode())
    assert found["vitrine_requests_total", labels(method="other", route="/v1/search", status="405")]


def test_status_tells_the_recall(http):
    status = http.get("/v1/status").json()
    assert status["recipe"] == "Flat"
    assert "24 rows are below the limit of 50000" in status["promise"]
    assert status["recall"] == {
        "promised": 1.0, "measured": 1.0, "live": None, "samples": 0, "raised": 0, "kept": True,
    }  # fmt: skip
