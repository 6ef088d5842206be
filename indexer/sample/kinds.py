"""The product kinds of the shop: how each is drawn, named, patterned and priced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from indexer.sample import (
    accessories,
    backpacks,
    boots,
    bottoms,
    chairs,
    handbags,
    hats,
    home,
    sneakers,
    sofas,
    tableware,
    tops,
)
from indexer.sample.paint import Model

CLOTH = ("solid", "solid", "striped", "wide-striped", "checked", "dotted", "floral", "leaf-print",
         "zigzag", "color-block", "melange", "starred", "diamond")  # fmt: skip
DRESSY = ("solid", "floral", "dotted", "big-dotted", "leaf-print", "striped", "checked", "wave",
          "ombre", "bold-striped", "zigzag", "diamond")  # fmt: skip
GLAZED = ("solid", "solid", "speckled", "striped", "dotted", "dipped", "ombre", "floral",
          "terrazzo", "zigzag", "wave", "marbled", "leaf-print", "checked")  # fmt: skip
WOVEN = ("solid", "solid", "striped", "checked", "plaid", "zigzag", "floral", "leaf-print",
         "diamond", "dotted", "wave", "bold-striped")  # fmt: skip
PRINTED = ("cat print", "sun print", "mountain print", "sea print", "fern print", "lemon print",
           "bolt print", "heart print", "rainbow print", "fish print")  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A category: ``styles`` names each shape that ``draw(number)`` can make.

    ``pose`` is ``stands``, ``hangs`` or ``lies`` in shopper photos. Prices are from low to high.
    """

    key: str
    categories: tuple[str, ...]
    draw: Callable[[int], Model]
    styles: tuple[str, ...]
    patterns: tuple[str, ...]
    materials: tuple[str, ...]
    price: tuple[float, float]
    pose: str = "stands"
    yaw: float = 45.0  # degrees that a shopper's camera is to the side, at most


