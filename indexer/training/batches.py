"""What each training step sees: crops of photos, with their labels and what teachers saw there."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.imaging import cutout
from indexer.training.data import Photo, digest_of
from indexer.training.distortions import Strength, augment, crop, patch
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.losses import UNLABELED
from indexer.training.originals import random_box
from indexer.training.teacher_features import TeacherFeatures

OTHER_PHOTO = {"grocery": 0.6, "grocery-catalog": 0.7, "magento": 0.8, "drawn": 0.85}
"""How often the second of a pair is another photo of the same item."""
_ON_WHITE = ("grocery-catalog", "magento", "drawn")
_BACKGROUNDS = ("grocery", "ccp", "general")
_MARGIN = 0.06  # left around a thing on white where the border is trimmed


@dataclass(frozen=True)
class Batch:
    """Pairs of pictures: rows i and i + n show the same item, or are crops of the same photo.

    ``x`` is (2 n, 3, size, size) of 0 to 255, ``photo`` (2 n,) the photos' numbers, ``target``
    (2 n, dim) what the teachers see in the crop, ``teacher_weight`` (2 n,) how much that counts;
    ``donor`` and ``own`` (2 n,) are as `patch` gives them; ``drawn`` (2 n,) marks drawings.
    """

    photo: Tensor
    x: Tensor
    target: Tensor
    teacher_weight: Tensor
    donor: Tensor
    own: Tensor
    drawn: Tensor


class Batches:
    """Draws pairs of pictures with their labels. The order depends on seed and step alone."""

    def __init__(
        self,
        photos: Sequence[Photo],
        squares: NDArray[np.uint8],
        features: TeacherFeatures,
        targets: Tensor,
        params: Hyperparameters,
        use: Sequence[bool],
    ) -> None:
        """Take the photos as ``squares`` (n, s, s, 3) and ``targets`` (m, dim) for all crops."""
        self.params, self.photos, self.squares = params, photos, squares
        self.targets, self.boxes = targets, features.box
        self.first = np.searchsorted(features.photo, np.arange(len(photos)))
        self.count = np.bincount(features.photo, minlength=len(photos))
        self.items = sorted({p.item for p in photos if p.item})
        self.kinds = sorted({p.kind for p in photos if p.kind})
        item_number = {name: i for i, name in enumerate(self.items)}
        kind_number = {name: i for i, name in enumerate(self.kinds)}
        self.item = np.array([item_number[p.item] if p.item else UNLABELED for p in photos])
        self.kind = np.array([kind_number[p.kind] if p.kind else UNLABELED for p in photos])
        self.by_source: dict[str, list[int]] = defaultdict(list)
        self.by_item: dict[str, list[int]] = defaultdict(list)
        for i, photo in enumerate(photos):
            if use[i]:
                self.by_source[photo.source].append(i)
                if photo.item:
                    self.by_item[photo.item].append(i)
        self.digest = digest_of(photo for photo, used in zip(photos, use, strict=True) if used)
        self.chance = {
            source: np.array([self._balance(photos[i]) for i in members])
            for source, members in self.by_source.items()
        }
        self.styles = np.array(self.by_source.get("styles", []), dtype=np.int64)
        self.backgrounds = [i for s in _BACKGROUNDS for i in self.by_source.get(s, [])]
        self.masks: dict[int, NDArray[np.bool_]] = {}
        for source in _ON_WHITE:
            for i in self.by_source.get(source, []):
                mask = cutout.thing_on_white(squares[i])
                if mask is not None:
                    self.masks[i] = mask

    def _balance(self, photo: Photo) -> float:
        # Between one vote a photo and one vote a class: rare products are seen, not hammered.
        return 1.0 / math.sqrt(len(self.by_item[photo.item])) if photo.item else 1.0

    def draw(self, step: int, size: int = 0) -> Batch:
        """Draw the pictures of a step, of its size in the plan or another ``size``."""
        rng = np.random.default_rng((self.params.seed, step))
        generator = torch.Generator().manual_seed(self.params.seed * 1_000_003 + step)
        first: list[int] = []
        for source, members in self.by_source.items():
            chance = self.chance[source]
            wanted = self.params.pairs * self.params.share(source, self.by_source)
            count = int(wanted) + int(rng.random() < wanted % 1)
            picked = rng.choice(len(members), count, p=chance / chance.sum())
            first += [members[int(at)] for at in picked]
        numbers = np.array(first + [self._partner(i, rng) for i in first])
        boxes, nearest, teacher_weight = self._boxes(numbers, rng)
        squares = np.stack([self._placed(int(i), rng) for i in numbers])
        size = size or self.params.size(step)
        x = crop(
            torch.from_numpy(squares).permute(0, 3, 1, 2),
            torch.from_numpy(boxes),
            size,
            generator,
            self.params.strength,
        )
        styles = self._styles(size, rng, generator)
        x, drawn = augment(x, styles, generator, self.params.strength)
        patchable = torch.tensor([self.photos[i].source == "grocery" for i in numbers.tolist()])
        patchable &= torch.rand(len(x), generator=generator) < self.params.cutmix_share
        donor, own = patch(x, patchable.nonzero().flatten(), generator)
        return Batch(
            photo=torch.from_numpy(numbers),
            x=x,
            target=self.targets[torch.from_numpy(nearest)],
            teacher_weight=torch.from_numpy(teacher_weight).float() * (own == 1.0),
            donor=donor,
            own=own,
            drawn=drawn,
        )

    def _partner(self, number: int, rng: np.random.Generator) -> int:
        photo = self.photos[number]
        if photo.item is None or rng.random() > OTHER_PHOTO.get(photo.source, 0.0):
            return number
        members = self.by_item[photo.item]
        return members[int(rng.integers(len(members)))]

    def _boxes(
        self, numbers: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
        """Boxes (n, 4), the teachers' crop nearest to each (n,), and how much it counts (n,).

        Most are boxes that the teachers saw, a little moved; the rest are cut anew, and the
        teachers' word on the whole photo counts half.
        """
        boxes = np.empty((len(numbers), 4), dtype=np.float32)
        nearest = np.empty(len(numbers), dtype=np.int64)
        teacher_weight = np.ones(len(numbers))
        for at, number in enumerate(numbers.tolist()):
            labeled = self.item[number] != UNLABELED or self.kind[number] != UNLABELED
            mask = self.masks.get(number)
            if mask is not None and rng.random() < 0.4:
                nearest[at] = self.first[number]
                boxes[at] = trimmed(mask)
            elif labeled and rng.random() < self.params.fresh_crop_share:
                nearest[at], teacher_weight[at] = self.first[number], 0.5
                boxes[at] = random_box(rng, *self.params.area)
            else:
                nearest[at] = self.first[number] + int(rng.integers(self.count[number]))
                boxes[at] = self.boxes[nearest[at]]
            sides = np.tile(boxes[at, 2:] - boxes[at, :2], 2)
            boxes[at] += sides * rng.uniform(-0.06, 0.06, 4)
            teacher_weight[at] *= self.params.teacher_weight(self.photos[number].source)
        return boxes, nearest, teacher_weight

    def _placed(self, number: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """The square; a thing on white is often put on a shelf, a street or a color."""
        pixels: NDArray[np.uint8] = self.squares[number]
        mask = self.masks.get(number)
        if mask is None or rng.random() >= self.params.background_share:
            return pixels
        if self.backgrounds and rng.random() < 0.75:
            background = self.squares[self.backgrounds[int(rng.integers(len(self.backgrounds)))]]
        else:
            background = np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), pixels.shape)
        return np.where(mask[:, :, None], pixels, background)

    def _styles(self, size: int, rng: np.random.Generator, generator: torch.Generator) -> Tensor:
        if not len(self.styles):
            return torch.empty(0, 3, size, size)
        picked = self.squares[rng.choice(self.styles, min(6, len(self.styles)))]
        boxes = torch.from_numpy(
            np.stack([random_box(rng, 0.1, 0.8) for _ in picked]).astype(np.float32)
        )
        pixels = torch.from_numpy(picked).permute(0, 3, 1, 2)
        return crop(pixels, boxes, size, generator, Strength())


def trimmed(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box of a thing on white, (h, w) true on it, with a little room around: (4,) shares."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    x0, x1 = columns[0] / width, (columns[-1] + 1) / width
    y0, y1 = rows[0] / height, (rows[-1] + 1) / height
    dx, dy = (x1 - x0) * _MARGIN, (y1 - y0) * _MARGIN
    box = np.array([x0 - dx, y0 - dy, x1 + dx, y1 + dy], dtype=np.float32)
    return np.clip(box, 0.0, 1.0)
