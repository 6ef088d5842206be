#!/usr/bin/env python3
"""Evaluate the bundled detector on street photos, composed scenes and empty scenes, and auto_crop.

    python scripts/eval_recognition.py --data DIR --work DIR [--drawn FOLDER] [--json OUT]
        [--sheets DIR] [--limit N]

`--work` is the work folder of `python -m indexer.training.detector`, for the cutouts of products
that the training has not seen; what is missing there is made. Reports for the bundled detector, and
for two licensed ones beside it:

- street photos held out by the training: AR@10 (IoU 0.5 to 0.95) and recall@10 at IoU 0.5 of
  garments that cover at least half a percent, precision of what is shown, and boxes on heads;
- composed scenes of unseen products: the same, and how many empty backgrounds show a thing;
- names and masks of garments on all held-out street photos (alone with `--only garments`; see
  `recognition_garments.py`);
- products at 10 to 30 % of a room or street: R@1 with auto_crop and with the whole photo, and the
  same for plain shopper photos of grocery and of a drawn shop (`--drawn`);
- cut-outs of drawn products, the very-same check, words on cartons, and composed shelves (see
  `recognition_products.py`; these alone with `--only products`);
- speed on one core.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import as_line, machine
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from recognition_garments import measure_garments
from recognition_products import measure_products
from recognition_yardsticks import Ssd, yolox

from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.imaging.images import WHOLE
from indexer.imaging.photos import Photo
from indexer.recognizers.base import Recognizer, Thing
from indexer.recognizers.boxes import overlaps
from indexer.recognizers.registry import load_recognizer
from indexer.recognizers.settings import read_detector_settings
from indexer.training.data import GARMENT_KIND
from indexer.training.detector.__main__ import training_cutouts
from indexer.training.detector.backgrounds import Backgrounds
from indexer.training.detector.compose import Composer
from indexer.training.detector.cutouts import Cutout
from indexer.training.detector.parts import part_numbers
from indexer.training.detector.pictures import read_labels, read_picture, read_rgba
from indexer.training.detector.streets import Street, read_streets
from search.recognition.autocrop import candidates, choose
from search.recognition.look import encode_boxes

LEAST_SHARE = 0.005
LOW = 0.01  # threshold for recall, which looks at the first ten boxes whatever their scores
SHOES = frozenset(name for name, kind in GARMENT_KIND.items() if kind == "shoes")
BAGS = frozenset(["bag", "purse", "tie"])
IOUS = np.arange(0.5, 0.96, 0.05)
BACKDROPS = ("_room", "_street")


@dataclass(frozen=True)
class Seen:
    """A picture, the boxes (n, 4) of its things, and their names."""

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    names: tuple[str, ...] = ()


def found_boxes(things: Sequence[Thing]) -> NDArray[np.float32]:
    return np.array([thing.box for thing in things], np.float32).reshape(-1, 4)


def recalls(
    pictures: Sequence[Seen], found: Sequence[Sequence[Thing]], names: frozenset[str] | None = None
) -> dict[str, float]:
    """Return the recall of the first ten boxes of each picture; `names` restricts the things."""
    hits: list[NDArray[np.bool_]] = []
    for picture, things in zip(pictures, found, strict=True):
        boxes = picture.boxes
        if names is not None:
            boxes = boxes[[n for n, name in enumerate(picture.names) if name in names]]
        if not len(boxes):
            continue
        overlap = overlaps(boxes, found_boxes(things[:10]))  # (n, 10)
        hits += [_matched(overlap >= iou) for iou in IOUS]
    per_iou = [np.concatenate(hits[level :: len(IOUS)]).mean() for level in range(len(IOUS))]
    return {"ar_10": round(float(np.mean(per_iou)), 3), "recall_10": round(float(per_iou[0]), 3),
            "things": len(np.concatenate(hits[:: len(IOUS)]))}  # fmt: skip


def _matched(fits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Match each box, best first, to one thing that it fits; return which things (n,) have one."""
    taken = np.zeros(len(fits), bool)
    for column in fits.T:
        free = np.flatnonzero(column & ~taken)
        if len(free):
            taken[free[0]] = True
    return taken


def precision(
    pictures: Sequence[Seen], found: Sequence[Sequence[Thing]], threshold: float
) -> dict[str, float]:
    """Return the share of the boxes shown that overlap a thing by half, and how many are shown."""
    right = shown = 0
    for picture, things in zip(pictures, found, strict=True):
        boxes = found_boxes([thing for thing in things if thing.score >= threshold])
        shown += len(boxes)
        if len(boxes) and len(picture.boxes):
            right += int((overlaps(boxes, picture.boxes).max(1) >= 0.5).sum())
    return {"precision": round(right / max(1, shown), 3), "shown": round(shown / len(pictures), 2)}


