"""Shorten a long list of names for a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def first_names(names: Sequence[str], most: int = 5) -> str:
    """Join the first names with commas; append how many more there are, if any."""
    first = ", ".join(names[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"
