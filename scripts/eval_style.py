"""Measures the styles on real products: is it the same product, is the style seen, how fast.

python scripts/eval_style.py --data DIR [--limit N] [--styles NAME,...] [--style-images N]
                             [--parts PART,...] [--encoder ID] [--seed N] [--json OUT]

DIR holds ``magento`` and ``grocery``, and optionally ``styles`` (style images) and ``weights``
(MobileNetV2 as TFLite, which needs ``ai-edge-litert``; it was never used in training). All figures
but the speed depend on the pictures alone, not on the machine.

Parts are ``styles`` (a row for each style), ``classifier``, ``images`` (style images beside
MicroAST, whose weights are in ``weights`` and need torch) and ``speed``.

* Identity: the styled first picture of N products drawn at random is looked for among all pictures
  of all products; the share whose nearest picture is of the product itself. Also after JPEG at
  quality 75 and shrinking to 0.75. Products whose unstyled pictures are the same count as one.
* Band: CIEDE2000 in a band of 6 pixels around the product, when only the product is styled.
* Style images: the same figures for the styler of style images, for its colors without strokes, for
  MicroAST and for blends of photo and image; the distance of the colors to those of the image
  (sliced Wasserstein, Oklab), and of the descriptor of ``style_metrics`` (statistics).
* Strength: rank correlation of strength and distance from the full style, in the descriptor of
  ``style_metrics``; 1 is monotone.
* Classifier: a ridge classifier on that descriptor, fitted to half of the products, tells the
  styles of the other half apart.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import encoder_yardsticks
import numpy as np
from machine import as_line, machine
from numpy.typing import NDArray
from PIL import Image
from style_metrics import (
    ciede2000,
    cielab,
    classify,
    color_distance,
    spearman,
    style_descriptor,
)

from indexer.encoders.registry import load_encoder
from indexer.imaging.photos import fit_pixels
from style.lut import NEVER, ColorMap
from style.palette import palette_lut, palette_of
from style.planes import box_mean
from style.productmask import product_mask
from style.registry import FoundStyle, StyleRegistry, built_in
from style.shrink import shrunk
from style.styleimage import STRENGTH, StyleImage, StyleImageStyler

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]
Judge = Callable[[Sequence[Pixels]], Vectors]

BAND = 6
TIE = 1e-3  # of a cosine: the same photo twice
STRENGTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Catalog:
    """All pictures of a shop: paths, and the product of each; one query per product."""

    paths: list[Path]
    owner: NDArray[np.int64]  # (pictures,)
    first: list[int]  # the place of the first picture of each product


@dataclass(frozen=True)
class Gallery:
    """The vectors of all pictures by one judge."""

    judge: Judge
    vectors: Vectors
    owner: NDArray[np.int64]

    def share_found(self, pictures: Sequence[Pixels], owners: NDArray[np.int64]) -> float:
        """Return the share of pictures whose own product is nearest."""
        scores = self.judge(pictures) @ self.vectors.T  # (n, d) @ (d, pictures)
        own = np.where(self.owner[None] == owners[:, None], scores, -np.inf).max(1)
        other = np.where(self.owner[None] != owners[:, None], scores, -np.inf).max(1)
        return float((own >= other - TIE).mean())


def read_catalog(data: Path) -> Catalog:
    """Read the pictures of both shops."""
    with (data / "magento/catalog.jsonl").open(encoding="utf-8") as lines:
        named = [json.loads(line)["images"] for line in lines]
    products = [[data / "magento" / name for name in names] for names in named]
    with (data / "grocery/catalog.csv").open(newline="", encoding="utf-8") as rows:
        products += [[data / "grocery" / row["image"]] for row in csv.DictReader(rows)]
    products = [paths for paths in products if paths]
    counts = [len(paths) for paths in products]
    owner = np.repeat(np.arange(len(products)), counts)
    first = [0, *np.cumsum(counts)[:-1].tolist()]
    return Catalog([path for paths in products for path in paths], owner, first)


def read(path: Path) -> Pixels:
    """Decode a picture to (h, w, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def judges(encoder_id: str, mobilenet: Path) -> dict[str, Judge]:
    """Return the encoder in use, and a network never used in training if it can be loaded."""
    encoder = load_encoder(encoder_id)

    def encode(pictures: Sequence[Pixels]) -> Vectors:
        squares = [fit_pixels(pixels, encoder.preprocess) for pixels in pictures]
        return encoder.encode_images(squares)

    found: dict[str, Judge] = {encoder.id: encode}
    try:
        found["mobilenet-v2"] = encoder_yardsticks.mobilenet(mobilenet)
    except (ImportError, ValueError, OSError) as error:
        print(f"skipped mobilenet-v2: {error}", file=sys.stderr)
    return found


def galleries(catalog: Catalog, by: dict[str, Judge]) -> dict[str, Gallery]:
    """Encode all pictures by all judges."""
    found = {}
    for name, judge in by.items():
        parts = [
            judge([read(path) for path in catalog.paths[start : start + 32]])
            for start in range(0, len(catalog.paths), 32)
        ]
        found[name] = Gallery(judge, np.concatenate(parts), catalog.owner)
    return found


def worn(pixels: Pixels) -> Pixels:
    """Return the picture as a JPEG of quality 75 at 0.75 of its size, without hidden signals."""
    image = Image.fromarray(pixels)
    size = (max(1, round(image.width * 0.75)), max(1, round(image.height * 0.75)))
    file = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file).convert("RGB"))


