"""The photos and style images of a training, and the batches drawn from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from style.arrays import Floats, Pixels
from style.errors import BadTraining
from style.oklab import from_oklab, oklab_of_pixels
from style.palette import Palette, color_move, palette_of

__all__ = ["Batch", "Pictures", "find_pictures", "read_pictures", "to_tensor"]

STYLE_SIDE = 256
"""The shorter side of a style image: what the generator learns to paint on a photo of 256."""
PHOTO_SIDE = 176
MOST_RATIO = 10
"""The most that the longer side may be of the shorter one, which is enlarged to the sides above."""
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Batch(NamedTuple):
    """Crops (n, 3, c, c) in [0, 1]: photos, the same in the style's colors, and style images.

    ``number`` (n,) are the numbers of the styles.
    """

    photo: Tensor
    colored: Tensor
    style: Tensor
    number: Tensor


@dataclass(frozen=True, eq=False)
class Pictures:
    """Photos and style images, uint8 (h, w, 3) each, and the palettes of the latter."""

    photos: Sequence[Pixels]
    styles: Sequence[Pixels]
    palettes: Sequence[Palette]

    @property
    def digest(self) -> str:
        """16 hex digits of a hash of all pixels."""
        digest = hashlib.sha256()
        for pixels in (*self.photos, *self.styles):
            digest.update(repr(pixels.shape).encode() + pixels.tobytes())
        return digest.hexdigest()[:16]

    def draw(self, step: int, size: int, crop: int, seed: int) -> Batch:
        """Draw the batch of a step: always the same for the same arguments."""
        rng = np.random.default_rng((seed, step))
        photos: list[Pixels] = []
        colored: list[Floats] = []
        crops: list[Pixels] = []
        numbers = rng.permutation(len(self.styles))[:size]
        if len(numbers) < size:
            numbers = rng.integers(0, len(self.styles), size)
        for number in numbers:
            photo = _crop(self.photos[int(rng.integers(len(self.photos)))], crop, rng, smallest=0.6)
            photos.append(photo)
            colored.append(_colored(photo, self.palettes[number]))
            crops.append(_crop(self.styles[number], crop, rng, smallest=0.35, largest=0.55))
        return Batch(
            to_tensor(photos),
            torch.from_numpy(np.stack(colored)).permute(0, 3, 1, 2),
            to_tensor(crops),
            torch.from_numpy(np.asarray(numbers, np.int64)),
        )


def read_pictures(photos: Iterable[Path], styles: Iterable[Path]) -> Pictures:
    """Read pictures upright, on white, resized to the sides above.

    Raises BadTraining when one cannot be read, or is more than MOST_RATIO times as long as wide.
    """
    images = [_read(path, STYLE_SIDE) for path in styles]
    return Pictures(
        [_read(path, PHOTO_SIDE) for path in photos],
        images,
        [palette_of(image) for image in images],
    )


def find_pictures(folder: Path) -> list[Path]:
    """List the picture files of a folder and those below it, by path.

    Raises BadTraining when there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise BadTraining(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))}) there or below")
    return found


def to_tensor(pictures: Sequence[Pixels]) -> Tensor:
    """Stack uint8 (h, w, 3) as (n, 3, h, w) in [0, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def _read(path: Path, side: int) -> Pixels:
    try:
        with Image.open(path) as file:
            found = file.size
            image = _upright_on_white(file) if max(found) <= MOST_RATIO * min(found) else None
    except Exception as error:  # Pillow raises many kinds for a damaged file
        raise BadTraining(f"{path}: cannot be read as a picture: {error}") from error
    if image is None:
        raise BadTraining(
            f"{path}: {found[0]} x {found[1]} pixels; one side may be at most {MOST_RATIO} times "
            "the other: crop it or take it out of the folder"
        )
    scale = side / min(image.size)
    size = (max(side, round(image.width * scale)), max(side, round(image.height * scale)))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def _upright_on_white(file: Image.Image) -> Image.Image:
    """Decode to RGB, turned as EXIF says; white shows where the picture is transparent."""
    image = ImageOps.exif_transpose(file)
    if not image.has_transparency_data:
        return image.convert("RGB")
    color = image.convert("RGBA")
    page = Image.new("RGB", color.size, "white")
    page.paste(color, mask=color)
    return page


def _colored(photo: Pixels, palette: Palette) -> Floats:
    """Give a photo the colors of a style, in [0, 1]."""
    move = color_move(palette_of(photo), palette)
    return np.clip(from_oklab(move.on(oklab_of_pixels(photo))), 0, 1)


def _crop(
    pixels: Pixels,
    crop: int,
    rng: np.random.Generator,
    *,
    smallest: float,
    largest: float = 1.0,
) -> Pixels:
    """A random square whose side is a share of the shorter side, resized and maybe mirrored."""
    height, width = pixels.shape[:2]
    side = max(8, round(min(height, width) * rng.uniform(smallest, largest)))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    part = Image.fromarray(pixels[top : top + side, left : left + side])
    made = np.asarray(part.resize((crop, crop), Image.Resampling.BICUBIC))
    return made[:, ::-1].copy() if rng.random() < 0.5 else made
