"""The option ``--out`` of commands that train for a long time and then write an ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from indexer.errors import Conflict


def check_onnx_out(out: Path, force: bool, *others: Path) -> None:
    """Raise BadParameter or Conflict if the files could not be written at the end.

    ``others`` are written beside ``out``. With ``force``, existing files may be replaced.
    """
    if out.suffix != ".onnx":
        raise click.BadParameter(
            f"expected a file that ends in .onnx, got {out}", param_hint="--out"
        )
    if not out.parent.is_dir():
        raise click.BadParameter(
            f"the folder {out.parent} of {out} does not exist", param_hint="--out"
        )
    for path in (out, *others):
        if path.exists() and not force:
            raise Conflict(
                f"{path} exists already; choose another name, or add --force", param="out"
            )
