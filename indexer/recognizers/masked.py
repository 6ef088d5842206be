"""A recognizer that masks the things another one finds."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Pixels
    from indexer.recognizers.base import Recognizer, Thing
    from indexer.recognizers.boxmasker import BoxMask, BoxMasker

_LEAST_FILLED = 0.1  # share of a box; search leaves out things whose masks are smaller


class MaskedRecognizer:
    """Finds the things that ``finder`` finds, and gives them the masks of ``masker``. Thread-safe.

    A mask of less than a tenth of its box is no mask of the thing: it keeps the one it had.
    """

    def __init__(self, finder: Recognizer, masker: BoxMasker, *, recognizer_id: str) -> None:
        self.id = recognizer_id
        self._finder = finder
        self._masker = masker
        digests = finder.weights_hash + masker.weights_hash
        self.weights_hash = hashlib.sha256(digests.encode()).hexdigest()

    @property
    def side(self) -> int:
        """See ``Recognizer.side``."""
        return max(self._finder.side, self._masker.settings.size)

    def recognize(self, pixels: Sequence[Pixels]) -> list[list[Thing]]:
        """See ``Recognizer.recognize``. The encoder sees only photos in which something is."""
        found = self._finder.recognize(pixels)
        return [self._masked(*of_photo) for of_photo in zip(pixels, found, strict=True)]

    def _masked(self, pixels: Pixels, things: Sequence[Thing]) -> list[Thing]:
        most = self._masker.settings.most
        masks = self._masker.masks(pixels, [thing.box for thing in things[:most]])
        masked = [_with_mask(*pair) for pair in zip(things[:most], masks, strict=True)]
        return [thing._replace(source=self.id) for thing in (*masked, *things[most:])]


def _with_mask(thing: Thing, mask: BoxMask) -> Thing:
    height, width = mask.pixels.shape
    x0, y0, x1, y1 = thing.box
    rows = slice(int(y0 * height), math.ceil(y1 * height))
    columns = slice(int(x0 * width), math.ceil(x1 * width))
    if mask.pixels[rows, columns].mean() < _LEAST_FILLED:
        return thing
    return thing._replace(mask=mask.pixels, unsure=mask.unsure)