def street_pictures(streets: Sequence[Street]) -> list[Seen]:
    pictures = []
    for street in streets:
        large = street.shares >= LEAST_SHARE
        names = tuple(name for name, ok in zip(street.names, large, strict=True) if ok)
        pictures.append(Seen(np.asarray(read_picture(street.path)), street.boxes[large], names))
    return pictures


def head_boxes(streets: Sequence[Street], folder: Path) -> list[NDArray[np.float32]]:
    """Return the box of the hair of each photo, with the face below it: (1, 4), or (0, 4)."""
    with (folder / "labels.csv").open(newline="") as file:
        values = {row["name"]: int(row["value"]) for row in csv.DictReader(file)}
    boxes = []
    for street in streets:
        labels = read_labels(street.mask)
        rows, columns = np.nonzero(labels == values["hair"])
        if len(rows) < 40:
            boxes.append(np.zeros((0, 4), np.float32))
            continue
        height, width = labels.shape
        top, left, right = rows.min(), columns.min(), columns.max() + 1
        bottom = top + 1.35 * (right - left)
        boxes.append(np.array([[left / width, top / height, right / width, bottom / height]],
                              np.float32))  # fmt: skip
    return boxes


def on_heads(
    heads: Sequence[NDArray[np.float32]], found: Sequence[Sequence[Thing]], threshold: float
) -> float:
    """Return the share of the photos with a shown box that overlaps the head by half."""
    count = 0
    for head, things in zip(heads, found, strict=True):
        boxes = found_boxes([thing for thing in things if thing.score >= threshold])
        count += bool(len(boxes) and len(head) and (overlaps(boxes, head) >= 0.5).any())
    return round(count / max(1, sum(map(len, heads))), 3)


def recognize_all(recognizer: Recognizer, pictures: Sequence[Seen]) -> list[list[Thing]]:
    return [recognizer.recognize([picture.pixels])[0] for picture in pictures]


def composed(composer: Composer, count: int, layouts: Sequence[str], seed: int) -> list[Seen]:
    pictures = []
    for number in range(count):
        scene = composer.compose(
            np.random.default_rng([seed, number]), layouts[number % len(layouts)]
        )
        pictures.append(Seen(scene.pixels, scene.boxes))
    return pictures


# auto_crop


@dataclass(frozen=True)
class Query:
    """A photo, and the number of the catalog picture that it shows."""

    photo: Photo
    wanted: int


def r_at_1(
    encoder: Encoder, recognizer: Recognizer, gallery: NDArray[np.float32],
    product: NDArray[np.int64], queries: Sequence[Query],
) -> dict[str, float]:  # fmt: skip
    """Return R@1 by product: by the whole photo, by auto_crop, and by its best choice."""
    right = {"whole": 0, "auto_crop": 0}
    cropped = 0
    for query in queries:
        photo = query.photo
        things = recognizer.recognize([photo.cut(side=recognizer.side)])[0]
        regions = candidates(things)
        vectors = encode_boxes(encoder, photo, [WHOLE, *(region.box for region in regions)])
        best = (vectors @ gallery.T).max(1).tolist()
        meant = choose(regions, vectors[0], list(vectors[1:]), best[0], best[1:])
        cropped += meant.box is not None
        for name, vector in (("whole", vectors[0]), ("auto_crop", meant.vector)):
            right[name] += int(product[(gallery @ vector).argmax()] == query.wanted)
    count = max(1, len(queries))
    rates = {name: round(number / count, 3) for name, number in right.items()}
    return {**rates, "cropped": round(cropped / count, 3), "queries": len(queries)}


def catalog_vectors(encoder: Encoder, paths: Sequence[Path]) -> NDArray[np.float32]:
    rows = []
    for start in range(0, len(paths), 16):
        squares = [Photo(path.read_bytes()).fit(encoder.preprocess).square
                   for path in paths[start : start + 16]]  # fmt: skip
        rows.append(encoder.encode_images(squares))
    return np.concatenate(rows)


def placed(cutout: Cutout, background: NDArray[np.uint8], rng: np.random.Generator) -> Photo:
    """Paste a cutout at 10 to 30 % of the area of a background, and encode it as a JPEG."""
    import io

    canvas = Image.fromarray(background)
    width, height = canvas.size
    rgba = Image.fromarray(np.dstack(cutout), "RGBA")
    side = (rng.uniform(0.1, 0.3) * width * height / (rgba.width * rgba.height)) ** 0.5
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


