"""What came of adapting an encoder to a shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Adapted:
    """What a course gave. ``before`` and ``after`` (q, 2) are the outcomes, 0 or 1, of each judged
    question: the right item first, and among the first five. ``mix`` is the share of the new
    weights; ``written`` says whether a file was.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    steps: int
    seconds: float
    mix: float
    written: bool
