"""Measures the time and the memory of recognition for eval_recognition."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexer.imaging.photos import Photo
from indexer.recognizers.registry import load_recognizer
from indexer.training.detector.streets import Street
from search.engine import SearchEngine
from search.query import Query
from search.recognition.look import encode_boxes, find_things, search_box, with_hits

ROUNDS = 4
MOST = 5  # things of a photo that are searched with


def measure_speed(streets: Sequence[Street], shop: Path | None) -> dict[str, Any]:
    """Return milliseconds of processor time, the best of four for each photo, and of the clock.

    *On a person* are photos with a thing that has a mask: they were looked at from near. With a
    shop, five things of each photo are also searched with, as `POST /v1/recognize` does.
    """
    before = resident_mb()
    began = time.perf_counter()
    recognizer = load_recognizer("things", threads=1)
    loaded = time.perf_counter() - began
    results: dict[str, Any] = {
        "load, s": round(loaded, 3),
        "memory of both networks, MB": round(resident_mb() - before),
    }
    photos = [street.path.read_bytes() for street in streets]
    spent: dict[str, list[float]] = {"decode": [], "alone": [], "on a person": []}
    for data in photos:
        spent["decode"].append(best_cpu(lambda d=data: Photo(d).cut(side=recognizer.side)))
        pixels = Photo(data).cut(side=recognizer.side)
        (things,) = recognizer.recognize([pixels])
        kind = "on a person" if any(thing.mask is not None for thing in things) else "alone"
        spent[kind].append(best_cpu(lambda p=pixels: recognizer.recognize([p])))
    for name, times in spent.items():
        results[f"{name}, ms"] = round(float(np.median(times)), 1) if times else None
    if shop is not None:
        with SearchEngine.open(shop) as engine:
            results["look, one request at a time"] = looks(engine, photos)
    return results


def looks(engine: SearchEngine, photos: Sequence[bytes]) -> dict[str, float]:
    """Return the time of finding and searching with five things of each photo that has them.

    Other work on the machine lengthens the milliseconds of the clock, not those of the processor.
    """
    recognizer = load_recognizer("things")
    spent: list[tuple[float, float]] = []  # by the clock, by the processor
    for data in photos:
        rounds = []
        for _ in range(ROUNDS):
            began, cpu = time.perf_counter(), time.process_time()
            photo = Photo(data)
            things = find_things(recognizer, photo, MOST)
            if len(things) < MOST:
                break
            boxes = [search_box(thing.box) for thing in things]
            vectors = list(encode_boxes(engine.encoder, photo, boxes))
            names = engine.classifier.names(vectors)
            with_hits(things, vectors, Query(parts=[], limit=5), engine.search, names)
            rounds.append((time.perf_counter() - began, time.process_time() - cpu))
        if rounds:
            spent.append((min(clock for clock, _ in rounds), min(cpu for _, cpu in rounds)))
    if not spent:
        return {"photos": 0}
    clock, cpu = (np.array(spent) * 1e3).T
    return {
        "photos": len(spent),
        "clock p50, ms": round(float(np.median(clock)), 1),
        "processor p50, ms": round(float(np.median(cpu)), 1),
        "processor p95, ms": round(float(np.quantile(cpu, 0.95)), 1),
    }


def best_cpu(work: Callable[[], object]) -> float:
    """Return the least milliseconds of processor time of four calls."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1e3)
    return min(times)


def resident_mb() -> float:
    """Return the memory of this process, in megabytes (Linux)."""
    fields = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = (field for field in fields if field.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
