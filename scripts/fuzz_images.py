"""Fuzz the decoder with hostile pictures of each format: it must decode or refuse, within limits.

    python scripts/fuzz_images.py [--seconds 300] [--files N] [--seed 0] [--largest 8000]
                                  [--copies 2] [--keep FOLDER] [--log FILE]

Files follow the rules of their format, except where a small file can demand much work: repeated
scans and frames, chunks that decompress to huge sizes, wrong sizes, thin and huge shapes, floods of
metadata. Each file is tried as it was built, then as ``--copies`` - 1 copies with flipped, missing
or repeated bytes. Rules: the decoder raises nothing but BadImage, no file ends the process, and
none takes more CPU time than --cpu-s or more memory than the budget.

Files are tried in a child process. If it dies, the file is reported and a new child continues with
the next. Prints a report as JSON; the exit status is 1 if a file breaks a rule. --keep stores such
files; a file depends only on its number, --seed, --largest and --copies. --log gets the report so
far once a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from fuzz_builders import build
from fuzz_trial import Trial, tried
from machine import machine
from PIL import ImageFile

_LOG_S = 60.0
_DEADLY = 15  # times --cpu-s: a file that runs longer is ended, and counts as a death


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--files", type=int, default=10**9, help="end after this many files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--largest", type=int, default=8000, help="largest side of a square in pixels"
    )
    parser.add_argument(
        "--copies", type=int, default=2, help="how often each file is tried, damaged but once"
    )
    parser.add_argument(
        "--cpu-s", type=float, default=2.0, help="largest CPU time per file in seconds"
    )
    parser.add_argument("--keep", type=Path, help="folder for the files that break a rule")
    parser.add_argument("--log", type=Path, help="file for the report so far, once a minute")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ImageFile.MAXBLOCK = 1 << 22  # or Pillow's JPEG encoder fails for some thin shapes
    report = Report()
    end = time.monotonic() + options.seconds
    logged = time.monotonic()
    while report.files < options.files and time.monotonic() < end:
        with Child(options, report.files) as child:
            while report.files < options.files and time.monotonic() < end:
                trial = child.trial()
                if trial is None:
                    break
                report.add(trial, options)
                if options.log and time.monotonic() > logged + _LOG_S:
                    logged = time.monotonic()
                    options.log.write_text(report.as_json() + "\n", encoding="utf-8")
        if trial is None:
            report.add(_death(child.status, report.files, options), options)
    if options.log:
        options.log.write_text(report.as_json() + "\n", encoding="utf-8")
    print(report.as_json())
    return int(bool(report.problems))


class Report:
    """What came of the files so far: outcomes, the worst figures, and the broken rules."""

    def __init__(self) -> None:
        self.files = 0
        self.problems: list[str] = []
        self._outcomes: Counter[str] = Counter()
        self._slowest: tuple[float, str] = (0.0, "")
        self._largest: tuple[float, str] = (0.0, "")
        self._began = time.monotonic()

    def add(self, trial: Trial, options: argparse.Namespace) -> None:
        """Count the trial of the next file, and keep the file if it broke a rule."""
        self._outcomes[trial.outcome] += 1
        self._slowest = max(self._slowest, (round(trial.cpu_s, 2), trial.name))
        self._largest = max(self._largest, (round(trial.peak_mb), trial.name))
        self.problems += [f"file {self.files}, {trial.name}: {rule}" for rule in trial.broken]
        if trial.broken and options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{self.files:07d}").write_bytes(_file(self.files, options)[1])
        self.files += 1

    def as_json(self) -> str:
        """Format the report as a JSON document of several lines."""
        report: dict[str, Any] = {
            "machine": machine("pillow", "pillow-heif"),
            "seconds": round(time.monotonic() - self._began),
            "files": self.files,
            **self._outcomes,
            "worst": {"cpu_s": self._slowest, "peak_mb": self._largest},
            "problems": self.problems,
        }
        return json.dumps(report, indent=2)


class Child:
    """A process that tries files from a number on, and reports one trial a line."""

    def __init__(self, options: argparse.Namespace, first: int) -> None:
        receiving, sending = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(receiving)
            _try_files(options, first, sending)
        os.close(sending)
        self._lines = os.fdopen(receiving, encoding="utf-8")
        self.status = 0

    def trial(self) -> Trial | None:
        """Return the next trial, or None if the process has died."""
        line = self._lines.readline()
        return Trial(**json.loads(line)) if line.endswith("\n") else None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        os.kill(self._pid, signal.SIGKILL)  # a dead child is a zombie until it is waited for
        self.status = os.waitpid(self._pid, 0)[1]


def _try_files(options: argparse.Namespace, first: int, sending: int) -> None:
    """Try files until the process is ended, here or by one of them."""
    status = 1
    try:
        number = first
        while True:
            name, data = _file(number, options)
            # The signal ends the process even inside a C library; the timer counts its CPU time.
            signal.setitimer(signal.ITIMER_PROF, _DEADLY * options.cpu_s)
            side = random.Random(f"side {options.seed} {number}").choice((None, 320, 320))
            trial = tried(name, data, side, options.cpu_s)
            signal.setitimer(signal.ITIMER_PROF, 0)
            os.write(sending, (json.dumps(trial._asdict()) + "\n").encode())
            number += 1
    except BrokenPipeError:
        status = 0
    finally:
        os._exit(status)


def _file(number: int, options: argparse.Namespace) -> tuple[str, bytes]:
    return build(number, options.seed, options.largest, options.copies)


def _death(status: int, number: int, options: argparse.Namespace) -> Trial:
    """Return the trial of a file that ended the process, which left this status."""
    if os.WIFSIGNALED(status):
        how = f"ends the process by {signal.Signals(os.WTERMSIG(status)).name}"
    else:
        how = f"ends the process with status {os.WEXITSTATUS(status)}"
    return Trial(_file(number, options)[0], "died", 0.0, 0.0, [how])


if __name__ == "__main__":
    sys.exit(main())
