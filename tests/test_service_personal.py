"""Events, users and recommendations over HTTP."""

from __future__ import annotations

import time

import pytest

from search.engine import SearchEngine
from tests.writecalls import BEARER, KEY


@pytest.fixture
def personal(serve, shop):
    return serve(shop=shop, write_key=KEY)


def call(http, method, path, **options):
    return http.run(http.client.request(method, path, headers=BEARER, **options))


def view(item, user="u", **more):
    return {"user_id": user, "item_id": item, "type": "view", **more}


def add(http, *events):
    response = call(http, "POST", "/v1/events", json={"events": list(events)})
    assert response.status_code == 200, response.text
    return response.json()


def recommended(http, user="u", **params):
    response = call(http, "GET", f"/v1/users/{user}/recommendations", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_event_is_in_the_next_recommendations(personal):
    assert recommended(personal)["fallback"] == "assorted"
    assert add(personal, view("red-shoe"))["stored"] == 1
    reply = recommended(personal, limit=3)
    assert (reply["items"][0]["item_id"], reply["fallback"], reply["events"]) == (
        "red-mug",
        None,
        1,
    )
    assert personal.get(reply["items"][0]["image_url"]).headers["content-type"] == "image/jpeg"


def test_pictures_come_in_the_style_that_the_user_reacts_to(personal):
    add(personal, *(view(f"{color}-shoe", rendition="noir") for color in ("red", "blue", "green")))
    reply = recommended(personal)
    assert reply["style"] == "noir"
    assert reply["items"][0]["image_url"].endswith("/image?index=0&style=noir")
    assert personal.get(reply["items"][0]["image_url"]).headers["content-type"] == "image/jpeg"
    plain = recommended(personal, style="original")
    assert (plain["style"], "style=" in plain["items"][0]["image_url"]) == ("original", False)
    assert recommended(personal, style="sepia")["items"][0]["image_url"].endswith("&style=sepia")


def test_a_style_that_the_shop_lacks_is_not_shown_and_cannot_be_asked_for(personal):
    add(personal, *(view(f"{color}-shoe", rendition="gone") for color in ("red", "blue", "green")))
    assert recommended(personal)["style"] == "original"
    refused = call(personal, "GET", "/v1/users/u/recommendations", params={"style": "gone"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_style")


def test_each_event_of_a_batch_stands_for_itself(personal):
    reply = add(
        personal,
        view("red-shoe", event_id="1"),
        view("red-shoe", event_id="1"),
        view("blue-mug", consent=False),
        view("not-here"),
        {"user_id": "u", "item_id": "red-shoe", "type": "buy"},
        "no object",
        view("red-shoe", time=time.time() + 9000),
    )
    counts = {name: reply[name] for name in ("stored", "repeated", "no_consent", "unknown_items")}
    assert counts == {"stored": 2, "repeated": 1, "no_consent": 1, "unknown_items": 1}
    assert [(one["index"], one["param"]) for one in reply["refused"]] == [
        (4, "type"),
        (5, None),
        (6, "time"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"events": []}, 422),
        ({"events": {}}, 422),
        ({"event": [view("a")]}, 422),
        ([view("a")], 422),
        ({"events": [view("a")] * 10_001}, 422),
    ],
)
def test_a_body_of_another_shape_is_refused(personal, body, status):
    assert call(personal, "POST", "/v1/events", json=body).status_code == status


def test_a_body_that_is_not_json_is_refused(personal):
    response = call(personal, "POST", "/v1/events", content=b"user,item")
    assert response.status_code == 415
    response = personal.run(
        personal.client.post(
            "/v1/events", content=b"{", headers={**BEARER, "content-type": "application/json"}
        )
    )
    assert (response.status_code, response.json()["code"]) == (422, "bad_query")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/events"),
        ("GET", "/v1/users/u"),
        ("GET", "/v1/users/u/recommendations"),
        ("DELETE", "/v1/users/u"),
    ],
)
def test_what_changes_or_tells_of_users_needs_the_key(personal, serve, shop, method, path):
    body = {"json": {"events": [view("red-shoe")]}} if method == "POST" else {}
    assert personal.run(personal.client.request(method, path, **body)).status_code == 401
    without = serve(shop=shop)
    assert without.run(without.client.request(method, path, **body)).status_code == 403


def test_what_tells_of_a_user_is_kept_by_no_cache(personal):
    for path in ("/v1/users/u", "/v1/users/u/recommendations"):
        assert call(personal, "GET", path).headers["cache-control"] == "no-store"


