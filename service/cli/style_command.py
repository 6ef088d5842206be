"""``vitrine style``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import json_option, print_json
from service.cli.own_styles import own_shop_option, read_picture, registry_for
from service.cli.picture_file import check_format, write_picture
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from style.registry import FoundStyle


@click.command("style")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--style", metavar="NAME", help="The style; 'vitrine styles list' lists all.")
@click.option(
    "--cube", type=click.Path(path_type=Path), help="A .cube file to use instead of a style."
)
@click.option(
    "--style-image",
    type=click.Path(path_type=Path),
    help="A picture to use instead of a style; the photo takes its colors and strokes.",
)
@click.option(
    "--network",
    type=click.Path(path_type=Path),
    help="Weights that also paint the strokes of --style-image: a file of 'vitrine train-style', "
    "or a folder of VGG-AdaIN or of a diffusion pipeline.",
)
@own_shop_option
@click.option("--strength", type=float, help="From 0 (no change) to 1. Default: that of the style.")
@click.option(
    "--background-strength",
    type=float,
    help="Another strength for the background of a product photo.",
)
@click.option("--seed", type=click.IntRange(0, 2**32), default=0, show_default=True)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="A .jpg, .png or .webp file."
)
@threads_option
@json_option
def command(
    photo: Path,
    style: str | None,
    cube: Path | None,
    style_image: Path | None,
    network: Path | None,
    shop: Path | None,
    strength: float | None,
    background_strength: float | None,
    seed: int,
    out: Path,
    as_json: bool,
) -> None:
    """Render PHOTO in a style, into the file OUT. Tone styles change colors, textures paint.

    --style-image gives the photo the colors and strokes of another picture. With --shop, --style
    may name a style of the shop's own.
    """
    import msgspec

    from style.checks import check_strength

    found = _found(style, cube, style_image, network, shop)
    name = found.info.name
    wanted = check_strength(found.info.strength if strength is None else strength)
    if background_strength is not None:
        check_strength(background_strength, "background strength")
    file_format = check_format(photo, out)
    pixels = read_picture(photo)
    facts: dict[str, object] = {"out": str(out)}
    if background_strength is None:
        made = found.styler.apply(pixels, name, wanted, seed=seed)
    else:
        made, confidence = _style_separately(found, pixels, wanted, background_strength, seed)
        facts |= {"background_strength": background_strength, "mask_confidence": confidence}
    write_picture(made, out, file_format)
    record = msgspec.to_builtins(found.styler.provenance(name, wanted, seed))
    if as_json:
        print_json({**facts, "provenance": record})
    else:
        say(f"{out}: {made.shape[1]} x {made.shape[0]}, {name} at strength {wanted:g}")


def _found(
    style: str | None,
    cube: Path | None,
    image: Path | None,
    network: Path | None,
    shop: Path | None,
) -> FoundStyle:
    """Return the style that the options name. Raises UsageError."""
    if network is not None and image is None:
        raise click.UsageError("--network needs --style-image FILE")
    if sum(option is not None for option in (style, cube, image)) != 1:
        raise click.UsageError("give one of --style NAME, --cube FILE and --style-image FILE")
    if style is not None:
        return registry_for(shop).find(style)
    from style.registry import StyleRegistry

    if cube is not None:
        from style.cubefile import read_cube
        from style.tone import ToneStyler

        return StyleRegistry([ToneStyler({cube.stem: read_cube(cube)})]).find(cube.stem)
    assert image is not None
    if network is not None:
        from style.plugins.weights import open_network

        images = {image.stem: read_picture(image)}
        return StyleRegistry([open_network(network, images)]).find(image.stem)
    from style.styleimage import StyleImage, StyleImageStyler

    styler = StyleImageStyler({image.stem: StyleImage(read_picture(image))})
    return StyleRegistry([styler]).find(image.stem)


def _style_separately(
    found: FoundStyle, pixels: Pixels, strength: float, background: float, seed: int
) -> tuple[Pixels, float]:
    """Style product and background with different strengths; return the mask's confidence too."""
    from style.productmask import product_mask
    from style.registry import apply_apart

    styler, name = found.styler, found.info.name
    mask = product_mask(pixels)
    if mask.unsure:
        note(
            f"the background is not plain (confidence {mask.confidence:g}): the whole photo gets "
            f"strength {strength:g}"
        )
        return styler.apply(pixels, name, strength, seed=seed), mask.confidence
    made = apply_apart(styler, pixels, name, strength, background, mask.alpha, seed)
    return made, mask.confidence
