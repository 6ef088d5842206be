"""List the tests that the quick run leaves out, from a report of a whole run.

    scripts/test --junitxml=report.xml
    python scripts/slow_tests.py report.xml

It writes tests/slow_tests.txt: the functions whose cases take longer than ``--over`` seconds on
average, with their fixtures, or 25 times as long in all. tests/conftest.py marks them as slow.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

LIST = Path(__file__).parents[1] / "tests" / "slow_tests.txt"


def slow_functions(report: Path, over: float) -> list[str]:
    """Return the names of slow functions, such as ``test_golden.test_a_rebuild``, in order."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.get("classname", "").removeprefix("tests.")
        name = case.get("name", "").partition("[")[0]
        seconds[f"{module}.{name}"].append(float(case.get("time", 0)))
    return sorted(
        name for name, times in seconds.items() if sum(times) > over * min(len(times), 25)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="JUnit XML of a run on an idle machine")
    parser.add_argument("--over", type=float, default=0.2, help="seconds (default: %(default)s)")
    chosen = parser.parse_args()
    names = slow_functions(chosen.report, chosen.over)
    LIST.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    print(f"{len(names)} functions are slow: {LIST}")


if __name__ == "__main__":
    main()
