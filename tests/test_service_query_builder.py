"""A request asks the same query, whatever carried its fields."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from indexer.errors import BadImage, BadQuery
from indexer.imaging.images import WHOLE
from search.filters.jsonform import Range
from search.query import EmbeddingPart, ImagePart, ItemPart, TextPart
from service.http.routes.search import query_from_form, query_from_json
from service.http.schemas import SimilarParams
from service.query_builder import GivenFields, GivenPart, build_query, read_box

PHOTO = b"not looked at before it is decoded"
BOUNDARY = "xyz"


def form(**fields: str) -> tuple[bytes, str]:
    """A multipart body with a photo and these texts, and its content type."""
    parts = [f'name="image"; filename="p"\r\n\r\n{PHOTO.decode()}']
    parts += [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    lines = [f"--{BOUNDARY}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts]
    body = "".join(lines) + f"--{BOUNDARY}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={BOUNDARY}"


def test_json_a_form_and_the_command_line_ask_the_same_query():
    shared = {"limit": 3, "group": "item", "collapse": 0.9, "cursor": "abc"}
    by_json = query_from_json(
        json.dumps(
            {
                "parts": [
                    {"image": base64.b64encode(PHOTO).decode(), "box": [0, 0, 0.5, 1]},
                    {"text": "mug", "weight": -0.5},
                ],
                "filter": {"must": [{"key": "price", "range": {"lt": 20}}]},
                "facets": ["category", "color"],
                **shared,
            }
        ).encode()
    )
    by_form = query_from_form(
        *form(
            box="0,0,0.5,1",
            text="mug",
            text_weight="-0.5",
            filter="price < 20",
            facets=" category, color ,",
            **{name: str(value) for name, value in shared.items()},
        )
    ).query
    by_command = build_query(
        [
            GivenPart(image=PHOTO, box=read_box("0,0,0.5,1", name="--box")),
            GivenPart(text="mug", weight=-0.5),
        ],
        GivenFields(filter="price < 20", facets=["category", "color"], **shared),
    )
    assert by_json == by_form == by_command
    assert by_json.parts == [ImagePart(PHOTO, 1.0, (0, 0, 0.5, 1)), TextPart("mug", -0.5)]
    assert by_json.filter == Range("price", below=20.0, below_included=False)
    assert by_json.facets == ["category", "color"]


def test_the_parameters_of_a_get_ask_what_json_asks():
    by_json = query_from_json(b'{"parts": [{"item_id": "red-mug"}], "limit": 5}')
    by_get = build_query([GivenPart(item_id="red-mug")], SimilarParams(limit=5))
    assert by_get == by_json
    assert by_get.parts == [ItemPart("red-mug")]


def test_every_kind_of_part_is_built():
    parts = [
        GivenPart(image="data:image/png;base64," + base64.b64encode(PHOTO).decode()),
        GivenPart(text="mug"),
        GivenPart(item_id="red-mug"),
        GivenPart(embedding=[1.0, 1e300], weight=2.0),
    ]
    image, text, item, embedding = build_query(parts, GivenFields()).parts
    assert image == ImagePart(PHOTO, 1.0, WHOLE)
    assert (text, item) == (TextPart("mug"), ItemPart("red-mug"))
    assert isinstance(embedding, EmbeddingPart)
    assert embedding.weight == 2.0
    np.testing.assert_array_equal(embedding.embedding, np.float32([1, np.inf]))


def test_fields_that_are_not_given_have_the_defaults_of_a_query():
    query = build_query([GivenPart(text="mug")], GivenFields(filter="  "))
    assert query.filter is None
    assert (query.limit, query.group, query.facets) == (10, "product", [])
    assert (query.cursor, query.collapse) == (None, None)


def test_what_cannot_be_read_names_its_field():
    with pytest.raises(BadImage, match="not base64") as caught:
        build_query([GivenPart(text="mug"), GivenPart(image="###")], GivenFields())
    assert caught.value.param == "parts.1.image"
    with pytest.raises(BadQuery, match="the filter is not JSON") as caught:
        build_query([GivenPart(text="mug")], GivenFields(filter="{"))
    assert caught.value.param == "filter"
    with pytest.raises(BadImage, match="--box takes four numbers x0,y0,x1,y1, got '1,2'"):
        read_box("1,2", name="--box")
    assert read_box(" ") is None