def grocery_queries(data: Path, limit: int) -> tuple[list[Path], list[Query]]:
    folder = data / "grocery"
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    number = {row["id"]: n for n, row in enumerate(rows)}
    with (folder / "photos_val.csv").open(newline="", encoding="utf-8") as file:
        pairs = list(csv.DictReader(file))
    pairs = pairs[:: max(1, len(pairs) // limit)][:limit]
    queries = [Query(Photo((folder / row["image"]).read_bytes()), number[row["item_id"]])
               for row in pairs]  # fmt: skip
    return [folder / row["image"] for row in rows], queries


def drawn_queries(folder: Path, limit: int) -> tuple[list[Path], NDArray[np.int64], list[Query]]:
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paths = [folder / row["images"].split(";")[0] for row in rows]
    number = {row["id"]: n for n, row in enumerate(rows)}
    with (folder / "queries.csv").open(newline="", encoding="utf-8") as file:
        pairs = list(csv.DictReader(file))[:limit]
    queries = [Query(Photo((folder / row["image"]).read_bytes()), number[row["item_id"]])
               for row in pairs]  # fmt: skip
    return paths, np.arange(len(paths)), queries


def speed(recognizer: Recognizer, pictures: Sequence[Seen]) -> dict[str, float]:
    """Return the milliseconds of a photo, decoded already, on one core."""
    times = []
    for picture in pictures[:40]:
        began = time.perf_counter()
        recognizer.recognize([picture.pixels])
        times.append((time.perf_counter() - began) * 1e3)
    return {"ms_p50": round(float(np.median(times)), 1), "ms_least": round(min(times), 1)}


def draw_sheet(
    path: Path, pictures: Sequence[Seen], found: Sequence[Sequence[Thing]], threshold: float
) -> None:
    """Draw the truth in green, and what is shown in red with its score."""
    side, columns = 220, 8
    rows = -(-min(len(pictures), 40) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side), "white")
    for at, (picture, things) in enumerate(zip(pictures[:40], found[:40], strict=True)):
        image = Image.fromarray(picture.pixels)
        image.thumbnail((side - 4, side - 4))
        draw = ImageDraw.Draw(image)
        scale = [*image.size, *image.size]
        for box in picture.boxes:
            draw.rectangle([float(v) * s for v, s in zip(box, scale, strict=True)],
                           outline=(60, 200, 90))  # fmt: skip
        for thing in things:
            if thing.score >= threshold:
                corner = [v * s for v, s in zip(thing.box, scale, strict=True)]
                draw.rectangle(corner, outline=(230, 40, 40), width=2)
                draw.text((corner[0] + 2, corner[1]), f"{thing.score:.2f}", (230, 40, 40))
        sheet.paste(image, (at % columns * side, at // columns * side))
    sheet.save(path)


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    data, limit = arguments.data, arguments.limit
    streets = [s for s in read_streets(data / "ccp") if s.held_out][:limit]
    pictures = street_pictures(streets)
    heads = head_boxes(streets, data / "ccp")
    backgrounds, cutouts = material(arguments)
    composer = Composer(cutouts, np.ones(len(cutouts)), backgrounds)
    scenes = composed(composer, limit, ("scattered", "few", "one"), 5)
    empty = composed(composer, max(20, limit // 2), ("none",), 6)
    results: dict[str, Any] = {"cutouts": len(cutouts), "detectors": {}}
    with tempfile.TemporaryDirectory() as folder:
        rivals = {
            "things": load_recognizer("things", threads=1, threshold=LOW),
            "yolox-nano": yolox(data / "weights", Path(folder), LOW),
            "ssd-mobilenetv2": Ssd(data / "weights", LOW),
        }
        for name, recognizer in rivals.items():
            shown = arguments.shown if name == "things" else 0.4
            on_streets = recognize_all(recognizer, pictures)
            on_scenes = recognize_all(recognizer, scenes)
            on_empty = recognize_all(recognizer, empty)
            results["detectors"][name] = {
                "streets": recalls(pictures, on_streets) | precision(pictures, on_streets, shown),
                "shoes": recalls(pictures, on_streets, SHOES),
                "bags and ties": recalls(pictures, on_streets, BAGS),
                "on heads": on_heads(heads, on_streets, shown),
                "scenes": recalls(scenes, on_scenes) | precision(scenes, on_scenes, shown),
                "empty scenes with a thing": precision(empty, on_empty, shown)["shown"],
                "speed": speed(recognizer, pictures),
            }
            if arguments.sheets:
                arguments.sheets.mkdir(parents=True, exist_ok=True)
                draw_sheet(arguments.sheets / f"streets-{name}.jpg", pictures, on_streets, shown)
                draw_sheet(arguments.sheets / f"scenes-{name}.jpg", scenes, on_scenes, shown)
    results["auto_crop"] = evaluate_crops(arguments, backgrounds, cutouts)
    results["garments"] = garments(data)
    results["products"] = measure_products(data, limit)
    return results


def material(arguments: argparse.Namespace) -> tuple[Backgrounds, list[Cutout]]:
    """Return the backgrounds of composed scenes, and the products that no training saw."""
    data = arguments.data
    streets = [s for s in read_streets(data / "ccp") if s.held_out][: arguments.limit]
    backgrounds = Backgrounds(
        sorted((data / "general").glob("*.jpg")), sorted((data / "styles").glob("*.jpg")), streets
    )
    chosen = training_cutouts(data, arguments.work, 1, held_out=True)
    return backgrounds, [Cutout(*read_rgba(path)) for path, _ in chosen]


def garments(data: Path) -> dict[str, Any]:
    held_out = [street for street in read_streets(data / "ccp") if street.held_out]
    return measure_garments(load_recognizer(threads=1), held_out, part_numbers(data / "ccp"))


def evaluate_crops(
    arguments: argparse.Namespace, backgrounds: Backgrounds, cutouts: Sequence[Cutout]
) -> dict[str, Any]:
    encoder = load_encoder(threads=1)
    recognizer = load_recognizer("things", threads=1)
    results: dict[str, Any] = {}
    paths, queries = grocery_queries(arguments.data, arguments.limit)
    vectors = catalog_vectors(encoder, paths)
    numbers = np.arange(len(paths))
    results["grocery photos"] = r_at_1(encoder, recognizer, vectors, numbers, queries)
    # Each unseen product is in the catalog as a picture on white.
    on_white = [_on_white(cutout) for cutout in cutouts]
    gallery = np.concatenate([vectors, encoder.encode_images(
        [encoder.preprocess.fit_trimmed(pixels) for pixels in on_white])])  # fmt: skip
    rng = np.random.default_rng(9)
    cluttered = []
    for n in rng.permutation(len(cutouts))[: arguments.limit].tolist():
        draw = getattr(backgrounds, BACKDROPS[n % 2])
        cluttered.append(Query(placed(cutouts[n], draw(rng, 480, 480), rng), len(paths) + n))
    product = np.arange(len(gallery))
    results["cluttered scenes"] = r_at_1(encoder, recognizer, gallery, product, cluttered)
    if arguments.drawn:
        drawn, product, asked = drawn_queries(arguments.drawn, arguments.limit)
        results["drawn photos"] = r_at_1(
            encoder, recognizer, catalog_vectors(encoder, drawn), product, asked
        )
    return results


def _on_white(cutout: Cutout) -> NDArray[np.uint8]:
    cover = cutout.cover[..., None].astype(np.float32) / 255
    return (cutout.pixels * cover + 255 * (1 - cover)).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, help="work folder of the training")
    parser.add_argument("--drawn", type=Path, help="folder of a drawn shop (vitrine sample)")
    parser.add_argument("--limit", type=int, default=100, help="pictures of each kind, at most")
    parser.add_argument("--only", choices=["products", "garments", "auto_crop"],
                        help="measure these alone")  # fmt: skip
    parser.add_argument("--shown", type=float, help="lowest score shown; default: the side file's")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    arguments = parser.parse_args()
    if arguments.work is None and arguments.only not in ("products", "garments"):
        parser.error("--work is needed, except with --only products or --only garments")
    if arguments.shown is None:
        from indexer.recognizers.registry import WEIGHTS

        arguments.shown = read_detector_settings(WEIGHTS / "things.onnx").threshold
    facts = machine("onnxruntime", "numpy", "pillow", "ai-edge-litert")
    if arguments.only == "products":
        measured = {"products": measure_products(arguments.data, arguments.limit)}
    elif arguments.only == "garments":
        measured = {"garments": garments(arguments.data)}
    elif arguments.only == "auto_crop":
        measured = {"auto_crop": evaluate_crops(arguments, *material(arguments))}
    else:
        measured = evaluate(arguments)
    results = {"machine": facts, **measured}
    text = json.dumps(results, indent=2)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    print(text)
    print(as_line(facts), file=sys.stderr)


if __name__ == "__main__":
    main()
