"""Draw the pictures of docs/style.md: every style at four strengths, on drawn products.

python scripts/style_grid.py [--shop FOLDER] [--out docs]

Writes style-textures.jpg, style-tones.jpg, style-images.jpg and style-dark.jpg. The folder is the
output of ``vitrine sample``; without it a small shop is drawn first.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from indexer.sample.shop import write_shop
from style.productmask import product_mask
from style.registry import built_in
from style.styleimage import StyleImage, StyleImageStyler
from style.styler import StyleInfo

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
MAX_BYTES = 400_000
SHOWN = ("backpack", "dress", "sneaker", "sofa", "tee")  # the beginnings of product names
NAME, HEAD = 96, 18  # pixels for the names


def sheet(photos: list[np.ndarray], styles: list[StyleInfo], cell: int, groups: int) -> Image.Image:
    """Draw a row per style, in ``groups`` side by side: a photo at each strength.

    The photos alternate over the rows.
    """
    columns = 1 + len(STRENGTHS)
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


def drawn_paintings() -> dict[str, np.ndarray]:
    """Return style images (h, w, 3): the colors of a dusk, a sea and a meadow, in strokes.

    Those of the dusk are broad and level, those of the sea are long waves, and those of the meadow
    are short and upright.
    """
    ramps = {
        "dusk": [(44, 30, 70), (150, 50, 90), (236, 120, 60), (250, 205, 120)],
        "sea": [(10, 40, 70), (20, 100, 130), (90, 180, 190), (235, 240, 230)],
        "meadow": [(40, 60, 30), (90, 130, 50), (190, 180, 70), (240, 225, 190)],
    }
    brushes = {"dusk": (26, 9, 0.0), "sea": (46, 4, 0.5), "meadow": (14, 3, 1.5)}
    return {
        name: _strokes(ramp, *brushes[name], seed)
        for seed, (name, ramp) in enumerate(ramps.items())
    }


def _strokes(
    ramp: list[tuple[int, int, int]], length: int, width: int, turn: float, seed: int
) -> np.ndarray:
    """Draw 320 x 320 pixels of strokes whose colors go through a ramp from top to bottom."""
    rng = np.random.default_rng(seed)
    side, count = 320, 240_000 // (length * width)
    image = Image.new("RGB", (side, side), ramp[1])
    draw = ImageDraw.Draw(image)
    for x, y in rng.uniform(-20, side + 20, (count, 2)):
        place = np.clip(y / side + rng.normal(0, 0.22), 0, 1) * (len(ramp) - 1)
        color = [
            int(np.interp(place, range(len(ramp)), [shade[c] for shade in ramp])) for c in range(3)
        ]
        angle = turn + 0.5 * np.sin(x / 40) * (turn < 1) + rng.normal(0, 0.12)
        end = (x + length * np.cos(angle), y + length * np.sin(angle))
        draw.line([(x, y), end], fill=(color[0], color[1], color[2]), width=width)
    return np.asarray(image)


def image_sheet(photos: list[np.ndarray], cell: int) -> Image.Image:
    """Draw a row for each style image: itself, then each photo painted like it."""
    paintings = drawn_paintings()
    styler = StyleImageStyler({name: StyleImage(image) for name, image in paintings.items()})
    image = Image.new("RGB", ((1 + len(photos)) * cell, (1 + len(paintings)) * cell), "white")
    for row, name in enumerate([None, *paintings]):
        shown = [styler.apply(photo, name, 1) if name else photo for photo in photos]
        if name:
            shown.insert(0, paintings[name])
        for column, made in enumerate(shown, start=1 if name is None else 0):
            small = Image.fromarray(made).resize((cell - 2, cell - 2), Image.Resampling.LANCZOS)
            image.paste(small, (column * cell, row * cell))
    return image


def dark_sheet(photos: list[np.ndarray], cell: int) -> Image.Image:
    """Draw every painterly style at its default strength on a product that is moved to black."""
    styles = [info for info in built_in().styles() if info.kind == "texture"]
    image = Image.new("RGB", (len(styles) * cell, cell + HEAD), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for column, info in enumerate(styles):
        photo = photos[column % len(photos)]
        product = np.clip(product_mask(photo).alpha[..., None] / 100 - 1.55, 0, 1)  # no pale rim
        black = np.rint(16 + (photo - 16.0) * product).astype(np.uint8)
        made = built_in().find(info.name).styler.apply(black, info.name, info.strength)
        small = Image.fromarray(made).resize((cell - 2, cell - 2), Image.Resampling.LANCZOS)
        image.paste(small, (column * cell, HEAD))
        draw.text((column * cell + 4, 1), info.name, fill="black", font=font)
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
        sheet(photos, [info for info in styles if info.kind == "texture"], 190, 1),
        given.out / "style-textures.jpg",
    )
    save(
        sheet(photos, [info for info in styles if info.kind == "tone"], 110, 2),
        given.out / "style-tones.jpg",
    )
    save(image_sheet(photos, 130), given.out / "style-images.jpg")
    save(dark_sheet(photos, 150), given.out / "style-dark.jpg")


if __name__ == "__main__":
    main()
