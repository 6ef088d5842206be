"""Measure words beside a picture: an item of the drawn shop, and another color that its kind has.

    vitrine sample demo && vitrine index demo/catalog.csv --shop shop
    python scripts/eval_words.py --shop shop [--products 5]

A pair is an item and a color. It is used if the shop has items of that kind and color: for each
kind in turn, the colors that most products of that kind have. The first ``places`` hits are judged,
at most five and at most as many as the kind has products in that color, because a shop with two
green mugs cannot show five. The table also has all five.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from indexer.items import Item
from search.engine import SearchEngine
from search.query import ImagePart, ItemPart, Part, Query, TextPart

FIRST = 5


class Pair(NamedTuple):
    """An item, the color that is asked for, and how many products of its kind have it."""

    item: Item
    color: str
    products: int


def kind_of(item: Item) -> str:
    return item.categories[-1] if item.categories else ""  # the first may be a collection


def color_of(item: Item) -> str:
    return str(item.attributes.get("color", ""))


def pairs_of(items: list[Item], most: int, least: int = 1) -> list[Pair]:
    """Return up to ``most`` pairs of all kinds in turn, with ``least`` products of their color."""
    products: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    by_kind: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        products[kind_of(item)][color_of(item)].add(item.product_id)
        by_kind[kind_of(item)].append(item)
    turns: list[list[Pair]] = []
    for kind in sorted(by_kind):
        colors = sorted(products[kind], key=lambda color: (-len(products[kind][color]), color))
        pairs = []
        for place, color in enumerate(colors):
            others = [item for item in by_kind[kind] if color_of(item) != color]
            if len(products[kind][color]) < least or not color:
                continue
            for turn in range(min(len(others), 1 if least == 1 else FIRST)):
                item = others[(7 * (place + turn)) % len(others)]
                pairs.append(Pair(item, color, len(products[kind][color])))
        turns.append(pairs)
    ordered = [
        pair[turn] for turn in range(max(map(len, turns))) for pair in turns if turn < len(pair)
    ]
    return ordered[:most]


def judge(engine: SearchEngine, pairs: list[Pair], *, by_photo: bool) -> dict[str, float]:
    """Return the shares of hits with the kind and the color; ``by_photo`` hides the item."""
    sums: dict[str, float] = defaultdict(float)
    for item, color, products in pairs:
        parts: list[Part] = [ItemPart(item.item_id), TextPart(color)]
        if by_photo:
            parts[0] = ImagePart(engine.thumbnail(item.item_id))
        hits = engine.search(Query(parts=parts, limit=FIRST)).hits
        found = [engine.item(hit.item_id) for hit in hits]
        kinds = [kind_of(hit) == kind_of(item) for hit in found]
        colors = [color_of(hit) == color for hit in found]
        places = min(FIRST, products)
        sums["kind, places"] += sum(kinds[:places]) / places
        sums["color, places"] += sum(colors[:places]) / places
        sums["kind, five"] += sum(kinds) / FIRST
        sums["color, five"] += sum(colors) / FIRST
        sums["neither, five"] += (
            sum(not (kind or colored) for kind, colored in zip(kinds, colors, strict=True)) / FIRST
        )
        sums["places"] += places
    return {name: round(total / len(pairs), 4) for name, total in sums.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument(
        "--products", type=int, default=1, help="Least products of the kind and color of a pair."
    )
    options = parser.parse_args()
    with SearchEngine.open(options.shop) as engine:
        items = [engine.item(item_id) for item_id in engine.item_vectors()[0]]
        pairs = pairs_of(items, options.pairs, options.products)
        for name, by_photo in (("item and color", False), ("photo and color", True)):
            print(json.dumps({name: judge(engine, pairs, by_photo=by_photo)}))


if __name__ == "__main__":
    main()
