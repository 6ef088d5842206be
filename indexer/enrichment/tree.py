"""The tree of categories of the Shopify product taxonomy, with the words that name each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from indexer.enrichment.gazetteer import HAN
from indexer.enrichment.nouns import names_in, words_in

_FILE: Final = Path(__file__).parent / "weights" / "categories.tsv"


class Node(NamedTuple):
    """A category: its code, its names, the code of the one above (empty for a root), its depth.

    A root has the depth 1.
    """

    code: str
    name: str
    chinese: str
    parent: str
    depth: int


class Named(NamedTuple):
    """A category that words name; ``is_ours`` if they are words of our own, not of its name."""

    code: str
    is_ours: bool


class CategoryTree:
    """The categories, and those that a phrase names. Immutable."""

    def __init__(self, lines: Iterator[str]) -> None:
        """``lines`` are those of the bundled file: parents come before their children."""
        self._nodes: dict[str, Node] = {}
        english: dict[tuple[str, ...], list[Named]] = {}
        chinese: dict[str, list[Named]] = {}
        for line in lines:
            if line.startswith("#"):
                continue
            code, name, other, words = line.rstrip("\n").split("\t")
            parent = code.rpartition("-")[0]
            above = self._nodes.get(parent)
            depth = above.depth + 1 if above else 1
            self._nodes[code] = Node(code, name, other or name, parent, depth)
            ours = [word for word in words.split(",") if word]
            for word in ours:
                if HAN.search(word):
                    chinese.setdefault(word, []).append(Named(code, True))
                else:
                    phrase = tuple(part.text for part in words_in(word))
                    english.setdefault(phrase, []).append(Named(code, True))
            if above is None:
                continue
            for phrase in names_in(name):
                if Named(code, True) not in english.get(phrase, ()):
                    english.setdefault(phrase, []).append(Named(code, False))
            for word in _chinese_names(other):
                if Named(code, True) not in chinese.get(word, ()):
                    chinese.setdefault(word, []).append(Named(code, False))
        self.english: Mapping[tuple[str, ...], list[Named]] = english
        """The categories that words name, by the words in the form of ``singular``."""
        self.chinese: Mapping[str, list[Named]] = chinese
        """The same for Chinese words."""

    def node(self, code: str) -> Node:
        """Return a category by its code; KeyError for another code."""
        return self._nodes[code]

    def above(self, code: str) -> list[Node]:
        """Return a category and those above it, the root first."""
        found: list[Node] = []
        while code:
            node = self._nodes[code]
            found.insert(0, node)
            code = node.parent
        return found

    def path(self, code: str) -> str:
        """Return the path of a category, such as ``Apparel & Accessories > Shoes > Boots``."""
        return " > ".join(node.name for node in self.above(code))

    def chinese_path(self, code: str) -> str:
        """Return the path of a category in Chinese; names without a translation are English."""
        return " > ".join(node.chinese for node in self.above(code))

    def paths(self) -> list[str]:
        """Return the paths of all categories, parents first."""
        return [self.path(code) for code in self._nodes]

    def common(self, codes: list[str]) -> Node | None:
        """Return the lowest category above or equal to all of some; None if there is none."""
        shared = [set(level) for level in zip(*map(self.above, codes), strict=False)]
        nodes = [next(iter(level)) for level in shared if len(level) == 1]
        return nodes[-1] if nodes else None


def _chinese_names(name: str) -> set[str]:
    """Return the names in a Chinese name; of a pair such as 外套和夹克, both."""
    for sign in ("和", "与", "及", "、", "/", "，", "或"):
        name = name.replace(sign, " ")
    return {part for part in name.split() if len(part) > 1 and HAN.search(part)}


@lru_cache(maxsize=1)
def bundled_tree() -> CategoryTree:
    """Return the bundled tree, read once."""
    with _FILE.open(encoding="utf-8") as lines:
        return CategoryTree(lines)


def words_of_path(tree: CategoryTree, code: str) -> frozenset[str]:
    """Return the words in the names of a category and of those above it."""
    return frozenset(word.text for node in tree.above(code) for word in words_in(node.name))
