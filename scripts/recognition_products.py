"""Measures the cut-out, the very-same check, words on products and shelves for eval_recognition."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.imaging.photos import Photo
from indexer.recognizers.base import Recognizer
from indexer.recognizers.boxes import overlaps
from indexer.recognizers.registry import load_recognizer
from indexer.recognizers.text_reader import READ_SIDE, TextReader
from indexer.sample.paint import develop, plate, shoot, studio
from indexer.sample.plan import plan_shop
from indexer.sample.wardrobe import paints_of
from search.recognition.look import encode_boxes, find_things, search_box
from search.recognition.shelf import shelf_things
from search.recognition.verified_hits import WORDS_WEIGHT
from search.recognition.verify import VERIFY_SIDE, verify_hits
from search.recognition.words_seen import likenesses, words_in
from style.cutout import cut_out

SHOWN = 20  # hits that are reordered


def measure_cartons(data: Path, limit: int) -> dict[str, Any]:
    """Return R@1 of grocery packages: alone, verified, and with words; without missing extras."""
    grocery = Grocery.read(data / "grocery", load_encoder(threads=1), limit)
    results: dict[str, Any] = {"queries": len(grocery.queries), "R@1": grocery.first_right()}
    if find_spec("cv2") is not None:
        results["R@1 with verify"] = verified(grocery)
    if find_spec("rapidocr") is not None:
        results |= with_words(grocery)
    return results


def measure_cutouts(limit: int) -> dict[str, float]:
    """Return the IoU of cut-outs of drawn products with the masks of their renderer."""
    plan = plan_shop(items=640, photos=0, seed=23)
    found, unsure = [], 0
    for n, product in enumerate(plan.products[::2][:limit]):
        model = product.kind.draw(product.style)
        view = model.views[n % len(model.views)]
        shot = shoot(model, view, height=400, width=400)
        pixels = develop(plate(shot, studio(shot)), paints_of(product, product.items[-1]))
        cut = cut_out(pixels)
        unsure += cut.unsure
        mine, truth = cut.alpha > 127, shot.shade.cover > 0.5
        found.append((mine & truth).sum() / (mine | truth).sum())
    overlap = np.array(found)
    return {
        "products": len(found), "unsure": unsure, "IoU": round(float(overlap.mean()), 3),
        "IoU, median": round(float(np.median(overlap)), 3),
    }  # fmt: skip


@dataclass(frozen=True)
class Grocery:
    """The grocery catalog with its vectors, and phone photos of its packages."""

    folder: Path
    rows: list[dict[str, str]]
    queries: list[tuple[Photo, int]]
    scores: NDArray[np.float32]  # (queries, rows)
    encoder: Encoder
    vectors: NDArray[np.float32]

    @classmethod
    def read(cls, folder: Path, encoder: Encoder, limit: int) -> Grocery:
        with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        number = {row["id"]: n for n, row in enumerate(rows)}
        pairs = []
        for name in ("photos_val.csv", "photos_train.csv"):
            with (folder / name).open(newline="", encoding="utf-8") as file:
                pairs += list(csv.DictReader(file))
        packed = [
            pair for pair in pairs if rows[number[pair["item_id"]]]["department"] == "Packages"
        ]
        chosen = np.random.default_rng(0).permutation(len(packed))[:limit]
        queries = [
            (Photo((folder / packed[n]["image"]).read_bytes()), number[packed[n]["item_id"]])
            for n in chosen.tolist()
        ]
        vectors = _encoded(encoder, [Photo((folder / r["image"]).read_bytes()) for r in rows])
        seen = _encoded(encoder, [photo for photo, _ in queries])
        return cls(folder, rows, queries, seen @ vectors.T, encoder, vectors)

    def picture(self, number: int) -> Photo:
        return Photo((self.folder / self.rows[number]["image"]).read_bytes())

    def first_right(self) -> float:
        truth = np.array([wanted for _, wanted in self.queries])
        return round(float((self.scores.argmax(axis=1) == truth).mean()), 3)


def _encoded(encoder: Encoder, photos: Sequence[Photo]) -> NDArray[np.float32]:
    squares = [photo.fit(encoder.preprocess).square for photo in photos]
    if not squares:
        return np.zeros((0, encoder.dim), np.float32)
    parts = [encoder.encode_images(squares[n : n + 16]) for n in range(0, len(squares), 16)]
    return np.concatenate(parts)


def verified(grocery: Grocery) -> float:
    right = 0
    for (photo, wanted), scores in zip(grocery.queries, grocery.scores, strict=True):
        top = np.argsort(-scores)[:SHOWN].tolist()
        order, _ = verify_hits(
            photo.cut(side=VERIFY_SIDE),
            scores[top].tolist(),
            lambda place, top=top: grocery.picture(top[place]).cut(),
        )
        right += top[order[0]] == wanted
    return round(right / len(grocery.queries), 3)


def with_words(grocery: Grocery) -> dict[str, float]:
    """Return R@1 with the words in pictures, for two encoders: `color` knows no packages."""
    reader = TextReader()

    def read(photo: Photo) -> list[str]:
        return reader.read(photo.cut(side=READ_SIDE))

    words = [
        words_in([row["title"], *read(grocery.picture(n))])
        for n, row in enumerate(grocery.rows)
        if row["department"] == "Packages"
    ]
    at = [n for n, row in enumerate(grocery.rows) if row["department"] == "Packages"]
    of_row = dict(zip(at, words, strict=True))
    asked = [words_in(read(photo)) for photo, _ in grocery.queries]
    color = Grocery.read(grocery.folder, load_encoder("color", threads=1), len(grocery.queries))
    results = {"R@1, color": color.first_right()}
    for name, shop in (("R@1 with words", grocery), ("R@1 with words, color", color)):
        right = 0
        for (_, wanted), scores, said in zip(shop.queries, shop.scores, asked, strict=True):
            top = np.argsort(-scores)[:SHOWN].tolist()
            alike = likenesses(said, [of_row.get(n, frozenset()) for n in top])
            right += top[int((scores[top] + WORDS_WEIGHT * np.array(alike)).argmax())] == wanted
        results[name] = round(right / len(shop.queries), 3)
    return results


def measure_shelves(data: Path, count: int) -> dict[str, float]:
    """Measure recall, precision and names of single products on composed shelves."""
    grocery = Grocery.read(data / "grocery", load_encoder(threads=1), 0)
    recognizer = load_recognizer("things", threads=1)
    cutouts: dict[int, Image.Image] = {}
    rows = []
    for seed in range(count):
        data, boxes, names = _shelf(grocery, np.random.default_rng([3, seed]), cutouts)
        rows.append(_shelf_row(grocery, recognizer, Photo(data), boxes, names))
    names_ = (
        "products",
        "recall, whole photo",
        "recall",
        "precision",
        "named right",
        "count error",
    )
    means = np.mean(rows, axis=0)
    return {"shelves": count} | {
        name: round(float(mean), 3) for name, mean in zip(names_, means, strict=True)
    }


def _shelf_row(
    grocery: Grocery, recognizer: Recognizer, photo: Photo,
    boxes: NDArray[np.float32], names: NDArray[np.int64],
) -> list[float]:  # fmt: skip
    whole = np.array([t.box for t in find_things(recognizer, photo, 200)], np.float32)
    found = np.array([t.box for t in shelf_things(recognizer, photo)], np.float32)
    fits = overlaps(boxes, found.reshape(-1, 4))
    hit = fits.max(axis=1) >= 0.5
    vectors = encode_boxes(
        grocery.encoder, photo, [search_box(tuple(box)) for box in found.tolist()]
    )
    best = (vectors @ grocery.vectors.T).argmax(axis=1)
    size = len(grocery.rows)
    off = np.abs(np.bincount(names, minlength=size) - np.bincount(best, minlength=size)).sum()
    return [
        len(boxes),
        float((overlaps(boxes, whole.reshape(-1, 4)).max(axis=1) >= 0.5).mean()),
        float(hit.mean()),
        float((fits.max(axis=0) >= 0.5).mean()),
        float((best[fits.argmax(axis=1)[hit]] == names[hit]).mean()),
        float(off / len(boxes)),
    ]


def _shelf(
    grocery: Grocery, rng: np.random.Generator, cutouts: dict[int, Image.Image]
) -> tuple[bytes, NDArray[np.float32], NDArray[np.int64]]:
    """Compose three boards of products, one to four equal ones side by side."""
    width, height, boards = 1200, 900, 3
    tone = np.clip(rng.integers(120, 230) + rng.integers(-15, 15, 3), 0, 255)
    image = Image.new("RGB", (width, height), tuple(tone.tolist()))
    boxes, names = [], []
    for board in range(boards):
        floor = (board + 1) * height // boards - 22
        image.paste(tuple((tone // 2).tolist()), (0, floor, width, floor + 18))
        x = 20
        while x < width - 60:
            n = int(rng.integers(len(grocery.rows)))
            if n not in cutouts:
                cutouts[n] = _cutout(grocery.picture(n))
            piece = cutouts[n]
            tall = int(rng.uniform(0.55, 0.8) * height / boards)
            wide = min(piece.width * tall // piece.height, int(1.6 * tall))
            piece = piece.resize((wide, tall))
            for _ in range(int(rng.integers(1, 5))):
                if x + wide > width - 10:
                    break
                image.paste(piece, (x, floor - tall), piece)
                boxes.append(
                    (x / width, (floor - tall) / height, (x + wide) / width, floor / height)
                )
                names.append(n)
                x += wide + int(rng.integers(4, 16))
            x += int(rng.integers(10, 40))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue(), np.array(boxes, np.float32), np.array(names)


def _cutout(photo: Photo) -> Image.Image:
    pixels = photo.cut()
    cut = cut_out(pixels)
    assert cut.box is not None
    height, width = cut.alpha.shape
    x0, y0, x1, y1 = cut.box
    rgba = Image.fromarray(np.dstack([pixels, cut.alpha]), "RGBA")
    return rgba.crop((int(x0 * width), int(y0 * height), int(x1 * width), int(y1 * height)))
