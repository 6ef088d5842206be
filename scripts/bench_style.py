"""Measure the stylers: pixels per second, time of a 2,000 px photo, memory at 50 megapixels.

python scripts/bench_style.py [--photo FILE] [--tries N] [--json]

Wall time and processor time are the lowest of several tries; on a busy machine, only the processor
time is meaningful. Without a photo, a drawn picture of colored shapes and noise is styled.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import as_line, machine
from PIL import Image

from style.lut import ColorMap
from style.painter import PainterStyler
from style.productmask import product_mask
from style.tone import ToneStyler, look_lut


def picture(height: int, width: int, photo: Path | None) -> np.ndarray:
    """Return a photo, or a drawn picture, of this size."""
    if photo is not None:
        source = Image.open(photo).convert("RGB")
    else:
        rng = np.random.default_rng(0)
        shapes = np.full((150, 120, 3), 246, np.uint8)
        patches = rng.integers(0, 256, (6, 7, 3), np.uint8)
        shapes[30:120, 25:95] = patches.repeat(15, 0).repeat(10, 1)
        source = Image.fromarray(shapes)
    return np.asarray(source.resize((width, height), Image.Resampling.BICUBIC))


def best(work: Callable[[], object], tries: int) -> tuple[float, float]:
    """Return the lowest wall time and the lowest processor time of some tries, in seconds."""
    walls, cpus = [], []
    for _ in range(tries):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def tone(photo: Path | None, tries: int) -> dict[str, Any]:
    """Measure the megapixels per second of a look, interpolated and looked up."""
    pixels = picture(4000, 3000, photo)
    result = {}
    first = ColorMap(look_lut("film"), after=10**12)
    ready = ColorMap(look_lut("film"), after=0)
    wall, cpu = best(lambda: ready.apply(pixels[:1, :1]), 1)
    result["table of all colors"] = {"wall_s": wall, "cpu_s": cpu}
    for name, colors in (("interpolated", first), ("looked up", ready)):
        wall, cpu = best(lambda colors=colors: colors.apply(pixels), tries)
        result[name] = {"mp_per_s": 12 / wall, "mp_per_cpu_s": 12 / cpu}
    return result


def painted(photo: Path | None, tries: int) -> dict[str, Any]:
    """Measure the seconds of each filter, and of the mask, for 2,000 x 1,500."""
    pixels = picture(2000, 1500, photo)
    works: dict[str, Callable[[], object]] = {
        info.name: lambda name=info.name: PainterStyler().apply(pixels, name, 1)
        for info in PainterStyler().styles()
    }
    works["product mask"] = lambda: product_mask(pixels)
    times = {name: best(work, tries) for name, work in works.items()}
    return {name: {"wall_s": wall, "cpu_s": cpu} for name, (wall, cpu) in times.items()}


def memory(photo: Path | None) -> dict[str, float]:
    """Measure the MB in addition to input and output, each in a separate process."""
    found = {}
    for style in ("film", "watercolor", "pointillism", "mask"):
        words = [sys.executable, __file__, "--peak", style]
        words += ["--photo", str(photo)] if photo else []
        done = subprocess.run(words, capture_output=True, check=True, text=True)
        found[style] = float(done.stdout)
    return found


def peak(style: str, photo: Path | None) -> float:
    part = picture(2000, 1500, photo)
    pixels = np.empty((8000, 6250, 3), np.uint8)  # filled without a copy, which would be the peak
    for top in range(0, 8000, 2000):
        for left in range(0, 6250, 1500):
            pixels[top : top + 2000, left : left + 1500] = part[:, : 6250 - left]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if style == "mask":
        out = product_mask(pixels).alpha
    else:
        styler = PainterStyler() if style != "film" else ToneStyler()
        out = styler.apply(pixels, style, 1)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (after - before) / 1e3 - out.nbytes / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        print(peak(given.peak, given.photo))
        return
    facts = machine("numpy", "pillow")
    result = {
        "machine": facts,
        "tone, 12 MP": tone(given.photo, given.tries),
        "2,000 x 1,500": painted(given.photo, given.tries),
        "MB beside input and output, 50 MP": memory(given.photo),
    }
    if given.json:
        print(json.dumps(result, indent=2))
        return
    print(as_line(facts))
    for title, rows in list(result.items())[1:]:
        print(f"\n{title}")
        for name, figures in rows.items():
            values = figures.items() if isinstance(figures, dict) else [("", figures)]
            print(f"  {name:22}" + "  ".join(f"{key} {value:.2f}" for key, value in values))


if __name__ == "__main__":
    main()
