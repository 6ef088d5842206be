"""The weights that come with Vitrine: those that ``builtin`` has now, and those that it had.

    weights/builtin.onnx                     what a new shop is built with
    weights/retired/vitrine-retail-4.onnx    what shops of an earlier version were built with

Each has its JSON beside it. A shop names its weights by their hash, and so finds them here after
an upgrade. Whoever replaces ``builtin.onnx`` leaves the file before in ``retired``, under the name
that its JSON gives.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from indexer.encoders import onnxfile
from indexer.encoders.onnxfile import hash_pair
from indexer.encoders.views import hash_views, split_views
from indexer.errors import EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.encoders.views import View

BUILTIN = "builtin"


def is_builtin(encoder_id: str) -> bool:
    """Whether this is the bundled encoder, averaged over views or not."""
    return split_views(encoder_id)[0] == BUILTIN


def newest_file() -> Path:
    """The ONNX file of ``builtin`` as new shops get it."""
    return onnxfile.WEIGHTS / f"{BUILTIN}.onnx"


def retired_files() -> list[Path]:
    """The ONNX files that ``builtin`` had in earlier versions."""
    return sorted((onnxfile.WEIGHTS / "retired").glob("*.onnx"))


def bundled_file(weights_hash: str, views: Sequence[View] = ()) -> Path | None:
    """The ONNX file, newest or retired, whose encoder of these views has this hash; or None."""
    for path in (newest_file(), *retired_files()):
        with suppress(EncoderNotFound):
            if hash_views(hash_pair(path), views) == weights_hash:
                return path
    return None
