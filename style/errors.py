"""The exceptions that styling raises on purpose.

    StyleError
     +- UnknownStyle   no style of this name; the message gives the closest name and all names
     +- BadStrength    a strength outside 0 to 1, or not a number
     +- BadPixels      pixels that are not uint8 (h, w, 3)
     +- BadMask        a mask whose size or type does not fit the picture
     +- BadCube        a .cube file that is invalid or not supported
     +- BadFont        a font file that cannot be read or drawn, or lacks letters of a title
     +- BadNetwork     weights that are not of a known network, or a network that fails
     +- BadTemplate    a template of campaign pictures with a wrong field or value
     +- BadTraining    pictures, packages or a checkpoint that a training cannot use
     +- BadStyleName   a style name that is invalid or taken
     +- BadStyleFile   a file of a shop's own style that is damaged or cannot be written

A message states in one line what was expected, what was found, where, and how to fix it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BadCube",
    "BadFont",
    "BadMask",
    "BadNetwork",
    "BadPixels",
    "BadStrength",
    "BadStyleFile",
    "BadStyleName",
    "BadTemplate",
    "BadTraining",
    "StyleError",
    "UnknownStyle",
]


class StyleError(Exception):
    """The base class of all exceptions that styling raises on purpose.

    ``param`` names the argument at fault; None if there is no single one. ``style`` is the style
    in use, where the caller knows it.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.style: str | None = None


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
    """A strength that is not a number from 0 to 1."""


class BadPixels(StyleError):
    """An array that is not a picture: uint8 (h, w, 3) with at least one pixel."""


class BadMask(StyleError):
    """A mask whose size or type does not fit the picture."""


class BadCube(StyleError):
    """A ``.cube`` file that is invalid or not supported."""


class BadFont(StyleError):
    """A font file that cannot be read, or fonts that lack letters of a title."""


class BadNetwork(StyleError):
    """Weights that cannot be run, or whose result is not a finite picture."""


class BadTemplate(StyleError):
    """A template of campaign pictures that cannot be read, or has a wrong field or value."""


class BadTraining(StyleError):
    """Pictures, packages or a checkpoint with which a training cannot begin or go on."""


class BadStyleName(StyleError):
    """A name that a shop's own style cannot have, or that another style has."""


class BadStyleFile(StyleError):
    """A file of a style that is damaged, missing, or cannot be written or deleted."""
