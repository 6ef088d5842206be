"""``vitrine cutout``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json
from service.cli.own_styles import read_picture
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option

_FORMATS = (".png", ".webp")


@click.command("cutout")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .png or .webp file.")
@click.option("--trim", is_flag=True, help="Cut to the product's box.")
@threads_option
@json_option
def command(photo: Path, out: Path, trim: bool, as_json: bool) -> None:
    """Cut the one product out of PHOTO, into the file OUT with a transparent background.

    The background should be plain. The command says when it is unsure.
    """
    import numpy as np

    from indexer.errors import BadQuery
    from indexer.recognizers.registry import load_recognizer
    from search.recognition.masks import product_cutout
    from service.cli.picture_file import check_format, write_picture

    if out.suffix.lower() not in _FORMATS:
        raise BadQuery(f"--out must end in {', '.join(_FORMATS)}, got {str(out)!r}", param="out")
    file_format = check_format(photo, out)
    pixels = read_picture(photo)
    cut = product_cutout(pixels, load_recognizer())
    rgba = np.dstack([pixels, cut.alpha])
    if trim and cut.box is not None:
        height, width = cut.alpha.shape
        x0, y0, x1, y1 = cut.box
        rgba = rgba[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]
    write_picture(rgba, out, file_format)
    share = float((cut.alpha > 127).mean())
    if cut.unsure:
        note(f"unsure: {photo} has no plain background, or shows nothing on it; look at {out}")
    if as_json:
        print_json(
            {
                "out": str(out), "box": cut.box, "share": round(share, 4),
                "confidence": cut.confidence, "unsure": cut.unsure,
            }
        )  # fmt: skip
        return
    say(f"{out}: {rgba.shape[1]} x {rgba.shape[0]}, product on {share:.0%} of the photo")