def test_no_user_id_is_in_the_logs(serve, shop, caplog):
    http = serve(shop=shop, write_key=KEY, request_log=True)
    with caplog.at_level("INFO"):
        call(http, "GET", "/v1/users/marguerite/recommendations")
        call(http, "DELETE", "/v1/users/marguerite")
        add(http, view("red-shoe", user="marguerite"))
    paths = [record.path for record in caplog.records if hasattr(record, "path")]
    assert paths[:2] == ["/v1/users/{user_id}/recommendations", "/v1/users/{user_id}"]
    ours = [record for record in caplog.records if record.name.startswith("vitrine")]
    assert "marguerite" not in str([record.__dict__ for record in ours])


def test_a_user_is_exported_and_erased(personal, shop):
    add(personal, view("red-shoe", event_id="e", time=1_700_000_000, surface="home", position=2))
    add(personal, view("blue-mug", user="other"))
    reply = call(personal, "GET", "/v1/users/u").json()
    assert reply == {
        "user_id": "u",
        "events": [
            {
                "event_id": "e",
                "user_id": "u",
                "item_id": "red-shoe",
                "type": "view",
                "time": 1_700_000_000.0,
                "surface": "home",
                "position": 2,
                "value": None,
                "rendition": "",
                "propensity": None,
                "consent": True,
            }
        ],
    }
    assert call(personal, "DELETE", "/v1/users/u").json() == {"user_id": "u", "events": 1}
    assert call(personal, "GET", "/v1/users/u").json()["events"] == []
    assert recommended(personal)["fallback"] == "assorted"
    assert recommended(personal, "other")["events"] == 1
    with SearchEngine.open(shop) as engine:
        assert engine.recommender.events_of("u") == []


def test_a_long_history_comes_in_parts_and_whole(personal, monkeypatch):
    monkeypatch.setattr("search.personal.recommender._PAGE", 2)
    add(personal, *(view("red-shoe", time=1_790_000_000 + n, event_id=str(n)) for n in range(7)))
    add(personal, view("blue-mug", user="v"))
    reply = call(personal, "GET", "/v1/users/u").json()
    assert [event["event_id"] for event in reply["events"]] == list("0123456")
    assert len(call(personal, "GET", "/v1/users/v").json()["events"]) == 1


@pytest.mark.parametrize("user", ["a/b", "a/recommendations", "ü 1", "50%", "a?b"])
def test_user_ids_may_hold_anything_if_encoded(personal, user):
    from urllib.parse import quote

    add(personal, view("red-shoe", user=user))
    encoded = quote(user, safe="")
    assert len(call(personal, "GET", f"/v1/users/{encoded}").json()["events"]) == 1
    assert recommended(personal, encoded)["events"] == 1


def test_a_session_is_recommended_from_its_events_and_nothing_is_stored(personal, shop):
    body = {"events": [{"item_id": "blue-shoe"}], "limit": 2, "explain": True}
    reply = personal.post("/v1/sessions/recommend", json=body).json()
    first = reply["items"][0]
    assert first["item_id"] == "blue-mug"
    assert first["reason"]["item_id"] == "blue-shoe"
    assert sum(first["contributions"].values()) == pytest.approx(first["score"], abs=1e-4)
    assert not (shop / "events.lmdb").exists()


def test_events_of_a_session_without_times_are_in_order(personal):
    body = {"events": [{"item_id": f"{color}-shoe"} for color in ("red", "green", "blue")]}
    reply = personal.post("/v1/sessions/recommend", json={**body, "limit": 1}).json()
    assert reply["items"][0]["item_id"] == "blue-mug"


def test_a_browser_whose_clock_is_ahead_is_answered(personal):
    body = {"events": [{"item_id": "red-shoe", "time": time.time() + 86_400}], "limit": 1}
    reply = personal.post("/v1/sessions/recommend", json=body)
    assert reply.json()["items"][0]["item_id"] == "red-mug"


def test_a_session_is_no_way_to_fill_the_memory(personal):
    filter_ = {"must": [{}] * 60_000}
    body = {"events": [], "filter": filter_}
    assert personal.post("/v1/sessions/recommend", json=body).status_code == 413
    response = personal.post("/v1/sessions/recommend", content=b"{}")
    assert response.status_code == 415


def test_filter_context_and_limit_hold(personal):
    add(personal, view("red-shoe"))
    reply = recommended(personal, filter="category = Home", item="green-mug", limit=2)
    assert len(reply["items"]) == 2
    assert all(item["categories"] == ["Home/Mugs"] for item in reply["items"])
    assert "green-mug" not in [item["item_id"] for item in reply["items"]]


@pytest.mark.parametrize(
    ("params", "status", "param"),
    [
        ({"limit": 0}, 422, "limit"),
        ({"limit": 100_000}, 422, "limit"),
        ({"filter": "nothing = "}, 422, "filter"),
        ({"item": "no-such"}, 404, "item"),
        ({"diversity": 7}, 422, "diversity"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
def test_a_bad_parameter_is_named(personal, params, status, param):
    response = call(personal, "GET", "/v1/users/u/recommendations", params=params)
    assert (response.status_code, response.json()["param"]) == (status, param)
