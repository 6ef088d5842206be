"""Plan a sample shop: every item and photo, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.sample import words
from indexer.sample.kinds import KINDS, Kind
from indexer.sample.palette import COLORS, METALS, PARTNERS, WOODS, distance

COLUMNS = (
    "id", "product_id", "title", "description", "categories", "price", "currency", "in_stock",
    "color", "pattern", "material", "brand", "images",
)  # fmt: skip
PER_PRODUCT = 5  # mean number of variants of a product
OUT_OF_STOCK = 0.08


@dataclass(frozen=True)
class ItemPlan:
    """An item: its fields in the catalog, and the colors and pattern of its picture."""

    item_id: str
    title: str
    description: str
    price: float
    in_stock: bool
    color: str
    second: str
    pattern: str
    metal: str
    wood: str


@dataclass(frozen=True)
class ProductPlan:
    """A product: its variants share shape, name, brand and material."""

    product_id: str
    kind: Kind
    style: int
    name: str
    brand: str
    material: str
    items: tuple[ItemPlan, ...]

    def images(self, item: ItemPlan, views: Sequence[str]) -> list[str]:
        """Return the paths of an item's pictures, relative to the catalog."""
        return [f"images/{self.product_id}/{item.item_id}-{view}.jpg" for view in views]


@dataclass(frozen=True)
class PhotoPlan:
    """A shopper photo: the item it shows, and the number that seeds everything else."""

    number: int
    product: ProductPlan
    item: ItemPlan

    @property
    def path(self) -> str:
        """The path of the photo, relative to the shop's folder."""
        return f"photos/{self.number:03d}.jpg"


@dataclass(frozen=True)
class ShopPlan:
    """The plan of a whole shop."""

    seed: int
    products: tuple[ProductPlan, ...]
    photos: tuple[PhotoPlan, ...]

    def one_of_each_kind(self) -> tuple[ProductPlan, ...]:
        """Return the first product of each kind: a small shop with the categories of the whole."""
        first: dict[str, ProductPlan] = {}
        for product in self.products:
            first.setdefault(product.kind.key, product)
        return tuple(first.values())


def plan_shop(*, items: int = 640, photos: int = 240, seed: int = 7) -> ShopPlan:
    """Plan every item and photo of a shop. Deterministic.

    Items are spread evenly over the kinds and photos over the items. Fewer items than kinds leave
    out the last kinds. Raises ValueError for fewer than 1 item or 0 photos.
    """
    if items < 1 or photos < 0:
        raise ValueError(f"a shop needs at least 1 item and 0 photos, not {items} and {photos}")
    products: list[ProductPlan] = []
    for number, kind in enumerate(KINDS):
        share = items // len(KINDS) + (number < items % len(KINDS))
        products += _products(kind, share, np.random.default_rng([seed, number]))
    everything = [(p, i) for p in products for i in p.items]
    rng = np.random.default_rng([seed, 1000])
    order: list[int] = []
    while len(order) < photos:
        order += [int(k) for k in _spread(products, rng)]
    taken = (everything[k] for k in order[:photos])
    chosen = tuple(PhotoPlan(k, product, item) for k, (product, item) in enumerate(taken))
    return ShopPlan(seed, tuple(products), chosen)


def _spread(products: Sequence[ProductPlan], rng: np.random.Generator) -> list[int]:
    """Return item numbers in an order that cycles through the kinds, with a new item each time."""
    by_kind: dict[str, list[int]] = {}
    number = 0
    for product in products:
        for _ in product.items:
            by_kind.setdefault(product.kind.key, []).append(number)
            number += 1
    queues = [[int(k) for k in rng.permutation(v)] for v in by_kind.values()]
    order: list[int] = []
    while any(queues):
        order += [queue.pop() for queue in queues if queue]
    return order


def _products(kind: Kind, share: int, rng: np.random.Generator) -> list[ProductPlan]:
    if share == 0:
        return []
    count = min(len(kind.styles), max(1, round(share / PER_PRODUCT)))
    names = rng.permutation(words.NAMES)
    styles = rng.permutation(len(kind.styles))[:count]
    made = []
    for k, style in enumerate(sorted(int(s) for s in styles)):
        size = share // count + (k < share % count)
        made.append(_product(kind, style, str(names[k]), size, rng))
    return made


def _product(kind: Kind, style: int, name: str, size: int, rng: np.random.Generator) -> ProductPlan:
    brand = str(rng.choice(words.BRANDS))
    material = kind.materials[int(rng.integers(len(kind.materials)))]
    low, high = kind.price
    base = low * (high / low) ** float(rng.uniform(0, 0.9))
    product_id = words.slug(kind.key, name)
    items = []
    for color, pattern, second in _variants(kind, size, rng):
        look = words.look_of(pattern, color, second)
        style_name = kind.styles[style]
        price = base * float(rng.uniform(0.95, 1.08)) * (1.0 if pattern == "solid" else 1.06)
        items.append(
            ItemPlan(
                words.slug(kind.key, name, color, pattern),
                words.title(name, style_name, look),
                words.description(
                    brand, style_name, material, look, kind.categories[0], int(rng.integers(1000))
                ),
                _tag(min(max(price, low), high)),
                bool(rng.random() >= OUT_OF_STOCK),
                color,
                second,
                pattern,
                str(rng.choice(tuple(METALS))),
                str(rng.choice(tuple(WOODS))),
            )
        )
    return ProductPlan(product_id, kind, style, name, brand, material, tuple(items))


def _tag(price: float) -> float:
    """Round a price as shops do: 17.95, or without cents from 60 on."""
    return float(round(price)) if price >= 60 else round(price) - 0.05


def _variants(kind: Kind, size: int, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Choose colors and patterns of a product's variants, all distinguishable in a photo."""
    patterns = [str(p) for p in rng.permutation(sorted(set(kind.patterns) - {"solid"}))]
    pool = ["solid", *patterns[: 2 + size // 3]]
    chosen: list[tuple[str, str, str]] = []
    tries = 0
    while len(chosen) < size:
        tries += 1
        if tries > 400:  # a huge shop: widen the choice, then accept similar variants
            pool = ["solid", *patterns]
        pattern = pool[len(chosen) % len(pool)] if tries < 60 else str(rng.choice(pool))
        color = str(rng.choice(tuple(COLORS)))
        partners = PARTNERS[color]
        second = partners[min(int(rng.exponential(1.2)), len(partners) - 1)]
        near = 45 if tries < 2000 else 0
        if any(p == pattern and distance(c, color) <= near for c, p, _ in chosen):
            if tries > 20000:
                raise ValueError(f"{kind.key}: no {size} different variants of one product")
            continue
        if any(c == color for c, _, _ in chosen) and tries < 200:
            continue
        chosen.append((color, pattern, second))
    return chosen


def rows(product: ProductPlan, views: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a product's items in catalog.csv; ``views`` are the names of its views."""
    table = []
    for item in product.items:
        values = (
            item.item_id,
            product.product_id,
            item.title,
            item.description,
            ";".join(product.kind.categories),
            f"{item.price:.2f}",
            "EUR",
            "true" if item.in_stock else "false",
            item.color,
            item.pattern,
            product.material,
            product.brand,
            ";".join(product.images(item, views)),
        )
        table.append(dict(zip(COLUMNS, values, strict=True)))
    return table
