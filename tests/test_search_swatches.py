"""The colors of a product beside its hit, and the counts of products."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadQuery
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.writing.writes import Draft
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.hits import Reply
from search.query import Query, TextPart
from tests.conftest import COLORS, Services

JACKETS = [
    ("jacket-red-s", "red", "S", False),
    ("jacket-red-m", "red", "M", True),
    ("jacket-blue-s", "blue", "S", True),
    ("jacket-green-s", "green", "S", True),
]


def _write(folder: Path) -> Path:
    """Write a jacket in three colors, red in two sizes, and a red cap."""
    lines: list[dict[str, Any]] = []
    for item_id, color, size, in_stock in [*JACKETS, ("cap", "red", "M", True)]:
        Image.new("RGB", (8, 8), COLORS[color]).save(folder / f"{item_id}.png")
        lines.append(
            {
                "id": item_id,
                "product_id": item_id.split("-")[0],
                "title": f"warm {item_id.split('-')[0]}",
                "price": 20 if size == "S" else 30,
                "in_stock": in_stock,
                "color": color,
                "size": size,
                "image": f"{item_id}.png",
            }
        )
    path = folder / "catalog.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def _build(catalog: Path, shop: Path) -> None:
    build_index(open_catalog(catalog), ShopFolder(shop), ColorEncoder())


@pytest.fixture(scope="module")
def wardrobe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wardrobe")
    _build(_write(folder), folder / "shop")
    return folder / "shop"


@pytest.fixture(scope="module")
def engine(wardrobe: Path) -> Iterator[SearchEngine]:
    with SearchEngine.open(wardrobe) as opened:
        yield opened


def search(engine: SearchEngine, words: str = "warm", **fields: Any) -> Reply:
    if "filter" in fields:
        fields["filter"] = parse_filter(fields["filter"])
    return engine.search(Query(parts=[TextPart(words)], **fields))


def colors(reply: Reply) -> dict[str, list[tuple[str, str]]]:
    return {
        hit.product_id: [(swatch.value, swatch.item_id) for swatch in hit.swatches]
        for hit in reply.hits
    }


def test_a_jacket_has_one_swatch_a_color_and_a_cap_of_one_color_has_none(engine):
    found = colors(search(engine, swatches="color"))
    assert [value for value, _ in found["jacket"]] == ["blue", "green", "red"]
    assert found["cap"] == []


def test_a_color_is_shown_by_the_hit_itself_then_by_an_item_in_stock(engine):
    by_blue = search(engine, swatches="color", filter="color = blue")
    assert colors(by_blue)["jacket"][2] == ("red", "jacket-red-m")  # S is sold out
    by_small = search(engine, swatches="color", filter="color = red and size = S")
    assert colors(by_small)["jacket"][2] == ("red", "jacket-red-s")


def test_a_filter_does_not_hide_the_other_colors_of_a_hit(engine):
    reply = search(engine, swatches="color", filter="color = green")
    assert [value for value, _ in colors(reply)["jacket"]] == ["blue", "green", "red"]


def test_without_the_request_there_are_no_swatches(engine):
    assert all(hit.swatches == [] for hit in search(engine).hits)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("price", "swatches takes an attribute, such as color, got 'price'"),
        ("wool", "unknown swatch field 'wool'; this shop has category"),
    ],
)
def test_a_field_that_has_no_swatches_is_refused(engine, field, message):
    with pytest.raises(BadQuery, match=message) as caught:
        search(engine, swatches=field)
    assert caught.value.param == "swatches"


def test_of_many_colors_twelve_are_shown_and_that_of_the_hit_is_among_them(tmp_path):
    lines = []
    for number in range(20):
        Image.new("RGB", (8, 8), (number * 12, 40, 40)).save(tmp_path / f"{number}.png")
        item = {
            "id": f"sock-{number}",
            "product_id": "sock",
            "title": "sock",
            "shade": f"n{number}",
        }
        lines.append(json.dumps({**item, "image": f"{number}.png"}))
    (tmp_path / "socks.jsonl").write_text("\n".join(lines), encoding="utf-8")
    _build(tmp_path / "socks.jsonl", tmp_path / "shop")
    with SearchEngine.open(tmp_path / "shop") as opened:
        (hit,) = search(opened, "sock", swatches="shade", filter="shade = n5").hits
    values = [swatch.value for swatch in hit.swatches]
    assert values == ["n0", "n1", *(f"n{number}" for number in range(10, 19)), "n5"]  # by id


def test_facets_count_products_beside_items(engine):
    reply = search(engine, facets=["color", "size", "in_stock"])
    assert (reply.total, reply.products) == (5, 2)
    counted = {
        field: {one.value: (one.count, one.products) for one in values}
        for field, values in reply.facets.items()
    }
    assert counted["color"] == {"red": (3, 2), "blue": (1, 1), "green": (1, 1)}
    assert counted["size"] == {"S": (3, 1), "M": (2, 2)}
    assert counted["in_stock"] == {"true": (4, 2), "false": (1, 1)}


def test_a_filter_counts_the_products_that_would_be_shown(engine):
    reply = search(engine, facets=["color"], filter="color = blue")
    assert (reply.total, reply.products) == (1, 1)
    assert {one.value: one.products for one in reply.facets["color"]}["red"] == 2


def test_swatches_over_http_have_the_picture_of_their_item(wardrobe):
    with contextlib.closing(Services(wardrobe)) as services:
        http = services.start()
        fields = {"q": "jacket", "swatches": "color", "facets": "color"}
        reply = http.get("/v1/search", params=fields).json()
        (hit,) = reply["hits"]
        assert [swatch["value"] for swatch in hit["swatches"]] == ["blue", "green", "red"]
        green = hit["swatches"][1]
        assert green["image_url"] == "/v1/items/jacket-green-s/image?index=0"
        assert http.get(green["image_url"]).status_code == 200
        assert reply["facets"]["color"][0] == {"value": "red", "count": 2, "products": 1}
        refused = http.get("/v1/search", params={**fields, "swatches": "wool"})
        assert (refused.status_code, refused.json()["param"]) == (422, "swatches")


def test_a_recolored_item_moves_to_another_swatch_at_once(tmp_path):
    _build(_write(tmp_path), tmp_path / "shop")
    with SearchEngine.open(tmp_path / "shop") as opened:
        green = opened.item("jacket-green-s")
        blue = replace(green, attributes={**green.attributes, "color": "blue"})
        opened.put([Draft(green.item_id, lambda _: blue, None)])
        opened.refresh()
        reply = search(opened, "jacket", swatches="color", facets=["color"])
    assert [value for value, _ in colors(reply)["jacket"]] == ["blue", "red"]
    counted = {one.value: (one.count, one.products) for one in reply.facets["color"]}
    assert counted == {"red": (2, 1), "blue": (2, 1)}  # one in the index, one written since
