"""Choose the fields and the labels of a shop's classifier from its catalog.

The field ``category`` has a label for each category and for each category above it. Every attribute
with few values is another field. A label needs several products: from one product, the classifier
would learn the product instead of the label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.items import AttributeValue, Item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Truth = NDArray[np.int8]

CATEGORY = "category"
UNKNOWN, ABSENT, PRESENT = -1, 0, 1
FEWEST_PRODUCTS = 3  # of a label
_MOST_CATEGORIES = 1000
_MOST_VALUES = 60  # of an attribute
_MOST_FIELDS = 24
_LEAST_COVERED = 0.5  # share of an attribute's products that must have a frequent value
_APPLIES = 0.1  # share of a category's products with an attribute, if the category should have it
_TWIN = 0.9  # share of the items of two labels that have both, if they always come together
_EVERYWHERE = 0.98  # a label of nearly all products tells nothing

COLOR_WORDS = frozenset(
    (
        "color", "colour", "colors", "colours", "color family", "base color", "base colour",
        "main color", "primary color", "farbe", "couleur", "colore", "kleur", "颜色", "颜色分类",
    )
)  # fmt: skip


class Field(msgspec.Struct, frozen=True):
    """A field and its labels in the shop's spelling. The labels of ``category`` are full paths.

    ``of_color`` marks attributes that name the color, such as ``colour``.
    """

    name: str
    labels: tuple[str, ...]
    of_color: bool = False

    @property
    def is_category(self) -> bool:
        """True if this is the tree of categories."""
        return self.name == CATEGORY

    def parents(self) -> NDArray[np.int64]:
        """Return the position of the nearest category above each label (l,), or -1."""
        at = {label: place for place, label in enumerate(self.labels)}
        found = np.full(len(self.labels), -1, dtype=np.int64)
        if self.is_category:
            for place, label in enumerate(self.labels):
                above = [path for path in paths_to(label)[:-1] if path in at]
                found[place] = at[above[-1]] if above else -1
        return found


def paths_to(category: str) -> list[str]:
    """Return a category and those above it, the top one first: A/B gives A and A/B.

    Blanks around the names are removed; an empty category gives [].
    """
    names = [name.strip() for name in category.split("/")]
    names = [name for name in names if name]
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]


def values_of(value: AttributeValue) -> list[str]:
    """Return an attribute as texts: a list as its values, true as ``yes``; numbers give []."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        return [text.strip() for text in value if text.strip()]
    return []


def labels_of(item: Item, field: str) -> list[str]:
    """Return all labels of an item in a field, as written in the catalog; [] if it has none."""
    if field == CATEGORY:
        return [path for category in item.categories for path in paths_to(category)]
    return values_of(item.attributes.get(field, []))


def is_color(field: str, values: Iterable[str], known: frozenset[str]) -> bool:
    """Return True if an attribute names colors: by its name, or if most ``values`` are ``known``.

    ``known`` are names of colors in lower case.
    """
    if field.casefold().replace("-", " ").replace("_", " ") in COLOR_WORDS:
        return True
    words = [value.casefold() for value in values]
    return bool(words) and sum(word in known for word in words) > 0.5 * len(words)


def fields_of(items: Sequence[Item], known_colors: frozenset[str] = frozenset()) -> list[Field]:
    """Return the fields that can be learned from these items: categories first, then attributes."""
    found = []
    category = _field(items, CATEGORY, _MOST_CATEGORIES, known_colors)
    if category is not None:
        found.append(category)
    counts = Counter(name for item in items for name in item.attributes if name != CATEGORY)
    for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        field = _field(items, name, _MOST_VALUES, known_colors)
        if field is not None and len(found) < _MOST_FIELDS:
            found.append(field)
    return found


def _field(
    items: Sequence[Item], name: str, most: int, known_colors: frozenset[str]
) -> Field | None:
    """Return a field, or None if it has too many values, or none that tells products apart."""
    products: dict[str, set[str]] = {}
    carriers: dict[str, set[int]] = {}
    spelling: dict[str, Counter[str]] = {}
    having: set[str] = set()
    for place, item in enumerate(items):
        for label in labels_of(item, name):
            key = label.casefold()
            products.setdefault(key, set()).add(item.product_id)
            carriers.setdefault(key, set()).add(place)
            spelling.setdefault(key, Counter())[label] += 1
            having.add(item.product_id)
    total = len({item.product_id for item in items})
    kept = [
        key
        for key, found in products.items()
        if FEWEST_PRODUCTS <= len(found) <= _EVERYWHERE * total
    ]
    kept = sorted(kept, key=lambda key: (-len(products[key]), key))[:most]
    covered = len(set().union(*(products[key] for key in kept))) if kept else 0
    if not kept or (name != CATEGORY and covered < _LEAST_COVERED * len(having)):
        return None
    if name == CATEGORY and len(products) < 2:
        return None
    if name != CATEGORY and _come_in_sets([carriers[key] for key in kept]):
        return None
    labels = tuple(spelling[key].most_common(1)[0][0] for key in sorted(kept))
    return Field(name, labels, of_color=name != CATEGORY and is_color(name, labels, known_colors))


def _come_in_sets(carriers: Sequence[set[int]]) -> bool:
    """Return True if most labels have a twin on nearly the same items: the sizes S, M and L, say.

    Pictures cannot tell such labels apart. ``carriers`` are the items of each label.
    """
    twins = [
        any(one is not other and len(one & other) >= _TWIN * len(one | other) for other in carriers)
        for one in carriers
    ]
    return sum(twins) > 0.5 * len(twins)


def truth_of(items: Sequence[Item], field: Field) -> Truth:
    """Return which items have which labels, (n, l): PRESENT, ABSENT or UNKNOWN.

    The labels of an item without a value are UNKNOWN, because catalogs have gaps; so are those of
    an item with none of the field's categories. They are ABSENT if hardly any product of its
    category has the attribute, such as the strap of a shirt.
    """
    at = {label.casefold(): place for place, label in enumerate(field.labels)}
    truth = np.zeros((len(items), len(field.labels)), dtype=np.int8)
    empty = []
    for row, item in enumerate(items):
        labels = labels_of(item, field.name)
        for label in labels:
            place = at.get(label.casefold())
            if place is not None:
                truth[row, place] = PRESENT
        if not labels or (field.is_category and not truth[row].any()):
            empty.append(row)
    if empty:
        applies = _applicability(items, field.name)
        for row in empty:
            if field.is_category or _should_have(items[row], applies):
                truth[row] = UNKNOWN
    return truth


def _applicability(items: Sequence[Item], field: str) -> Mapping[str, float]:
    """Return the share of the products of each category that have an attribute."""
    having: dict[str, set[str]] = {}
    everything: dict[str, set[str]] = {}
    for item in items:
        for category in item.categories or [""]:
            everything.setdefault(category, set()).add(item.product_id)
            if labels_of(item, field):
                having.setdefault(category, set()).add(item.product_id)
    return {name: len(having.get(name, ())) / len(found) for name, found in everything.items()}


def _should_have(item: Item, applies: Mapping[str, float]) -> bool:
    """Return True if products of an item's categories usually have an attribute."""
    return max((applies[category] for category in item.categories or [""]), default=0) >= _APPLIES
