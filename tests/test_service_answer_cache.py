"""Answers that are kept: the same request costs nothing, and no write is missed."""

from __future__ import annotations

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from indexer.encoders.color import ColorEncoder
from indexer.store.store import Store
from indexer.writing.writes import Draft, delete_items, put_items
from search.engine import SearchEngine
from search.query import ItemPart, Query
from service.http.replies import search_reply, search_reply_parts
from service.runtime.answer_cache import Answer, AnswerCache, AnswerKey

RED = {"parts": [{"item_id": "red-shoe"}], "limit": 3}


@pytest.fixture
def http(serve, shop):
    """The service on a shop of its own; it looks for writes of others only when it is told."""
    return serve(shop=shop, refresh_interval_s=1e6)


def counts(http):
    families = text_string_to_metric_families(http.get("/metrics").text)
    answers = next(family for family in families if family.name == "vitrine_answers")
    samples = (sample for sample in answers.samples if sample.name == "vitrine_answers_total")
    return {sample.labels["cache"]: sample.value for sample in samples}


def without_times(response):
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.json().items() if name != "timings"}


def rename(shop, item_id, title):
    """Write as another process does."""
    with Store(shop / "catalog.lmdb") as store:
        with store.read() as reader:
            item = reader.item(item_id).item
        new = msgspec.structs.replace(item, title=title)
        put_items(store, ColorEncoder(), [Draft(item_id, lambda _: new, None)])


def test_the_same_question_is_answered_from_memory(http, photo):
    first = http.post("/v1/search", json=RED)
    again = http.post("/v1/search", json=RED)
    assert without_times(again) == without_times(first)
    assert set(again.json()["timings"]) >= {"encode_ms", "search_ms", "fields_ms", "total_ms"}
    http.post("/v1/search", json=RED | {"limit": 2})
    assert counts(http) == {"miss": 2, "hit": 1}


def test_an_address_that_comes_again_is_answered_from_memory_too(http, shop):
    path = "/v1/items/red-shoe/similar?limit=3"
    first, again = (http.get(path) for _ in range(2))
    assert without_times(again) == without_times(first)
    assert again.headers["content-type"] == first.headers["content-type"]
    http.get("/v1/items/red-shoe/similar?limit=2")
    http.get("/v1/items/blue-shoe/similar?limit=3")
    assert counts(http) == {"miss": 3, "hit": 1}
    rename(shop, "red-mug", "Crimson")
    assert "Crimson" in [hit["title"] for hit in http.get(path).json()["hits"]]


def test_heat_maps_are_not_left_out_of_a_kept_answer(http):
    path = "/v1/items/red-shoe/similar?limit=3"
    http.get(path)
    for _ in range(2):
        assert len(http.get(f"{path}&explain=true").json()["explanations"]) == 3


def test_a_kept_answer_counts_as_a_search_of_its_client(serve, shop):
    http = serve(shop=shop, searches_per_s=0.001, searches_burst=3)
    path = "/v1/items/red-shoe/similar"
    assert [http.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_photo_counts_by_its_content_and_is_encoded_once(http, photo):
    form = [{"files": {"image": photo(color)}} for color in ("red", "red", "blue")]
    replies = [without_times(http.post("/v1/search/image", **one)) for one in form]
    kind = {"content-type": "image/jpeg"}
    raw = http.post("/v1/search/image", content=photo("red"), headers=kind)
    assert replies[0] == replies[1] == without_times(raw)
    assert replies[0] != replies[2]
    assert counts(http) == {"miss": 2, "hit": 2}
    assert "vitrine_batch_photos_sum" in http.get("/metrics").text
    assert " 2.0" in next(
        line for line in http.get("/metrics").text.splitlines() if "batch_photos_sum" in line
    )


def test_no_answer_is_older_than_a_write_of_any_process(http, shop):
    for title in ("Crimson", "Scarlet", "Vermilion"):
        http.post("/v1/search", json=RED)
        rename(shop, "red-mug", title)
        hits = http.post("/v1/search", json=RED).json()["hits"]
        assert next(hit["title"] for hit in hits if hit["item_id"] == "red-mug") == title
    with Store(shop / "catalog.lmdb") as store:
        delete_items(store, ["red-mug"])
    hits = http.post("/v1/search", json=RED).json()["hits"]
    assert "red-mug" not in [hit["item_id"] for hit in hits]


def test_what_a_user_likes_is_never_kept(serve, shop):
    http = serve(shop=shop, write_key="a key of sixteen letters")
    bearer = {"authorization": "Bearer a key of sixteen letters"}
    body = {"parts": [{"item_id": "red-shoe"}, {"user_id": "u"}]}
    for _ in range(2):
        assert http.post("/v1/search", json=body, headers=bearer).status_code == 200
    assert counts(http) == {"never": 2}
    assert http.post("/v1/search", json=body).status_code == 401


def test_the_cache_can_be_off(serve, shop):
    http = serve(shop=shop, answer_cache_mb=0)
    for _ in range(2):
        http.post("/v1/search", json=RED)
    assert counts(http) == {"never": 2}


def test_the_cache_drops_what_was_not_asked_for_longest():
    cache = AnswerCache(10_000)
    keys = [AnswerKey(bytes([number]), 1) for number in range(20)]
    answer = Answer(b"x" * 300, b"y" * 300, "exact")
    for key in keys:
        cache.put(key, answer)
        assert cache.get(keys[0]) == answer
    assert cache.bytes_used <= 10_000
    kept = [number for number, key in enumerate(keys) if cache.get(key)]
    assert kept == [0, *range(10, 20)]
    cache.put(keys[1], Answer(b"x" * 2000, b"", "exact"))  # too large to keep
    assert cache.get(keys[1]) is None


def test_spliced_json_is_the_reply(engine):
    reply = engine.search(Query(parts=[ItemPart("red-shoe")], facets=["category"]))
    before, after = search_reply_parts(reply, root="/shop")
    text = before + msgspec.json.encode(reply.timings) + after
    assert text == msgspec.json.encode(search_reply(reply, root="/shop"))


def test_a_record_in_memory_is_of_the_state_that_a_search_sees(shop):
    with SearchEngine.open(shop) as engine:
        assert engine.by_item("red-shoe", k=1)[0].title == "Red mug"
        rename(shop, "red-mug", "Crimson mug")
        assert engine.by_item("red-shoe", k=1)[0].title == "Crimson mug"
        with Store(shop / "catalog.lmdb") as store:
            delete_items(store, ["red-mug"])
        assert engine.by_item("red-shoe", k=1)[0].item_id != "red-mug"
