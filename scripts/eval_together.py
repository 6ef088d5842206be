"""Measure what goes with an item: links that a shop's editors made, and baskets.

python scripts/eval_together.py --shop SHOP --links FILE [--json]
python scripts/eval_together.py --baskets FILE [--json]

LINKS is a CSV of product_id, linked_product_id and kind (such as related or crosssell). All other
products are ranked by picture, by text, by attributes, at random, and by a conditional logit of all
of these that never sees the links of the products that it is judged on (five folds).

BASKETS has one basket a line, items separated by commas. A fifth of the baskets, drawn at random,
is predicted from the others: the other items from each single one, and each item from the rest.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from machine import as_line, machine

from search.engine import SearchEngine
from search.personal.baskets import LIFT, PRIOR, log_likelihood_ratio
from search.personal.weights import fit_logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.items import Item

    Table = NDArray[np.float64]

K = 10
FOLDS = 5
OTHERS = 150
MIN_SUPPORT = 3


def interval(values: list[float]) -> list[float]:
    """Return the mean, and its 95 % interval by resampling."""
    found = np.array(values)
    rng = np.random.default_rng(1)
    drawn = found[rng.integers(0, len(found), size=(1000, len(found)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return [round(float(x), 3) for x in (found.mean(), low, high)]


# --- Links -----------------------------------------------------------------------------------


def products_of(engine: SearchEngine) -> tuple[list[str], dict[str, list[Item]], Table]:
    """Return the products, the items of each, and the mean directions of their pictures."""
    ids, vectors = engine.item_vectors()
    items: dict[str, list[Item]] = defaultdict(list)
    sums: dict[str, Table] = {}
    for item_id, vector in zip(ids, vectors, strict=True):
        item = engine.item(item_id)
        items[item.product_id].append(item)
        sums[item.product_id] = sums.get(item.product_id, 0) + vector.astype(np.float64)
    products = sorted(items)
    means = np.array([sums[product] for product in products])
    return products, items, means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)


def text_cosines(items: list[list[Item]]) -> Table:
    """Return the cosines of titles and descriptions, weighted by inverse document frequency."""
    words = [
        Counter(re.findall(r"\w+", f"{each[0].title} {each[0].description}".lower()))
        for each in items
    ]
    frequency = Counter(word for counts in words for word in counts)
    place = {word: number for number, word in enumerate(frequency)}
    table = np.zeros((len(items), len(place)))
    for row, counts in enumerate(words):
        for word, count in counts.items():
            weight = math.log((1 + len(items)) / (1 + frequency[word])) + 1
            table[row, place[word]] = (1 + math.log(count)) * weight
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    return table @ table.T


def attribute_overlaps(items: list[list[Item]]) -> Table:
    """Return the Jaccard index of categories and attribute values, all variants together."""

    def values(each: list[Item]) -> set[str]:
        found = {f"category {category}" for item in each for category in item.categories}
        for item in each:
            for name, value in item.attributes.items():
                many = value if isinstance(value, list) else [value]
                found |= {f"{name} {one}" for one in many}
        return found

    sets = [values(each) for each in items]
    return np.array([[len(a & b) / max(1, len(a | b)) for b in sets] for a in sets])


def crossings(items: list[list[Item]], links: dict[int, set[int]]) -> Table:
    """Return how much likelier a category is linked with another than by chance: logarithms."""
    category = [each[0].categories[0] if each[0].categories else "" for each in items]
    share = Counter(category)
    pairs = Counter((category[a], category[b]) for a, found in links.items() for b in found)
    totals = Counter(category[a] for a, found in links.items() for _ in found)

    def ratio(a: str, b: str) -> float:
        chance = share[b] / len(items)
        return math.log((pairs[a, b] + 2 * chance) / ((totals[a] + 2) * chance))

    return np.array([[ratio(a, b) for b in category] for a in category])


def recall(scores: Table, linked: set[int], itself: int) -> float:
    """Return the share of the linked products among the first ten."""
    ranked = scores.copy()
    ranked[itself] = -np.inf
    top = set(np.argsort(-ranked, kind="stable")[:K].tolist())
    return len(top & linked) / min(K, len(linked))


def learned(tables: list[Table], items: list[list[Item]], links: dict[int, set[int]]) -> Table:
    """Rank by a logit of all tables and the categories' links, fitted on the other folds."""
    rng = np.random.default_rng(1)
    sources = rng.permutation(sorted(links))
    scores = np.zeros_like(tables[0])
    for fold in range(FOLDS):
        held = set(sources[fold::FOLDS].tolist())
        known = {a: found for a, found in links.items() if a not in held}
        stack = np.stack([*tables, crossings(items, known)], axis=2)
        choices = []
        for a, found in known.items():
            others = np.setdiff1d(np.arange(len(items)), [a, *found])
            for b in found:
                drawn = rng.choice(others, size=OTHERS)
                choices.append(stack[a][np.concatenate([[b], drawn])])
        weights = fit_logit(np.stack(choices).astype(np.float32))
        for a in held:
            scores[a] = stack[a] @ weights
    return scores


