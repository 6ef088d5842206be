"""Compare the parts that were found in pictures of people with the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.training.detector.parts import BACKGROUND, HAIR, OTHER, PARTS, SKIN

_NO_KINDS = (BACKGROUND, HAIR, SKIN, OTHER)
_KINDS_JUDGED = 15


class Agreement(NamedTuple):
    """How well found parts agree with the true ones: IoU of each kind, and of all garments."""

    kinds: dict[str, float]
    garments: float

    @property
    def mean(self) -> float:
        """The mean IoU of the kinds."""
        return float(np.mean(list(self.kinds.values())))


def frequent_kinds(parts: NDArray[np.uint8], count: int = _KINDS_JUDGED) -> list[str]:
    """Return the kinds that most of the pictures (n, h, w) show, most frequent first."""
    kinds = [name for name in PARTS if name not in _NO_KINDS]
    shown = {k: int((parts == PARTS.index(k)).any(axis=(1, 2)).sum()) for k in kinds}
    return sorted(kinds, key=lambda kind: -shown[kind])[:count]


def agreement(
    found: Sequence[NDArray[np.integer]], true: Sequence[NDArray[np.integer]], kinds: Sequence[str]
) -> Agreement:
    """Compare pictures of part numbers (h, w); pixels are counted over all pictures."""
    numbers = {kind: PARTS.index(kind) for kind in kinds}
    both, either = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0)
    worn_both = worn_either = 0
    bare = [PARTS.index(name) for name in (BACKGROUND, HAIR, SKIN)]
    for ours, theirs in zip(found, true, strict=True):
        for kind, number in numbers.items():
            both[kind] += int(((ours == number) & (theirs == number)).sum())
            either[kind] += int(((ours == number) | (theirs == number)).sum())
        worn, really = ~np.isin(ours, bare), ~np.isin(theirs, bare)
        worn_both += int((worn & really).sum())
        worn_either += int((worn | really).sum())
    return Agreement(
        {kind: both[kind] / max(1, either[kind]) for kind in kinds},
        worn_both / max(1, worn_either),
    )
