"""Draw the pictures of docs/style.md: every style at four strengths, on drawn products.

python scripts/style_grid.py [--shop FOLDER] [--out docs]

Writes style-textures.jpg and style-tones.jpg. The folder is the output of ``vitrine sample``;
without it a small shop is drawn first.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from indexer.sample.shop import write_shop
from style.registry import built_in
from style.styler import StyleInfo

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
MAX_BYTES = 400_000
SHOWN = ("backpack", "dress", "sneaker", "sofa", "tee")  # the beginnings of product names
NAME, HEAD = 96, 18  # pixels for the names


def sheet(photos: list[np.ndarray], styles: list[StyleInfo], cell: int) -> Image.Image:
    """Draw a row per style: a photo at each strength. The photos alternate over the rows."""
    columns = 1 + len(STRENGTHS)
    groups = 2
    rows = -(-len(styles) // groups)
    width = groups * (NAME + columns * cell)
    image = Image.new("RGB", (width, HEAD + rows * cell), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13)
    for group in range(groups):
        left = group * (NAME + columns * cell)
        for column, words in enumerate(["photo", *map(str, STRENGTHS)]):
            place = (left + NAME + column * cell + 4, 1)
            draw.text(place, words, fill="black", font=font)
    for number, info in enumerate(styles):
        left, top = number // rows * (NAME + columns * cell), HEAD + number % rows * cell
        words = f"{info.name}\n({info.strength:g})"
        draw.multiline_text((left + 4, top + cell // 2 - 12), words, fill="black", font=font)
        pixels = photos[number % len(photos)]
        styler = built_in().find(info.name).styler
        shown = [pixels, *(styler.apply(pixels, info.name, strength) for strength in STRENGTHS)]
        for column, made in enumerate(shown):
            small = Image.fromarray(made).resize((cell - 2, cell - 2), Image.Resampling.LANCZOS)
            image.paste(small, (left + NAME + column * cell, top))
    return image


def most_colorful(paths: list[Path]) -> np.ndarray:
    """Return the picture (h, w, 3) whose colors are farthest from gray."""
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(paths)]
    return max(pictures, key=lambda pixels: float(np.ptp(pixels.astype(int), axis=2).mean()))


def save(image: Image.Image, path: Path) -> None:
    """Save as a JPEG of at most ``MAX_BYTES``."""
    for quality in (88, 80, 72, 64):
        image.save(path, "JPEG", quality=quality, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            print(f"{path}: {path.stat().st_size // 1000} kB, quality {quality}")
            return
    raise SystemExit(f"{path} has over {MAX_BYTES // 1000} kB at quality 64")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shop", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = given.shop or write_shop(Path(folder) / "shop", items=60, photos=0).folder
        images = shop / "images"
        photos = [
            most_colorful(
                [*images.glob(f"{word}*/*-front.jpg"), *images.glob(f"{word}*/*-side.jpg")]
            )
            for word in SHOWN
        ]
    styles = built_in().styles()
    save(
        sheet(photos, [info for info in styles if info.kind == "texture"], 150),
        given.out / "style-textures.jpg",
    )
    save(
        sheet(photos, [info for info in styles if info.kind == "tone"], 110),
        given.out / "style-tones.jpg",
    )


if __name__ == "__main__":
    main()
