"""Read the words on products with RapidOCR, which includes its models (the extra ``ocr``)."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from indexer.errors import RecognizerNotFound
from indexer.threads import THREADS

if TYPE_CHECKING:
    from indexer.arrays import Pixels

READ_SIDE = 480
"""Pixels of the longer side of a picture that is read; smaller ones are enlarged."""
_LEAST_SCORE = 0.5
_MOST_LETTERS = 500  # of one picture


def check_reader() -> None:
    """Raise RecognizerNotFound unless RapidOCR is installed."""
    if find_spec("rapidocr") is None:
        raise RecognizerNotFound(
            "reading words on pictures needs RapidOCR: pip install 'vitrine[ocr]'", param="ocr"
        )


class TextReader:
    """Reads Chinese and English words in pictures. Loads its models when it first reads.

    Thread-safe; one picture is read at a time.
    """

    def __init__(self) -> None:
        """Raise RecognizerNotFound unless RapidOCR is installed."""
        check_reader()
        self._lock = threading.Lock()
        self._loaded: Any = None

    def read(self, pixels: Pixels) -> list[str]:
        """Return the texts in a picture (h, w, 3), as RapidOCR orders them; [] without any."""
        image = Image.fromarray(pixels)
        scale = READ_SIDE / max(image.size)
        size = (max(32, round(image.width * scale)), max(32, round(image.height * scale)))
        bgr = np.asarray(image.resize(size, Image.Resampling.LANCZOS))[..., ::-1]
        with self._lock:
            if self._loaded is None:
                self._loaded = _load()
            found = self._loaded(np.ascontiguousarray(bgr), use_cls=False)
        texts = []
        letters = 0
        for text, score in zip(found.txts or (), found.scores or (), strict=True):
            letters += len(text)
            if score >= _LEAST_SCORE and letters <= _MOST_LETTERS:
                texts.append(str(text))
        return texts


def _load() -> Any:
    from rapidocr import RapidOCR

    threads = THREADS.count
    return RapidOCR(
        params={
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
