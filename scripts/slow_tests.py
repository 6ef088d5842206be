"""List the slow tests and the longest files, from a report of a whole run.

    scripts/test --junitxml=report.xml
    python scripts/slow_tests.py report.xml

It writes tests/slow_tests.txt: the functions whose cases take longer than ``--over`` seconds on
average, with their fixtures, or 25 times as long in all. tests/conftest.py marks them as slow, and
the quick run leaves them out. It also writes tests/longest_files.txt: the files that take more than
2 seconds, the longest first. A run begins with them, so that its processes end together.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).parents[1] / "tests"
LONG_S = 2.0  # of a file


def seconds_of(report: Path) -> dict[str, list[float]]:
    """Return how long the cases of each function took, such as ``test_golden.test_a_rebuild``."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.get("classname", "").removeprefix("tests.")
        name = case.get("name", "").partition("[")[0]
        seconds[f"{module}.{name}"].append(float(case.get("time", 0)))
    return seconds


def slow_functions(seconds: dict[str, list[float]], over: float) -> list[str]:
    """Return the names of slow functions, in order."""
    return sorted(
        name for name, times in seconds.items() if sum(times) > over * min(len(times), 25)
    )


def longest_files(seconds: dict[str, list[float]]) -> list[str]:
    """Return the names of the files that take long, the longest first."""
    of_file: dict[str, float] = defaultdict(float)
    for name, times in seconds.items():
        of_file[name.partition(".")[0]] += sum(times)
    long = [name for name, total in of_file.items() if total > LONG_S]
    return sorted(long, key=lambda name: -of_file[name])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="JUnit XML of a run on an idle machine")
    parser.add_argument("--over", type=float, default=0.05, help="seconds (default: %(default)s)")
    chosen = parser.parse_args()
    seconds = seconds_of(chosen.report)
    for name, lines in (
        ("slow_tests.txt", slow_functions(seconds, chosen.over)),
        ("longest_files.txt", longest_files(seconds)),
    ):
        (TESTS / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{len(lines)} lines in {TESTS / name}")


if __name__ == "__main__":
    main()
