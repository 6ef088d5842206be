"""Recipes of indexes: exact scans, graphs and inverted lists.

A manifest refers to a recipe by its name:

    Flat            every vector in fp32, compared one by one
    Flat-fp16       the same in fp16, the precision of the store, in half the memory
    Flat-sq8        one byte per number; the best candidates are rescored exactly
    HNSW32-fp16     a graph with 32 neighbors per row over fp16 vectors
    HNSW32-sq8      the same over one byte per number; the best candidates are rescored exactly
    IVF512-PQ4      512 lists of 4-bit codes for SIMD; the best candidates are rescored exactly
    IVF512-RaBitQ   512 lists of 1-bit codes; the best candidates are rescored exactly
    IVF512-sq8      512 lists of one byte per number, for GPUs (never chosen for a CPU)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from indexer.vectors.contract import Effort

if TYPE_CHECKING:
    Kind = Literal["Flat", "HNSW", "IVF"]
    Codes = Literal["fp32", "fp16", "sq8", "PQ4", "RaBitQ"]

_NAME = re.compile(r"(Flat|HNSW|IVF)(\d*)(?:-(\w+))?")
_CODES = {
    "Flat": ("", "fp16", "sq8"),
    "HNSW": ("fp16", "sq8"),
    "IVF": ("PQ4", "RaBitQ", "sq8"),
}
_GRAPH_DEPTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_LIST_DEPTHS = (2, 4, 6, 8, 12, 16, 24, 32, 40, 48, 64, 96, 128, 192, 256)
_REFINES = {"PQ4": (40, 60, 80, 160, 320), "RaBitQ": (80, 160, 320, 640), "sq8": (40, 60, 80)}
_BITS = {"fp32": 32, "fp16": 16, "sq8": 8, "PQ4": 2, "RaBitQ": 1}  # per number
_ID_BYTES = 8.0  # per row of a list
_RABITQ_BYTES = 8.0  # per row, in addition to its code


class Recipe(NamedTuple):
    """The structure of an index.

    ``size`` is the number of neighbors per row of a graph, or the number of lists; 0 for a scan.
    """

    kind: Kind
    size: int
    codes: Codes

    @classmethod
    def parse(cls, name: str) -> Recipe:
        """Return the recipe with this name. Raises ValueError if there is none."""
        return _parsed(name)

    @property
    def holds_exact(self) -> bool:
        """True if the index itself holds vectors to compute exact scores from."""
        return self.codes in ("fp32", "fp16")

    def efforts(self, n: int) -> list[Effort]:
        """Return the efforts to measure with n rows, from cheap to thorough; [] for exact scans."""
        refines = _REFINES.get(self.codes, (0,))
        if self.kind == "Flat":
            return [Effort(1, refine) for refine in refines if refine]
        if self.kind == "HNSW":
            refine = refines[0]  # one byte per number ranks well: a deeper search gains more
            return [Effort(depth, refine) for depth in _GRAPH_DEPTHS if depth < max(32, n)]
        depths = [depth for depth in _LIST_DEPTHS if depth < self.size] + [self.size]
        # Both grow together: rescoring cannot find rows in lists that were not searched.
        return [
            Effort(depth, refines[min(len(refines) - 1, at * len(refines) // len(depths))])
            for at, depth in enumerate(depths)
        ]

    def bytes_per_row(self, dim: int) -> float:
        """Return the memory per row of the index, without the vectors that are mapped from disk."""
        size = dim * _BITS[self.codes] / 8
        if self.kind == "HNSW":  # links of the lowest layer and the layers above, and their offsets
            size += 4.0 * (2 * self.size) + 4.0 * self.size / max(1, self.size - 1) + 12
        if self.kind == "IVF":
            size += _ID_BYTES
        return size + (_RABITQ_BYTES if self.codes == "RaBitQ" else 0.0)


@lru_cache(maxsize=256)
def _parsed(name: str) -> Recipe:
    match = _NAME.fullmatch(name)
    kind, size, codes = match.groups("") if match else ("", "", "")
    if codes not in _CODES.get(kind, ()) or (kind == "Flat") != (size == ""):
        raise ValueError(f"no index recipe {name!r}; there are Flat, HNSW32-fp16, IVF512-PQ4")
    return Recipe(cast("Kind", kind), int(size or 0), cast("Codes", codes or "fp32"))
