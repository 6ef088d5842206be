"""Labeled photos in memory, to be cropped anew each time they are shown.

Views are cut once and soon known by heart: an encoder that told 98 % of the training shelves apart
found half of the products on other shelves. What has a label is therefore kept whole as well,
and the augmentation takes another part of it each time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from indexer.encoders.train import disguise
from indexer.encoders.train.data import Photo
from indexer.encoders.train.views import whole

SIDE = 176
SOURCE_SHARE = {
    "grocery": 44,
    "grocery-catalog": 14,
    "clothing": 34,
    "magento": 11,
    "ccp-thing": 9,
    "drawn": 10,
}
OTHER_PHOTO = {"grocery": 0.6, "grocery-catalog": 0.7, "magento": 0.7, "drawn": 0.85}
"""How often the second of a pair is another photo of the same item."""
_ON_WHITE = ("grocery-catalog", "magento")
_BACKGROUNDS = ("grocery", "ccp-thing")


class Originals:
    """Draws pairs of labeled photos. The order depends on seed and step alone."""

    def __init__(self, photos: Sequence[Photo], use: Sequence[bool], seed: int) -> None:
        """Decode the labeled photos among those in use: 93 kB of memory each."""
        self.photos = photos
        self.seed = seed
        chosen = [i for i, one in enumerate(photos) if use[i] and one.source in SOURCE_SHARE]
        with ThreadPoolExecutor() as pool:
            self._pixels = dict(
                zip(chosen, pool.map(_read, [photos[i] for i in chosen]), strict=True)
            )
        self._by_source: dict[str, list[int]] = defaultdict(list)
        self._by_item: dict[str, list[int]] = defaultdict(list)
        for i in chosen:
            self._by_source[photos[i].source].append(i)
            if item := photos[i].item:
                self._by_item[item].append(i)
        self._chance = {
            source: np.array([self._balance(photos[i]) for i in members])
            for source, members in self._by_source.items()
        }
        self._backgrounds = [i for i in chosen if photos[i].source in _BACKGROUNDS]

    def __len__(self) -> int:
        return len(self._pixels)

    def draw(self, step: int, pairs: int) -> tuple[Tensor, Tensor]:
        """Give the numbers of 2 n photos (2 n,) and their pixels, uint8 (2 n, 3, side, side)."""
        rng = np.random.default_rng((self.seed, step, 1))
        sources = list(self._by_source)
        share = np.array([float(SOURCE_SHARE[source]) for source in sources])
        first: list[int] = []
        for source in rng.choice(len(sources), pairs, p=share / share.sum()):
            members, chance = self._by_source[sources[source]], self._chance[sources[source]]
            first.append(members[int(rng.choice(len(members), p=chance / chance.sum()))])
        numbers = first + [self._partner(i, rng) for i in first]
        pixels = np.stack([self._placed(i, rng) for i in numbers])
        return torch.tensor(numbers), torch.from_numpy(pixels).permute(0, 3, 1, 2)

    def some(self, count: int, size: int) -> NDArray[np.uint8]:
        """Whole photos (n, size, size, 3), spread evenly over all: what searches will look like."""
        numbers = list(self._pixels)
        step = max(1, len(numbers) // count)
        return np.stack([_read(self.photos[i], size) for i in numbers[::step][:count]])

    def _balance(self, photo: Photo) -> float:
        # Between one vote a photo and one vote a class: rare products are seen, not hammered.
        return 1.0 / math.sqrt(len(self._by_item[photo.item])) if photo.item else 1.0

    def _partner(self, number: int, rng: np.random.Generator) -> int:
        photo = self.photos[number]
        if photo.item is None or rng.random() > OTHER_PHOTO.get(photo.source, 0.0):
            return number
        members = self._by_item[photo.item]
        return members[int(rng.integers(len(members)))]

    def _placed(self, number: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """The photo; a thing on white is half the time put on a shelf, a street or a color."""
        pixels = self._pixels[number]
        if self.photos[number].source not in _ON_WHITE or rng.random() >= 0.5:
            return pixels
        thing = disguise.thing_on_white(pixels)
        if thing is None:
            return pixels
        if self._backgrounds and rng.random() < 0.7:
            background = self._pixels[self._backgrounds[int(rng.integers(len(self._backgrounds)))]]
        else:
            background = np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), pixels.shape)
        return disguise.put_on(pixels, thing, background)


def _read(photo: Photo, size: int = SIDE) -> NDArray[np.uint8]:
    with Image.open(photo.path) as image:
        upright = image.convert("RGB")
        return np.asarray(
            upright.resize((size, size), Image.Resampling.BICUBIC, whole(photo), reducing_gap=2.0)
        )
