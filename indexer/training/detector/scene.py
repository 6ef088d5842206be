"""A training scene: pixels, and the boxes of the things in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from indexer.arrays import Pixels
from indexer.training.detector.pictures import Boxes


def _none() -> Boxes:
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class Scene:
    """A picture (SIDE, SIDE, 3) with the boxes of its things, as shares of its sides.

    ``ignored`` are regions that are neither things nor background. A scene that is not
    ``complete`` may show more things than it has boxes.
    """

    pixels: Pixels
    boxes: Boxes
    ignored: Boxes = field(default_factory=_none)
    complete: bool = True
