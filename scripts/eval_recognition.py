#!/usr/bin/env python3
"""Evaluate what finds, crops, cuts out, reads and explains the things in photos.

    python scripts/eval_recognition.py --data DIR --work DIR [--drawn FOLDER] [--shop DIR]
        [--only PART]... [--limit N] [--json OUT] [--sheets DIR]

`--work` is the work folder of `python -m indexer.training.detector`, for the cutouts of products
that the training has not seen; what is missing there is made. Each part is printed when it is
finished, and the JSON file is written again. The others go on after a part that fails; the exit
status is then 1. The parts:

- `detectors`: the bundled detector, and two licensed ones beside it. Street photos held out by the
  training: AR@10 (IoU 0.5 to 0.95) and recall@10 at IoU 0.5 of garments that cover at least half a
  percent, precision of what is shown, boxes on heads. Composed scenes of unseen products: the same,
  and how many things empty backgrounds show.
- `garments`: names and masks of garments on all held-out street photos.
- `auto_crop`: R@1 with auto_crop and with the whole photo, of plain photos and of unseen products
  at 10 to 30 % of a room or street.
- `cut-out`: cut-outs of drawn products, against the masks of their renderer.
- `shelves`: recall, precision and counts of composed shelves.
- `cartons`: the very-same check and the words on grocery packages, if their extras are installed.
- `heat`: the deletion and the insertion test of heat maps.
- `speed`: time and memory; with `--shop`, of a whole look too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from machine import as_line, machine
from recognition_crops import measure_crops
from recognition_detectors import measure_detectors
from recognition_garments import measure_garments
from recognition_heat import measure_heat
from recognition_material import Material
from recognition_products import measure_cartons, measure_cutouts, measure_shelves
from recognition_speed import measure_speed

from indexer.recognizers.registry import load_recognizer
from indexer.training.detector.parts import part_numbers
from indexer.training.detector.streets import read_streets


def parts(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Return what measures each part."""
    data, work, drawn, limit = options.data, options.work, options.drawn, options.limit

    @cache
    def material() -> Material:
        return Material.read(data, work, limit)

    def garments() -> dict[str, Any]:
        held_out = [street for street in read_streets(data / "ccp") if street.held_out]
        return measure_garments(load_recognizer(threads=1), held_out, part_numbers(data / "ccp"))

    def speed() -> dict[str, Any]:
        held_out = [street for street in read_streets(data / "ccp") if street.held_out]
        return measure_speed(held_out[:limit], options.shop)

    return {
        "detectors": lambda: measure_detectors(data, material(), limit, options.sheets),
        "garments": garments,
        "auto_crop": lambda: measure_crops(data, work, drawn, material(), limit),
        "cut-out": lambda: measure_cutouts(limit),
        "shelves": lambda: measure_shelves(data, max(4, limit // 8)),
        "cartons": lambda: measure_cartons(data, limit),
        "heat": lambda: measure_heat(data, drawn, limit),
        "speed": speed,
    }


NEED_WORK = frozenset(["detectors", "auto_crop"])


def main() -> None:
    """Measure and print each part; exit with 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, help="work folder of the training")
    parser.add_argument("--drawn", type=Path, help="folder of a drawn shop (vitrine sample)")
    parser.add_argument("--shop", type=Path, help="a shop's folder, for the speed of a look")
    parser.add_argument("--limit", type=int, default=100, help="pictures of each kind, at most")
    parser.add_argument("--only", action="append", help="a part to measure; may be repeated")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    options = parser.parse_args()
    known = parts(options)
    chosen = options.only or list(known)
    if unknown := set(chosen) - known.keys():
        parser.error(f"unknown part {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    if options.work is None and NEED_WORK & set(chosen):
        parser.error("--work is needed for detectors and auto_crop; choose other parts by --only")
    facts = machine("onnxruntime", "numpy", "pillow", "ai-edge-litert")
    results: dict[str, Any] = {"machine": facts}
    failed = False
    for name in chosen:
        began = time.perf_counter()
        try:
            results[name] = known[name]()
        except Exception as error:  # noqa: BLE001 (the other parts are worth having)
            traceback.print_exc()
            results[name] = {"failed": f"{type(error).__name__}: {error}"}
            failed = True
        seconds = round(time.perf_counter() - began)
        print(f"{name}, {seconds} s: {json.dumps(results[name], indent=2)}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n")
    print(as_line(facts), file=sys.stderr)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
