"""Views: small crops of the photos, made once and kept with what the teacher sees in them.

Decoding and the teacher cost twice as much as training itself, so both happen only here. Views
come in rounds; a round shows every photo `repeats` times and is one pair of files, so making
more of them is a matter of time and an interrupted run goes on with the round it was at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.encoders.train import disguise
from indexer.encoders.train.data import Box, Photo, digest_of
from indexer.encoders.train.teacher import DEEP, MIDDLE, TEACHER_DIM, TEACHER_SIZE, Teacher

VIEW_SIZE = 128
_CHUNK = 256


@dataclass(frozen=True)
class Round:
    """One round of views, memory-mapped.

    `pixels` (n, 128, 128, 3) is what the student sees; `pooled` (n, 1280), `deep` (n, 7, 7, 320)
    and `middle` (n, 14, 14, 96) what the teacher saw; `photo` (n,) the position in the list of
    photos.
    """

    photo: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    pooled: NDArray[np.uint8]
    deep: NDArray[np.int8]
    middle: NDArray[np.int8]


_PARTS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "pixels": (np.uint8, (VIEW_SIZE, VIEW_SIZE, 3)),
    "pooled": (np.uint8, (TEACHER_DIM,)),
    "deep": (np.int8, DEEP),
    "middle": (np.int8, MIDDLE),
}


@dataclass(frozen=True)
class Recipe:
    """What the workers share: the photos, the teacher's file, the pictures to disguise with."""

    photos: Sequence[Photo]
    teacher: Path
    backgrounds: Sequence[Path]
    brushes: Sequence[Path]
    seed: int

    def digest(self) -> str:
        """What tells views of one recipe from those of another, as hex digits."""
        digest = hashlib.sha256(f"{VIEW_SIZE} {self.seed} {digest_of(self.photos)}\n".encode())
        for path in (*self.backgrounds, *self.brushes):
            digest.update(f"{path}\n".encode())
        digest.update(self.teacher.read_bytes())
        return digest.hexdigest()


def make_round(recipe: Recipe, folder: Path, number: int, workers: int) -> Round:
    """Open a round of views, making it first where it is missing.

    Round 0 begins with each photo whole and undisguised; later views are random crops. The
    same recipe and number give the same views whatever the number of workers. ValueError when
    `folder` holds views of another recipe; FileNotFoundError when there is no teacher.
    """
    _claim(folder, recipe)
    photo = np.repeat(np.arange(len(recipe.photos)), [p.repeats for p in recipe.photos])
    paths = {part: folder / f"round-{number:03d}-{part}.npy" for part in _PARTS}
    if not all(path.is_file() for path in paths.values()):
        Teacher(recipe.teacher)  # what is wrong with it, each worker would die of again and again
        drafts = {part: path.with_suffix(".part.npy") for part, path in paths.items()}
        files = {
            part: np.lib.format.open_memmap(drafts[part], "w+", kind, (len(photo), *shape))
            for part, (kind, shape) in _PARTS.items()
        }
        jobs = [
            (number, start, photo[start : start + _CHUNK]) for start in range(0, len(photo), _CHUNK)
        ]
        with get_context("spawn").Pool(workers, _start_worker, (recipe,)) as pool:
            for start, made in pool.imap_unordered(_make_chunk, jobs):
                for part, rows in made.items():
                    files[part][start : start + len(rows)] = rows
        for part, path in paths.items():
            drafts[part].replace(path)
    return Round(photo, **{part: np.load(path, mmap_mode="r") for part, path in paths.items()})


def _claim(folder: Path, recipe: Recipe) -> None:
    """Note beside the views what they are made of. ValueError where that is something else."""
    note, digest = folder / "recipe.sha256", recipe.digest()
    if not note.is_file() and not any(folder.glob("round-*")):
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(digest)
    if not note.is_file() or note.read_text() != digest:
        raise ValueError(
            f"the views in {folder} are of other photos, or by another teacher; remove that folder "
            "to make them anew"
        )


_RECIPE: Recipe | None = None
_TEACHER: Teacher | None = None


def _start_worker(recipe: Recipe) -> None:
    global _RECIPE, _TEACHER
    _RECIPE, _TEACHER = recipe, Teacher(recipe.teacher)


def _make_chunk(
    job: tuple[int, int, NDArray[np.int64]],
) -> tuple[int, dict[str, NDArray[np.generic]]]:
    assert _RECIPE is not None
    assert _TEACHER is not None
    number, start, photos = job
    rng = np.random.default_rng((_RECIPE.seed, number, start))
    made: dict[str, NDArray[np.generic]] = {
        part: np.empty((len(photos), *shape), kind) for part, (kind, shape) in _PARTS.items()
    }
    before = -1
    for i, index in enumerate(photos):
        photo = _RECIPE.photos[index]
        box = whole(photo) if number == 0 and index != before else random_box(whole(photo), rng)
        image = _open(photo.path)
        seen = _TEACHER.look(_cut(image, box, TEACHER_SIZE))
        view = _cut(image, box, VIEW_SIZE)
        if number > 0 or index == before:
            view = _disguised(view, photo, box, _RECIPE, rng)
        rows = {"pixels": view, "pooled": seen.pooled, "deep": seen.deep, "middle": seen.middle}
        for part, row in rows.items():
            made[part][i] = row
        before = index
    return start, made


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
