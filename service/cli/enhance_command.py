"""``vitrine enhance``."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.console import json_option, print_json
from service.cli.own_styles import read_picture
from service.cli.terminal import say
from service.cli.threads_option import threads_option

_MOST = 200_000_000  # pixels of a result


@click.command("enhance")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="A .jpg, .png or .webp file."
)
@click.option(
    "--scale", type=click.Choice(["1", "2", "4"]), default="1", show_default=True,
    help="How many times longer the sides become.",
)  # fmt: skip
@click.option(
    "--method", type=click.Choice(["learned", "lanczos"]), default="learned", show_default=True,
    help="How to enlarge: by a small network, or by Lanczos.",
)  # fmt: skip
@click.option("--color/--no-color", default=True, help="White balance. On by default.")
@click.option("--levels/--no-levels", default=True, help="Full range of levels. On by default.")
@click.option("--denoise/--no-denoise", default=True, help="Remove noise. On by default.")
@threads_option
@json_option
def command(
    photo: Path,
    out: Path,
    scale: str,
    method: str,
    color: bool,
    levels: bool,
    denoise: bool,
    as_json: bool,
) -> None:
    """Repair PHOTO: white balance, levels, noise; and enlarge it, into the file OUT.

    A photo without a clear color cast, with full levels and little noise stays as it is.
    """
    from indexer.errors import BadQuery
    from indexer.threads import THREADS
    from service.cli.picture_file import check_format, write_picture
    from style.care.enhance import Repairs, enhance

    file_format = check_format(photo, out)
    pixels = read_picture(photo)
    height, width = pixels.shape[:2]
    times = int(scale)
    if times * times * height * width > _MOST:
        raise BadQuery(
            f"{photo}: {width} x {height} pixels, {times} times as many a side are over "
            f"{_MOST // 1_000_000} megapixels; take a smaller --scale",
            param="scale",
        )
    repairs = Repairs(
        color, levels, denoise, times, "lanczos" if method == "lanczos" else "learned"
    )
    made = enhance(pixels, repairs, THREADS.count)
    write_picture(made.pixels, out, file_format)
    height, width = made.pixels.shape[:2]
    if as_json:
        print_json(
            {
                "out": str(out), "width": width, "height": height, "noise": round(made.noise, 4),
                "gains": [round(gain, 3) for gain in made.balance.gains],
                "black": round(made.balance.black, 3), "white": round(made.balance.white, 3),
            }
        )  # fmt: skip
        return
    done = [] if made.balance.neutral else ["color and levels"]
    done += ["noise"] if made.removed_noise else []
    done += [f"{scale} times as large"] if times > 1 else []
    say(f"{out}: {width} x {height}, {', '.join(done) or 'nothing to repair'}")
