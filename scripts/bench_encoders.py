#!/usr/bin/env python3
"""Compare the speed of an OpenCLIP model in this project with the library's own, image by image.

    python scripts/bench_encoders.py --photos DIR [--model ViT-B-32] [--count 100]

Both start from the bytes of the files and end with unit vectors. The library decodes whole photos
and computes in fp32, one at a time; this project decodes JPEG at reduced scale in threads and
computes in batches, in bf16 if the CPU supports it. Weights are random (seeded), so nothing is
downloaded; the time does not depend on them. Prints the images per second of both, the effect of
each step, and the cosine between both pipelines.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from machine import as_line, machine
from PIL import Image

from indexer.arrays import Pixels, Vectors, unit
from indexer.encoders.openclip import OpenClipEncoder
from indexer.encoders.torchmodel import import_packages
from indexer.imaging.images import decode, read_image_file

_ROUNDS = 3


def main() -> None:
    """Parse the arguments, measure, and print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEG photos")
    parser.add_argument("--model", default="ViT-B-32", help="name of an OpenCLIP model")
    parser.add_argument("--count", type=int, default=100, help="number of photos to encode")
    arguments = parser.parse_args()
    paths = sorted(arguments.photos.rglob("*.jpg"))[: arguments.count]
    if not paths:
        sys.exit(f"{arguments.photos} holds no .jpg files")
    library, transform, ours = _models(arguments.model)
    theirs, their_seconds = _timed(lambda: _by_library(library, transform, paths))
    found, our_seconds = _timed(lambda: _by_us(ours, paths))
    pixels = [ours.preprocess.apply(_decoded(ours, path)) for path in paths]
    _, encode_seconds = _timed(lambda: ours.encode_images(pixels))
    _, single_seconds = _timed(lambda: np.stack([ours.encode_images([image]) for image in pixels]))
    cosine = np.einsum("nd,nd->n", theirs, found)  # (n,)
    rate = len(paths) / their_seconds
    print(f"{arguments.model}, {len(paths)} photos, {ours.number_format}\n")
    print("| how | images/s | times the library |\n|---|---|---|")
    for how, seconds in (
        ("library, one at a time, fp32, decoding included", their_seconds),
        ("ours, decoding included", our_seconds),
        ("ours, already decoded, one at a time", single_seconds),
        ("ours, already decoded, in batches", encode_seconds),
    ):
        print(f"| {how} | {len(paths) / seconds:.1f} | {len(paths) / seconds / rate:.2f} |")
    print(f"\ncosine of both pipelines: least {cosine.min():.5f}, mean {cosine.mean():.5f}")
    print(as_line(machine("torch", "open_clip_torch", "pillow")))


def _models(name: str) -> tuple[Any, Callable[[Image.Image], Any], OpenClipEncoder]:
    """Return the library's model and transform, and our encoder, with the same random weights."""
    import torch

    (open_clip,) = import_packages("open_clip", encoder_id="bench")

    torch.manual_seed(0)
    library, _, transform = open_clip.create_model_and_transforms(name)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.pt"
        torch.save(library.state_dict(), weights)
        ours = OpenClipEncoder(f"{name}/{weights}", encoder_id="bench")
    return library.eval(), transform, ours


def _by_library(model: Any, transform: Callable[[Image.Image], Any], paths: list[Path]) -> Vectors:
    import torch

    rows = []
    with torch.inference_mode():
        for path in paths:
            with Image.open(path) as image:
                pixels = transform(image.convert("RGB"))
            rows.append(model.encode_image(pixels[None])[0].numpy())
    return unit(np.stack(rows))


def _by_us(encoder: OpenClipEncoder, paths: list[Path]) -> Vectors:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        pixels = list(pool.map(lambda p: encoder.preprocess.apply(_decoded(encoder, p)), paths))
    return encoder.encode_images(pixels)


def _decoded(encoder: OpenClipEncoder, path: Path) -> Pixels:
    return decode(read_image_file(path), side=encoder.preprocess.source_side)


def _timed(work: Callable[[], Vectors]) -> tuple[Vectors, float]:
    """Return the result, and the seconds of the fastest of a few rounds after a warm-up round."""
    result = work()
    best = np.inf
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - began)
    return result, best


if __name__ == "__main__":
    main()
