"""The interface of stylers: pixels in, pixels out, and a record of how they were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from style.arrays import Alpha, Pixels

Kind: TypeAlias = Literal["tone", "texture"]
"""A tone style changes colors pixel by pixel; a texture style draws strokes and lines."""


@dataclass(frozen=True)
class StyleInfo:
    """An available style: its name, its kind, and its default strength."""

    name: str
    kind: Kind
    strength: float


@dataclass(frozen=True)
class Provenance:
    """How a picture was styled: the same record and input give the same pixels.

    ``weights`` is a hash of the parameters: the entries of a LUT, the weights of a network, or the
    name and version of a filter without weights.
    """

    styler: str
    weights: str
    style: str
    strength: float
    seed: int


class Styler(Protocol):
    """Renders pictures in its styles."""

    name: str

    def styles(self) -> list[StyleInfo]:
        """List the styles, by name."""
        ...

    def apply(
        self, pixels: Pixels, style: str, strength: float, mask: Alpha | None = None, seed: int = 0
    ) -> Pixels:
        """Return (h, w, 3) in the style; the input is not changed.

        Strength 0 and mask 0 give the input bit for bit; strength 1 is the full style, and a higher
        strength never changes less. The same arguments give the same bytes. Raises UnknownStyle,
        BadStrength, BadPixels or BadMask.
        """
        ...

    def provenance(self, style: str, strength: float, seed: int = 0) -> Provenance:
        """Return the record of ``apply`` with these arguments. Raises UnknownStyle."""
        ...
