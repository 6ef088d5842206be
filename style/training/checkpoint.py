"""The file of a training's state: written whole and finite, and read only if it fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from style.errors import BadTraining

__all__ = ["State", "read_checkpoint", "write_checkpoint"]

State = dict[str, Any]
"""``plan`` and ``data`` (strings), ``step``, and the state dicts of networks and optimizers."""


def write_checkpoint(path: Path, state: State) -> None:
    """Write the file; an existing one stays whole until the new one is.

    Raises FloatingPointError, and writes nothing, if a number is not finite.
    """
    name = _not_finite(state)
    if name:
        raise FloatingPointError(
            f"the weights of {name!r} are not finite at step {state['step']}; they are not saved"
        )
    part = path.with_name(path.name + ".part")
    torch.save(state, part)
    part.replace(path)


def read_checkpoint(path: Path, plan: str, data: str) -> State:
    """Read the file. Raises BadTraining if it is of another plan or other pictures, or damaged."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that it did not write
        raise BadTraining(f"{path}: not a checkpoint: {error}".partition("\n")[0]) from error
    if not isinstance(state, dict) or not {"plan", "data"} <= state.keys():
        raise BadTraining(f"{path}: not a checkpoint of 'vitrine train-style'; remove it")
    if state["plan"] != plan:
        raise BadTraining(
            f"{path} was made with other hyperparameters, {state['plan']}; remove it to start again"
        )
    if state["data"] != data:
        raise BadTraining(f"{path} was made with other pictures; remove it to start again")
    if not isinstance(state.get("step"), int) or state["step"] < 0:
        raise BadTraining(f"{path}: not a checkpoint: it gives no number of steps; remove it")
    name = _not_finite(state)
    if name:
        raise BadTraining(
            f"{path}: the weights of {name!r} are not finite; remove it to start again"
        )
    return state


def _not_finite(state: State) -> str:
    """Return the first name whose numbers are not all finite, or ''."""
    return next((name for name, part in state.items() if not all(_finite(part))), "")


def _finite(part: object) -> Iterator[bool]:
    """Yield for each number or tensor below a part whether it is finite."""
    if isinstance(part, Tensor):
        yield bool(torch.isfinite(part).all())
    elif isinstance(part, float):
        yield math.isfinite(part)
    elif isinstance(part, dict | list | tuple):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _finite(inner)
