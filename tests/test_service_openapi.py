"""The description of the service says what the service does."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from search.asking.answer import Answer
from service.http.openapi import reply_schemas
from service.http.problems import Problem
from service.http.replies import (
    BatchReply,
    HealthReply,
    ItemReply,
    ItemsReply,
    SearchReply,
    StatusReply,
    StylesReply,
)

ROUTES = {
    ("post", "/v1/search"),
    ("get", "/v1/search"),
    ("post", "/v1/search/batch"),
    ("post", "/v1/search/image"),
    ("post", "/v1/ask"),
    ("post", "/v1/classify"),
    ("post", "/v1/recognize"),
    ("post", "/v1/classify"),
    ("get", "/v1/items"),
    ("put", "/v1/items"),
    ("post", "/v1/items/delete"),
    ("patch", "/v1/items/{item_id}"),
    ("delete", "/v1/items/{item_id}"),
    ("get", "/v1/items/{item_id}"),
    ("get", "/v1/items/{item_id}/similar"),
    ("get", "/v1/items/{item_id}/bought-together"),
    ("get", "/v1/items/{item_id}/reviews"),
    ("get", "/v1/items/{item_id}/suggestions"),
    ("get", "/v1/items/{item_id}/image"),
    ("post", "/v1/events"),
    ("post", "/v1/sessions/recommend"),
    ("get", "/v1/users/{user_id}/recommendations"),
    ("get", "/v1/users/{user_id}"),
    ("delete", "/v1/users/{user_id}"),
    ("get", "/v1/styles"),
    ("post", "/v1/style"),
    ("post", "/v1/campaign"),
    ("get", "/v1/generations"),
    ("post", "/v1/generations/{name}/promote"),
    ("post", "/v1/rollback"),
    ("get", "/v1/key"),
    ("get", "/v1/storage"),
    ("get", "/v1/suggestions"),
    ("post", "/v1/suggestions"),
    ("get", "/v1/models"),
    ("get", "/v1/settings"),
    ("get", "/v1/reports/{kind}"),
    ("post", "/v1/items/{item_id}/suggestions"),
    ("post", "/v1/items/{item_id}/draft"),
    ("put", "/v1/styles/{name}"),
    ("post", "/v1/styles/index"),
    ("post", "/v1/styles/remove"),
    ("get", "/v1/keys"),
    ("post", "/v1/keys"),
    ("post", "/v1/keys/{name}/rotate"),
    ("delete", "/v1/keys/{name}"),
    ("get", "/v1/jobs"),
    ("get", "/v1/jobs/{job_id}"),
    ("get", "/v1/jobs/{job_id}/events"),
    ("get", "/v1/jobs/{job_id}/report"),
    ("post", "/v1/jobs/{job_id}/cancel"),
    ("get", "/v1/catalogs"),
    ("post", "/v1/builds"),
    ("post", "/v1/rebuilds"),
    ("get", "/v1/snapshots"),
    ("post", "/v1/snapshots"),
    ("post", "/v1/migrations"),
    ("post", "/v1/migrations/plan"),
    ("post", "/v1/migrations/stop"),
    ("post", "/v1/comparisons"),
    ("post", "/v1/audits"),
    ("get", "/v1/status"),
    ("get", "/livez"),
    ("get", "/metrics"),
    ("get", "/readyz"),
}


@pytest.fixture
def document(http):
    response = http.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    return response.json()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_route_is_described(document):
    assert {(method, path) for method, path, _ in operations(document)} == ROUTES


def test_every_route_documents_its_problems(document):
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert "500" in operation["responses"], (method, path)
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (method, path)


def test_every_reference_leads_somewhere(document):
    schemas = document["components"]["schemas"]
    for name in re.findall(r"'#/components/schemas/([^']+)'", str(document)):
        assert name in schemas
    assert "HTTPValidationError" not in schemas


def test_the_documented_examples_are_answered(http, document):
    fields = document["components"]["schemas"]["SearchBody"]["properties"]
    question = {"parts": [{"text": "mug"}]}
    for name, field in fields.items():
        for example in field.get("examples", ()):
            asked = json.dumps({**question, name: example}).replace("mug-012", "red-mug")
            headers = {"content-type": "application/json"}
            response = http.post("/v1/search", content=asked, headers=headers)
            assert response.status_code == 200, response.text


def test_a_part_is_documented_as_holding_one_thing_and_no_null(document):
    part = document["components"]["schemas"]["PartBody"]
    assert {one["required"][0] for one in part["oneOf"]} == {
        "image",
        "text",
        "item_id",
        "embedding",
        "user_id",
    }
    assert "null" not in json.dumps(part)
    assert part["properties"]["text"]["type"] == "string"


def test_the_description_asks_nothing_of_the_index(serve, tmp_path):
    assert serve(shop=tmp_path / "none").get("/openapi.json").status_code == 200


def documented(document, name):
    """The fields of a schema by name that replies always hold: all but those to be asked for."""
    schema = document["components"]["schemas"][name]
    fields = {key: schema["properties"][key] for key in schema["required"]}
    assert set(schema["properties"]) - set(fields) <= {"verification"}, name
    assert schema["description"], name
    return fields


@pytest.mark.parametrize(
    ("method", "path", "body", "struct"),
    [
        ("POST", "/v1/search", {"parts": [{"text": "mug"}], "facets": ["color"]}, SearchReply),
        ("GET", "/v1/search?q=mug", None, SearchReply),
        ("POST", "/v1/search/batch", {"searches": [{"parts": [{"text": "mug"}]}]}, BatchReply),
        ("GET", "/v1/items/red-shoe/similar", None, SearchReply),
        ("GET", "/v1/items?limit=3", None, ItemsReply),
        ("GET", "/v1/items/red-shoe", None, ItemReply),
        ("GET", "/v1/status", None, StatusReply),
        ("GET", "/v1/styles", None, StylesReply),
        ("GET", "/livez", None, HealthReply),
        ("GET", "/readyz", None, HealthReply),
        ("POST", "/v1/ask", {"question": "is it red?", "item_id": "red-mug"}, Answer),
        ("POST", "/v1/search", {"parts": []}, Problem),
    ],
)
def test_a_reply_is_what_its_struct_documents(http, document, method, path, body, struct):
    response = http.run(http.client.request(method, path, json=body))
    msgspec.json.decode(response.content, type=struct)  # of these types
    reply = response.json()
    assert set(reply) == set(documented(document, struct.__name__))
    for hit in reply.get("hits", ()):
        assert set(hit) == set(documented(document, "HitReply"))
    for item in reply.get("items", ()) if struct is ItemsReply else ():
        assert set(item) == set(documented(document, "ItemReply"))
    for values in reply.get("facets", {}).values() if struct is SearchReply else ():
        assert all(set(value) == set(documented(document, "FacetValue")) for value in values)
    if struct is StatusReply:
        assert set(reply["recall"]) == set(documented(document, "RecallStatus"))


def test_boxes_are_documented_as_generators_of_clients_know_arrays(document):
    assert "prefixItems" not in json.dumps(document)
    box = documented(document, "BoxReply")["box"]
    assert (box["items"], box["minItems"], box["maxItems"]) == ({"type": "number"}, 4, 4)


def test_every_reply_of_a_route_is_documented_by_a_struct(document):
    structs = reply_schemas()
    for method, path, operation in operations(document):
        responses = operation["responses"]
        content = responses["202" if "202" in responses else "200"]["content"]
        if "application/json" not in content:
            pictures = ("/v1/style", "/v1/campaign", "/v1/items/{item_id}/image")
            others = ("/metrics", "/v1/jobs/{job_id}/events")
            assert path in (*pictures, *others), (method, path)
            continue
        if path == "/v1/jobs/{job_id}/report":  # what a command prints
            continue
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert document["components"]["schemas"][name] == structs[name]


def test_no_reply_leaves_a_field_out_that_was_not_to_be_asked_for():
    asked_for = {"verification", "mask", "products"}
    for schema in reply_schemas().values():
        assert set(schema["properties"]) - set(schema["required"]) <= asked_for
        assert not [field for field in schema["properties"].values() if "default" in field]
