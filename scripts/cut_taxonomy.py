#!/usr/bin/env python3
"""Cut the tree of categories that ships from the Shopify product taxonomy (MIT; see NOTICE).

    python scripts/cut_taxonomy.py --taxonomy DIR

DIR has ``en/categories.txt`` and ``zh-CN/categories.txt``. Writes
``indexer/enrichment/weights/categories.tsv``: a line for each category, parents first, with its
code, its English and its Chinese name, and words of our own that name it
(``scripts/category_words.tsv``). Roots that sell no things are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

OUT = Path(__file__).parents[1] / "indexer" / "enrichment" / "weights" / "categories.tsv"
WORDS = Path(__file__).parent / "category_words.tsv"
NO_THINGS = frozenset({"bu", "gc", "ma", "na", "pa", "se", "so"})
HEAD = """\
# The tree of the Shopify product taxonomy (MIT; see NOTICE), cut by scripts/cut_taxonomy.py:
# code, name, Chinese name, further words of our own.
"""


def paths_of(path: Path) -> dict[str, str]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("gid://"):
            gid, _, name = line.partition(" : ")
            found[gid.strip().rpartition("/")[2]] = name.strip()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--taxonomy", type=Path, required=True)
    given = parser.parse_args()
    english = paths_of(given.taxonomy / "en" / "categories.txt")
    chinese = paths_of(given.taxonomy / "zh-CN" / "categories.txt")
    words: dict[str, list[str]] = {}
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        suffix, *named = line.split("\t")
        ends = [code for code, path in english.items() if f" > {path}".endswith(f" > {suffix}")]
        if len(ends) != 1:
            raise SystemExit(f"{WORDS}: {suffix!r} is the end of {len(ends)} paths, expected 1")
        words.setdefault(ends[0], []).extend(one for part in named for one in part.split(","))
    with OUT.open("w", encoding="utf-8") as out:
        out.write(HEAD)
        for code, path in english.items():
            if code.partition("-")[0] not in NO_THINGS:
                name, other = (p.rpartition(" > ")[2] for p in (path, chinese.get(code, "")))
                out.write(
                    f"{code}\t{name}\t{other}\t{','.join(filter(None, words.get(code, [])))}\n"
                )


if __name__ == "__main__":
    main()
