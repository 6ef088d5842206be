"""A shop's own styles, as the commands ``style`` and ``styles`` read and change them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from style.registry import StyleRegistry

own_shop_option = click.option(
    "--shop",
    type=click.Path(path_type=Path),
    envvar="VITRINE_SHOP",
    help="The folder of a shop whose own styles may be used (or VITRINE_SHOP).",
)


def registry_for(shop: Path | None) -> StyleRegistry:
    """Return the built-in styles, and with a shop its own. Raises BadStyleFile."""
    from indexer.layout import STYLES
    from style.registry import built_in, with_folder

    return built_in() if shop is None else with_folder(shop / STYLES)


def define_style(shop: Path, name: str, image: Path | None, cube: Path | None) -> None:
    """Store an image or a .cube file as a style of the shop.

    Raises IndexNotFound if there is no shop, Conflict if a built-in style has the name,
    BadImage, BadCube, BadStyleName, BadStyleFile.
    """
    from indexer.errors import Conflict
    from indexer.layout import STYLES
    from indexer.shop.folder import ShopFolder
    from style.cubefile import read_cube
    from style.registry import built_in
    from style.stylefolder import StyleFolder

    ShopFolder(shop).current()
    if name in [info.name for info in built_in().styles()]:
        raise Conflict(f"{name!r} is a built-in style; choose another name")
    folder = StyleFolder(shop / STYLES)
    if cube is not None:
        folder.add_lut(name, read_cube(cube))
    elif image is not None:
        folder.add_image(name, read_picture(image))


def forget_style(shop: Path, name: str) -> None:
    """Delete one of the shop's own styles.

    Raises Conflict for a built-in style, UnknownStyle, BadStyleFile.
    """
    from indexer.errors import Conflict
    from indexer.layout import STYLES
    from style.registry import built_in
    from style.stylefolder import StyleFolder

    folder = StyleFolder(shop / STYLES)
    if name not in folder.names() and name in [info.name for info in built_in().styles()]:
        raise Conflict(f"{name!r} is a built-in style, which cannot be removed")
    folder.remove(name)


def read_picture(path: Path) -> Pixels:
    """Decode an image file. Raises BadImage, which names the file."""
    from indexer.errors import BadImage
    from indexer.imaging.images import read_image_file
    from indexer.imaging.photos import Photo

    try:
        return Photo(read_image_file(path)).cut()
    except BadImage as error:
        raise BadImage(f"{path}: {error}") from error
