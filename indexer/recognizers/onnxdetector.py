"""Run a detector that was exported to ONNX, with a JSON file beside it: see ``settings``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.encoders.base import file_digest
from indexer.encoders.onnxsession import fixed_batch, open_session
from indexer.errors import RecognizerNotFound, one_line
from indexer.recognizers.base import Thing
from indexer.recognizers.boxes import areas, averaged, best_of_each
from indexer.recognizers.decoding import decode_outputs
from indexer.recognizers.dressed import garments_of
from indexer.recognizers.fitting import Fitted, fit_square
from indexer.recognizers.garments import GarmentNetwork
from indexer.recognizers.parts import ShownParts
from indexer.recognizers.plain import is_plain, merge_on_plain
from indexer.recognizers.settings import read_detector_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.recognizers.decoding import Candidates
    from indexer.recognizers.dressed import CloseUp
    from indexer.recognizers.settings import DetectorSettings

_BATCH = 8  # larger batches are no faster on a CPU and take more memory
_LEAST_SIDE = 0.005  # of a box, as a share of the photo's side


class OnnxDetector:
    """Finds things with an exported detector, on the CPU with ONNX Runtime.

    ``threads`` is the number of cores per call; None means all. ``threshold`` replaces the one in
    the JSON file: a lower one finds more things, and more false ones.
    """

    def __init__(
        self,
        path: Path,
        *,
        recognizer_id: str,
        threads: int | None = None,
        threshold: float | None = None,
    ) -> None:
        """Load ``path`` and its JSON file.

        Raises RecognizerNotFound if either is missing or broken, or if they contradict each other.
        """
        self.settings = read_detector_settings(path)
        if threshold is not None:
            self.settings = msgspec.structs.replace(self.settings, threshold=threshold)
        self.id = recognizer_id
        garments = path.with_name(self.settings.garments) if self.settings.garments else None
        self.weights_hash = _hash([path] if garments is None else [path, garments])
        self._mean = np.asarray(self.settings.mean, dtype=np.float32)
        self._std = np.asarray(self.settings.std, dtype=np.float32)
        self._load(path, threads)
        self._garments = None if garments is None else GarmentNetwork(garments, threads=threads)

    @property
    def side(self) -> int:
        """See ``Recognizer.side``."""
        return self.settings.size

    def recognize(self, pixels: Sequence[Pixels]) -> list[list[Thing]]:
        """See ``Recognizer.recognize``."""
        found: list[list[Thing]] = []
        step = self._fixed_batch or _BATCH
        for start in range(0, len(pixels), step):
            fitted = [fit_square(image, self.settings) for image in pixels[start : start + step]]
            squares = np.stack([photo.square for photo in fitted])
            if self._fixed_batch:  # pad the last batch
                blank = np.zeros_like(squares[:1])
                squares = np.concatenate([squares, *([blank] * (step - len(squares)))])
            outputs = self._run(squares)
            maps = outputs.pop() if self.settings.parts else None
            candidates = decode_outputs(outputs, self.settings)[: len(fitted)]
            things = [self._things(*pair) for pair in zip(candidates, fitted, strict=True)]
            if maps is not None:
                things = [
                    self._dressed(*of_photo)
                    for of_photo in zip(
                        things, maps[: len(fitted)], pixels[start : start + step], strict=True
                    )
                ]
            # Faces were judged by the boxes that were found; their means are a little wider.
            found += [
                self._averaged(*of_photo)
                for of_photo in zip(things, candidates, fitted, strict=True)
            ]
        if self.settings.merge_on_plain:
            found = [merge_on_plain(*pair) for pair in zip(found, pixels, strict=True)]
        return found

    def _things(self, found: Candidates, photo: Fitted) -> list[Thing]:
        """Return the things among the candidates of one photo, best first."""
        boxes = photo.to_photo(found.boxes)
        allowed = _valid(found, boxes) & (found.scores >= self.settings.threshold)
        if never := self._never():
            allowed &= ~np.isin(found.labels, never)
        numbers = np.flatnonzero(allowed)
        kept = numbers[best_of_each(boxes[numbers], found.scores[numbers], self.settings.overlap)]
        labels = self.settings.labels
        return [
            Thing(
                box=_as_box(boxes[number]),
                score=min(1.0, float(found.scores[number])),
                label=labels[int(found.labels[number])] if labels else None,
                source=self.id,
            )
            for number in kept[: self.settings.most].tolist()
        ]

    def _averaged(self, things: list[Thing], found: Candidates, photo: Fitted) -> list[Thing]:
        """Average the box of each thing with the candidates of its label that overlap it."""
        boxes = photo.to_photo(found.boxes)
        valid = _valid(found, boxes)
        out = []
        for thing in things:
            voters = valid.copy()
            if thing.label in self.settings.labels:
                voters &= found.labels == self.settings.labels.index(thing.label)
            own = np.array([thing.box], np.float32)
            (box,) = averaged(own, boxes[voters], found.scores[voters])
            out.append(thing._replace(box=_as_box(box)))
        return out

    def close_up(self, pixels: Pixels) -> CloseUp | None:
        """Look from near at the person in a photo (h, w, 3), whatever its things are.

        None if it shows nobody from some distance, or on a plain background, or without a network
        of garments.
        """
        if not self.settings.parts:
            return None
        scores = self._run(fit_square(pixels, self.settings).square[None]).pop()[0]
        return self._near(ShownParts.of(scores, self.settings.parts), pixels)

    def _dressed(
        self, things: Sequence[Thing], scores: NDArray[np.float32], pixels: Pixels
    ) -> list[Thing]:
        """Leave out faces, and name and mask garments; ``scores`` (p, y, x) are the parts'."""
        shown = ShownParts.of(scores, self.settings.parts)
        kept = shown.without_bare(things)
        close_up = self._near(shown, pixels)
        return kept if close_up is None else garments_of(kept, close_up)

    def _near(self, shown: ShownParts, pixels: Pixels) -> CloseUp | None:
        """See ``close_up``. On a plain background, the shop has better names and cut-outs."""
        region = shown.person()
        if self._garments is None or region is None or is_plain(pixels):
            return None
        return self._garments.look(pixels, region)

    def _never(self) -> list[int]:
        """Return the numbers of the labels that are not returned."""
        labels, never = self.settings.labels, self.settings.never
        return [number for number, label in enumerate(labels) if label in never]

    def _load(self, path: Path, threads: int | None) -> None:
        try:
            self._session = open_session(path, threads)
            self._fixed_batch = fixed_batch(self._session, self.settings.input)
            count = self._fixed_batch or 2  # two images fail in a graph that takes only one
            blank = np.zeros((count, self.settings.size, self.settings.size, 3), dtype=np.uint8)
            outputs = self._run(blank)
            if self.settings.parts:
                _check_parts(outputs.pop(), self.settings)
            found = len(decode_outputs(outputs, self.settings))
        except Exception as error:  # ONNX Runtime has no base class for what it raises
            reason = one_line(error)
            raise RecognizerNotFound(
                f"{path} does not run as its JSON file says: {reason}"
            ) from error
        if found != count:
            raise RecognizerNotFound(
                f"{path} returns results for {found} images when given {count}"
            )

    def _run(self, squares: Pixels) -> list[NDArray[np.float32]]:
        fed: NDArray[np.uint8] | NDArray[np.float32] = squares
        if self.settings.channels == "bgr":
            fed = fed[..., ::-1]
        if self.settings.dtype == "float32":
            scaled = fed.astype(np.float32) / np.float32(self.settings.scale)
            fed = (scaled - self._mean) / self._std
        if self.settings.layout == "nchw":
            fed = fed.transpose(0, 3, 1, 2)
        outputs = self._session.run(
            self.settings.outputs, {self.settings.input: np.ascontiguousarray(fed)}
        )
        return [np.asarray(output, dtype=np.float32) for output in outputs]


def _valid(found: Candidates, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which candidates (p,) have a box in the photo, and a score; ``boxes`` are (p, 4)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    valid = (sides > _LEAST_SIDE).all(axis=1) & (areas(boxes) > 0)
    return np.asarray(valid & np.isfinite(found.boxes).all(axis=1) & np.isfinite(found.scores))


def _check_parts(maps: NDArray[np.float32], settings: DetectorSettings) -> None:
    if maps.ndim != 4 or maps.shape[1] != len(settings.parts):
        raise ValueError(f"parts are {maps.shape}, expected (n, {len(settings.parts)}, y, x)")


def _hash(paths: Sequence[Path]) -> str:
    """Return the hash of networks and the JSON files beside them. Raises RecognizerNotFound."""
    digest = ""
    for path in paths:
        try:
            digest += file_digest(path) + file_digest(path.with_suffix(".json"))
        except OSError as error:
            raise RecognizerNotFound(
                f"cannot read the detector {path}: {error.strerror or error}"
            ) from error
    return hashlib.sha256(digest.encode()).hexdigest()


def _as_box(row: NDArray[np.float32]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = row.astype(float).round(5).tolist()
    return x0, y0, x1, y1
