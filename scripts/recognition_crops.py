"""Measures auto_crop on plain and cluttered photos for eval_recognition."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from recognition_material import Material

from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.imaging.images import WHOLE
from indexer.imaging.photos import Photo
from indexer.recognizers.base import Recognizer
from indexer.recognizers.registry import load_recognizer
from indexer.training.detector.cutouts import Cutout, catalog_files, cut_out
from search.recognition.autocrop import candidates, choose
from search.recognition.look import encode_boxes, find_things

BACKDROPS = ("_room", "_street")
SHARE = 0.1, 0.3  # of a scene that a product covers


@dataclass(frozen=True)
class Query:
    """A photo, the product that it shows, and the catalog pictures that are left out for it."""

    photo: Photo
    wanted: str
    own: tuple[int, ...] = ()


@dataclass(frozen=True)
class Shop:
    """The vectors (n, dim) of catalog pictures, and the product (n,) that each shows."""

    vectors: NDArray[np.float32]
    products: NDArray[np.str_]

    @classmethod
    def of(cls, encoder: Encoder, pictures: Sequence[tuple[Path, str]]) -> Shop:
        products = np.array([product for _, product in pictures])
        return cls(catalog_vectors(encoder, [path for path, _ in pictures]), products)


def measure_crops(
    data: Path, work: Path, drawn: Path | None, material: Material, limit: int
) -> dict[str, Any]:
    """Return R@1 on photos that one product fills, and on products in rooms and streets."""
    encoder, recognizer = load_encoder(threads=1), load_recognizer("things", threads=1)

    def measured(shop: Shop, queries: Iterable[Query]) -> dict[str, float]:
        return r_at_1(encoder, recognizer, shop, queries)

    magento, groceries = magento_pictures(data / "magento"), grocery_pictures(data / "grocery")
    of_magento, of_grocery = Shop.of(encoder, magento), Shop.of(encoder, groceries)
    results = {
        "grocery photos": measured(of_grocery, nth_of(grocery_queries(data / "grocery"), limit)),
        "magento, second pictures": measured(of_magento, nth_of(magento_queries(magento), limit)),
    }
    things, seen = category_queries(data / "things")
    results["things (category)"] = measured(Shop.of(encoder, things), nth_of(seen, limit))
    drawn_shop = drawn_pictures(work / "drawn")
    of_drawn = Shop.of(encoder, drawn_shop)
    every = Shop(
        np.concatenate([of_magento.vectors, of_grocery.vectors, of_drawn.vectors]),
        np.concatenate([of_magento.products, of_grocery.products, of_drawn.products]),
    )
    known = dict([*magento, *groceries, *drawn_shop])
    scenes = list(cluttered(data, work, known, material, limit))
    results["unseen products in rooms and streets"] = measured(every, scenes)
    others = catalog_vectors(encoder, [path for path, _ in things + clothing_pictures(data)])
    crowded = Shop(
        np.concatenate([every.vectors, others]),
        np.concatenate([every.products, np.array(["another"] * len(others))]),
    )
    results[f"the same, {len(crowded.products)} pictures"] = measured(crowded, scenes)
    if drawn is not None:
        pictures = drawn_pictures(drawn)
        results["drawn shop, shopper photos"] = measured(
            Shop.of(encoder, pictures), nth_of(drawn_queries(drawn), limit)
        )
    return results


def r_at_1(
    encoder: Encoder, recognizer: Recognizer, shop: Shop, queries: Iterable[Query]
) -> dict[str, float]:
    """Return R@1 by product: by the whole photo, and by auto_crop."""
    right = {"whole": 0, "auto_crop": 0}
    cropped = count = 0
    for query in queries:
        photo, count = query.photo, count + 1
        gallery = np.delete(shop.vectors, query.own, axis=0) if query.own else shop.vectors
        products = np.delete(shop.products, query.own) if query.own else shop.products
        regions = candidates(find_things(recognizer, photo))
        vectors = encode_boxes(encoder, photo, [WHOLE, *(region.box for region in regions)])
        best = (vectors @ gallery.T).max(1).tolist()
        meant = choose(regions, vectors[0], list(vectors[1:]), best[0], best[1:])
        cropped += meant.box is not None
        for name, vector in (("whole", vectors[0]), ("auto_crop", meant.vector)):
            right[name] += int(products[(gallery @ vector).argmax()] == query.wanted)
    rates = {name: round(number / max(1, count), 3) for name, number in right.items()}
    return {**rates, "cropped": round(cropped / max(1, count), 3), "queries": count}


def catalog_vectors(encoder: Encoder, paths: Sequence[Path]) -> NDArray[np.float32]:
    rows = []
    for start in range(0, len(paths), 16):
        squares = [Photo(path.read_bytes()).fit(encoder.preprocess).square
                   for path in paths[start : start + 16]]  # fmt: skip
        rows.append(encoder.encode_images(squares))
    return np.concatenate(rows)


def placed(cutout: Cutout, background: NDArray[np.uint8], rng: np.random.Generator) -> Photo:
    """Paste a cutout at 10 to 30 % of the area of a background, and encode it as a JPEG."""
    canvas = Image.fromarray(background)
    width, height = canvas.size
    rgba = Image.fromarray(np.dstack(cutout), "RGBA")
    side = (rng.uniform(*SHARE) * width * height / (rgba.width * rgba.height)) ** 0.5
    shape = (min(width - 4, round(rgba.width * side)), min(height - 4, round(rgba.height * side)))
    rgba = rgba.resize(shape, Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        rgba = rgba.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    left = int(rng.integers(0, width - rgba.width + 1))
    top = int(rng.integers(0, height - rgba.height + 1))
    canvas.paste(rgba, (left, top), rgba)
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=88)
    return Photo(out.getvalue())


def cluttered(
    data: Path, work: Path, known: dict[Path, str], material: Material, limit: int
) -> Iterator[Query]:
    """Yield products that no training saw, cut out of catalog pictures, in rooms and streets."""
    rng = np.random.default_rng(9)
    files = [file.path for file in catalog_files(data, work / "drawn") if file.held_out]
    count = 0
    for n in rng.permutation(len(files)).tolist():
        cutout = cut_out(files[n])
        if cutout is None or files[n] not in known:
            continue
        draw = getattr(material.backgrounds, BACKDROPS[count % len(BACKDROPS)])
        yield Query(placed(cutout, draw(rng, 480, 480), rng), known[files[n]])
        count += 1
        if count == limit:
            return


def nth_of(queries: Iterable[Query], limit: int) -> list[Query]:
    """Return every n-th of the queries, at most `limit`."""
    found = list(queries)
    return found[:: max(1, len(found) // limit)][:limit]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def grocery_pictures(folder: Path) -> list[tuple[Path, str]]:
    return [(folder / row["image"], row["id"]) for row in read_rows(folder / "catalog.csv")]


def grocery_queries(folder: Path) -> Iterator[Query]:
    for row in read_rows(folder / "photos_val.csv"):
        yield Query(Photo((folder / row["image"]).read_bytes()), row["item_id"])


def magento_pictures(folder: Path) -> list[tuple[Path, str]]:
    lines = (folder / "catalog.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    return [(folder / image, item["product_id"]) for item in items for image in item["images"]]


def magento_queries(pictures: Sequence[tuple[Path, str]]) -> Iterator[Query]:
    """Yield every picture whose product has another one; its own is not searched."""
    products = [product for _, product in pictures]
    for at, (path, product) in enumerate(pictures):
        if products.count(product) > 1:
            yield Query(Photo(path.read_bytes()), product, (at,))


def category_queries(folder: Path) -> tuple[list[tuple[Path, str]], Iterator[Query]]:
    """Return the gallery of photos with their categories, and the queries."""
    rows = read_rows(folder / "photos.csv")
    gallery = [(folder / r["image"], r["category"]) for r in rows if r["part"] == "gallery"]
    asked = [row for row in rows if row["part"] == "query"]
    return gallery, (
        Query(Photo((folder / row["image"]).read_bytes()), row["category"]) for row in asked
    )


def clothing_pictures(data: Path) -> list[tuple[Path, str]]:
    rows = read_rows(data / "clothing" / "photos_train.csv")
    return [(data / "clothing" / row["image"], row["category"]) for row in rows]


def drawn_pictures(folder: Path) -> list[tuple[Path, str]]:
    return [
        (folder / image, row["id"])
        for row in read_rows(folder / "catalog.csv")
        for image in row["images"].split(";")
    ]


def drawn_queries(folder: Path) -> Iterator[Query]:
    for row in read_rows(folder / "queries.csv"):
        yield Query(Photo((folder / row["image"]).read_bytes()), row["item_id"])
