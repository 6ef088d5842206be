"""Everything that styling raises on purpose, as one tree.

    StyleError
     +- UnknownStyle   no style of this name; the message gives the closest name and all names
     +- BadStrength    a strength outside 0 to 1, or not a number
     +- BadPixels      pixels that are not uint8 (h, w, 3)
     +- BadMask        a mask of another size or type than the picture's
     +- BadCube        a .cube file that cannot be read as one
     +- BadNetwork     a file that is no network of ``vitrine train-style``, or a network that fails
     +- BadTraining    pictures or a checkpoint that a training cannot use
     +- BadStyleName   a name that a shop's own style cannot have, or that is taken
     +- BadStyleFile   a file of a shop's own style that is damaged or cannot be written

A message names what was expected, what came, where, and the way out, in one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BadCube",
    "BadMask",
    "BadNetwork",
    "BadPixels",
    "BadStrength",
    "BadStyleFile",
    "BadStyleName",
    "BadTraining",
    "StyleError",
    "UnknownStyle",
]


class StyleError(Exception):
    """The root: catch it to catch everything that styling raises on purpose.

    ``param`` names the argument at fault, where there is one.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class UnknownStyle(StyleError, LookupError):
    """No style has this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? " if close else ""
        shown = name if len(name) <= 60 else f"{name[:60]}..."
        super().__init__(
            f"unknown style {shown!r}: {hint}there are {', '.join(names) or 'none'}", param="style"
        )
        self.closest = close[0] if close else None


class BadStrength(StyleError):
    """A strength that is no number from 0 to 1."""


class BadPixels(StyleError):
    """An array that is no picture: uint8 (h, w, 3) with at least one pixel."""


class BadMask(StyleError):
    """A mask that does not lie on the picture."""


class BadCube(StyleError):
    """A ``.cube`` file that holds no LUT that we read."""


class BadNetwork(StyleError):
    """A file that is no network that we can run, or whose answers are no pictures."""


class BadTraining(StyleError):
    """Pictures, packages or a checkpoint with which a training cannot begin or go on."""


class BadStyleName(StyleError):
    """A name that a shop's own style cannot have, or that another style has."""


class BadStyleFile(StyleError):
    """A file of a style that is damaged, missing, or cannot be written or deleted."""
