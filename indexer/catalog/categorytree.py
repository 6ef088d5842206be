"""Trees of categories, as catalogs list them: each category with its name and the one above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


_MOST_LEVELS: Final = 50  # a chain of 20,000 would be a path of megabytes for each product


def path_in_tree(category: str, tree: Mapping[str, tuple[str, str]]) -> str:
    """Return the names of a category and those above it, such as ``Men/Shoes``.

    ``tree`` maps categories to their names and the categories above them, "" for the root, whose
    name is left out. Categories that are above themselves are named once. Of a path of more than
    50 levels it is the last 50.
    """
    levels: list[str] = []
    seen: set[str] = set()
    while category in tree and category not in seen and len(seen) < _MOST_LEVELS:
        seen.add(category)
        name, parent = tree[category]
        if parent:
            levels.append(name.replace("/", " "))
        category = parent
    return "/".join(reversed(levels))
