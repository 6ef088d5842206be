"""Store scenes with the trunk's maps of them, because the frozen trunk takes most of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Pixels
from indexer.durable import draft_of
from indexer.training.detector.pictures import Boxes
from indexer.training.detector.scene import Scene

SHARD = 256
"""Scenes of one file."""
MOST_THINGS = 28
LEVELS = ("fine", "middle", "coarse")


@dataclass(frozen=True)
class Shard:
    """Scenes: their maps as float16, finest first, padded boxes, and which are complete.

    ``boxes`` and ``ignored`` are (n, MOST_THINGS, 4), shares of the sides, padded with zeros.
    """

    maps: tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.float16]]
    boxes: Boxes
    ignored: Boxes
    complete: NDArray[np.bool_]


def write_shard(path: Path, scenes: Sequence[Scene], run: Callable[[Pixels], list[Any]]) -> None:
    """Compute the maps of scenes and write them, atomically; ``run`` maps (n, s, s, 3) to three."""
    maps: list[list[NDArray[np.float16]]] = [[], [], []]
    for start in range(0, len(scenes), 16):
        batch = np.stack([scene.pixels for scene in scenes[start : start + 16]])
        for level, found in zip(maps, run(batch), strict=True):
            level.append(found.astype(np.float16))
    arrays: dict[str, NDArray[Any]] = {
        "boxes": padded([scene.boxes for scene in scenes]),
        "ignored": padded([scene.ignored for scene in scenes]),
        "complete": np.array([scene.complete for scene in scenes]),
    }
    for name, level in zip(LEVELS, maps, strict=True):
        arrays[name] = np.concatenate(level)
    with draft_of(path) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def padded(boxes: Sequence[Boxes]) -> Boxes:
    """Stack boxes of several scenes as (n, MOST_THINGS, 4). The smallest are left out."""
    out = np.zeros((len(boxes), MOST_THINGS, 4), np.float32)
    for row, found in zip(out, boxes, strict=True):
        sides = found[:, 2:] - found[:, :2]
        largest = np.argsort(-sides.prod(axis=1), kind="stable")[:MOST_THINGS]
        row[: len(largest)] = found[largest]
    return out


def read_shard(path: Path) -> Shard:
    """Read a file that ``write_shard`` has written."""
    with np.load(path) as stored:
        fine, middle, coarse = (stored[name] for name in LEVELS)
        return Shard((fine, middle, coarse), stored["boxes"], stored["ignored"], stored["complete"])


def trunk_session(graph: Path, threads: int = 1) -> Callable[[Pixels], list[Any]]:
    """Return a function that maps pixels (n, s, s, 3) to the three maps, by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(list(LEVELS), {"pixels": pixels})


_STATE: list[Any] = []


def _start(make: Callable[[], Callable[[int], list[Scene]]], graph: Path) -> None:
    _STATE[:] = [make(), trunk_session(graph)]


def _fill(job: tuple[int, Path]) -> Path:
    number, path = job
    scenes, run = _STATE
    write_shard(path, scenes(number), run)
    return path


def fill_bank(
    folder: Path,
    shards: int,
    make: Callable[[], Callable[[int], list[Scene]]],
    graph: Path,
    workers: int,
    report: Callable[[str], None],
) -> list[Path]:
    """Write the shards that are missing; return all of them, in order.

    ``make`` is called once in each worker process, and returns a function from the number of a
    shard to its scenes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.npz" for number in range(shards)]
    jobs = [(number, path) for number, path in enumerate(paths) if not path.is_file()]
    if jobs:
        with get_context("spawn").Pool(workers, _start, (make, graph)) as pool:
            for done, path in enumerate(pool.imap_unordered(_fill, jobs), 1):
                report(f"{path.name}: {done} of {len(jobs)} files of {SHARD} scenes")
    return paths
