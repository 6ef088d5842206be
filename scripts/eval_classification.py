#!/usr/bin/env python3
"""Evaluate the classifier of a shop, named colors, and the audit.

    python scripts/eval_classification.py --data DIR [--drawn CATALOG] [--encoder ID] [--json F]

*Classification*: five times, a fifth of the products is held out, a classifier is fitted on the
others, and every picture of the held-out products is classified. Reported: how often the first leaf
category is right (top-1), the same for the category of the nearest picture, and the calibration
error of the first confidence, over ten bins of equal width. Likewise for every attribute.

*Colors*: how often the largest measured color, and any of the measured ones, is of the family that
the catalog names.

*Audit*: the categories of one product in twenty are replaced by those of a product of another
category, ten times. Reported: the share of these that are found with a confidence of at least 0.5
(recall), and the share of the findings that were planted (precision).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from machine import as_line, machine
from numpy.typing import NDArray

from indexer.classification.classifier import Classifier, leaf_labels
from indexer.classification.fit import (
    Pictures,
    calibration_error,
    fit_classifier,
    fit_fields,
)
from indexer.classification.labels import PRESENT, fields_of, truth_of
from indexer.classification.learn import MEASURED_SIDE, blank_vectors
from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.errors import VitrineError
from indexer.imaging.images import read_image_file
from indexer.imaging.photos import open_photo
from indexer.items import Item
from search.audit.contradictions import contradictions
from style.namedcolors import COLOR_NAMES, PALETTE, family_of, measure_colors

NAMES = frozenset(COLOR_NAMES)
FOLDS = 5
PLANTED = 0.05
SURE = 0.5


@dataclass(frozen=True)
class Shop:
    """A catalog as pictures: items, vectors, products and colors, and the named colors of each."""

    name: str
    pictures: Pictures
    named: Sequence[Sequence[str]]


Blanks = NDArray[np.float32]


def read_shop(
    name: str, photos: Sequence[tuple[Path, Item]], encoder: Encoder, cache: Path | None
) -> Shop:
    """Encode the pictures of a catalog, and measure their colors if it has attributes.

    With ``cache`` they are kept in that folder, and read from there the next time.
    """
    kept = cache / f"{name}-{encoder.weights_hash[:8]}.npz" if cache else None
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as file:
            vectors, colors, text = file["vectors"], file["colors"], str(file["named"])
    else:
        vectors, colors, named = encode(name, photos, encoder)
        text = json.dumps(named)
        if kept is not None:
            np.savez(kept, vectors=vectors, colors=colors, named=text)
    if len(vectors) != len(photos):
        sys.exit(f"{kept} has {len(vectors)} pictures, the data has {len(photos)}; delete it")
    items = [item for _, item in photos]
    numbers: dict[str, int] = {}
    products = np.array([numbers.setdefault(item.product_id, len(numbers)) for item in items])
    return Shop(name, Pictures(items, vectors, products, colors), json.loads(text))


def encode(
    name: str, photos: Sequence[tuple[Path, Item]], encoder: Encoder
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[list[str]]]:
    """Return the vectors (n, dim), the shares of colors (n, 29) and the named colors of photos."""
    vectors, colors, named = [], [], []
    measures = any(item.attributes for _, item in photos)
    for start in range(0, len(photos), 32):
        squares = []
        for path, _ in photos[start : start + 32]:
            photo = open_photo(read_image_file(path), encoder.preprocess, side=MEASURED_SIDE)
            squares.append(photo.square)
            if measures:
                measured = measure_colors(photo.pixels)
                colors.append(measured.shares)
                named.append([color.name for color in measured.named])
        vectors.append(encoder.encode_images(squares))
        print(f"\r{name}: {start + len(squares)} of {len(photos)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    shares = np.stack(colors) if measures else np.zeros((len(photos), len(PALETTE)), np.float32)
    return np.concatenate(vectors), shares, named or [[] for _ in photos]


def select(pictures: Pictures, chosen: NDArray[np.bool_]) -> Pictures:
    """Return some of the pictures."""
    places = np.flatnonzero(chosen)
    return Pictures(
        [pictures.items[place] for place in places.tolist()],
        pictures.vectors[places],
        pictures.products[places],
        pictures.colors[places],
    )


def classify_held_out(shop: Shop, blanks: Blanks) -> dict[str, dict[str, float]]:
    """Measure each field on held-out products: field -> figures."""
    pictures = shop.pictures
    rng = np.random.default_rng(0)
    fold = rng.permutation(int(pictures.products.max()) + 1)[pictures.products] % FOLDS
    rows: dict[str, list[tuple[float, bool, bool]]] = {}
    for held_out in range(FOLDS):
        seen, new = select(pictures, fold != held_out), select(pictures, fold == held_out)
        classifier = fit_classifier(seen, blanks, NAMES)
        nearest = (new.vectors @ seen.vectors.T).argmax(axis=1)
        for field, found in answers(classifier, new, [seen.items[at] for at in nearest]).items():
            rows.setdefault(field, []).extend(found)
    return {field: figures(found) for field, found in rows.items()}


def answers(
    classifier: Classifier, new: Pictures, neighbors: Sequence[Item]
) -> dict[str, list[tuple[float, bool, bool]]]:
    """Return for each picture the first confidence, whether it is right, and the neighbor's."""
    out = {}
    sure = classifier.calibrated(new.vectors, new.colors)
    for fitted, confidences in zip(classifier.fields, sure, strict=True):
        leaves = leaf_labels(fitted.field)
        truth = truth_of(new.items, fitted.field)[:, leaves]
        theirs = truth_of(neighbors, fitted.field)[:, leaves]
        judged = (truth == PRESENT).any(axis=1)
        first = confidences[:, leaves].argmax(axis=1)
        places = np.arange(len(first))
        right = truth[places, first] == PRESENT
        # A neighbor with several labels answers with one of them, as often as with another.
        common = ((truth == PRESENT) & (theirs == PRESENT)).sum(axis=1)
        near = common / np.maximum((theirs == PRESENT).sum(axis=1), 1)
        top = confidences[:, leaves][places, first]
        out[fitted.field.name] = list(
            zip(
                top[judged].tolist(),
                right[judged].tolist(),
                near[judged].tolist(),
                strict=True,
            )
        )
    return out


