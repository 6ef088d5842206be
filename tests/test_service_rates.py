"""Token buckets: by address, by key, and by what a question costs."""

from __future__ import annotations

import pytest

from search.cost import COSTLY, cost_of
from search.query import ItemPart, Query, TextPart
from service.http import rates
from service.http.rates import TokenBuckets, client_of
from service.runtime import buckets

KEY = "0123456789abcdef"
MUG = {"parts": [{"text": "mug"}]}


class Clock:
    def __init__(self, monkeypatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(rates.time, "monotonic", lambda: self.now)


def test_a_bucket_fills_again_at_its_rate(monkeypatch):
    clock = Clock(monkeypatch)
    found = TokenBuckets(rate=2, burst=3)
    assert [found.take("a") for _ in range(3)] == [0, 0, 0]
    assert found.take("a") == 0.5
    assert found.take("b") == 0
    clock.now += 0.5
    assert found.take("a") == 0
    assert found.take("a", 100) == 1.5  # as much as a full one


def test_clients_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(buckets, "MAX_CLIENTS", 2)
    store = buckets.LocalBuckets()
    found = TokenBuckets(1, 1, store)
    for name in "abc":
        found.take(name)
    assert [name for name in "abc" if store.get(name)] == ["b", "c"]


def test_processes_that_share_a_file_share_the_limit_of_a_client(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)
    path = tmp_path / "buckets"
    buckets.create_file(path)
    first, second = (buckets.bucket_stores(path) for _ in range(2))  # as two processes open it
    here, there = TokenBuckets(2, 3, first("searches")), TokenBuckets(2, 3, second("searches"))
    assert [one.take("a") for one in (here, there, here)] == [0, 0, 0]
    assert there.take("a") == 0.5
    assert there.state("a").left == 0
    assert TokenBuckets(2, 3, second("wrong keys")).take("a") == 0  # a limit of its own
    clock.now += 0.5
    assert there.take("a") == 0
    assert here.wait("a") == 0.5


def test_a_shared_file_forgets_the_client_that_was_away_longest(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)
    monkeypatch.setattr(buckets, "_GROUPS", 1)
    path = tmp_path / "buckets"
    buckets.create_file(path)
    store = buckets.bucket_stores(path)("searches")
    found = TokenBuckets(1, 1, store)
    for name in "abcdefghi":  # a group has room for eight
        found.take(name)
        clock.now += 0.001
    assert [name for name in "abcdefghi" if store.get(name) is None] == ["a"]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("", ""),
    ],
)
def test_a_client_is_its_address_or_its_network(address, client):
    assert client_of({"client": (address, 1)}) == client


def test_too_many_searches_of_one_address_have_to_wait(serve, photo):
    http = serve(searches_per_s=0.01, searches_burst=3)
    asked = [http.post("/v1/search", json=MUG).status_code for _ in range(3)]
    assert asked == [200, 200, 200]
    for response in (
        http.post("/v1/search", json=MUG),
        http.post("/v1/search/image", files={"image": photo("red")}),
        http.get("/v1/items/red-shoe/similar"),
    ):
        assert response.status_code == 429
        assert response.json()["code"] == "too_many_requests"
        assert 0 < int(response.headers["retry-after"]) <= 100
    assert http.get("/v1/items/red-shoe").status_code == 200


def test_a_dear_question_takes_several_tokens(serve):
    http = serve(searches_per_s=0.01, searches_burst=15)
    costly = {**MUG, "limit": 200, "collapse": 0.9}
    assert http.post("/v1/search", json=costly).status_code == 200
    assert http.post("/v1/search", json=costly).status_code == 429
    assert http.post("/v1/search", json=MUG).status_code == 200


def test_wrong_keys_have_to_wait_and_the_right_one_with_them(serve):
    http = serve(write_key=KEY, failed_keys_per_min=5)

    def delete(key):
        headers = {"authorization": f"Bearer {key}"}
        return http.run(http.client.delete("/v1/items/nothing", headers=headers))

    assert delete(KEY).status_code == 404
    assert [delete("wrong").status_code for _ in range(7)] == [401] * 5 + [429] * 2
    assert delete(KEY).status_code == 429
    assert int(delete(KEY).headers["retry-after"]) >= 1


def test_whoever_sends_the_key_counts_by_it_and_not_by_the_address(serve):
    http = serve(write_key=KEY, searches_per_s=0.01, searches_burst=1)
    own = {"headers": {"api-key": KEY}}
    assert http.post("/v1/search", json=MUG).status_code == 200
    assert http.post("/v1/search", json=MUG).status_code == 429
    assert http.post("/v1/search", json=MUG, **own).status_code == 200
    assert http.post("/v1/search", json=MUG, **own).status_code == 429


@pytest.mark.parametrize(
    ("more", "costly"),
    [
        ({}, False),
        ({"limit": 200}, False),
        ({"limit": 10, "collapse": 0.9}, False),
        ({"limit": 1000}, True),
        ({"limit": 200, "collapse": 0.9}, True),
        ({"parts": [TextPart("red mug " * 60)]}, True),
        ({"facets": ["color"] * 16, "limit": 100}, True),
        ({"cursor": "nonsense"}, False),
    ],
)
def test_what_makes_a_query_costly(more, costly):
    query = Query(**{"parts": [ItemPart("x")], **more})
    assert (cost_of(query) > COSTLY) == costly


def test_collapse_has_a_limit_of_its_own_and_words_count_together(serve):
    http = serve()
    wide = http.post("/v1/search", json={**MUG, "limit": 201, "collapse": 0.9})
    assert (wide.status_code, wide.json()["param"]) == (422, "limit")
    parts = [{"text": "word " * 100}] * 3
    long = http.post("/v1/search", json={"parts": parts})
    assert (long.status_code, long.json()["param"]) == (422, "text")
    assert "together" in long.json()["detail"]
