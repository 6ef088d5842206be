"""The description of the service says what the service does."""

from __future__ import annotations

import json
import re

import pytest

ROUTES = {
    ("post", "/v1/search"),
    ("post", "/v1/search/image"),
    ("get", "/v1/items"),
    ("put", "/v1/items"),
    ("post", "/v1/items/delete"),
    ("patch", "/v1/items/{item_id}"),
    ("delete", "/v1/items/{item_id}"),
    ("get", "/v1/items/{item_id}"),
    ("get", "/v1/items/{item_id}/similar"),
    ("get", "/v1/items/{item_id}/image"),
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
    }
    assert "null" not in json.dumps(part)
    assert part["properties"]["text"]["type"] == "string"


def test_the_description_asks_nothing_of_the_index(serve, tmp_path):
    assert serve(shop=tmp_path / "none").get("/openapi.json").status_code == 200
