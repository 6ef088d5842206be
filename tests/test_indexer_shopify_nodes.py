"""Products of Shopify's GraphQL: bulk operations as JSON lines, and edges with nodes."""

from __future__ import annotations

import json

from tests.exportfiles import facts, read, shop

__all__ = ["shop"]  # fixtures

MUG = {
    "id": "gid://shopify/Product/1", "title": "Red Mug", "handle": "red-mug",
    "descriptionHtml": "<p>Nice mug</p>", "vendor": "Clay", "productType": "Mugs",
    "tags": ["kitchen"], "status": "ACTIVE", "onlineStoreUrl": "https://s.example/red-mug",
    "priceRangeV2": {"minVariantPrice": {"amount": "12.0", "currencyCode": "EUR"}},
    "category": {"fullName": "Home > Mugs"},
}  # fmt: skip
SMALL = {
    "id": "gid://shopify/ProductVariant/11", "sku": "RM-S", "title": "Small", "price": "12.00",
    "compareAtPrice": "15.00", "inventoryQuantity": 3, "availableForSale": True,
    "selectedOptions": [{"name": "Size", "value": "Small"}], "__parentId": MUG["id"],
}  # fmt: skip
LARGE = {
    "id": "gid://shopify/ProductVariant/12", "sku": "", "title": "Large", "price": "14.00",
    "availableForSale": False, "selectedOptions": [{"name": "Size", "value": "Large"}],
    "image": {"url": "p/1.jpg"}, "__parentId": MUG["id"],
}  # fmt: skip
PICTURE = {
    "id": "gid://shopify/MediaImage/21", "image": {"url": "p/0.jpg"}, "__parentId": MUG["id"],
}  # fmt: skip
CLAY = {
    "id": "gid://shopify/Metafield/41", "namespace": "custom", "key": "material",
    "value": "stoneware", "__parentId": MUG["id"],
}  # fmt: skip
DRAFT = {"id": "gid://shopify/Product/3", "title": "Draft", "handle": "d", "status": "DRAFT"}
SMALL_MUG = ("RM-S", "Red Mug", "Home/Mugs; Mugs", 12.0, "EUR", True, "p/0.jpg")
LARGE_MUG = ("12", "Red Mug", "Home/Mugs; Mugs", 14.0, "EUR", False, "p/1.jpg p/0.jpg")


def lines(*objects):
    return "".join(json.dumps(part) + "\n" for part in objects)


def test_lines_of_a_bulk_operation_are_variants_with_the_data_of_their_product(shop):
    items, (draft,) = read(shop, "a.jsonl", lines(MUG, SMALL, LARGE, PICTURE, CLAY, DRAFT))
    assert [facts(item) for item in items] == [SMALL_MUG, LARGE_MUG]
    small, large = items
    assert small.product_id == large.product_id == "red-mug"
    assert (small.description, small.url) == ("Nice mug", "https://s.example/red-mug")
    assert large.attributes == {
        "brand": "Clay", "tags": ["kitchen"], "material": "stoneware", "size": "Large",
    }  # fmt: skip
    assert draft.reason == "left out: its status is 'DRAFT'"


def test_lines_of_a_bulk_operation_may_be_ungrouped(shop):
    bowl = {"id": "gid://shopify/Product/2", "title": "Bowl", "handle": "bowl"}
    plain = {"id": "gid://shopify/ProductVariant/13", "price": "8.00", "__parentId": bowl["id"]}
    items, _ = read(shop, "a.jsonl", lines(MUG, bowl, SMALL, plain, PICTURE, LARGE))
    assert sorted(facts(item)[:4] for item in items) == [
        ("12", "Red Mug", "Home/Mugs; Mugs", 14.0),
        ("13", "Bowl", "", 8.0),
        ("RM-S", "Red Mug", "Home/Mugs; Mugs", 12.0),
    ]


def test_variants_that_name_their_product_as_an_object_are_put_together(shop):
    product = {"id": MUG["id"], "title": "Red Mug", "handle": "red-mug",
               "featuredImage": {"url": "p/0.jpg"}}  # fmt: skip
    parts = [{"id": f"gid://shopify/ProductVariant/{number}", "sku": f"M{number}",
              "price": "5.00", "product": product} for number in (1, 2)]  # fmt: skip
    items, _ = read(shop, "a.jsonl", lines(*parts))
    assert [facts(item) for item in items] == [
        (f"M{number}", "Red Mug", "", 5.0, "", True, "p/0.jpg") for number in (1, 2)
    ]


def test_the_answer_of_a_graphql_query_is_read(shop):
    node = {
        **MUG,
        "images": {"edges": [{"node": {"url": "p/0.jpg"}}]},
        "variants": {"edges": [{"node": SMALL}, {"node": LARGE}]},
    }
    answer = {"data": {"products": {"edges": [{"node": node}], "pageInfo": {}}}}
    items, _ = read(shop, "a.json", json.dumps(answer))
    assert [facts(item) for item in items] == [SMALL_MUG, LARGE_MUG]
    items, _ = read(shop, "a.json", json.dumps({"data": {"products": {"nodes": [node]}}}))
    assert [facts(item) for item in items] == [SMALL_MUG, LARGE_MUG]


def test_a_variant_that_shopify_sells_beyond_its_stock_is_in_stock(shop):
    kinds = {"continue": True, "deny": False}
    product = {
        "title": "iPod", "handle": "ipod", "body_html": "", "images": [{"src": "p/0.jpg"}],
        "variants": [{"id": number, "sku": policy, "price": "1", "inventory_quantity": 0,
                      "inventory_management": "shopify", "inventory_policy": policy}
                     for number, policy in enumerate(kinds)]
        + [{"id": 9, "sku": "uncounted", "inventory_quantity": 0, "inventory_management": None}],
    }  # fmt: skip
    items, _ = read(shop, "a.json", json.dumps({"products": [product]}))
    assert {item.item_id: item.in_stock for item in items} == {**kinds, "uncounted": True}


def test_a_featured_picture_that_is_also_listed_is_read_once(shop):
    picture = {"id": 5, "src": "p/0.jpg", "variant_ids": [1]}
    product = {
        "title": "Scarf", "handle": "scarf", "images": [picture, {"src": "p/1.jpg"}],
        "variants": [{"id": 1, "sku": "S", "price": "29.00", "featured_image": picture}],
    }  # fmt: skip
    (scarf,), _ = read(shop, "a.json", json.dumps({"products": [product]}))
    assert scarf.images == ["p/0.jpg", "p/1.jpg"]
