"""Views: small crops of the photos, made once and kept with what the teacher sees in them.

Decoding and the teacher cost twice as much as training itself, so both happen only here. Views
come in rounds; a round shows every photo `repeats` times and is one pair of files, so making
more of them is a matter of time and an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.encoders.train import disguise
from indexer.encoders.train.data import Box, Photo
from indexer.encoders.train.teacher import TEACHER_DIM, TEACHER_SIZE, Teacher

VIEW_SIZE = 128
_CHUNK = 256


@dataclass(frozen=True)
class Round:
    """One round of views, memory-mapped.

    `pixels` (n, 128, 128, 3) is what the student sees, `features` (n, 1280) what the teacher
    saw, `photo` (n,) the position in the list of photos.
    """

    pixels: NDArray[np.uint8]
    features: NDArray[np.uint8]
    photo: NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """What the workers share: the photos, the teacher's file, the pictures to disguise with."""

    photos: Sequence[Photo]
    teacher: Path
    backgrounds: Sequence[Path]
    brushes: Sequence[Path]
    seed: int


def make_round(recipe: Recipe, folder: Path, number: int, workers: int) -> Round:
    """Open a round of views, making it first where it is missing.

    Round 0 begins with each photo whole and undisguised; later views are random crops. The
    same recipe and number give the same views whatever the number of workers.
    """
    photo = np.repeat(np.arange(len(recipe.photos)), [p.repeats for p in recipe.photos])
    names = [folder / f"round-{number:03d}-{part}.npy" for part in ("pixels", "features")]
    if not all(name.is_file() for name in names):
        folder.mkdir(parents=True, exist_ok=True)
        parts = [name.with_suffix(".part.npy") for name in names]
        pixels = np.lib.format.open_memmap(
            parts[0], "w+", np.uint8, (len(photo), VIEW_SIZE, VIEW_SIZE, 3)
        )
        features = np.lib.format.open_memmap(parts[1], "w+", np.uint8, (len(photo), TEACHER_DIM))
        jobs = [
            (number, start, photo[start : start + _CHUNK]) for start in range(0, len(photo), _CHUNK)
        ]
        with get_context("spawn").Pool(workers, _start_worker, (recipe,)) as pool:
            for start, some_pixels, some_features in pool.imap_unordered(_make_chunk, jobs):
                pixels[start : start + len(some_pixels)] = some_pixels
                features[start : start + len(some_features)] = some_features
        for part, name in zip(parts, names, strict=True):
            part.replace(name)
    return Round(np.load(names[0], mmap_mode="r"), np.load(names[1], mmap_mode="r"), photo)


_RECIPE: Recipe | None = None
_TEACHER: Teacher | None = None


def _start_worker(recipe: Recipe) -> None:
    global _RECIPE, _TEACHER
    _RECIPE, _TEACHER = recipe, Teacher(recipe.teacher)


def _make_chunk(
    job: tuple[int, int, NDArray[np.int64]],
) -> tuple[int, NDArray[np.uint8], NDArray[np.uint8]]:
    assert _RECIPE is not None
    assert _TEACHER is not None
    number, start, photos = job
    rng = np.random.default_rng((_RECIPE.seed, number, start))
    pixels = np.empty((len(photos), VIEW_SIZE, VIEW_SIZE, 3), np.uint8)
    features = np.empty((len(photos), TEACHER_DIM), np.uint8)
    before = -1
    for i, index in enumerate(photos):
        photo = _RECIPE.photos[index]
        box = whole(photo) if number == 0 and index != before else random_box(whole(photo), rng)
        image = _open(photo.path)
        features[i] = _TEACHER.features(_cut(image, box, TEACHER_SIZE))
        pixels[i] = _cut(image, box, VIEW_SIZE)
        if number > 0 or index == before:
            pixels[i] = _disguised(pixels[i], photo, box, _RECIPE, rng)
        before = index
    return start, pixels, features


@cache
def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


_LAST: dict[Path, Image.Image] = {}


def _open(path: Path) -> Image.Image:
    if path not in _LAST:
        _LAST.clear()
        _LAST[path] = Image.open(path).convert("RGB")
    return _LAST[path]


def whole(photo: Photo) -> Box:
    """Give the box worth seeing: the file, or the thing with a sixth of its size around it."""
    width, height = _size(photo.path)
    if photo.box is None:
        return 0, 0, width, height
    left, top, right, bottom = photo.box
    dx, dy = (right - left) // 6, (bottom - top) // 6
    return max(0, left - dx), max(0, top - dy), min(width, right + dx), min(height, bottom + dy)


def random_box(box: Box, rng: np.random.Generator) -> Box:
    """Draw a part of the box: 25 to 100 % of its area, its proportions changed by up to a third."""
    left, top, right, bottom = box
    share = rng.uniform(0.25, 1.0)
    stretch = np.exp(rng.uniform(-0.29, 0.29))
    width = max(8, round((right - left) * min(1.0, np.sqrt(share * stretch))))
    height = max(8, round((bottom - top) * min(1.0, np.sqrt(share / stretch))))
    x = left + int(rng.integers(0, max(1, right - left - width + 1)))
    y = top + int(rng.integers(0, max(1, bottom - top - height + 1)))
    return x, y, x + width, y + height


def _cut(image: Image.Image, box: Box, size: int) -> NDArray[np.uint8]:
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box, reducing_gap=2.0))


def _disguised(
    pixels: NDArray[np.uint8], photo: Photo, box: Box, recipe: Recipe, rng: np.random.Generator
) -> NDArray[np.uint8]:
    chance = rng.random(3)
    if chance[0] < 0.4:
        pixels = _elsewhere(pixels, photo, box, recipe, rng)
    if chance[1] < 0.06:
        pixels = disguise.cartoon(pixels, int(rng.integers(3, 8)))
    elif chance[1] < 0.09:
        pixels = disguise.sketch(pixels)
    elif chance[1] < 0.17 and recipe.brushes:
        brush = _random_picture(recipe.brushes, rng)
        pixels = disguise.paint(pixels, brush, float(rng.uniform(0.2, 0.8)))
    if chance[2] < 0.25:
        pixels = disguise.compress(pixels, int(rng.integers(12, 60)))
    return pixels


def _elsewhere(
    pixels: NDArray[np.uint8], photo: Photo, box: Box, recipe: Recipe, rng: np.random.Generator
) -> NDArray[np.uint8]:
    if photo.mask is not None:
        path, value = photo.mask
        with Image.open(path) as image:
            marks = np.asarray(image.resize((VIEW_SIZE, VIEW_SIZE), Image.Resampling.NEAREST, box))
        thing = np.asarray(marks == value)
    else:
        found = disguise.thing_on_white(pixels)
        if found is None:
            return pixels
        thing = found
    if recipe.backgrounds and rng.random() < 0.65:
        background = _random_picture(recipe.backgrounds, rng)
    else:
        background = np.full_like(pixels, 255)
        if rng.random() < 0.6:
            background[:] = rng.integers(0, 256, 3)
    return disguise.put_on(pixels, thing, background)


def _random_picture(paths: Sequence[Path], rng: np.random.Generator) -> NDArray[np.uint8]:
    path = paths[int(rng.integers(len(paths)))]
    width, height = _size(path)
    with Image.open(path) as image:
        return _cut(image.convert("RGB"), random_box((0, 0, width, height), rng), VIEW_SIZE)
