"""What kinds of things the shop sells: how each is drawn, called, patterned and priced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from indexer.sample import garments, home
from indexer.sample.paint import Model

CLOTH = ("solid", "solid", "striped", "wide-striped", "checked", "dotted", "floral", "leaf-print",
         "zigzag", "color-block", "melange", "starred", "diamond")  # fmt: skip
DRESSY = ("solid", "floral", "dotted", "big-dotted", "leaf-print", "striped", "checked", "wave", "ombre",
          "bold-striped", "zigzag", "diamond")  # fmt: skip
GLAZED = ("solid", "solid", "speckled", "striped", "dotted", "dipped", "ombre", "floral", "terrazzo",
          "zigzag", "wave", "marbled", "leaf-print", "checked")  # fmt: skip
WOVEN = ("solid", "solid", "striped", "checked", "plaid", "zigzag", "floral", "leaf-print", "diamond",
         "dotted", "wave", "bold-striped")  # fmt: skip
PRINTED = ("cat print", "sun print", "mountain print", "sea print", "fern print", "lemon print",
           "bolt print", "heart print", "rainbow print", "fish print")  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One category: `styles` names each shape that `draw(number)` can make.

    `pose` is how a shopper meets it: `stands`, `hangs` or `lies`. Prices are from low to high.
    """

    key: str
    categories: tuple[str, ...]
    draw: Callable[[int], Model]
    styles: tuple[str, ...]
    patterns: tuple[str, ...]
    materials: tuple[str, ...]
    price: tuple[float, float]
    pose: str = "stands"
    yaw: float = 45.0  # a shopper's camera stands at most so many degrees to the side


KINDS: tuple[Kind, ...] = (
    Kind(
        "tee",
        ("Clothing/T-shirts", "Clothing/Tops"),
        garments.tee,
        ("crew-neck tee", "V-neck tee", "boxy tee", "long-sleeve tee", "fitted tee", "tank top", "ringer tee"),
        CLOTH + PRINTED,
        ("organic cotton", "cotton jersey", "linen blend"),
        (14, 45),
        "hangs",
        28,
    ),
    Kind(
        "shirt",
        ("Clothing/Shirts", "Clothing/Tops"),
        garments.shirt,
        ("pocket shirt", "camp shirt", "slim shirt", "band-collar shirt", "short-sleeve shirt", "tunic shirt"),
        ("solid", "solid", "pinstriped", "bold-striped", "checked", "plaid", "dotted", "floral", "leaf-print",
         "diamond", "starred"),
        ("cotton poplin", "linen", "oxford cotton"),
        (35, 95),
        "hangs",
        28,
    ),
    Kind(
        "hoodie",
        ("Clothing/Hoodies", "Clothing/Sweaters"),
        garments.hoodie,
        ("pullover hoodie", "zip hoodie", "cropped hoodie", "oversized hoodie", "rib hoodie"),
        ("solid", "solid", "solid", "melange", "wide-striped", "color-block", "camouflage", "ombre", "chest-stripe")
        + PRINTED,
        ("brushed cotton", "cotton fleece", "recycled fleece"),
        (40, 110),
        "hangs",
        28,
    ),
    Kind(
        "dress",
        ("Clothing/Dresses",),
        garments.dress,
        ("A-line dress", "shift dress", "slip dress", "maxi dress", "V-neck dress", "skater dress"),
        DRESSY,
        ("viscose", "cotton voile", "silk blend"),
        (45, 190),
        "hangs",
        30,
    ),
    Kind(
        "skirt",
        ("Clothing/Skirts",),
        garments.skirt,
        ("button skirt", "pleated skirt", "pencil skirt", "tiered skirt", "denim mini skirt", "circle skirt"),
        DRESSY + ("plaid",),
        ("cotton twill", "viscose", "wool blend"),
        (30, 110),
        "hangs",
        40,
    ),
    Kind(
        "trousers",
        ("Clothing/Trousers",),
        garments.trousers,
        ("straight jeans", "slim jeans", "wide-leg trousers", "cropped chinos", "shorts", "joggers"),
        ("solid", "solid", "solid", "pinstriped", "plaid", "checked", "melange", "camouflage", "floral",
         "leaf-print"),
        ("cotton twill", "stretch denim", "linen blend"),
        (35, 130),
        "hangs",
        32,
    ),
    Kind(
        "mug",
        ("Home/Mugs", "Home/Tableware"),
        home.mug,
        ("straight mug", "tapered mug", "round mug", "tall mug", "square mug", "footed cup", "camp mug"),
        GLAZED + PRINTED,
        ("stoneware", "porcelain", "glazed clay"),
        (9, 34),
    ),
    Kind(
        "vase",
        ("Home/Vases", "Home/Decoration"),
        home.vase,
        ("amphora vase", "bottle vase", "cylinder vase", "gourd vase", "bowl vase", "bud vase", "ribbed vase"),
        GLAZED,
        ("stoneware", "porcelain", "terracotta"),
        (18, 120),
    ),
    Kind(
        "teapot",
        ("Home/Teapots", "Home/Tableware"),
        home.teapot,
        ("round teapot", "hoop teapot", "tall teapot", "cone teapot", "kettle teapot"),
        GLAZED,
        ("stoneware", "porcelain", "enamel"),
        (28, 98),
    ),
    Kind(
        "bottle",
        ("Sport/Bottles", "Home/Tableware"),
        home.bottle,
        ("loop bottle", "bamboo-cap bottle", "sport bottle", "slim bottle", "flask", "straw tumbler"),
        GLAZED[:-1] + ("color-block", "camouflage") + PRINTED[:6],
        ("stainless steel", "aluminum", "steel and bamboo"),
        (14, 48),
    ),
    Kind(
        "lamp",
        ("Home/Lamps",),
        home.lamp,
        ("pleated lamp", "drum lamp", "globe lamp", "cone lamp", "bobbin lamp", "tripod lamp"),
        WOVEN,
        ("linen and ceramic", "cotton and steel", "linen and oak"),
        (45, 240),
    ),
    Kind(
        "cushion",
        ("Home/Cushions", "Home/Decoration"),
        home.cushion,
        ("piped cushion", "fringed cushion", "round cushion", "square cushion", "lumbar cushion", "tufted cushion"),
        WOVEN + ("big-dotted", "marbled", "wide-striped") + PRINTED[:5],
        ("cotton canvas", "linen", "cotton velvet"),
        (19, 85),
        "stands",
        35,
    ),
)  # fmt: skip
