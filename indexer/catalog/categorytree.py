"""Trees of categories, as catalogs list them: each category with its name and the one above it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_LEVELS: Final = 50  # a chain of 20,000 would be a path of megabytes for each product
_MOST_LETTERS: Final = 1000  # of a name
_MOST_CATEGORIES: Final = 1000  # of a product, as an item may have


class CategoryTree(NamedTuple):
    """The categories of a catalog, and those that each product is in.

    ``tree`` maps categories to their names and parents, see ``path_in_tree``. Paths are made when
    they are asked for, since those of all products can take a thousand times the file's size.
    """

    tree: Mapping[str, tuple[str, str]]
    members: Mapping[str, Sequence[str]]

    def paths_of(self, product: str) -> list[str]:
        """Return the paths of the categories of a product, in the file's order."""
        listed = (path_in_tree(category, self.tree) for category in self.members.get(product, ()))
        return list(islice(filter(None, listed), _MOST_CATEGORIES))


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
            levels.append(name[:_MOST_LETTERS].replace("/", " "))
        category = parent
    return "/".join(reversed(levels))
