#!/usr/bin/env python3
"""Measure the suggested attributes and categories: on a sheet of products, and on two shops.

    python scripts/eval_attributes.py [--data DIR] [--half tune|report|all] [--wrong N]

*sheet*: `scripts/attributes_sheet.tsv`, 150 titles and descriptions in English and Chinese with the
right values, which were written before the rules were run on them. `attributes_sheet_2.tsv` has 60
more (`--sheet`). An attribute that has no right
value has none, so a suggestion of it is wrong. A category is right if its node is listed,
below a listed one, or above one and not a root.

*magento*, *grocery* (`--shop NAME=DIR`, indexed shops): each item with all its own fields hidden,
against the shop's own columns. The values of the other products are known, as they are to a shop
that fills in the rest: pictures are judged by a classifier that was fitted without the item's
product, kinds by the other products. ``texts`` uses titles and descriptions alone. The gender of
clothes is the first part of their path. ``taxonomy`` is right if the node of the shop's category
in `scripts/categories_truth.tsv` is found, or one above or below it. Counted are suggestions of a
confidence of at least 0.5, and 0.75. ``named by any word`` counts every value whose word stands
anywhere in the texts: its recall is the most that any reading of the texts can reach.

*meaning* (`--meaning`, needs the extra `words`): the names of colors in `scripts/color_words.tsv`
that no list has, and all words of the sheets' titles that name no value and no kind of thing,
which are no colors.

Precision is of the values suggested; recall is the share of items with a right value of which one
was suggested.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from machine import as_line, machine

from indexer.enrichment.attributes import suggest
from indexer.enrichment.gazetteer import Gazetteer, folded_words, gazetteer_of
from indexer.enrichment.kinds import KindVotes
from indexer.enrichment.nearest import NearestColor
from indexer.enrichment.suggesting import items_of, joined
from indexer.enrichment.tree import bundled_tree
from indexer.items import Item
from indexer.shop.encoderfiles import open_encoder
from indexer.shop.folder import ShopFolder
from indexer.shop.shelf import Shelf
from indexer.store.store import Store
from indexer.words.sentences import UniversalSentenceEncoder
from search.recognition.picture_suggestions import PictureEvidence

SHEET = Path(__file__).parent / "attributes_sheet.tsv"
SECOND = SHEET.with_name("attributes_sheet_2.tsv")
COLORS = SHEET.with_name("color_words.tsv")
CATEGORY = "category"
SURES = (0.5, 0.75)  # least confidences that are counted


class Case(NamedTuple):
    title: str
    description: str
    truth: dict[str, set[str]]

    @property
    def is_chinese(self) -> bool:
        return not (self.title + self.description).isascii()


def sheet(path: Path = SHEET) -> tuple[list[Case], list[str]]:
    """Read the sheet: its cases, and the brands of its shop."""
    cases, brands = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            if "brands:" in line:
                brands = [one.strip() for one in line.partition("brands:")[2].split(",")]
            continue
        title, description, values = line.split("\t")
        truth: dict[str, set[str]] = {}
        for part in values.split("; "):
            name, _, given = part.partition("=")
            truth[name] = set(given.split("|") if name == CATEGORY else given.split(","))
        cases.append(Case(title, description, truth))
    return cases, brands


def is_right(name: str, value: str, truth: Iterable[str]) -> bool:
    if name == CATEGORY:
        return any(is_node(value, one) or f" > {one} > " in f" > {value} > " for one in truth)
    return plain(value) in {plain(one) for one in truth}


def plain(value: str) -> str:
    return "".join(value.lower().replace("×", "x").split())


def is_node(path: str, right: str) -> bool:
    """Return True if a path ends with the names of a right node, or is above it and not a root."""
    return f" > {path}".endswith(f" > {right}") or path in _above(right)


ABOVE: dict[str, set[str]] = {}


def _above(right: str) -> set[str]:
    if right not in ABOVE:
        paths = [path for path in bundled_tree().paths() if f" > {path}".endswith(f" > {right}")]
        parts = [path.split(" > ") for path in paths]
        ABOVE[right] = {" > ".join(one[:n]) for one in parts for n in range(2, len(one))}
    return ABOVE[right]


class Tally:
    """Counts suggestions of each attribute, and keeps what was wrong or missing."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.notes: list[str] = []

    def add(self, label: str, found: dict[str, list[str]], truth: dict[str, set[str]]) -> None:
        for name in sorted({*found, *truth}):
            values, right = found.get(name, []), truth.get(name, set())
            good = [value for value in values if is_right(name, value, right)]
            self.counts[name].update(
                suggested=len(values), right=len(good), items=bool(right), found=bool(good)
            )
            for value in values:
                if value not in good:
                    self.notes.append(f"WRONG {name} {value!r}, not {sorted(right)}: {label}")
            if right and not good:
                self.notes.append(f"MISSED {name} {sorted(right)}: {label}")

    def table(self) -> dict[str, Any]:
        return {
            name: {
                "precision": round(count["right"] / max(1, count["suggested"]), 3),
                "recall": round(count["found"] / max(1, count["items"]), 3),
                "suggested": count["suggested"],
                "items": count["items"],
            }
            for name, count in sorted(self.counts.items())
        }


