"""Views: distorted crops of the training photos, as the frozen layers of the encoder see them.

Distorting a picture and computing the frozen layers costs three times as much as training the
branch on it. Both are done once, for a few views of each photo; training then takes many steps on
them. The frozen layers are those of the quantized file, so the branch learns from what it will read
when it is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.training.batches import Batches
from indexer.training.export import FRONT, POOLED
from indexer.training.inner_outputs import Run, inner_outputs
from indexer.training.network import FEATURE_DIM, Palette

_BATCHES_IN_FILE = 50


class ViewBatch(NamedTuple):
    """Pairs of views: rows i and i + n show the same item, or are crops of the same photo.

    ``front`` (2 n, c, h, w) is the output of the shared blocks, ``features`` (2 n, 1280) are the
    ImageNet features and ``palette`` (2 n, 112) the colors, as the head reads them. The other
    tensors (2 n,) are those of ``Batch``.
    """

    front: Tensor
    features: Tensor
    palette: Tensor
    photo: Tensor
    patch: Tensor
    own_share: Tensor
    teacher_weight: Tensor
    drawn: Tensor


@dataclass(frozen=True)
class Views:
    """All views, n of them, with the fields of ``ViewBatch``, and ``pairs`` (m, 2) of their rows.

    ``digest`` identifies the photos and the file whose layers computed the views.
    """

    fields: dict[str, NDArray[np.generic]]
    pairs: NDArray[np.int64]
    digest: str

    def draw(self, step: int, pairs: int, seed: int) -> ViewBatch:
        """Sample the batch of a step. All pairs are used once before one is used again."""
        in_epoch = max(1, len(self.pairs) // pairs)
        epoch, place = divmod(step, in_epoch)
        order = np.random.default_rng((seed, epoch)).permutation(len(self.pairs))
        rows = self.pairs[order[place * pairs : (place + 1) * pairs]].T.ravel()
        batch = ViewBatch(**{name: torch.from_numpy(a[rows]) for name, a in self.fields.items()})
        return batch._replace(
            front=batch.front.float().contiguous(memory_format=torch.channels_last),
            features=batch.features.float(),
            palette=batch.palette.float(),
        )


def make_views(
    path: Path,
    batches: Batches,
    count: int,
    folder: Path,
    workers: int,
    report: Callable[[int, int], None],
) -> Views:
    """Compute the views of ``count`` batches with the layers of the exported file ``path``.

    The views are stored in ``folder``, 35 MB for each 50 batches of 64 views; those already there
    are read. ``report`` is called with the files done and their number. Raises ValueError if
    ``folder`` holds the views of other photos or another file.
    """
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(path.read_bytes() + batches.digest.encode()).hexdigest()
    starts = range(0, count, _BATCHES_IN_FILE)
    files = [folder / f"views-{start:05d}.npz" for start in starts]
    run = inner_outputs(path, (FRONT, POOLED), threads=1)

    for file in filter(Path.is_file, files):  # before the others are computed
        _check(file, digest)

    def make(job: tuple[int, Path]) -> None:
        start, file = job
        if not file.is_file():
            steps = range(start, min(count, start + _BATCHES_IN_FILE))
            _write(file, batches, steps, run, digest)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            for done, _ in enumerate(pool.map(make, zip(starts, files, strict=True)), 1):
                report(done, len(files))
    finally:
        torch.set_num_threads(threads)
    return _read(files, digest)


def _check(file: Path, digest: str) -> None:
    """Raise ValueError if a file has the views of other photos, or of another network."""
    with np.load(file) as stored:
        if str(stored["digest"]) != digest:
            raise ValueError(
                f"{file} holds views of other photos or of another network; remove "
                f"{file.parent} to compute them again"
            )


def _write(file: Path, batches: Batches, steps: range, run: Run, digest: str) -> None:
    """Compute the views of some steps, and write them atomically."""
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ViewBatch._fields}
    pairs, rows = [], 0
    for step in steps:
        batch = batches.draw(step)
        pixels = batch.x.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous()
        front, pooled = run(pixels.numpy())
        parts["front"].append(front.astype(np.float16))
        parts["features"].append(pooled[:, :FEATURE_DIM].astype(np.float16))
        parts["palette"].append(pooled[:, -Palette.width :].astype(np.float16))
        for name in ViewBatch._fields[3:]:
            parts[name].append(getattr(batch, name).numpy())
        first = np.arange(rows, rows + len(front) // 2)
        pairs.append(np.stack([first, first + len(front) // 2], axis=1))
        rows += len(front)
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(
            stream,
            allow_pickle=False,
            digest=np.array(digest),
            pairs=np.concatenate(pairs),
            **{name: np.concatenate(arrays) for name, arrays in parts.items()},
        )
    part.replace(file)


def _read(files: list[Path], digest: str) -> Views:
    """Read all views into memory; ``digest`` is theirs."""
    pairs, rows = [], 0
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ViewBatch._fields}
    for file in files:
        with np.load(file) as stored:
            pairs.append(stored["pairs"] + rows)
            for name, arrays in parts.items():
                arrays.append(stored[name])
            rows += len(parts["photo"][-1])
    fields = {name: np.concatenate(parts.pop(name)) for name in ViewBatch._fields}
    return Views(fields, np.concatenate(pairs), digest)
