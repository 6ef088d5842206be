"""Draw the catalog of the golden shop: 14 products, each in some colors.

Everything is drawn on a grid of 32 x 32 squares and enlarged without interpolation. The ``color``
encoder uses a grid of 32 x 32 too, so the resampling of a library cannot change an answer.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

GRID = 32
PAPER, TABLE = (236, 236, 232), (208, 212, 220)
# No value is near 64, 128 or 192, the limits between the encoder's 64 colors.
COLORS = {
    "red": (224, 32, 32),
    "green": (32, 160, 32),
    "blue": (32, 96, 224),
    "yellow": (240, 208, 32),
    "black": (16, 16, 16),
    "white": (250, 250, 250),
}
Rectangle = tuple[int, int, int, int]


class Product(NamedTuple):
    """A product: its drawing (rectangles x0, y0, x1, y1 on the grid) and its fields."""

    name: str
    category: str
    colors: str
    shape: list[Rectangle]
    price: float | None
    words: str
    material: str
    has_side: bool = False


PRODUCTS = [
    Product("mug", "Home/Mugs", "red green blue yellow", [(8, 8, 20, 25), (21, 11, 25, 20)], 9.5,
            "A mug for coffee and tea. Café au lait, 300 ml.", "stoneware", has_side=True),
    Product("bowl", "Home/Bowls", "red blue white", [(4, 14, 27, 20), (8, 21, 23, 25)], 14.0,
            "A wide bowl for soup and salad.", "stoneware"),
    Product("vase", "Home/Vases", "green blue yellow", [(12, 3, 19, 12), (9, 13, 22, 29)], 32.0,
            "A tall vase. 花瓶 für lange Stiele.", "glass"),
    Product("lamp", "Home/Lamps", "white yellow", [(6, 4, 25, 13), (14, 14, 17, 29)], 79.0,
            "A table lamp with a linen shade.", "linen"),
    Product("cushion", "Home/Cushions", "red green blue yellow", [(5, 5, 26, 26)], 24.9,
            "A soft cushion, filled with feathers.", "cotton"),
    Product("tile", "Home/Tiles", "red green blue", [(2, 2, 29, 29)], 3.2,
            "A glazed tile for kitchen and bath.", "stoneware"),
    Product("coaster", "Home/Coasters", "red green blue", [(2, 2, 29, 29)], 4.0,
            "A coaster for glasses; looks like our tile.", "cork"),
    Product("shoe", "Wear/Shoes", "red black white", [(3, 18, 28, 25), (14, 10, 24, 17)], 89.0,
            "A light shoe for running on roads.", "leather", has_side=True),
    Product("boot", "Wear/Shoes/Boots", "black red", [(12, 3, 21, 25), (4, 19, 21, 28)], 129.0,
            "A boot for rain and snow.", "leather"),
    Product("hat", "Wear/Hats", "red green blue", [(9, 8, 22, 17), (3, 18, 28, 21)], 35.0,
            "A hat with a brim. Hut mit Krempe, 帽子.", "wool"),
    Product("scarf", "Wear/Scarves", "red yellow blue", [(3, 6, 28, 11), (6, 12, 11, 29)], 29.0,
            "A warm scarf of merino wool.", "wool"),
    Product("bag", "Wear/Bags", "black red", [(5, 12, 26, 28), (11, 5, 20, 8)], 59.0,
            "A bag with a long strap, for every day.", "cotton", has_side=True),
    Product("ball", "Toys/Balls", "red yellow blue", [(8, 11, 23, 20), (11, 8, 20, 23)], 6.5,
            "A ball for the garden.", "rubber"),
    Product("kite", "Toys/Kites", "red blue", [(12, 2, 19, 15), (15, 16, 16, 30)], None,
            "A kite for windy days; price on request.", "paper"),
]  # fmt: skip


def picture(
    shape: list[Rectangle],
    color: str,
    *,
    ground: tuple[int, int, int] = PAPER,
    step: int = 0,
    scale: int = 2,
) -> Image.Image:
    """Draw a shape in a color, shifted right by ``step`` squares and enlarged ``scale`` times."""
    image = Image.new("RGB", (GRID, GRID), ground)
    draw = ImageDraw.Draw(image)
    for x0, y0, x1, y1 in shape:
        draw.rectangle((x0 + step, y0, x1 + step, y1), COLORS[color])
    return image.resize((GRID * scale, GRID * scale), Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return the bytes of an image file; lossless except for JPEG."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def product(name: str) -> Product:
    """Return the product with this name."""
    return next(product for product in PRODUCTS if product.name == name)


def record(entry: Product, color: str, number: int) -> dict[str, Any]:
    """Return the catalog's record of a product in a color, the color's ``number`` from 0."""
    images = [f"images/{entry.name}-{color}.png"]
    if entry.has_side:
        images.append(f"images/{entry.name}-{color}-side.jpg")
    found: dict[str, Any] = {
        "id": f"{entry.name}-{color}" if entry.name != "kite" else f"kite/{color} no. 1 ñ",
        "product_id": entry.name,
        "title": f"{color.title()} {entry.name}",
        "description": entry.words,
        "categories": [entry.category, *(["Gifts"] if entry.name in ("mug", "vase") else [])],
        "currency": "eur",
        "in_stock": color != "yellow",
        "attributes": {
            "color": color,
            "material": entry.material,
            "rank": number + 1,
            "washable": entry.material in ("cotton", "stoneware"),
            "tags": [entry.material[:4], "new"] if number == 0 else [entry.material[:4]],
        },
        "images": images,
    }
    if entry.price is not None:
        found["price"] = entry.price + number
    return found


def draw_catalog(folder: Path) -> list[dict[str, Any]]:
    """Draw all pictures into ``folder/images``; return the records of all items, in order."""
    (folder / "images").mkdir(parents=True)
    records = []
    for entry in PRODUCTS:
        for number, color in enumerate(entry.colors.split()):
            records.append(record(entry, color, number))
            front = encoded(picture(entry.shape, color))
            (folder / f"images/{entry.name}-{color}.png").write_bytes(front)
            if entry.has_side:
                side = picture(entry.shape[:1], color, step=-2)
                data = encoded(side, "JPEG", quality=92)
                (folder / f"images/{entry.name}-{color}-side.jpg").write_bytes(data)
    (folder / "images" / "broken.png").write_bytes(b"This is a letter, not a picture.")
    return records


def write_records(path: Path, records: list[dict[str, Any]]) -> None:
    """Write a catalog as JSON lines."""
    lines = [json.dumps(item, ensure_ascii=False, sort_keys=True) + "\n" for item in records]
    path.write_text("".join(lines), encoding="utf-8")


def draw_photos(folder: Path) -> None:
    """Draw shoppers' photos: items on a table, items side by side, and things not in the shop."""
    folder.mkdir(parents=True, exist_ok=True)

    def shot(name: str, color: str, step: int = 1) -> Image.Image:
        return picture(product(name).shape, color, ground=TABLE, step=step, scale=3)

    def save(name: str, image: Image.Image, kind: str = "PNG", **options: Any) -> None:
        (folder / name).write_bytes(encoded(image, kind, **options))

    save("mug-red.png", shot("mug", "red"))
    save("shoe-black.png", shot("shoe", "black"))
    save("cushion-blue.webp", shot("cushion", "blue", step=0), "WEBP", lossless=True)
    save("tile-green.png", picture(product("tile").shape, "green"))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # stored rotated; its EXIF orientation turns it upright
    lying = shot("hat", "green").transpose(Image.Transpose.ROTATE_90)
    save("hat-green-turned.jpg", lying, "JPEG", quality=95, exif=orientation)
    two = Image.new("RGB", (192, 96), TABLE)
    two.paste(shot("ball", "yellow"), (0, 0))
    two.paste(shot("boot", "black"), (96, 0))
    save("ball-and-boot.gif", two.convert("P", palette=Image.Palette.ADAPTIVE, colors=4), "GIF")
    squares = Image.new("RGB", (96, 96), (144, 80, 160))
    for corner in range(0, 96, 24):
        squares.paste((16, 208, 208), (corner, corner, corner + 12, corner + 12))
    save("not-sold.png", squares)
    (folder / "letter.png").write_bytes(b"This is a letter, not a picture.")
    lines = ["image,item_id", "mug-red.png,mug-red", "shoe-black.png,shoe-black",
             "cushion-blue.webp,cushion-blue", "hat-green-turned.jpg,hat-green",
             "tile-green.png,coaster-green", "letter.png,mug-red"]  # fmt: skip
    (folder / "queries.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
