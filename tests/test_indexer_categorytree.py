"""Trees of categories."""

from __future__ import annotations

import pytest

from indexer.catalog.categorytree import path_in_tree

TREE = {
    "root": ("Shop", ""),
    "men": ("Men", "root"),
    "shoes": ("Shoes/Boots", "men"),
    "loose": ("Loose", "gone"),
    "a": ("A", "b"),
    "b": ("B", "a"),
}


@pytest.mark.parametrize(
    ("category", "path"),
    [
        ("shoes", "Men/Shoes Boots"),
        ("root", ""),
        ("loose", "Loose"),
        ("unknown", ""),
        ("a", "B/A"),
    ],
)
def test_a_path_has_the_names_below_the_root(category, path):
    assert path_in_tree(category, TREE) == path
