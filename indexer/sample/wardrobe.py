"""Choose the paint of each slot by an item's colors, pattern, metal and wood."""

from __future__ import annotations

from indexer.sample.paint import Paint
from indexer.sample.palette import COLORS, METALS, WOODS, darker, lighter, mix
from indexer.sample.patterns import lens, tile, wood
from indexer.sample.plan import ItemPlan, ProductPlan
from indexer.sample.surfaces import (
    ACCENT,
    DARK,
    DIAL,
    GUM,
    HANDS,
    INSIDE,
    LENS,
    LIGHT,
    MAIN,
    METAL,
    TINT,
    TRIM,
    WOOD,
)


def paints_of(product: ProductPlan, item: ItemPlan) -> dict[int, Paint]:
    """Return the paint of every slot of an item."""
    first, second = COLORS[item.color], COLORS[item.second]
    cloth = product.kind.pose == "hangs"
    plain = item.pattern in ("solid", "melange", "speckled")
    accent = (
        second if not plain else (darker(first, 0.35) if sum(first) > 330 else lighter(first, 0.3))
    )
    return {
        MAIN: tile(item.pattern, first, second),
        ACCENT: accent,
        TRIM: (238, 235, 229),
        METAL: METALS[item.metal],
        WOOD: wood(WOODS[item.wood]),
        INSIDE: mix(first, (70, 70, 80), 0.35)
        if cloth
        else lighter(mix(first, (240, 238, 230), 0.6), 0.3),
        LENS: lens(darker(mix(first, (60, 50, 44), 0.6), 0.35)),
        DARK: darker(first, 0.55) if cloth else (46, 45, 48),
        LIGHT: (255, 238, 200),
        DIAL: (243, 241, 236) if sum(first) < 420 else darker(first, 0.1),
        HANDS: (34, 34, 38),
        GUM: (196, 158, 108),
        TINT: first,
    }
