#!/usr/bin/env python3
"""Compare encoders on real photos: quality, robustness, speed.

    python scripts/eval_encoder.py --data DIR [--mobilenet FILE.tflite] [--json OUT] [ENCODER ...]

Encoders are ids such as `builtin`, `color` or `onnx:FILE`; the default is `builtin color`. `lite0`
and `lite2` are frozen ImageNet networks at 224 px (extra `train`), baselines like MobileNetV2
(needs `ai-edge-litert`). `--prefix` adds the leading 64 and 128 dimensions of `builtin`. Brackets
contain 95 % bootstrap intervals over queries.

    python scripts/eval_encoder.py --data DIR --unseen [--left-out SET=ENCODER ...] onnx:FILE

`--unseen` adds data that was not trained on, and the figure to choose weights by: the mean of two
means over rows, in which all rows have equal weight.

* Seen: the rows with a floor, of sets whose other photos were trained on: grocery (1-NN, 10-NN,
  catalog R@1 and R@5), clothing 15-NN, the held-out third of magento (same item, kind; the shop
  was trained on, these products were not) and, with `--drawn`, the drawn shop's R@1.
* Unseen: `things` (plain, painted, cartoon, sketched) and, for each `--left-out SET=ENCODER`, all
  rows of that set. ENCODER was trained like the first encoder, but without the set, so these rows
  are in the first column only: grocery 1-NN, 10-NN, catalog R@1 and R@5; clothing 15-NN; magento
  same item, same product and kind over all items.

Means over different numbers of rows are not comparable, so the numbers of rows are printed too.
`--sheets DIR` draws the wrong answers of the first encoder and of the left-out ones.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import encoder_yardsticks
import numpy as np
from encoder_sheets import SHEETS, draw_failures
from encoder_tasks import TASKS, Bench, Encode, Outcome, Pixels, Vectors, pixels, robustness
from encoder_unseen import LEFT_OUT, Summary, left_out, summarize, things
from machine import as_line, machine

FROZEN = ("lite0", "lite1", "lite2")

FLOORS = {
    "grocery photo -> product, 1-NN": (0.78, 0.88),
    "grocery photo -> product, 10-NN": (0.80, 0.90),
    "grocery photo -> catalog, R@1": (0.66, 0.78),
    "grocery photo -> catalog, R@5": (0.90, 0.95),
    "clothing photo -> category, 15-NN": (0.86, 0.91),
    "magento held-out third of products, same item": (0.40, 0.55),
    "magento held-out third, kind of the first other product": (0.85, 0.90),
    "drawn photo -> item, R@1": (0.75, 0.88),
    "things photo -> category, first hit": (0.84, 0.92),
    "grocery left out, photo -> catalog, R@1": (0.35, 0.50),
    "grocery left out, photo -> catalog, R@5": (0.68, 0.80),
}
"""Row -> (floor, aim) that the bundled encoder is held to. Real paintings, cartoons and sketches
have goals too; those that this script draws are easier, so none is stated for them."""

SPEED_AIMS = ("12", "200")
"""Milliseconds a photo on one core; images a second in batches."""


@dataclass(frozen=True)
class Contestant:
    """An encoder to measure: functions to encode with all cores, and with one core."""

    name: str
    encode: Encode
    encode_on_one_core: Encode
    dim: int | None = None


def interval(outcome: Outcome, draws: int = 2000) -> tuple[float, float, float]:
    """Return the mean of outcomes (n,) and its 95 % bootstrap interval, deterministically."""
    rng = np.random.default_rng(0)
    means = outcome[rng.integers(len(outcome), size=(draws, len(outcome)))].mean(1)  # (draws,)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(outcome.mean()), float(low), float(high)


def contestants(names: Sequence[str], mobilenet: Path | None, prefixes: bool) -> list[Contestant]:
    """Load the encoders; skip those that cannot be loaded, and print the reason."""
    from indexer.encoders.registry import load_encoder
    from indexer.errors import VitrineError

    found = []
    for name in names:
        try:
            if name in FROZEN:
                encode = encoder_yardsticks.lite(name)
                found.append(Contestant(f"{name} frozen", encode, encode))
                continue
            encoder, single = load_encoder(name), load_encoder(name, threads=1)
        except (VitrineError, ImportError) as error:
            print(f"skipped {name}: {error}", file=sys.stderr)
            continue
        found.append(Contestant(name, encoder.encode_images, single.encode_images))
        if prefixes and name == "builtin":
            found += [
                Contestant(f"{name}[:{d}]", encoder.encode_images, single.encode_images, d)
                for d in (64, 128)
            ]
    if mobilenet is not None:
        try:
            encode = encoder_yardsticks.mobilenet(mobilenet)
            found.append(Contestant("mobilenet-v2 frozen", encode, encode))
        except (ImportError, ValueError, OSError) as error:
            print(f"skipped mobilenet-v2: {error}", file=sys.stderr)
    return found


def speed(contestant: Contestant, photos: Sequence[Pixels]) -> tuple[float, float]:
    """Measure median ms per photo on one core, and images/s in batches (best of five)."""
    contestant.encode_on_one_core(photos[:2])
    single = [_seconds(contestant.encode_on_one_core, [photo]) for photo in photos]
    batch = min(_seconds(contestant.encode, list(photos)) for _ in range(5))
    return 1e3 * float(np.median(single)), len(photos) / batch


def _seconds(call: Callable[[Sequence[Pixels]], Vectors], images: Sequence[Pixels]) -> float:
    began = time.perf_counter()
    call(images)
    return time.perf_counter() - began


def left_out_benches(
    parser: argparse.ArgumentParser, pairs: Sequence[str], data: Path
) -> dict[str, Bench]:
    """Load the encoder of each `SET=ENCODER`; exit with a usage error if one is unknown."""
    from indexer.encoders.registry import load_encoder
    from indexer.errors import VitrineError

    benches = {}
    for pair in pairs:
        name, _, encoder = pair.partition("=")
        if name not in LEFT_OUT or not encoder:
            sets = ", ".join(LEFT_OUT)
            parser.error(f"--left-out {pair}: expected SET=ENCODER with a SET of {sets}")
        try:
            benches[name] = Bench(data, load_encoder(encoder).encode_images)
        except VitrineError as error:
            parser.error(f"--left-out {pair}: {error}")
    return benches


def draw_sheets(folder: Path, bench: Bench, strangers: dict[str, Bench]) -> None:
    """Draw the wrong answers on things and seen sets, then on left-out sets."""
    sheets = [(name, name, bench) for name in SHEETS if name != "magento"]
    sheets += [(f"{name}-left-out", name, stranger) for name, stranger in strangers.items()]
    for title, name, sheet_bench in sheets:
        path = folder / f"{title}.png"
        wrong, asked = draw_failures(sheet_bench, SHEETS[name](sheet_bench.data), path)
        print(f"{path}: {wrong} of {asked} answers are wrong", file=sys.stderr)


def main() -> None:
    """Measure and print; exit with 1 if nothing could be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("encoders", nargs="*", default=["builtin", "color"], metavar="ENCODER")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument(
        "--mobilenet", type=Path, metavar="FILE", help="MobileNetV2 .tflite file, a baseline"
    )
    parser.add_argument(
        "--prefix", action="store_true", help="also measure the first 64 and 128 dimensions"
    )
    parser.add_argument("--no-robustness", action="store_true", help="skip the slower second table")
    parser.add_argument(
        "--drawn",
        type=Path,
        metavar="CATALOG",
        help="catalog folder of a drawn shop ('vitrine sample CATALOG'), to add tasks on it",
    )
    parser.add_argument(
        "--unseen", action="store_true", help="add data never trained on, and the summary"
    )
    parser.add_argument(
        "--left-out",
        action="append",
        default=[],
        metavar="SET=ENCODER",
        help=f"an encoder trained without SET ({', '.join(LEFT_OUT)}), to measure on it",
    )
    parser.add_argument(
        "--sheets", type=Path, metavar="DIR", help="draw contact sheets of wrong answers into DIR"
    )
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    arguments = parser.parse_args()
    if arguments.left_out and not arguments.unseen:
        parser.error("--left-out needs --unseen; add it")
    strangers = left_out_benches(parser, arguments.left_out, arguments.data)
    results: dict[str, dict[str, object]] = {}
    for contestant in contestants(arguments.encoders, arguments.mobilenet, arguments.prefix):
        bench = Bench(arguments.data, contestant.encode, contestant.dim, arguments.drawn)
        quality = {task: interval(o) for run in TASKS for task, o in run(bench).items()}
        unseen: dict[str, Outcome] = things(bench) if arguments.unseen else {}
        if not results:  # the left-out encoders were trained like the first one
            for name, stranger in strangers.items():
                unseen |= left_out(name, stranger)
            if arguments.sheets:
                draw_sheets(arguments.sheets, bench, strangers)
        quality |= {task: interval(o) for task, o in unseen.items()}
        means = {task: figures[0] for task, figures in quality.items()}
        photos = [
            pixels(path)
            for path in sorted((arguments.data / "grocery/photos/val").glob("*.jpg"))[:64]
        ]
        results[contestant.name] = {
            "quality": quality,
            "speed": speed(contestant, photos),
            "robustness": {} if arguments.no_robustness else robustness(bench),
            "summary": summarize(means, FLOORS, unseen) if arguments.unseen else None,
        }
        print(f"measured {contestant.name}", file=sys.stderr)
    if not results:
        sys.exit(1)
    facts = machine("numpy", "pillow", "onnxruntime", "ai-edge-litert")
    print_tables(results, facts)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": facts, "results": results}, indent=1) + "\n"
        )


