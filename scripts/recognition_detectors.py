"""Measures the bundled detector, and two licensed ones beside it, for eval_recognition."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from recognition_material import Material
from recognition_yardsticks import Ssd, yolox

from indexer.recognizers.base import Recognizer, Thing
from indexer.recognizers.boxes import overlaps
from indexer.recognizers.registry import load_recognizer
from indexer.training.data import GARMENT_KIND
from indexer.training.detector.__main__ import SHOWN_FROM
from indexer.training.detector.compose import Composer
from indexer.training.detector.pictures import read_labels, read_picture
from indexer.training.detector.streets import Street
from search.recognition.look import without_repeats

LEAST_SHARE = 0.005
LOW = 0.01  # threshold for recall, which looks at the first ten boxes whatever their scores
SHOES = frozenset(name for name, kind in GARMENT_KIND.items() if kind == "shoes")
BAGS = frozenset(["bag", "purse", "tie"])
IOUS = np.arange(0.5, 0.96, 0.05)


@dataclass(frozen=True)
class Seen:
    """A picture, the boxes (n, 4) of its things, and their names."""

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    names: tuple[str, ...] = ()


def found_boxes(things: Sequence[Thing]) -> NDArray[np.float32]:
    return np.array([thing.box for thing in things], np.float32).reshape(-1, 4)


def shown_things(things: Sequence[Thing], threshold: float) -> list[Thing]:
    """Return the things that the page shows with this threshold."""
    return without_repeats([thing for thing in things if thing.score >= threshold])


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
        boxes = found_boxes(shown_things(things, threshold))
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
        boxes = found_boxes(shown_things(things, threshold))
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
        for thing in shown_things(things, threshold):
            corner = [v * s for v, s in zip(thing.box, scale, strict=True)]
            draw.rectangle(corner, outline=(230, 40, 40), width=2)
            draw.text((corner[0] + 2, corner[1]), f"{thing.score:.2f}", (230, 40, 40))
        sheet.paste(image, (at % columns * side, at // columns * side))
    sheet.save(path)


def measure_detectors(
    data: Path, material: Material, limit: int, sheets: Path | None
) -> dict[str, Any]:
    """Return the figures of each detector, and draw sheets of what it shows into a folder."""
    streets = material.streets
    pictures = street_pictures(streets)
    heads = head_boxes(streets, data / "ccp")
    cutouts = material.cutouts
    composer = Composer(cutouts, np.ones(len(cutouts)), material.backgrounds)
    scenes = composed(composer, limit, ("scattered", "few", "one"), 5)
    empty = composed(composer, max(20, limit // 2), ("none",), 6)
    results: dict[str, Any] = {"cutouts": len(cutouts)}
    with tempfile.TemporaryDirectory() as folder:
        rivals = {
            "things": load_recognizer("things", threads=1, threshold=LOW),
            "yolox-nano": yolox(data / "weights", Path(folder), LOW),
            "ssd-mobilenetv2": Ssd(data / "weights", LOW),
        }
        for name, recognizer in rivals.items():
            threshold = SHOWN_FROM if name == "things" else 0.4
            on_streets = recognize_all(recognizer, pictures)
            on_scenes = recognize_all(recognizer, scenes)
            on_empty = recognize_all(recognizer, empty)
            results[name] = {
                "streets": recalls(pictures, on_streets)
                | precision(pictures, on_streets, threshold),
                "shoes": recalls(pictures, on_streets, SHOES),
                "bags and ties": recalls(pictures, on_streets, BAGS),
                "on heads": on_heads(heads, on_streets, threshold),
                "scenes": recalls(scenes, on_scenes) | precision(scenes, on_scenes, threshold),
                "empty scenes, boxes shown": precision(empty, on_empty, threshold)["shown"],
            }
            if sheets is not None:
                sheets.mkdir(parents=True, exist_ok=True)
                draw_sheet(sheets / f"streets-{name}.jpg", pictures, on_streets, threshold)
                draw_sheet(sheets / f"scenes-{name}.jpg", scenes, on_scenes, threshold)
    return results
