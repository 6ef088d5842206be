"""What hits are of, in short."""

from __future__ import annotations

import numpy as np

from search.hits import Hit
from tests.conftest import COLORS


def ids(hits: list[Hit]) -> list[str]:
    return [hit.item_id for hit in hits]


def of_color(name: str) -> np.ndarray:
    return np.full((20, 30, 3), COLORS[name], dtype=np.uint8)
