"""Batches for training: distorted crops of photos, with labels."""

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
from indexer.training.distortions import Strength, augment, crop, cutmix
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.losses import UNLABELED
from indexer.training.originals import random_box

OTHER_PHOTO_CHANCE = {"grocery": 0.6, "grocery-catalog": 0.7, "magento": 0.8, "drawn": 0.85}
"""Probability that a pair shows two photos of an item, not two crops of one photo, by source."""
_ON_WHITE = ("grocery-catalog", "magento", "drawn")
_BACKGROUNDS = ("grocery", "ccp", "general")
_MARGIN = 0.06  # kept around an object on white when its border is trimmed


@dataclass(frozen=True)
class Batch:
    """Pairs of pictures: rows i and i + n show the same item, or are crops of the same photo.

    ``x`` is (2 n, 3, size, size) with values 0 to 255, ``photo`` (2 n,) are the numbers of the
    photos, ``patch`` (2 n,) those of the photos that CutMix took a square from, ``own_share``
    (2 n,) the shares of the area that are not such a square, ``teacher_weight`` (2 n,) the weights
    of the teacher loss; ``drawn`` (2 n,) marks pictures that were turned into drawings.
    """

    x: Tensor
    photo: Tensor
    patch: Tensor
    own_share: Tensor
    teacher_weight: Tensor
    drawn: Tensor


class Batches:
    """Samples pairs of pictures with labels. A batch depends on the seed and the step only."""

    def __init__(
        self,
        photos: Sequence[Photo],
        squares: NDArray[np.uint8],
        params: Hyperparameters,
        use: Sequence[bool],
    ) -> None:
        """Take the photos as ``squares`` (n, s, s, 3); ``use`` (n,) marks those to train on."""
        self.params, self.photos, self.squares = params, photos, squares
        used = [photo for photo, is_used in zip(photos, use, strict=True) if is_used]
        self.items = sorted({p.item for p in used if p.item})
        self.kinds = sorted({p.kind for p in used if p.kind})
        item_number = {name: i for i, name in enumerate(self.items)}
        kind_number = {name: i for i, name in enumerate(self.kinds)}
        self.item = np.array([item_number.get(p.item or "", UNLABELED) for p in photos])
        self.kind = np.array([kind_number.get(p.kind or "", UNLABELED) for p in photos])
        self.by_source: dict[str, list[int]] = defaultdict(list)
        self.by_item: dict[str, list[int]] = defaultdict(list)
        for i, photo in enumerate(photos):
            if use[i]:
                self.by_source[photo.source].append(i)
                if photo.item:
                    self.by_item[photo.item].append(i)
        self.digest = digest_of(used)
        self.sampling = {
            source: np.array([self._sampling_weight(photos[i]) for i in members])
            for source, members in self.by_source.items()
        }
        self.styles = np.array(self.by_source.get("styles", []), dtype=np.int64)
        self.backgrounds = [i for s in _BACKGROUNDS for i in self.by_source.get(s, [])]
        self.masks: dict[int, NDArray[np.bool_]] = {}
        for source in _ON_WHITE:
            for i in self.by_source.get(source, []):
                mask = cutout.object_mask(squares[i])
                if mask is not None:
                    self.masks[i] = mask

    def _sampling_weight(self, photo: Photo) -> float:
        # Items are sampled by the square root of their photos: rare ones count, but not too much.
        return 1.0 / math.sqrt(len(self.by_item[photo.item])) if photo.item else 1.0

    def draw(self, step: int) -> Batch:
        """Sample the batch of a step."""
        rng = np.random.default_rng((self.params.seed, step))
        generator = torch.Generator().manual_seed(self.params.seed * 1_000_003 + step)
        first: list[int] = []
        for source, members in self.by_source.items():
            weight = self.sampling[source]
            wanted = self.params.pairs * self.params.share(source, self.by_source)
            count = int(wanted) + int(rng.random() < wanted % 1)
            picked = rng.choice(len(members), count, p=weight / weight.sum())
            first += [members[int(index)] for index in picked]
        numbers = np.array(first + [self._partner(i, rng) for i in first])
        boxes, teacher_weight = self._boxes(numbers, rng)
        squares = np.stack([self._square_on_background(int(i), rng) for i in numbers])
        size = self.params.size
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
        patch_source, own_share = cutmix(x, patchable.nonzero().flatten(), generator)
        return Batch(
            x=x,
            photo=torch.from_numpy(numbers),
            patch=torch.from_numpy(numbers)[patch_source],
            own_share=own_share,
            teacher_weight=torch.from_numpy(teacher_weight).float() * (own_share == 1.0),
            drawn=drawn,
        )

    def _partner(self, number: int, rng: np.random.Generator) -> int:
        photo = self.photos[number]
        if photo.item is None or rng.random() > OTHER_PHOTO_CHANCE.get(photo.source, 0.0):
            return number
        members = self.by_item[photo.item]
        return members[int(rng.integers(len(members)))]

    def _boxes(
        self, numbers: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return boxes (n, 4), and the weight (n,) of the teacher loss for each.

        A box is the whole photo, the object on white, or a random crop, with some jitter. The
        teachers saw whole photos, so a random crop has half their weight.
        """
        boxes = np.empty((len(numbers), 4), dtype=np.float32)
        teacher_weight = np.ones(len(numbers))
        for row, number in enumerate(numbers.tolist()):
            mask = self.masks.get(number)
            if mask is not None and rng.random() < 0.4:
                boxes[row] = trimmed_box(mask)
            elif rng.random() < self.params.crop_share:
                boxes[row], teacher_weight[row] = random_box(rng, *self.params.crop_area), 0.5
            else:
                boxes[row] = 0, 0, 1, 1
            sides = np.tile(boxes[row, 2:] - boxes[row, :2], 2)
            boxes[row] += sides * rng.uniform(-0.06, 0.06, 4)
            teacher_weight[row] *= self.params.teacher_weight(self.photos[number].source)
        return boxes, teacher_weight

    def _square_on_background(self, number: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the square of a photo; an object on white often gets another background."""
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


def trimmed_box(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the bounding box of a mask (h, w) plus a margin: (4,) [x0, y0, x1, y1] shares."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    x0, x1 = columns[0] / width, (columns[-1] + 1) / width
    y0, y1 = rows[0] / height, (rows[-1] + 1) / height
    dx, dy = (x1 - x0) * _MARGIN, (y1 - y0) * _MARGIN
    box = np.array([x0 - dx, y0 - dy, x1 + dx, y1 + dy], dtype=np.float32)
    return np.clip(box, 0.0, 1.0)