def band_difference(found: FoundStyle, photos: Sequence[Pixels]) -> tuple[float, int]:
    """Return the mean CIEDE2000 around styled products, and how many of them had a mask."""
    differences = []
    for pixels in photos:
        mask = product_mask(pixels)
        inside = (mask.alpha >= 128).astype(np.float32)
        # The soft edge of the mask belongs to the product.
        band = (box_mean(inside, BAND) > 1e-6) & (inside == 0)
        if mask.unsure or not band.any():
            continue
        made = found.styler.apply(pixels, found.info.name, found.info.strength, mask.alpha)
        differences.append(float(ciede2000(cielab(pixels[band]), cielab(made[band])).mean()))
    return (float(np.mean(differences)) if differences else float("nan")), len(differences)


def monotony(found: FoundStyle, pixels: Pixels) -> float:
    """Return the rank correlation of strength and nearness to the full style."""
    name, styler = found.info.name, found.styler
    full = style_descriptor(styler.apply(pixels, name, 1))
    distances = [
        float(np.linalg.norm(style_descriptor(styler.apply(pixels, name, strength)) - full))
        for strength in STRENGTHS
    ]
    return -spearman(STRENGTHS, distances)


def speed(found: FoundStyle, photos: Sequence[Pixels]) -> float:
    """Return the median milliseconds of processor time at 256 pixels, on one core."""
    small = [
        np.asarray(Image.fromarray(pixels).resize((256, 256), Image.Resampling.BICUBIC))
        for pixels in photos
    ]
    found.styler.apply(small[0], found.info.name, 1)
    times = []
    for pixels in small:
        began = time.process_time()
        found.styler.apply(pixels, found.info.name, 1)
        times.append(time.process_time() - began)
    return 1e3 * float(np.median(times))


def style_rows(
    styles: Sequence[FoundStyle],
    photos: Sequence[Pixels],
    owners: NDArray[np.int64],
    by: dict[str, Gallery],
) -> list[dict[str, Any]]:
    """Return all figures of each style."""
    rows = []
    for found in styles:
        name, default = found.info.name, found.info.strength
        row: dict[str, Any] = {"style": name, "kind": found.info.kind, "strength": default}
        for label, strength in (("default", default), ("full", 1.0)):
            made = [found.styler.apply(pixels, name, strength) for pixels in photos]
            worse = [worn(pixels) for pixels in made]
            for judge, gallery in by.items():
                row[f"{judge}, {label}"] = gallery.share_found(made, owners)
                row[f"{judge}, {label}, worn"] = gallery.share_found(worse, owners)
        row["band"], row["masks"] = band_difference(found, photos[:16])
        row["monotony"] = float(np.mean([monotony(found, pixels) for pixels in photos[:3]]))
        row["ms at 256"] = speed(found, photos[:8])
        rows.append(row)
        print(as_row(row), flush=True)
    return rows


def classified(styles: Sequence[FoundStyle], photos: Sequence[Pixels]) -> float:
    """Return the accuracy of the classifier of styles on products that it was not fitted to."""
    made = [
        (style_descriptor(found.styler.apply(pixels, found.info.name, found.info.strength)), at, n)
        for at, found in enumerate(styles)
        for n, pixels in enumerate(photos)
    ]
    descriptors, labels, products = (np.array(column) for column in zip(*made, strict=True))
    return classify(descriptors, labels, products % 2 == 0)


def style_image_rows(
    images: Sequence[Path],
    photos: Sequence[Pixels],
    owners: NDArray[np.int64],
    by: dict[str, Gallery],
    weights: Path,
) -> list[dict[str, Any]]:
    """Measure identity and nearness to style images of our styler, MicroAST and a plain blend.

    Photos have 256 pixels on the longer side, as MicroAST was trained on crops of that size.
    """
    small = [shrunk(pixels, 256) for pixels in photos]
    pairs = [(pixels, read(path)) for path in images for pixels in small]
    owner = np.tile(owners, len(images))
    painters: list[tuple[str, Callable[[Pixels, Pixels], Pixels]]] = [
        (f"ours at {strength:g}", lambda photo, image, at=strength: toned(photo, image, at))
        for strength in (STRENGTH, 1.0)
    ]
    painters = [("photo", lambda photo, _image: photo), ("colors alone", recolored), *painters]
    painters += [
        (
            f"blend of {share:g}",
            lambda photo, image, at=share: mixed(photo, fitted(image, photo), at),
        )
        for share in (0.15, 0.5)
    ]
    try:
        from style_microast import microast

        stylize = microast(weights)
    except (ImportError, OSError) as error:
        print(f"skipped MicroAST: {error}", file=sys.stderr)
    else:
        painters += [
            (
                f"MicroAST at {strength:g}",
                lambda photo, image, at=strength: mixed(
                    photo, stylize(photo, shrunk(image, 256)), at
                ),
            )
            for strength in (0.15, 0.3, 0.6, 1.0)
        ]
    rows = []
    for name, paint in painters:
        began = time.process_time()
        made = [paint(photo, image) for photo, image in pairs]
        took = time.process_time() - began
        row: dict[str, Any] = {"by": name}
        row |= {judge: gallery.share_found(made, owner) for judge, gallery in by.items()}
        row["colors"] = float(
            np.mean([color_distance(m, image) for m, (_, image) in zip(made, pairs, strict=True)])
        )
        row["statistics"] = float(
            np.mean(
                [
                    np.linalg.norm(style_descriptor(m) - style_descriptor(image))
                    for m, (_, image) in zip(made, pairs, strict=True)
                ]
            )
        )
        row["ms"] = 1e3 * took / len(pairs)
        rows.append(row)
        print(as_row(row), flush=True)
    return rows


