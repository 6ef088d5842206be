"""Load recognizers by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.modeltrial import fault_in_trial
from indexer.errors import RecognizerNotFound
from indexer.recognizers.maskersettings import read_masker_settings

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
    is_ours = recognizer_id == DEFAULT_RECOGNIZER
    if not is_ours:
        files = recognizer_files(recognizer_id)
        if fault := fault_in_trial(_load, recognizer_id, files):
            raise RecognizerNotFound(fault, param="recognizer")
    return _load(recognizer_id, threads, threshold)


def recognizer_files(recognizer_id: str) -> list[Path]:
    """Return the files of a recognizer of the user. Raises RecognizerNotFound for an unknown id."""
    kind, _, rest = recognizer_id.partition(":")
    path = Path(rest).expanduser()
    if kind == "onnx" and rest:
        return [path]
    if kind == "sam" and rest:
        settings = read_masker_settings(path)
        names = (settings.encoder, settings.decoder, settings.detector)
        return [path, *(path.with_name(name) for name in names if name)]
    known = ", ".join(RECOGNIZER_FORMS)
    raise RecognizerNotFound(
        f"unknown recognizer {recognizer_id!r}; known are {known}", param="recognizer"
    )


def _load(
    recognizer_id: str, threads: int | None = None, threshold: float | None = None
) -> Recognizer:
    kind, _, rest = recognizer_id.partition(":")
    if kind == "sam":
        return _masked(Path(rest).expanduser(), recognizer_id, threads, threshold)
    from indexer.recognizers.onnxdetector import OnnxDetector

    path = Path(rest).expanduser() if kind == "onnx" else WEIGHTS / f"{recognizer_id}.onnx"
    return OnnxDetector(path, recognizer_id=recognizer_id, threads=threads, threshold=threshold)


def _masked(
    path: Path, recognizer_id: str, threads: int | None, threshold: float | None
) -> Recognizer:
    """Load the box-to-mask model of a JSON file, and the detector whose boxes it masks."""
    from indexer.recognizers.boxmasker import BoxMasker
    from indexer.recognizers.masked import MaskedRecognizer

    masker = BoxMasker(path, threads=threads)
    detector = masker.settings.detector
    finder = _load(
        f"onnx:{path.with_name(detector)}" if detector else DEFAULT_RECOGNIZER,
        threads=threads,
        threshold=threshold,
    )
    return MaskedRecognizer(finder, masker, recognizer_id=recognizer_id)