def print_tables(results: dict[str, dict[str, object]], facts: dict[str, Any]) -> None:
    """Print Markdown: quality and speed, then robustness, then the machine."""
    names = list(results)
    print("| task | " + " | ".join(names) + " | floor / aim |\n|---|" + "---|" * (len(names) + 1))
    for task in results[names[0]]["quality"]:  # type: ignore[attr-defined]
        cells = [_cell(results[name]["quality"].get(task)) for name in names]  # type: ignore[attr-defined]
        goal = "{:.2f} / {:.2f}".format(*FLOORS[task]) if task in FLOORS else ""
        print(f"| {task} | " + " | ".join(cells) + f" | {goal} |")
    for place, label, goal in (
        (0, "ms a photo, one core, resize included", SPEED_AIMS[0]),
        (1, "images/s in batches", SPEED_AIMS[1]),
    ):
        cells = [f"{results[name]['speed'][place]:.1f}" for name in names]  # type: ignore[index]
        print(f"| {label} | " + " | ".join(cells) + f" | {goal} |")
    for name in names:
        summary = results[name]["summary"]
        if isinstance(summary, Summary):
            print(
                f"\n{name}: mean of seen {summary.seen:.4f} ({summary.seen_rows} rows) and unseen "
                f"{summary.unseen:.4f} ({summary.unseen_rows} rows): {summary.both:.4f}"
            )
    if results[names[0]]["robustness"]:
        print(
            "\nR@1 kept, grocery photo -> product / drawn photo -> item / "
            "finds itself among 500 film posters\n"
        )
        print("| distortion | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
        for change in results[names[0]]["robustness"]:  # type: ignore[attr-defined]
            cells = [
                "{:.2f} / {:.2f} / {:.2f}".format(*results[name]["robustness"][change])
                for name in names
            ]  # type: ignore[index]
            print(f"| {change} | " + " | ".join(cells) + " |")
    print("\n" + as_line(facts))


def _cell(figures: tuple[float, float, float] | None) -> str:
    """Format a mean and its interval; empty if this encoder was not measured."""
    return "" if figures is None else "{:.3f} [{:.3f}, {:.3f}]".format(*figures)


if __name__ == "__main__":
    main()