def figures(rows: Sequence[tuple[float, bool, bool]]) -> dict[str, float]:
    """Summarize the pictures of a field."""
    top, right, near = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    sure = top >= SURE
    return {
        "pictures": float(len(rows)),
        "top-1": float(right.mean()),
        "nearest": float(near.mean()),
        "calibration error": calibration_error(top, right > 0),
        "answered": float(sure.mean()),
        "right of answered": float(right[sure].mean()) if sure.any() else float("nan"),
    }


def color_agreement(shop: Shop) -> dict[str, float] | None:
    """Return how often the largest measured color, and any of them, has the catalog's family."""
    pairs = []
    for item, names in zip(shop.pictures.items, shop.named, strict=True):
        color = item.attributes.get("color")
        wanted = family_of(color) if isinstance(color, str) else None
        if wanted is not None:
            families = [family_of(name) for name in names]
            pairs.append((wanted == families[0], wanted in families))
    if not pairs:
        return None
    first, listed = np.array(pairs).mean(axis=0)
    return {"pictures": float(len(pairs)), "largest": float(first), "one of them": float(listed)}


def audit_planted(shop: Shop, blanks: Blanks, rounds: int) -> dict[str, float]:
    """Plant wrong categories, and measure which are found."""
    pictures = shop.pictures
    found = planted = right = 0
    for seed in range(rounds):
        changed, wrong = plant(pictures, np.random.default_rng(seed))
        (fit,) = fit_fields(changed, blanks, fields_of(changed.items))
        flagged = {
            int(changed.products[case.members[0]])
            for case in contradictions(fit, changed.products)
            if case.confidence >= SURE
        }
        found += len(flagged)
        planted += len(wrong)
        right += len(flagged & wrong)
    return {
        "planted": float(planted),
        "found": float(found),
        "recall": right / max(planted, 1),
        "precision": right / max(found, 1),
    }


def plant(pictures: Pictures, rng: np.random.Generator) -> tuple[Pictures, set[int]]:
    """Give one product in twenty the categories of a product of another category."""
    products = np.unique(pictures.products)
    of_product = {int(p): pictures.items[at].categories for at, p in enumerate(pictures.products)}
    wrong: dict[int, list[str]] = {}
    for product in rng.permutation(products)[: max(1, round(PLANTED * len(products)))].tolist():
        others = [p for p in products.tolist() if not set(of_product[p]) & set(of_product[product])]
        wrong[product] = of_product[int(rng.choice(others))]
    items = [
        msgspec.structs.replace(
            item, categories=wrong.get(int(product), item.categories), attributes={}
        )
        for item, product in zip(pictures.items, pictures.products, strict=True)
    ]
    return pictures._replace(items=items), set(wrong)


