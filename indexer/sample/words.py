"""Texts of the shop: invented brands, product names, titles and descriptions."""

from __future__ import annotations

import re

NAMES = (
    "Linden", "Harbor", "Juniper", "Marlow", "Solstice", "Piper", "Aspen", "Clover", "Ridge",
    "Willow",
    "Ember", "Tansy", "Fjord", "Hazel", "Orchard", "Pebble", "Quill", "Rowan", "Saffron", "Thistle",
    "Umber", "Vesper", "Wren", "Yarrow", "Zephyr", "Alder", "Bramble", "Cinder", "Dune", "Elm",
    "Fennel", "Grove", "Heron", "Isle", "Jasper", "Kestrel", "Lark", "Meadow", "Nettle", "Opal",
)  # fmt: skip

BRANDS = (
    "Nordlicht", "Casa Olmo", "Tidewell", "Brambleworks", "Atelier Mira", "Oakline", "Fernhill",
    "Studio Kobo", "Lumenry", "Paper Finch", "Saltmarsh", "Velora",
)  # fmt: skip

_WITH = {
    "striped": "{a} with {b} stripes",
    "wide-striped": "{a} with wide {b} stripes",
    "pinstriped": "{a} with {b} pinstripes",
    "bold-striped": "{a} with bold {b} stripes",
    "checked": "{a} and {b} checks",
    "plaid": "{a} and {b} plaid",
    "dotted": "{a} with {b} dots",
    "big-dotted": "{a} with big {b} dots",
    "floral": "{a} with {b} flowers",
    "leaf-print": "{a} with {b} leaves",
    "zigzag": "{a} with {b} zigzag",
    "terrazzo": "{a} with {b} terrazzo",
    "diamond": "{a} with {b} diamonds",
    "wave": "{a} with {b} waves",
    "marbled": "{a} marbled with {b}",
    "speckled": "{a} with {b} speckles",
    "starred": "{a} with {b} stars",
    "melange": "{a} melange",
    "camouflage": "{a} and {b} camouflage",
    "ombre": "{a} to {b} ombre",
    "color-block": "{a} and {b} color-block",
    "dipped": "{a} dipped in {b}",
    "chest-stripe": "{a} with a {b} chest stripe",
    "solid": "{a}",
}

_OPENINGS = (
    "A {noun} in {material}, {look}.",
    "Our {noun} for every day: {material}, {look}.",
    "Made of {material} in small batches; {look}.",
    "An easy {noun} in {look}, made of {material}.",
    "{brand} makes this {noun} of {material}; here in {look}.",
)
_CLOSINGS = {
    "Clothing": (
        "Washes at 30 degrees and keeps its shape.",
        "Cut with room to move.",
        "Soft from the first day on.",
        "True to size.",
    ),
    "Shoes": ("With a cushioned insole.", "Made to be resoled.", "Runs true to size."),
    "Bags": ("Holds a laptop and a lunch.", "With two pockets inside.",
    "Lined and reinforced where it counts."),
    "Accessories": ("Comes in a small gift box.", "Light, and made to last.",
    "A detail that gets noticed."),
    "Home": ("Each piece differs a little.", "At home in a small flat as in a big one.",
    "Wipes clean."),
    "Sport": ("Keeps cold for a day.", "Fits most cup holders.", "Does not leak."),
    "Furniture": ("Arrives assembled.", "With felt glides for wooden floors.",
    "Built to be sat on for years."),
}  # fmt: skip


def look_of(pattern: str, first: str, second: str) -> str:
    """Describe a color and pattern: "navy with white stripes"."""
    if pattern.endswith(" print"):
        return f"{first} with a {second} {pattern}"
    return _WITH[pattern].format(a=first, b=second)


def title(name: str, style: str, look: str) -> str:
    """Return an item's title: "Linden crew-neck tee, navy with white stripes"."""
    return f"{name} {style}, {look}"


def description(brand: str, style: str, material: str, look: str, category: str, draw: int) -> str:
    """Return one or two sentences about an item; ``draw`` chooses among the phrasings."""
    opening = _OPENINGS[draw % len(_OPENINGS)]
    first = opening.format(noun=style, material=material, look=look, brand=brand)
    endings = _CLOSINGS[category.split("/")[0]]
    pick = draw // len(_OPENINGS) % (len(endings) + 1)
    return first[0].upper() + first[1:] + ("" if pick == len(endings) else f" {endings[pick]}")


def slug(*words: str) -> str:
    """Return words in lower case, joined by dashes, for ids and file names."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
