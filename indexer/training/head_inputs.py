"""What a head is fitted to: the features that an exported file computes of the training photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.training.data import Photo
from indexer.training.distortions import cartoon, paint, pencil
from indexer.training.export import POOLED
from indexer.training.inner_outputs import inner_outputs

UNGROUPED = -1
_AT_ONCE = 32
_DRAWN_STEP = 3  # every third photo is drawn, which is enough for a covariance


@dataclass(frozen=True)
class HeadInputs:
    """The head's inputs for photos, and for drawings of some of these photos.

    ``pooled`` is (n, d), ``sources`` (n,) are the sources of the photos, ``groups`` (n,) the
    numbers of their items or kinds, ``UNGROUPED`` for none. ``drawn`` (k, m, d) are k kinds of
    drawings of the photos ``drawn_rows`` (m,), which index the n photos; m may be 0.
    """

    pooled: Tensor
    sources: Sequence[str]
    groups: NDArray[np.int64]
    drawn: Tensor
    drawn_rows: NDArray[np.int64]


def head_inputs(
    path: Path, photos: Sequence[Photo], squares: NDArray[np.uint8], seed: int
) -> HeadInputs:
    """Compute the inputs of an exported file's head, in the precision of its layers.

    ``squares`` (n, size, size, 3) are the n ``photos`` at the size of the file's input. ``seed``
    varies the drawings.
    """
    run = inner_outputs(path, (POOLED,))

    def pooled(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        (rows,) = run(pictures)
        return rows

    generator = torch.Generator().manual_seed(seed)
    sources = [photo.source for photo in photos]
    styles = squares[np.array([source == "styles" for source in sources])]
    textures = torch.from_numpy(styles).permute(0, 3, 1, 2).float()
    drawn_rows = np.arange(0, len(squares), _DRAWN_STEP)
    drawn: list[list[NDArray[np.float32]]] = []
    for start in range(0, len(drawn_rows), _AT_ONCE):
        some = squares[drawn_rows[start : start + _AT_ONCE]]
        drawn.append([pooled(drawing) for drawing in _drawings(some, textures, generator)])
    rows = [pooled(squares[start : start + _AT_ONCE]) for start in range(0, len(squares), _AT_ONCE)]
    return HeadInputs(
        pooled=torch.from_numpy(np.concatenate(rows)),
        sources=sources,
        groups=groups_of(photos),
        drawn=torch.from_numpy(
            np.stack([np.concatenate(kind) for kind in zip(*drawn, strict=True)])
        ),
        drawn_rows=drawn_rows,
    )


def groups_of(photos: Sequence[Photo]) -> NDArray[np.int64]:
    """Return a number (n,) for the item of each photo, or else its kind; ``UNGROUPED`` for none."""
    labels = [
        f"item {photo.item}" if photo.item else f"kind {photo.kind}" if photo.kind else ""
        for photo in photos
    ]
    numbers = {label: number for number, label in enumerate(sorted(set(labels) - {""}))}
    return np.array([numbers.get(label, UNGROUPED) for label in labels], dtype=np.int64)


def _drawings(
    photos: NDArray[np.uint8], textures: Tensor, generator: torch.Generator
) -> list[NDArray[np.uint8]]:
    """Return pencil drawings, cartoons and, if there are ``textures``, paintings of photos."""
    x = torch.from_numpy(photos).permute(0, 3, 1, 2).float()
    drawings = [pencil(x, generator), cartoon(x, generator)]
    if len(textures):
        picked = torch.randint(len(textures), (len(x),), generator=generator)
        drawings.append(paint(x, textures[picked], generator))
    return [
        drawing.permute(0, 2, 3, 1).clamp(0, 255).byte().contiguous().numpy()
        for drawing in drawings
    ]
