"""Suggestions over HTTP: decisions, filters and facets of accepted values, and drafts."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner

from service.cli.enrich_command import _items
from service.cli.main import vitrine
from tests.writecalls import BEARER, KEY


@pytest.fixture
def shop(tiny_shop, tmp_path):
    shutil.copytree(tiny_shop, tmp_path / "shop")
    return tmp_path / "shop"


def enrich(shop, *options):
    arguments = ["enrich", "--shop", str(shop), "--no-pictures", *options]
    result = CliRunner().invoke(vitrine, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def found(http, filter_, **options):
    reply = http.get("/v1/search", params={"q": "red", "filter": filter_, "limit": 9, **options})
    assert reply.status_code == 200, reply.text
    return reply.json()


def ids(reply):
    return sorted(hit["item_id"] for hit in reply["hits"])


def decide(http, item_id, headers=BEARER, **body):
    url = f"/v1/items/{item_id}/suggestions"
    return http.post(url, json=body, headers=headers)


def accepted(reply):
    return {
        (part["suggestion"]["attribute"], part["suggestion"]["value"], part["by"])
        for part in reply.json()["suggestions"]
        if part["accepted"]
    }


PATH = "Home & Garden > Kitchen & Dining > Tableware > Drinkware > Mugs"


def test_rows_of_a_catalog_that_cannot_be_read_are_reported(tmp_path, capsys):
    catalog = tmp_path / "catalog.csv"
    catalog.write_text("id,title,description\na,red cup,of glass\nb,cup\n")
    assert [item.item_id for item in _items(catalog)] == ["a"]
    assert "row 3: has 2 fields, the header has 3" in capsys.readouterr().err


def test_an_accepted_value_can_be_filtered_by_and_counted_but_is_not_shown(shop, serve):
    enrich(shop, "--accept-above", "0.9")
    http = serve(shop=shop)
    reply = found(http, f'suggested.taxonomy = "{PATH}"', facets="suggested.taxonomy")
    assert ids(reply) == ["red-mug"]
    assert reply["hits"][0]["attributes"] == http.get("/v1/items/red-mug").json()["attributes"]
    assert "suggested" not in str(reply["hits"])
    assert PATH in {value["value"] for value in reply["facets"]["suggested.taxonomy"]}


def test_nothing_is_accepted_without_a_rule_or_an_operator(shop, serve):
    enrich(shop)
    reply = serve(shop=shop).get(
        "/v1/search", params={"q": "red", "filter": f'suggested.taxonomy = "{PATH}"'}
    )
    assert reply.status_code == 422
    assert "suggested.taxonomy" in reply.json()["detail"]


def test_an_operators_decision_is_found_at_once_and_holds_when_enriched_again(shop, serve):
    enrich(shop)
    http = serve(shop=shop, write_key=KEY)
    reply = decide(http, "red-mug", attribute="taxonomy", value=PATH)
    assert accepted(reply) == {("taxonomy", PATH, "operator")}
    assert ids(found(http, f'suggested.taxonomy = "{PATH}"')) == ["red-mug"]
    enrich(shop)
    assert accepted(http.get("/v1/items/red-mug/suggestions")) == accepted(reply)
    decide(http, "red-mug", attribute="taxonomy", value=PATH, accepted=False)
    assert ids(found(http, f'suggested.taxonomy = "{PATH}"')) == []
    enrich(shop, "--accept-above", "0.1")
    assert PATH not in str(accepted(http.get("/v1/items/red-mug/suggestions")))


def test_a_decision_needs_a_key_and_a_value_that_is_suggested(shop, serve):
    enrich(shop)
    http = serve(shop=shop, write_key=KEY)
    assert decide(http, "red-mug", {}, attribute="taxonomy", value=PATH).status_code == 401
    wrong = decide(http, "red-mug", attribute="color", value="Plaid")
    assert (wrong.status_code, wrong.json()["param"]) == (422, "value")
    assert "'Plaid' is not suggested" in wrong.json()["detail"]
    assert decide(http, "no-such", attribute="color", value="Red").status_code == 404
    assert decide(http, "red-mug", color="Red").status_code == 422


def test_a_running_service_filters_by_what_a_command_accepts(shop, serve):
    http = serve(shop=shop, write_key=KEY)
    assert http.get("/v1/search", params={"q": "red", "filter": "price > 0"}).status_code == 200
    enrich(shop, "--accept-above", "0.9")
    decide(http, "blue-mug", attribute="taxonomy", value=PATH)  # a write that the service sees
    assert ids(found(http, f'suggested.taxonomy = "{PATH}"')) == ["red-mug"]


def draft(http, item_id, **body):
    return http.post(f"/v1/items/{item_id}/draft", json=body)


def test_a_draft_says_facts_of_the_item_and_names_their_fields(http):
    made = draft(http, "red-mug", tone="friendly", seed=3).json()
    assert made["text"] == draft(http, "red-mug", tone="friendly", seed=3).json()["text"]
    assert made["tone"] == "friendly"
    said = [made["facts"][at] for one in made["sentences"] for at in one["facts"]]
    assert "title" in {fact["field"] for fact in said}
    assert all(not one["problems"] for one in made["sentences"])
    assert " ".join(one["text"] for one in made["sentences"]) == made["text"]
    chinese = draft(http, "red-mug", language="zh").json()
    assert chinese["language"] == "zh"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tone": "loud"}, "tone"),
        ({"length": 501}, "length"),
        ({"x": 1}, "x"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wrong_wish_for_a_draft_is_named(http, body, param):
    reply = draft(http, "red-mug", **body)
    assert (reply.status_code, reply.json()["param"]) == (422, param)
    assert draft(http, "no-such").status_code == 404


def listed(http, **params):
    reply = http.get("/v1/suggestions", params=params, headers=BEARER)
    assert reply.status_code == 200, reply.text
    return reply.json()


def decide_many(http, *decisions):
    return http.post("/v1/suggestions", json={"decisions": decisions}, headers=BEARER)


def test_the_suggestions_of_the_shop_are_counted_and_listed_by_attribute(shop, serve):
    enrich(shop, "--accept-above", "0.9")
    http = serve(shop=shop, write_key=KEY)
    reply = listed(http, attribute="taxonomy", state="accepted", limit=3)
    (counted,) = [one for one in reply["attributes"] if one["attribute"] == "taxonomy"]
    assert (counted["accepted"], counted["refused"]) == (12, 0)
    assert len(reply["suggestions"]) == 3
    first = reply["suggestions"][0]
    assert (first["suggestion"]["attribute"], first["by"]) == ("taxonomy", "rule")
    assert first["title"] == http.get(f"/v1/items/{first['item_id']}").json()["title"]
    confidences = [one["suggestion"]["confidence"] for one in reply["suggestions"]]
    assert confidences == sorted(confidences, reverse=True)


def test_many_values_are_accepted_or_refused_at_once(shop, serve):
    enrich(shop)
    http = serve(shop=shop, write_key=KEY)
    mugs = [
        {"item_id": f"{color}-mug", "attribute": "taxonomy", "value": PATH}
        for color in ("red", "blue")
    ]
    reply = decide_many(http, *mugs, {**mugs[0], "accepted": False})
    assert (reply.status_code, reply.json()) == (200, {"decided": 3})
    for state, item_id in (("accepted", "blue-mug"), ("refused", "red-mug")):
        (one,) = listed(http, attribute="taxonomy", state=state)["suggestions"]
        assert (one["item_id"], one["by"]) == (item_id, "operator")
    filtered = {"q": "mug", "filter": f'suggested.taxonomy = "{PATH}"'}
    assert ids(http.get("/v1/search", params=filtered).json()) == ["blue-mug"]


def test_a_value_that_is_not_suggested_leaves_all_others_undecided(shop, serve):
    enrich(shop)
    http = serve(shop=shop, write_key=KEY)
    mug = {"item_id": "red-mug", "attribute": "taxonomy", "value": PATH}
    reply = decide_many(http, mug, {**mug, "value": "Wool"})
    assert (reply.status_code, reply.json()["param"]) == (422, "value")
    assert decide_many(http, mug, {**mug, "item_id": "none"}).status_code == 404
    assert listed(http, state="accepted")["suggestions"] == []


def test_the_suggestions_of_a_shop_need_a_key_and_may_be_none(shop, serve):
    http = serve(shop=shop, write_key=KEY)
    assert http.get("/v1/suggestions").status_code == 401
    assert listed(http) == {"attributes": [], "suggestions": []}