KINDS: tuple[Kind, ...] = (
    Kind(
        "tee",
        ("Clothing/T-shirts", "Clothing/Tops"),
        tops.tee,
        ("crew-neck tee", "V-neck tee", "boxy tee", "long-sleeve tee", "fitted tee", "tank top",
         "ringer tee"),
        CLOTH + PRINTED,
        ("organic cotton", "cotton jersey", "linen blend"),
        (14, 45),
        "hangs",
        28,
    ),
    Kind(
        "shirt",
        ("Clothing/Shirts", "Clothing/Tops"),
        tops.shirt,
        ("pocket shirt", "camp shirt", "slim shirt", "band-collar shirt", "short-sleeve shirt",
         "tunic shirt"),
        ("solid", "solid", "pinstriped", "bold-striped", "checked", "plaid", "dotted", "floral",
         "leaf-print", "diamond", "starred"),
        ("cotton poplin", "linen", "oxford cotton"),
        (35, 95),
        "hangs",
        28,
    ),
    Kind(
        "hoodie",
        ("Clothing/Hoodies", "Clothing/Sweaters"),
        tops.hoodie,
        ("pullover hoodie", "zip hoodie", "cropped hoodie", "oversized hoodie", "rib hoodie"),
        ("solid", "solid", "solid", "melange", "wide-striped", "color-block", "camouflage", "ombre",
         "chest-stripe", *PRINTED),
        ("brushed cotton", "cotton fleece", "recycled fleece"),
        (40, 110),
        "hangs",
        28,
    ),
    Kind(
        "dress",
        ("Clothing/Dresses",),
        bottoms.dress,
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
        bottoms.skirt,
        ("button skirt", "pleated skirt", "pencil skirt", "tiered skirt", "denim mini skirt",
         "circle skirt"),
        (*DRESSY, "plaid"),
        ("cotton twill", "viscose", "wool blend"),
        (30, 110),
        "hangs",
        40,
    ),
    Kind(
        "trousers",
        ("Clothing/Trousers",),
        bottoms.trousers,
        ("straight jeans", "slim jeans", "wide-leg trousers", "cropped chinos", "shorts",
         "joggers"),
        ("solid", "solid", "solid", "pinstriped", "plaid", "checked", "melange", "camouflage",
         "floral", "leaf-print"),
        ("cotton twill", "stretch denim", "linen blend"),
        (35, 130),
        "hangs",
        32,
    ),
    Kind(
        "mug",
        ("Home/Mugs", "Home/Tableware"),
        tableware.mug,
        ("straight mug", "tapered mug", "round mug", "tall mug", "square mug", "footed cup",
         "camp mug"),
        GLAZED + PRINTED,
        ("stoneware", "porcelain", "glazed clay"),
        (9, 34),
    ),
    Kind(
        "vase",
        ("Home/Vases", "Home/Decoration"),
        tableware.vase,
        ("amphora vase", "bottle vase", "cylinder vase", "gourd vase", "bowl vase", "bud vase",
         "ribbed vase"),
        GLAZED,
        ("stoneware", "porcelain", "terracotta"),
        (18, 120),
    ),
    Kind(
        "teapot",
        ("Home/Teapots", "Home/Tableware"),
        tableware.teapot,
        ("round teapot", "hoop teapot", "tall teapot", "cone teapot", "kettle teapot"),
        GLAZED,
        ("stoneware", "porcelain", "enamel"),
        (28, 98),
    ),
    Kind(
        "bottle",
        ("Sport/Bottles", "Home/Tableware"),
        tableware.bottle,
        ("loop bottle", "bamboo-cap bottle", "sport bottle", "slim bottle", "flask",
         "straw tumbler"),
        (*GLAZED[:-1], "color-block", "camouflage", *PRINTED[:6]),
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
        ("piped cushion", "fringed cushion", "round cushion", "square cushion", "lumbar cushion",
         "tufted cushion"),
        (*WOVEN, "big-dotted", "marbled", "wide-striped", *PRINTED[:5]),
        ("cotton canvas", "linen", "cotton velvet"),
        (19, 85),
        "stands",
        35,
    ),
    Kind(
        "sneaker",
        ("Shoes/Sneakers",),
        sneakers.sneaker,
        ("court sneaker", "running shoe", "high-top", "slip-on", "retro sneaker", "canvas sneaker"),
        ("solid", "solid", "checked", "dotted", "floral", "leaf-print", "camouflage", "ombre",
         "starred", "wave", "diamond", "marbled"),
        ("canvas", "suede and rubber", "recycled mesh"),
        (45, 140),
        "stands",
        70,
    ),
    Kind(
        "boot",
        ("Shoes/Boots",),
        boots.boot,
        ("Chelsea boot", "lace-up boot", "rain boot", "ankle boot", "riding boot", "desert boot"),
        ("solid", "solid", "solid", "dotted", "floral", "plaid", "leaf-print", "checked", "marbled",
         "zigzag"),
        ("smooth leather", "suede", "natural rubber"),
        (60, 220),
        "stands",
        70,
    ),
    Kind(
        "backpack",
        ("Bags/Backpacks",),
        backpacks.backpack,
        ("daypack", "roll-top backpack", "flap rucksack", "mini backpack", "school backpack",
         "box backpack"),
        ("solid", "solid", "color-block", "floral", "leaf-print", "camouflage", "dotted", "zigzag",
         "checked", "starred", "wide-striped", "ombre", "wave", "diamond"),
        ("waxed canvas", "recycled nylon", "cotton canvas"),
        (39, 150),
    ),
    Kind(
        "handbag",
        ("Bags/Handbags",),
        handbags.handbag,
        ("tote bag", "satchel", "bucket bag", "shopper", "half-moon bag", "bowling bag"),
        ("solid", "solid", "solid", "striped", "floral", "plaid", "dotted", "color-block",
         "leaf-print", "diamond", "zigzag", "big-dotted", "wave"),
        ("smooth leather", "cotton canvas", "vegan leather"),
        (35, 230),
    ),
    Kind(
        "hat",
        ("Accessories/Hats",),
        hats.hat,
        ("baseball cap", "bucket hat", "beanie", "fedora", "sun hat", "bobble hat"),
        ("solid", "solid", "striped", "floral", "checked", "camouflage", "dotted", "zigzag",
         "leaf-print", "melange", "starred", "diamond", "plaid"),
        ("cotton twill", "merino wool", "paper straw"),
        (15, 65),
        "stands",
        60,
    ),
    Kind(
        "sunglasses",
        ("Accessories/Sunglasses",),
        accessories.sunglasses,
        ("classic sunglasses", "round sunglasses", "aviators", "cat-eye sunglasses",
         "square sunglasses", "oval sunglasses"),
        ("solid", "solid", "solid", "marbled", "marbled", "speckled", "terrazzo", "striped",
         "camouflage"),
        ("acetate", "bio-acetate", "acetate and steel"),
        (29, 160),
        "stands",
        45,
    ),
    Kind(
        "watch",
        ("Accessories/Watches",),
        accessories.watch,
        ("dress watch", "diver watch", "square watch", "field watch", "chronograph", "slim watch"),
        ("solid", "solid", "solid", "bold-striped", "striped", "dotted", "floral", "zigzag",
         "checked", "camouflage"),
        ("steel and leather", "steel and nylon", "steel and silicone"),
        (49, 320),
        "stands",
        40,
    ),
    Kind(
        "chair",
        ("Furniture/Chairs",),
        chairs.chair,
        ("shell chair", "spindle chair", "dining chair", "bar stool", "ladder-back chair",
         "cantilever chair"),
        WOVEN,
        ("oak and felt", "beech and cotton", "steel and linen"),
        (69, 340),
        "stands",
        60,
    ),
    Kind(
        "sofa",
        ("Furniture/Sofas", "Furniture/Armchairs"),
        sofas.sofa,
        ("two-seat sofa", "three-seat sofa", "armchair", "tub chair", "rolled-arm sofa",
         "loveseat"),
        ("solid", "solid", "solid", "striped", "checked", "plaid", "floral", "leaf-print", "zigzag",
         "melange", "big-dotted", "diamond", "bold-striped"),
        ("linen blend", "cotton velvet", "wool felt"),
        (290, 1900),
        "stands",
        55,
    ),
)  # fmt: skip
