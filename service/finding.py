"""What a check of a deployment found."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["ok", "warning", "problem"]


class Finding(msgspec.Struct, frozen=True):
    """What a check found. ``fix`` says how to solve a warning or problem; "" if there is none."""

    check: str
    level: Level
    text: str
    fix: str = ""


def count_of(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 key" and "2 keys"."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
