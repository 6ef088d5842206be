"""Trees of categories, as catalogs list them: each category with its name and the one above it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from indexer.catalog.nested import first_of, text_of
from indexer.catalog.shopformat import text_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.catalog.item_parser import Record

_MOST_LEVELS: Final = 50  # a chain of 20,000 would be a path of megabytes for each product
_MOST_LETTERS: Final = 1000  # of a name
_MOST_CATEGORIES: Final = 1000  # of a product, as an item may have

_TITLES: Final = ("name", "title")
_ABOVE: Final = ("parent_id", "parentId", "parent_category_id", "parent")
_NUMBERED: Final = ("categories", "category_ids", "categoryIds", "category_id", "categoryId",
                    "category")  # fmt: skip
"""The fields of a product that may hold the numbers of categories."""
_ROOT: Final = "root of the categories"


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


def tree_of(listed: Sequence[Any]) -> dict[str, tuple[str, str]]:
    """Return the tree of a list of categories as objects, which name their parents or children.

    Without names of categories it is {}.
    """
    categories = [part for part in listed if isinstance(part, dict) and first_of(part, _TITLES)]
    tree = {_ROOT: ("", "")}
    for part in categories:
        above = text_cell(first_of(part, _ABOVE))
        name = text_of(first_of(part, _TITLES))
        tree[text_cell(part.get("id"))] = (name, _ROOT if above in ("", "0") else above)
    for part in categories:
        below = part.get("subcategories")
        for child in map(text_cell, below if isinstance(below, list) else []):
            if child in tree:
                tree[child] = (tree[child][0], text_cell(part.get("id")))
    return tree if len(tree) > 1 else {}


def with_paths(record: Record, tree: Mapping[str, tuple[str, str]]) -> Record:
    """Return a record with the paths of its categories in place of their numbers."""
    for name in _NUMBERED:
        value = record.get(name)
        numbers = [text_cell(one) for one in (value if isinstance(value, list) else [value])]
        if paths := [path_in_tree(one, tree) for one in numbers if one in tree]:
            others = {key: part for key, part in record.items() if key != name}
            return {**others, "categories": paths}
    return record
