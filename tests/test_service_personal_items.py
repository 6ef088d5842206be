"""What goes with an item, and searches for a user, over HTTP and on the command line."""

from __future__ import annotations

import json
import shutil
import time

import pytest
from click.testing import CliRunner

from indexer.layout import EVENTS
from search.engine import SearchEngine
from search.personal.event import event_from
from search.personal.event_log import EventLog
from search.personal.learning import learn
from service.cli.main import vitrine
from tests.commandline import run
from tests.writecalls import BEARER, KEY

DAY = 86_400.0


def event(user, item, kind="view", age=0.0):
    now = time.time()
    return event_from({"user_id": user, "item_id": item, "type": kind, "time": now - age}, now=now)


@pytest.fixture
def shop(tiny_shop, tmp_path):
    """Four users bought a red mug and a green shoe with a blue shoe; one likes yellow things."""
    shutil.copytree(tiny_shop, tmp_path / "shop")
    with EventLog(tmp_path / "shop" / EVENTS, create=True) as log:
        for user in "abcd":
            basket = ["blue-shoe", "red-mug", *(["green-shoe"] if user != "d" else [])]
            log.add([event(user, item, "purchase", age=60) for item in basket])
        log.add([event(f"x{n}", "white-mug", "purchase", age=60) for n in range(9)])
        log.add([event("green fan", "green-shoe"), event("green fan", "green-mug")])
        learn(log)
    return tmp_path / "shop"


@pytest.fixture
def personal(serve, shop):
    return serve(shop=shop, write_key=KEY)


def ids(reply, name="items"):
    return [item["item_id"] for item in reply[name]]


