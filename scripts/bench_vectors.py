"""Provide vectors for benchmarks of an index: embeddings of crops of real photos, not noise.

    python scripts/bench_vectors.py --data PHOTOS --work CACHE [--size 200000] [--crops 60000]

Each photo below ``--data`` is cropped several times and embedded with ``builtin``. Beyond
``--crops``, a vector is a real one plus the difference between two crops of another photo, which
simulates a further crop without encoding it. Queries are separate crops that no index contains.
Without photos, the vectors are random: centers with a decaying spectrum, and members around each.
Everything is cached in ``--work``.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.arrays import unit
from indexer.encoders.registry import load_encoder
from indexer.errors import BadImage
from indexer.imaging.images import decode

if TYPE_CHECKING:
    from indexer.arrays import Pixels, Vectors

QUERIES = 1000
_BATCH = 32
_PHOTO_SIDE = 320  # photos are cropped at about this size; the encoder's input is smaller
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_DRAWN_DIM = 256
_DRAWN_SPREAD = 0.7  # of members around their center, relative to the spread of the centers


class Sample(NamedTuple):
    """Unit vectors (n, dim) to index, held-out queries (q, dim), and a description of them."""

    vectors: Vectors
    queries: Vectors
    origin: str


def load_sample(
    size: int, work: Path, data: Path | None, *, crops: int = 60_000, file: Path | None = None
) -> Sample:
    """Return ``size`` vectors and ``QUERIES`` queries, from the cache if they are there.

    With ``file``, derived vectors are written to it and mapped, so they may exceed the memory.
    """
    work.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    if data is None:
        everything = _drawn(size + QUERIES, rng)
        return Sample(everything[QUERIES:], everything[:QUERIES], "drawn, no photos given")
    real, photo = embedded_crops(min(size, crops) + QUERIES, work, data)
    held_out = rng.permutation(len(real))[:QUERIES]
    queries = real[held_out]
    keep = np.ones(len(real), dtype=np.bool_)
    keep[held_out] = False
    real, photo = real[keep], photo[keep]
    more = max(0, size - len(real))
    origin = f"{len(real)} crops of {len(np.unique(photo))} photos"
    if not more:
        return Sample(real[:size], queries, origin)
    shape = (size, real.shape[1])
    vectors: Vectors = (
        np.empty(shape, dtype=np.float32)
        if file is None
        else np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    )
    vectors[: len(real)] = real
    _fill_moved(vectors[len(real) :], real, photo, rng)
    origin += f" and {more} of them moved as crops of other photos differ"
    return Sample(vectors, queries, origin)


def embedded_crops(
    count: int, work: Path, data: Path, *, say: bool = False
) -> tuple[Vectors, np.ndarray]:
    """Return embeddings (n, dim) of crops and the number of each crop's photo (n,), cached."""
    photos = sorted(p for p in data.rglob("*") if p.suffix.lower() in _SUFFIXES)
    if not photos:
        raise SystemExit(f"no photos below {data}; give another --data, or none")
    encoder = load_encoder("builtin", threads=1)
    made_of = f"{encoder.weights_hash} {[p.name for p in photos]}"
    name = hashlib.sha256(made_of.encode()).hexdigest()[:12]
    cached = sorted(
        (p for p in work.glob(f"crops-{name}-*.npz") if int(p.stem.split("-")[-1]) >= count),
        key=lambda p: p.stat().st_size,
    )
    if cached:
        with np.load(cached[0]) as file:
            return unit(file["vectors"][:count]), file["photo"][:count]
    rng = np.random.default_rng(3)
    rounds = -(-count // len(photos))
    vectors: list[np.ndarray] = []
    numbers: list[int] = []
    batch: list[Pixels] = []
    started = time.monotonic()
    order = [
        photo_number
        for _ in range(rounds)
        for photo_number in rng.permutation(len(photos)).tolist()
    ]
    for photo_number in order:
        if len(numbers) == count:
            break
        try:
            pixels = decode(photos[photo_number].read_bytes(), side=_PHOTO_SIDE)
        except BadImage:
            continue
        batch.append(_crop(pixels, rng))
        numbers.append(photo_number)
        if len(batch) == _BATCH:
            vectors.append(encoder.encode_images(batch).astype(np.float16))
            batch = []
            if say and len(vectors) % 64 == 0:
                rate = len(numbers) / (time.monotonic() - started)
                print(f"{len(numbers)} of {count} crops, {rate:.0f}/s", flush=True)
    if batch:  # the rest, also if broken photos leave fewer crops than requested
        vectors.append(encoder.encode_images(batch).astype(np.float16))
    found, photo = np.concatenate(vectors), np.array(numbers)
    np.savez(work / f"crops-{name}-{len(found)}.npz", vectors=found, photo=photo)
    return unit(found), photo


def _crop(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return a random crop of 15 to 100 % of the area, sometimes mirrored."""
    height, width = pixels.shape[:2]
    share = np.sqrt(rng.uniform(0.15, 1.0))
    h, w = max(8, int(height * share)), max(8, int(width * share))
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    part = pixels[top : top + h, left : left + w]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _fill_moved(out: Vectors, real: Vectors, photo: np.ndarray, rng: np.random.Generator) -> None:
    """Fill ``out`` (n, dim) with real vectors, each moved by the difference of two other crops."""
    order = np.argsort(photo, kind="stable")
    pairs = np.flatnonzero(
        photo[order][1:] == photo[order][:-1]
    )  # consecutive crops of the same photo
    chosen = rng.choice(pairs, len(out))
    moved = rng.integers(0, len(real), len(out))
    for start in range(0, len(out), 65536):
        part = slice(start, start + 65536)
        step = real[order[chosen[part] + 1]] - real[order[chosen[part]]]
        out[part] = unit(real[moved[part]] + step)


def _drawn(count: int, rng: np.random.Generator) -> Vectors:
    spectrum = (np.arange(1, _DRAWN_DIM + 1) ** -0.5).astype(np.float32)
    centers = rng.normal(size=(max(1, count // 16), _DRAWN_DIM)).astype(np.float32)
    out = np.empty((count, _DRAWN_DIM), dtype=np.float32)
    for start in range(0, count, 65536):
        some = rng.integers(0, len(centers), min(65536, count - start))
        noise = rng.normal(size=(len(some), _DRAWN_DIM)).astype(np.float32)
        out[start : start + len(some)] = unit((centers[some] + _DRAWN_SPREAD * noise) * spectrum)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--crops", type=int, default=60_000)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    found, _ = embedded_crops(options.crops + QUERIES, options.work, options.data, say=True)
    print(f"{len(found)} embeddings of {found.shape[1]} numbers in {options.work}")


if __name__ == "__main__":
    main()