def toned(photo: Pixels, image: Pixels, strength: float) -> Pixels:
    """Return the photo in the colors and strokes of the image."""
    return StyleImageStyler({"x": StyleImage(image)}).apply(photo, "x", strength)


def recolored(photo: Pixels, image: Pixels) -> Pixels:
    """Return the photo in the colors of the image, without its strokes."""
    lut = palette_lut(palette_of(photo), palette_of(image))
    return ColorMap(lut, after=NEVER).apply(photo)


def mixed(photo: Pixels, other: Pixels, strength: float) -> Pixels:
    """Return a mean of two pictures of one size; strength 0 is the photo."""
    return np.asarray(np.rint(photo + strength * (other.astype(float) - photo)), np.uint8)


def fitted(image: Pixels, photo: Pixels) -> Pixels:
    """Return the image at the size of the photo."""
    return np.asarray(Image.fromarray(image).resize(photo.shape[1::-1], Image.Resampling.BICUBIC))


def tone_speed() -> float:
    """Return the megapixels a second of processor time, of a look."""
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    found = built_in().find("film")
    found.styler.apply(pixels, "film", 1)
    began = time.process_time()
    found.styler.apply(pixels, "film", 1)
    return 3 / (time.process_time() - began)


def as_row(row: dict[str, Any]) -> str:
    """Format a row of figures."""
    return "  ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{value}"
        for name, value in row.items()
    )


def chosen(names: str | None, images: Sequence[Path]) -> list[FoundStyle]:
    """Return the styles to measure: those named, or all; and one for each style image."""
    registry = built_in()
    wanted = names.split(",") if names is not None else [i.name for i in registry.styles()]
    own_images = {f"image-{path.stem}": StyleImage(read(path)) for path in images}
    own = StyleRegistry([StyleImageStyler(own_images)])
    return [registry.find(name) for name in wanted if name] + [own.find(n) for n in own_images]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--styles", help="names, separated by commas; all by default")
    parser.add_argument("--style-images", type=int, default=4, help="how many to measure")
    parser.add_argument("--limit", type=int, default=0, help="products; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the products that are drawn")
    parser.add_argument("--parts", default="styles,classifier,images,speed")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    facts = machine("numpy", "pillow", "onnxruntime")
    print(as_line(facts))
    catalog = read_catalog(given.data)
    count = min(given.limit or len(catalog.first), len(catalog.first))
    owners = np.sort(np.random.default_rng(given.seed).permutation(len(catalog.first))[:count])
    photos = [read(catalog.paths[catalog.first[owner]]) for owner in owners]
    images = sorted((given.data / "styles").glob("*.jpg"))
    images = images[6 :: max(1, len(images) // max(1, given.style_images))][: given.style_images]
    styles = chosen(given.styles, images)
    parts = given.parts.split(",")
    result: dict[str, Any] = {"machine": facts, "seed": given.seed, "products": count}
    result["pictures"] = len(catalog.paths)
    print(f"{count} products of {len(catalog.first)}, among {len(catalog.paths)} pictures")
    by: dict[str, Gallery] = {}
    if {"styles", "images"} & set(parts):
        mobilenet = given.data / "weights/mobilenet_v2_1.0_224_imagenet.tflite"
        by = galleries(catalog, judges(given.encoder, mobilenet))
        result["unstyled"] = {name: g.share_found(photos, owners) for name, g in by.items()}
        print(f"unstyled: {as_row(result['unstyled'])}", flush=True)
    if "styles" in parts:
        result["styles"] = style_rows(styles, photos, owners, by)
    if "classifier" in parts:
        result["classifier"] = classified(styles, photos)
    if "images" in parts:
        shown = slice(0, max(8, count // 4))
        result["style images"] = style_image_rows(
            images, photos[shown], owners[shown], by, given.data / "weights"
        )
    if "speed" in parts:
        result["tone, MP a processor second"] = tone_speed()
    for name in ("classifier", "tone, MP a processor second"):
        if name in result:
            print(f"{name}: {result[name]}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
