"""The result of adapting an encoder to a shop, and the rule that decides if its file is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.onnxfile import OnnxEncoder
from indexer.errors import CannotWrite
from indexer.training.evaluation import Evaluation

_GAIN = 2  # more queries that must be answered: one more may be chance


@dataclass(frozen=True)
class Adapted:
    """The result of adapting an encoder.

    ``before`` and ``after`` (q, 2) are the outcomes, 0 or 1, of each test query: the right item is
    first, or among the first five. ``mix`` is the share of the new weights in the result;
    ``written`` is True if a file was written.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    steps: int
    seconds: float
    mix: float
    written: bool


def write_if_better(
    out: Path,
    evaluation: Evaluation,
    before: NDArray[np.float64],
    make: Callable[[Path], None],
) -> tuple[NDArray[np.float64], bool]:
    """Call ``make`` to write a draft with its JSON; move it to ``out`` if it answers two more.

    ``before`` (q, 2) are the outcomes to beat. Returns the outcomes of the draft, and whether it
    was moved. Raises CannotWrite if ``out`` cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.stem}.") as folder:
            draft = Path(folder) / out.name
            make(draft)
            after = evaluation.test_outcomes(OnnxEncoder(draft, encoder_id="after"))
            better = bool(after[:, 0].sum() >= before[:, 0].sum() + _GAIN)
            if better:
                draft.with_suffix(".json").replace(out.with_suffix(".json"))
                draft.replace(out)
    except OSError as error:
        raise CannotWrite(f"cannot write {out}: {error.strerror or error}") from error
    return after, better