def magento(data: Path, *, tree_only: bool) -> list[tuple[Path, Item]]:
    """Read `magento/`; with ``tree_only`` without its collections and promotions."""
    out = []
    for line in (data / "magento" / "catalog.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        item = Item(
            item_id=row["id"],
            product_id=row["product_id"],
            title=row["title"],
            categories=_tree(row["categories"]) if tree_only else row["categories"],
            attributes=row["attributes"],
        )
        out += [(data / "magento" / image, item) for image in row["images"]]
    return out


def _tree(categories: Sequence[str]) -> list[str]:
    found = []
    for category in categories:
        names = category.split("/")
        cut = [at for at, name in enumerate(names) if name in ("Collections", "Promotions")]
        if path := "/".join(names[: cut[0]] if cut else names):
            found.append(path)
    return list(dict.fromkeys(found))


def clothing(data: Path) -> list[tuple[Path, Item]]:
    """Read `clothing/`: every photo is an item of its own."""
    out = []
    for part in ("train", "validation"):
        with (data / "clothing" / f"photos_{part}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name = row["image"]
                item = Item(item_id=name, product_id=name, categories=[row["category"]])
                out.append((data / "clothing" / name, item))
    return out


def drawn(folder: Path) -> list[tuple[Path, Item]]:
    """Read a drawn shop (`vitrine sample`)."""
    out = []
    with (folder / "catalog.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = ("color", "pattern", "material", "brand")
            item = Item(
                item_id=row["id"],
                product_id=row["product_id"],
                title=row["title"],
                categories=row["categories"].split(";"),
                attributes={name: row[name] for name in names if row[name]},
            )
            out += [(folder / image, item) for image in row["images"].split(";")]
    return out


def main() -> None:
    """Measure and print; exit with 1 if the encoder cannot be loaded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--drawn", type=Path, metavar="CATALOG", help="folder of a drawn shop")
    parser.add_argument("--encoder", default="builtin", help="builtin, onnx:FILE, ...")
    parser.add_argument(
        "--cache", type=Path, help="folder for the vectors of the photos, for another run"
    )
    parser.add_argument("--rounds", type=int, default=10, help="rounds of planting errors")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    options = parser.parse_args()
    try:
        encoder = load_encoder(options.encoder)
    except VitrineError as error:
        sys.exit(str(error))
    sources: dict[str, Callable[[], list[tuple[Path, Item]]]] = {
        "magento": lambda: magento(options.data, tree_only=True),
        "clothing": lambda: clothing(options.data),
    }
    if options.drawn:
        sources["drawn"] = lambda: drawn(options.drawn)
    blanks = blank_vectors(encoder)
    results = {}
    for name, read in sources.items():
        shop = read_shop(name, read(), encoder, options.cache)
        results[name] = measure(shop, blanks, options.rounds)
        if name == "magento":
            whole = [item for _, item in magento(options.data, tree_only=False)]
            tagged = Shop("", shop.pictures._replace(items=whole), shop.named)
            results["magento, with its collections"] = measure(tagged, blanks, options.rounds)
    facts = machine("numpy", "pillow", "onnxruntime")
    print_tables(options.encoder, results, facts)
    if options.json:
        options.json.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")


def measure(shop: Shop, blanks: Blanks, rounds: int) -> dict[str, Any]:
    """Measure everything on one shop."""
    return {
        "classification": classify_held_out(shop, blanks),
        "colors": color_agreement(shop),
        "audit": audit_planted(shop, blanks, rounds),
    }


def print_tables(encoder: str, results: dict[str, dict[str, Any]], facts: dict[str, Any]) -> None:
    """Print Markdown."""
    print(f"Classification with {encoder}\n")
    columns = ["pictures", "top-1", "nearest", "calibration error", "answered", "right of answered"]
    print("| shop | field | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 2) + "|")
    for shop, result in results.items():
        for field, row in result["classification"].items():
            print(f"| {shop} | {field} | " + " | ".join(_cell(c, row[c]) for c in columns) + " |")
    for title in ("colors", "audit"):
        rows = {shop: result[title] for shop, result in results.items() if result[title]}
        if rows:
            columns = list(next(iter(rows.values())))
            print(
                f"\n| {title} | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|"
            )
            for shop, row in rows.items():
                print(f"| {shop} | " + " | ".join(_cell(c, row[c]) for c in columns) + " |")
    print("\n" + as_line(facts))


def _cell(column: str, value: float) -> str:
    return f"{value:.0f}" if column in ("pictures", "planted", "found") else f"{value:.3f}"


if __name__ == "__main__":
    main()