def found_in(item: Item, gazetteer: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in suggest(item, gazetteer):
        name = CATEGORY if one.attribute == "taxonomy" else one.attribute
        found[name].append(one.value)
    return found


def evaluate_sheet(half: str, wrong: int, path: Path = SHEET) -> dict[str, Any]:
    cases, brands = sheet(path)
    first = {"tune": 0, "report": 1}.get(half)
    cases = cases if first is None else cases[first::2]
    shop = [
        Item(item_id=str(n), product_id="", title="", attributes={"brand": brand})
        for n, brand in enumerate(brands)
    ]
    gazetteer = gazetteer_of(shop)
    tallies = {"all": Tally(), "en": Tally(), "zh": Tally()}
    for case in cases:
        item = Item(item_id="a", product_id="", title=case.title, description=case.description)
        found = found_in(item, gazetteer)
        label = f"{case.title} / {case.description}"
        for name in ("all", "zh" if case.is_chinese else "en"):
            tallies[name].add(label, found, case.truth)
    for note in tallies["all"].notes[:wrong]:
        print(note)
    return {name: tally.table() for name, tally in tallies.items()}


def truths_of(item: Item) -> dict[str, set[str]]:
    """Return the shop's own values of an item; attributes without any are left out."""
    truths: dict[str, set[str]] = {}
    for name in ("color", "material", "pattern", "gender", "department"):
        given = item.attributes.get(name)
        values = {str(value) for value in (given if isinstance(given, list) else [given]) if value}
        if values - {"none", "None"}:
            truths[name] = values
    paths = [path.split("/") for path in item.categories if not path.startswith(UNKIND)]
    if paths:
        truths["own category"] = {path[1 if path[0] == "Gear" else -1] for path in paths}
        truths[CATEGORY] = {
            node for path in item.categories for node in nodes().get(path.partition("/Coll")[0], ())
        }
    if "gender" not in truths and paths and paths[0][0] in ("Men", "Women"):
        truths["gender"] = {paths[0][0]}
    return {name: values for name, values in truths.items() if values}


UNKIND = ("Collections", "Promotions", "Training")
NODES = Path(__file__).parent / "categories_truth.tsv"


@lru_cache(maxsize=1)
def nodes() -> dict[str, set[str]]:
    """Return the right nodes of the categories of both shops, by their paths."""
    lines = NODES.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {path: set(right.split("|")) for path, right in rows}


def evaluate_shop(folder: Path, wrong: int) -> dict[str, Any]:
    """Hide the fields of each item, and compare what is suggested with them."""
    shop = ShopFolder(folder)
    shelf = Shelf.read(shop)
    encoder = open_encoder(shop, shelf.first_readable(shelf.serving_order()).manifest.model)
    with Store(shop.store) as store:
        evidence = PictureEvidence.read(store, encoder)
    items = items_of(shop.store)
    gazetteer, votes = gazetteer_of(items), KindVotes(items, bundled_tree())
    named = Tally()  # every value whose word stands in the texts, whatever is around it
    names = ("texts", "with kinds", "with pictures")
    tallies = {f"{name} from {sure}": Tally() for name in names for sure in SURES}
    for item in items:
        bare = Item(
            item_id=item.item_id,
            product_id=item.product_id,
            title=item.title,
            description=item.description,
        )
        truth = truths_of(item)
        words = words_in(f"{item.title}\n{item.description}", gazetteer)
        named.add(item.item_id, {name: words[name] for name in words if name in truth}, truth)
        texts = suggest(bare, gazetteer)
        kinds = joined(texts, votes.suggestions(bare))
        for name, found in (
            ("texts", texts),
            ("with kinds", kinds),
            ("with pictures", evidence.merged(bare, kinds)),
        ):
            for sure in SURES:
                given: dict[str, list[str]] = defaultdict(list)
                for one in found:
                    label = {"taxonomy": CATEGORY, CATEGORY: "own category"}.get(one.attribute)
                    if (label or one.attribute) in truth and one.confidence >= sure:
                        given[label or one.attribute].append(one.value)
                tallies[f"{name} from {sure}"].add(f"{item.item_id} {item.title}", given, truth)
    for name, tally in tallies.items():
        notes = [note for note in tally.notes if note.startswith("WRONG")]
        for note in notes[:: max(1, len(notes) // wrong)][:wrong] if wrong else []:
            print(name, note)
    return {"named by any word": named.table()} | {
        name: tally.table() for name, tally in tallies.items()
    }


def words_in(text: str, gazetteer: Gazetteer) -> dict[str, list[str]]:
    """Return the values whose words stand anywhere in a text: no rule can read more of it."""
    found: dict[str, list[str]] = defaultdict(list)
    for match in gazetteer.pattern.finditer(folded_words(text)):
        for value in gazetteer.values[match.group()]:
            if value.name not in found[value.attribute]:
                found[value.attribute].append(value.name)
    return found


def evaluate_meaning() -> dict[str, Any]:
    gazetteer = gazetteer_of()
    nearest = NearestColor(UniversalSentenceEncoder(), gazetteer, bundled_tree())
    rows = [line.split("\t") for line in COLORS.read_text(encoding="utf-8").splitlines()]
    colors = {row[0]: row[1] for row in rows if len(row) == 2 and row[0] not in gazetteer.values}
    found = {word: near[0].name for word in colors if (near := nearest.near(word))}
    titles = [case.title for path in (SHEET, SECOND) for case in sheet(path)[0]]
    others = sorted({word for title in titles for word in nearest.unknown_words(title)})
    return {
        "colors": len(colors),
        "right": sum(found[word] == colors[word] for word in found),
        "wrong": {word: name for word, name in found.items() if name != colors[word]},
        "other words": len(others),
        "taken for a color": {w: near[0].name for w in others if (near := nearest.near(w))},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=["tune", "report", "all"], default="all")
    parser.add_argument("--sheet", type=Path, default=SHEET)
    parser.add_argument("--wrong", type=int, default=0, help="print so many wrong answers")
    parser.add_argument("--meaning", action="store_true")
    parser.add_argument("--shop", action="append", default=[], metavar="NAME=DIR")
    given = parser.parse_args()
    found = {"sheet": evaluate_sheet(given.half, given.wrong, given.sheet)}
    for text in given.shop:
        name, _, folder = text.partition("=")
        found[name] = evaluate_shop(Path(folder), given.wrong)
    if given.meaning:
        found["meaning"] = evaluate_meaning()
    print(as_line(machine()))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