def evaluate_links(shop: Path, file: Path) -> dict[str, Any]:
    """Return Recall@10 of each kind of link and each way to rank."""
    with SearchEngine.open(shop) as engine:
        products, by_product, vectors = products_of(engine)
    number = {product: place for place, product in enumerate(products)}
    items = [by_product[product] for product in products]
    links: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            a, b = number.get(row["product_id"]), number.get(row["linked_product_id"])
            if a is not None and b is not None and a != b:
                links[row["kind"]][a].add(b)
    visual, text, attributes = (
        vectors @ vectors.T, text_cosines(items), attribute_overlaps(items)
    )  # fmt: skip
    chance = np.random.default_rng(1).random(visual.shape)
    report: dict[str, Any] = {"products": len(products)}
    for kind, found in sorted(links.items()):
        ways = {
            "random": chance,
            "visual": visual,
            "text": text,
            "attributes": attributes,
            "all": learned([visual, text, attributes], items, found),
        }
        report[kind] = {"links": sum(map(len, found.values())), "sources": len(found)} | {
            name: interval([recall(scores[a], linked, a) for a, linked in found.items()])
            for name, scores in ways.items()
        }
    return report


# --- Baskets ---------------------------------------------------------------------------------


def strengths(baskets: list[NDArray[np.int64]], count: int) -> dict[str, Table]:
    """Return how each item leads to each other one, by several rules: (items, items)."""
    matrix = np.zeros((len(baskets), count))
    for row, basket in enumerate(baskets):
        matrix[row, basket] = 1
    both = matrix.T @ matrix
    single = np.diag(both).copy()
    np.fill_diagonal(both, 0)
    share = single / len(baskets)
    enough = both >= MIN_SUPPORT
    first, second = np.nonzero(enough)
    ratios = np.zeros_like(both)
    ratios[first, second] = log_likelihood_ratio(
        both[first, second].astype(np.int64),
        single[first].astype(np.int64),
        single[second].astype(np.int64),
        len(baskets),
    ) * np.where(both[first, second] * len(baskets) > single[first] * single[second], 1, 0)
    confidence = np.where(enough, both / np.maximum(single[:, None], 1), 0)
    known = np.maximum(share[None, :], 1e-9)
    chance = (both + PRIOR * share[None, :]) / (single[:, None] + PRIOR)
    return {
        "popular": np.tile(share, (count, 1)),
        "confidence": confidence,
        "lift": confidence / known,
        "log-likelihood ratio": ratios,
        "vitrine": np.where(enough, chance * (chance / known) ** LIFT, 0),
    }


def evaluate_baskets(file: Path) -> dict[str, Any]:
    """Return Recall@10 from one item, and from the rest of the basket."""
    lines = [line.split(",") for line in file.read_text().splitlines() if line.strip()]
    names = sorted({name.strip() for line in lines for name in line})
    number = {name: place for place, name in enumerate(names)}
    baskets = [np.unique([number[name.strip()] for name in line]) for line in lines]
    order = np.random.default_rng(1).permutation(len(baskets))
    cut = len(baskets) * 4 // 5
    tables = strengths([baskets[at] for at in order[:cut]], len(names))
    tested = [baskets[at] for at in order[cut:] if len(baskets[at]) > 1]
    report: dict[str, Any] = {"baskets": len(baskets), "tested": len(tested), "items": len(names)}
    for name, table in tables.items():
        single, rest = [], []
        for basket in tested:
            ones, many = [], []
            for item in basket.tolist():
                others = basket[basket != item]
                ones.append(recall(table[item], set(others.tolist()), item))
                scores = table[others].sum(axis=0)
                scores[others] = -np.inf
                many.append(float(item in np.argsort(-scores, kind="stable")[:K]))
            single.append(float(np.mean(ones)))
            rest.append(float(np.mean(many)))
        report[name] = {"from_one": interval(single), "from_the_rest": interval(rest)}
    return report


def main() -> None:
    """Parse the arguments, measure, and print the figures with 95 % intervals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shop", type=Path)
    parser.add_argument("--links", type=Path)
    parser.add_argument("--baskets", type=Path)
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    if arguments.baskets is None and (arguments.shop is None or arguments.links is None):
        parser.error("give --shop and --links, or --baskets")
    report: dict[str, Any] = {"machine": machine("numpy")}
    if arguments.links is not None:
        report["links"] = evaluate_links(arguments.shop, arguments.links)
    if arguments.baskets is not None:
        report["baskets"] = evaluate_baskets(arguments.baskets)
    if arguments.as_json:
        print(json.dumps(report, indent=2))
        return
    print(as_line(report.pop("machine")))
    for part, figures in report.items():
        for name, values in figures.items():
            print(part, name, values)


if __name__ == "__main__":
    main()
