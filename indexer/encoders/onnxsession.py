"""Open ONNX files on the CPU, for encoders and recognizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.threads import THREADS

if TYPE_CHECKING:
    from pathlib import Path


def open_session(path: Path, threads: int | None) -> Any:
    """Return an ONNX Runtime session; by default with the threads of this process.

    Raises whatever ONNX Runtime raises, which has no base class.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4  # errors are raised, and need no lines of their own
    if (threads := threads or THREADS.limit) is not None:
        options.intra_op_num_threads = threads
    # Idle threads sleep instead of spinning on cores that decoding needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def fixed_batch(session: Any, name: str) -> int | None:
    """Return how many images the input of this name takes at a time, or None for any number."""
    shapes = {node.name: node.shape for node in session.get_inputs()}
    declared = shapes.get(name, [None])[0]
    return declared if isinstance(declared, int) else None