def together(http, item, **params):
    response = http.get(f"/v1/items/{item}/bought-together", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_what_is_bought_with_an_item_comes_first_and_needs_no_key(personal):
    reply = together(personal, "blue-shoe", limit=2)
    assert ids(reply) == ["red-mug", "green-shoe"]
    assert reply["fallback"] is None
    assert reply["items"][0]["reason"] == {
        "code": "bought_together",
        "item_id": "blue-shoe",
        "title": "Blue shoe",
    }
    assert personal.get(reply["items"][0]["image_url"]).status_code == 200


def test_too_few_are_filled_up_by_what_looks_like_the_item(personal):
    reply = together(personal, "blue-shoe", limit=4)
    assert ids(reply)[:2] == ["red-mug", "green-shoe"]
    assert (ids(reply)[2], reply["fallback"]) == ("blue-mug", "similar")
    assert reply["items"][2]["reason"]["code"] == "like_context"
    assert len(set(ids(reply))) == 4


def test_an_item_that_nobody_bought_has_an_answer_too(personal):
    reply = together(personal, "black-mug", limit=3)
    assert (len(reply["items"]), reply["fallback"]) == (3, "similar")
    assert "black-mug" not in ids(reply)


def test_a_substitute_is_not_bought_together(personal, shop):
    with EventLog(shop / EVENTS) as log:
        for user in "efgh":
            log.add([event(user, item, "purchase", age=9) for item in ("red-shoe", "red-mug")])
        learn(log)
    # To the encoder of this shop all red things look the same.
    assert (
        together(personal, "red-shoe", limit=3)["items"][0]["reason"]["code"] != "bought_together"
    )


def test_the_filter_and_unknown_items_hold(personal):
    assert ids(together(personal, "blue-shoe", limit=9, filter="category = Home"))[0] == "red-mug"
    reply = together(personal, "blue-shoe", filter="price > 1000")
    assert (reply["items"], reply["fallback"]) == ([], "nothing_allowed")
    response = personal.get("/v1/items/no-such/bought-together")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_item")
    assert personal.get("/v1/items/blue-shoe/bought-together?limit=0").status_code == 422


def search(http, *parts, headers=BEARER, **fields):
    body = {"parts": list(parts), **fields}
    return http.run(http.client.post("/v1/search", json=body, headers=headers))


def test_a_search_is_drawn_towards_what_the_user_likes(personal):
    photo = {"item_id": "red-shoe"}
    plain = search(personal, photo, limit=12).json()
    mine = search(personal, photo, {"user_id": "green fan", "weight": 0.9}, limit=12).json()
    assert ids(plain, "hits")[0] == ids(mine, "hits")[0] == "red-mug"

    def rank(reply):
        return min(ids(reply, "hits").index(item) for item in ("green-shoe", "green-mug"))

    assert rank(mine) == 1
    assert rank(mine) <= rank(plain)


def test_a_user_of_whom_nothing_is_known_changes_nothing(personal):
    photo = {"item_id": "red-shoe"}
    plain = search(personal, photo).json()
    mine = search(personal, photo, {"user_id": "stranger"}).json()
    assert ids(plain, "hits") == ids(mine, "hits")
    alone = search(personal, {"user_id": "stranger"})
    assert (alone.status_code, alone.json()["param"]) == (422, "user_id")
    words = search(personal, {"user_id": "stranger"}, {"text": "mug"}).json()
    assert all("mug" in item for item in ids(words, "hits"))


def test_a_user_alone_is_a_query_too(personal):
    reply = search(personal, {"user_id": "green fan"}, limit=2).json()
    assert set(ids(reply, "hits")) == {"green-shoe", "green-mug"}


def test_a_search_with_a_user_needs_the_key(personal, serve, shop):
    part = {"user_id": "green fan"}
    assert search(personal, part, headers={}).status_code == 401
    without = serve(shop=shop)
    assert search(without, part, headers={}).status_code == 403
    assert search(personal, {"text": "mug"}, headers={}).status_code == 200


def test_similar_items_for_a_user(personal):
    def similar(headers=BEARER, **params):
        return personal.run(
            personal.client.get("/v1/items/red-shoe/similar", params=params, headers=headers)
        )

    mine = similar(user="green fan", user_weight=0.9).json()
    assert ids(mine, "hits")[1] in ("green-shoe", "green-mug")
    assert similar(user="green fan", headers={}).status_code == 401
    assert similar(headers={}).status_code == 200


def test_the_pages_of_a_search_for_a_user_fit_together(personal):
    parts = [{"item_id": "red-shoe"}, {"user_id": "green fan", "weight": 0.5}]
    first = search(personal, *parts, limit=3).json()
    second = search(personal, *parts, limit=3, cursor=first["next_cursor"]).json()
    assert not set(ids(first, "hits")) & set(ids(second, "hits"))
    other = [parts[0], {"user_id": "stranger", "weight": 0.5}]
    assert search(personal, *other, limit=3, cursor=first["next_cursor"]).status_code == 422


def test_old_events_are_refused_and_deleted(serve, shop, monkeypatch):
    http = serve(shop=shop, write_key=KEY, keep_events_days=10)
    old = {"user_id": "u", "item_id": "red-mug", "type": "view", "time": time.time() - 11 * DAY}
    reply = http.run(http.client.post("/v1/events", json={"events": [old]}, headers=BEARER)).json()
    assert (reply["stored"], reply["refused"][0]["param"]) == (0, "time")
    with SearchEngine.open(shop) as engine:
        engine.recommender.add([event("u", "red-mug", age=11 * DAY)])
        assert json.loads(run("events", "expire", "--shop", shop, "--days", 20, "--json")) == {
            "days": 20,
            "events": 0,
        }
        monkeypatch.setenv("VITRINE_KEEP_EVENTS_DAYS", "10")
        assert json.loads(run("events", "expire", "--shop", shop, "--json"))["events"] == 1
        assert engine.recommender.events_of("u") == []


def test_a_compaction_by_command_is_seen_by_a_running_service(personal, shop):
    run("events", "erase", "green fan", "--shop", shop)
    run("events", "compact", "--shop", shop)
    assert together(personal, "blue-shoe", limit=1)["items"][0]["item_id"] == "red-mug"
    body = {"events": [{"user_id": "u", "item_id": "red-mug", "type": "view"}]}
    reply = personal.run(personal.client.post("/v1/events", json=body, headers=BEARER)).json()
    assert reply["stored"] == 1
    with SearchEngine.open(shop) as engine:
        assert len(engine.recommender.events_of("u")) == 1


def test_counts_are_published_by_command(shop):
    found = json.loads(run("events", "publish", "--shop", shop))
    assert {"item_id": "white-mug", "users": 9.0} in found["trending"]
    assert found["bought_together"][0]["users"] == 4.0
    noisy = json.loads(run("events", "publish", "--shop", shop, "--epsilon", "2"))
    assert (noisy["epsilon"], noisy["noise_scale"]) == (2.0, 10.0)


def test_exposure_is_reported_by_color_and_by_price(shop):
    found = json.loads(run("exposure", "--shop", shop, "--field", "color", "--json"))
    groups = {group["value"]: group for group in found["groups"]}
    assert found["users"] == 14
    assert sum(group["exposure"] for group in groups.values()) == pytest.approx(1, abs=0.01)
    # 4 of 22 items that users met are blue.
    assert groups["blue"]["relevance"] == pytest.approx(4 / 22, abs=1e-4)
    assert "white" in run("exposure", "--shop", shop, "--field", "color")
    assert run("exposure", "--shop", shop, "--field", "price")
    result = CliRunner().invoke(vitrine, ["exposure", "--shop", str(shop), "--field", "seller"])
    assert result.exit_code != 0


def test_interleaved_rankers_are_compared_by_command(personal, shop):
    clicked = {"user_id": "u", "item_id": "red-mug", "type": "click", "surface": "recommended/b"}
    body = {"events": [clicked]}
    personal.run(personal.client.post("/v1/events", json=body, headers=BEARER))
    found = json.loads(run("events", "interleaved", "--shop", shop, "--json"))
    assert (found["users"], found["b_wins"]) == (1, 1)
    assert "1 users reacted" in run("events", "interleaved", "--shop", shop)
