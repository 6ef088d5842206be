"""Look at a person again, from near: what each point of a close-up shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from PIL import Image

from indexer.encoders.onnxsession import open_session
from indexer.errors import RecognizerNotFound, one_line
from indexer.jsonbytes import decode_json_as
from indexer.recognizers.dressed import NOTHING, PERSON, CloseUp
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.imaging.images import Box

    Floats = NDArray[np.float32]

_INPUT, _OUTPUT = "pixels", "parts"
_MOST_SIDE = 1024  # pixels of a close-up


class GarmentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON beside a garment network: the names of its ``parts``, in the order of its output."""

    format: Literal[1]
    parts: tuple[str, ...]
    name: str = ""


class GarmentNetwork:
    """Tells the parts of a close-up of a person apart: background, hair, skin and garments.

    An ONNX file that takes uint8 ``pixels`` (n, h, w, 3) of one size, and returns the probability
    of each part, ``parts`` (n, p, y, x). Thread-safe.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Load ``path`` and its JSON file.

        Raises RecognizerNotFound if either is missing or broken, or if they contradict each other.
        """
        json_path = path.with_suffix(".json")
        try:
            settings = decode_json_as(read_regular(json_path), GarmentSettings)
        except (OSError, msgspec.MsgspecError) as error:
            raise RecognizerNotFound(f"cannot read {json_path}: {error}") from error
        self.parts = settings.parts
        if not {NOTHING, *PERSON} <= set(self.parts):
            raise RecognizerNotFound(
                f"{json_path}: parts need {NOTHING} and {' and '.join(PERSON)}"
            )
        try:
            self._session = open_session(path, threads)
            (shape,) = (n.shape for n in self._session.get_inputs() if n.name == _INPUT)
            self._height, self._width = int(shape[1]), int(shape[2])
            if not 0 < min(self._height, self._width) <= max(shape[1:3]) <= _MOST_SIDE:
                raise ValueError(f"its input is {shape}")
            found = self.probabilities(np.zeros((1, self._height, self._width, 3), np.uint8))
            if found.ndim != 4 or found.shape[1] != len(self.parts):
                raise ValueError(f"parts are {found.shape}, expected (1, {len(self.parts)}, y, x)")
        except Exception as error:  # ONNX Runtime has no base class for what it raises
            raise RecognizerNotFound(
                f"{path} does not run as its JSON file says: {one_line(error)}"
            ) from error

    def look(self, pixels: Pixels, region: Box) -> CloseUp | None:
        """Look at a region of a photo (h, w, 3); None if it is not sure to show somebody."""
        height, width = pixels.shape[:2]
        x0, y0, x1, y1 = region
        close_up = Image.fromarray(pixels).resize(
            (self._width, self._height),
            Image.Resampling.BILINEAR,
            box=(x0 * width, y0 * height, x1 * width, y1 * height),
            reducing_gap=2.0,
        )
        near = np.asarray(close_up)
        (found,) = self.probabilities(near[None])
        return CloseUp.of(found, near, region, self.parts)

    def probabilities(self, close_ups: Pixels) -> Floats:
        """Return the probability of each part (n, p, y, x) in close-ups of the input's sides."""
        (found,) = self._session.run([_OUTPUT], {_INPUT: close_ups})
        return np.asarray(found, dtype=np.float32)
