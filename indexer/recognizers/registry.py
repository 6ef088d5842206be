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
    "sam:FILE.json": "masks by an export of Segment Anything, for the boxes of a detector",
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
    kind, _, rest = recognizer_id.partition(":")
    if recognizer_id == DEFAULT_RECOGNIZER:
        path = WEIGHTS / f"{DEFAULT_RECOGNIZER}.onnx"
    elif kind == "onnx" and rest:
        path = Path(rest).expanduser()
    elif kind == "sam" and rest:
        return _masked(Path(rest).expanduser(), recognizer_id, threads, threshold)
    else:
        known = ", ".join(RECOGNIZER_FORMS)
        raise RecognizerNotFound(
            f"unknown recognizer {recognizer_id!r}; known are {known}", param="recognizer"
        )
    from indexer.recognizers.onnxdetector import OnnxDetector

    return OnnxDetector(path, recognizer_id=recognizer_id, threads=threads, threshold=threshold)


def _masked(
    path: Path, recognizer_id: str, threads: int | None, threshold: float | None
) -> Recognizer:
    """Load the box-to-mask model of a JSON file, and the detector whose boxes it masks."""
    from indexer.recognizers.boxmasker import BoxMasker
    from indexer.recognizers.masked import MaskedRecognizer

    masker = BoxMasker(path, threads=threads)
    detector = masker.settings.detector
    finder = load_recognizer(
        f"onnx:{path.with_name(detector)}" if detector else DEFAULT_RECOGNIZER,
        threads=threads,
        threshold=threshold,
    )
    return MaskedRecognizer(finder, masker, recognizer_id=recognizer_id)
