"""Calibrations of shops with the same pictures, computed once by each process of a test run.

Most tests build the shop of ``write_catalog``. Two thirds of that time go into drawing photos of
its items as a shopper might take them, and encoding those, which gives the same vectors each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from indexer.confidence import calibrate
from indexer.encoders.color import ColorEncoder
from indexer.encoders.onnxfile import OnnxEncoder
from indexer.items import ORIGINAL
from indexer.store.pictures import display_copy

_ENCODE_ONNX = OnnxEncoder.encode_images
_FROM_SCRATCH = calibrate._retaken
_found: dict[tuple[object, bytes], tuple[Any, dict[str, Any]]] = {}


def _remembered(store: Any, encoder: Any, rows: Any, known: Any, rng: Any) -> Any:
    encode = type(encoder).encode_images
    stateless = isinstance(encoder, ColorEncoder) and not vars(encoder)
    if not stateless and (encode is not _ENCODE_ONNX or "encode_images" in vars(encoder)):
        return _FROM_SCRATCH(store, encoder, rows, known, rng)  # a test may count its calls
    digest = hashlib.sha256(
        f"{encoder.id} {encoder.weights_hash} {rng.bit_generator.state}".encode()
    )
    with store.read() as reader:
        for _, row in rows:
            if row.rendition == ORIGINAL:
                path = known[row.item_id].images[row.image_index].path
                copy = display_copy(reader, row.picture, path)
                digest.update(b"gone" if copy is None else hashlib.sha256(copy).digest())
            else:
                digest.update(b"a rendition")
    key = encode, digest.digest()
    if key not in _found:
        made = _FROM_SCRATCH(store, encoder, rows, known, rng)
        _found[key] = made, rng.bit_generator.state
    made, rng.bit_generator.state = _found[key]
    return made


@contextmanager
def remember_calibrations() -> Iterator[None]:
    """Encode the photos of a calibration once, unless a test's own encoder has a state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrate, "_retaken", _remembered)
        yield


@contextmanager
def calibrate_from_scratch() -> Iterator[None]:
    """Encode the photos of each calibration, for tests of the calibration itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrate, "_retaken", _FROM_SCRATCH)
        yield
