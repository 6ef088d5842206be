"""Load recognizers by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import RecognizerNotFound

if TYPE_CHECKING:
    from indexer.recognizers.base import Recognizer

DEFAULT_RECOGNIZER = "things"
WEIGHTS = Path(__file__).parent / "weights"

RECOGNIZER_FORMS = {
    "things": "the bundled detector: boxes of product-like things of any kind",
    "onnx:FILE": "any exported detector of the YOLO family, with FILE.json beside it",
}


def load_recognizer(
    recognizer_id: str = DEFAULT_RECOGNIZER,
    *,
    threads: int | None = None,
    threshold: float | None = None,
) -> Recognizer:
    """Load a recognizer by its id; ``threads`` limits the cores per call (None: all).

    ``threshold`` replaces the lowest score of a thing. Raises RecognizerNotFound for an unknown id,
    or for a file that is missing or does not run.
    """
    from indexer.recognizers.onnxdetector import OnnxDetector

    kind, _, rest = recognizer_id.partition(":")
    if recognizer_id == DEFAULT_RECOGNIZER:
        path = WEIGHTS / f"{DEFAULT_RECOGNIZER}.onnx"
    elif kind == "onnx" and rest:
        path = Path(rest).expanduser()
    else:
        known = ", ".join(RECOGNIZER_FORMS)
        raise RecognizerNotFound(
            f"unknown recognizer {recognizer_id!r}; known are {known}", param="recognizer"
        )
    return OnnxDetector(path, recognizer_id=recognizer_id, threads=threads, threshold=threshold)
