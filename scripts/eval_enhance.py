"""Measures ``vitrine enhance``: how close enlarged photos are to the truth, and what searches find.

python scripts/eval_enhance.py --data DIR [--photos N] [--queries N] [--encoder ID] [--json OUT]
                               [--parts enlarge,retrieval]

* Enlarging: photos of four sets, none of them used to train the network, are halved by Pillow's
  bicubic filter (``soft`` uses the box filter) and enlarged again. PSNR of RGB and SSIM of luma (Z.
  Wang et al., 2004) against the photo, without 4 pixels at its borders.
* Retrieval: R@1 of phone photos to the catalog of a grocery, of second views to first views of a
  sports-wear shop, and of photos of things to others of their kind: with photos as they are, with
  catalog, queries, or both enhanced; and the same with queries that were darkened, tinted and made
  noisy. ``change`` is the 95 % interval of what enhanced queries gain, a bootstrap over pairs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from eval_encoder import interval
from machine import as_line, machine
from numpy.typing import NDArray
from PIL import Image

from indexer.encoders.registry import load_encoder
from indexer.imaging.photos import fit_pixels
from style.care.enhance import Repairs, enhance
from style.care.upscale import doubler, enlarged
from style.guided import luma
from style.planes import gaussian

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]
CARE = Repairs()
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "soft": Image.Resampling.BOX}
RIM = 4


def read(path: Path) -> Pixels:
    """Decode a picture to (h, w, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def psnr(made: Pixels, truth: Pixels) -> float:
    """Return the peak signal-to-noise ratio of two pictures in decibels."""
    inner = slice(RIM, -RIM)
    error = (made.astype(np.float64) - truth)[inner, inner]
    return float(10 * np.log10(255**2 / max((error * error).mean(), 1e-9)))


def ssim(made: Pixels, truth: Pixels) -> float:
    """Return the structural similarity of two pictures' luma, with a Gaussian window of 1.5 px."""
    a, b = luma(made), luma(truth)

    def blur(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return gaussian(plane, 1.5)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    shared = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    index = ((2 * mean_a * mean_b + c1) * (2 * shared + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    )
    return float(index[RIM:-RIM, RIM:-RIM].mean())


def enlarging(data: Path, count: int) -> list[dict[str, Any]]:
    """Return rows of PSNR and SSIM by set, way of halving, and method."""
    sets = {
        "things": sorted((data / "things").rglob("*.jpg")),
        "phone photos of groceries": sorted((data / "grocery/photos").rglob("*.jpg")),
        "posters": sorted((data / "movies/posters").rglob("*.jpg")),
        "everyday things, 160 px": sorted((data / "general").rglob("*.jpg")),
    }
    rows = []
    for name, paths in sets.items():
        chosen = np.random.default_rng(0).permutation(len(paths))[:count]
        photos = [read(paths[at]) for at in chosen]
        photos = [p[: p.shape[0] // 2 * 2, : p.shape[1] // 2 * 2] for p in photos]
        photos = [p for p in photos if min(p.shape[:2]) >= 64]
        for halving, kind in FILTERS.items():
            row: dict[str, Any] = {"set": name, "halved": halving, "photos": len(photos)}
            for method, figures in _methods(photos, kind).items():
                row[f"{method}, dB"], row[f"{method}, SSIM"] = np.mean(figures, axis=0).tolist()
            rows.append(row)
            print(as_row(row), flush=True)
    return rows


def _methods(
    photos: Sequence[Pixels], kind: Image.Resampling
) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {"bicubic": [], "Lanczos": [], "learned": []}
    for truth in photos:
        height, width = truth.shape[:2]
        small = Image.fromarray(truth).resize((width // 2, height // 2), kind)
        pixels = np.asarray(small)
        made = {
            "bicubic": np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)),
            "Lanczos": enlarged(pixels, width, height),
            "learned": doubler().double(pixels),
        }
        for name, picture in made.items():
            found[name].append((psnr(picture, truth), ssim(picture, truth)))
    return found


def spoiled(pixels: Pixels) -> Pixels:
    """Return the picture as a bad camera would take it: dark, in yellow light, noisy."""
    rng = np.random.default_rng(int(pixels[::7, ::7].sum()) % 2**32)
    light = np.array([0.78, 0.70, 0.52], np.float32)
    noisy = pixels * light + 10 + rng.normal(0, 9, pixels.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def retrieval(data: Path, encoder_id: str, count: int) -> list[dict[str, Any]]:
    """Return rows of R@1 for each task: catalog and queries as they are, or enhanced."""
    encoder = load_encoder(encoder_id)

    def encode(pictures: Sequence[Pixels]) -> Vectors:
        parts = []
        for start in range(0, len(pictures), 32):
            squares = [fit_pixels(p, encoder.preprocess) for p in pictures[start : start + 32]]
            parts.append(encoder.encode_images(squares))
        return np.concatenate(parts)

    rows = []
    for task in (grocery, magento, things):
        name, gallery, owner, queries, truth = task(data, count)
        plain, cared = encode(gallery), encode([cared_for(p) for p in gallery])
        changes: dict[str, Callable[[Pixels], Pixels]] = {
            "as they are": lambda p: p,
            "spoiled": spoiled,
        }
        for kind, change in changes.items():
            taken = [change(p) for p in queries]
            made = [cared_for(p) for p in taken]
            raw, better = encode(taken), encode(made)
            found: dict[str, NDArray[np.bool_]] = {}
            row: dict[str, Any] = {"task": name, "queries": kind, "number": len(queries)}
            for label, vectors, asked in (
                ("plain", plain, raw), ("catalog enhanced", cared, raw),
                ("queries enhanced", plain, better), ("both", cared, better),
            ):  # fmt: skip
                found[label] = owner[(asked @ vectors.T).argmax(1)] == truth
                row[label] = float(found[label].mean())
            gained = found["queries enhanced"].astype(float) - found["plain"]  # (q,)
            _, low, high = interval(gained)
            row["change"] = f"{low:+.3f} to {high:+.3f}"
            row["untouched"] = float(
                np.mean([np.array_equal(*pair) for pair in zip(taken, made, strict=True)])
            )
            rows.append(row)
            print(as_row(row), flush=True)
    return rows


def cared_for(pixels: Pixels) -> Pixels:
    """Return the picture as ``vitrine enhance`` repairs it, at its size."""
    return enhance(pixels, CARE).pixels


Task = tuple[str, list[Pixels], NDArray[np.int64], list[Pixels], NDArray[np.int64]]


def grocery(data: Path, count: int) -> Task:
    """Return phone photos, and the pictures of the catalog."""
    folder = data / "grocery"
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as rows:
        items = list(csv.DictReader(rows))
    with (folder / "photos_val.csv").open(newline="", encoding="utf-8") as rows:
        photos = list(csv.DictReader(rows))[: count or None]
    number = {item["id"]: at for at, item in enumerate(items)}
    gallery = [read(folder / item["image"]) for item in items]
    truth = np.array([number[photo["item_id"]] for photo in photos])
    queries = [read(folder / photo["image"]) for photo in photos]
    return "phone photo to catalog", gallery, np.arange(len(items)), queries, truth


def magento(data: Path, count: int) -> Task:
    """Return second views of items, and all first views."""
    folder = data / "magento"
    with (folder / "catalog.jsonl").open(encoding="utf-8") as lines:
        items = [item for item in map(json.loads, lines) if item["images"]]
    gallery = [read(folder / item["images"][0]) for item in items]
    second = [(at, item["images"][1]) for at, item in enumerate(items) if len(item["images"]) > 1]
    second = second[: count or None]
    queries = [read(folder / name) for _, name in second]
    return (
        "second view to first", gallery, np.arange(len(items)), queries,
        np.array([at for at, _ in second]),
    )  # fmt: skip


def things(data: Path, count: int) -> Task:
    """Return photos of things, and others whose kinds are to be found."""
    folder = data / "things"
    with (folder / "photos.csv").open(newline="", encoding="utf-8") as rows:
        listed = list(csv.DictReader(rows))
    number = {kind: at for at, kind in enumerate(sorted({row["category"] for row in listed}))}
    gallery = [row for row in listed if row["part"] == "gallery"]
    queries = [row for row in listed if row["part"] == "query"][: count or None]
    kinds, asked = (
        np.array([number[row["category"]] for row in part]) for part in (gallery, queries)
    )
    read_all = [[read(folder / row["image"]) for row in part] for part in (gallery, queries)]
    return "thing to its kind", read_all[0], kinds, read_all[1], asked


def as_row(row: dict[str, Any]) -> str:
    """Format a row of figures."""
    return "  ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{value}"
        for name, value in row.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=60, help="photos of each set to enlarge")
    parser.add_argument("--queries", type=int, default=0, help="queries of each task; 0 is all")
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--parts", default="enlarge,retrieval")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    facts = machine("numpy", "pillow", "onnxruntime")
    print(as_line(facts))
    result: dict[str, Any] = {"machine": facts}
    if "enlarge" in given.parts.split(","):
        result["enlarging"] = enlarging(given.data, given.photos)
    if "retrieval" in given.parts.split(","):
        result["retrieval"] = retrieval(given.data, given.encoder, given.queries)
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
