#!/usr/bin/env python3
"""Measure the answers to questions: how often the right one is first, and what is refused.

    python scripts/eval_questions.py --magento SHOP [--demo SHOP] [--half tune|report] [--wrong N]
    python scripts/eval_questions.py --magento SHOP --questions scripts/questions_2.tsv --half all
    python scripts/eval_questions.py --magento SHOP --demo SHOP --grocery SHOP \\
        --questions scripts/questions_3.tsv --half all

The questions are ``scripts/questions.tsv``, the FAQ is ``scripts/questions_faq.csv``; import it
into both shops first, and ``scripts/questions_faq_2.csv`` into that of ``--grocery``. For
``questions_4.tsv`` the ``--demo`` shop has ``scripts/questions_faq_3.csv``. Every second
question is of the half on which thresholds were chosen (``tune``). An answer is right if its first
item and its quotation are those expected. CPU milliseconds are of one question, after all texts
were seen once.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from machine import as_line, machine

from indexer.items import Item
from search.asking.answer import Answer
from search.asking.opening import open_answerer
from search.engine import SearchEngine
from service.runtime.blas import use_one_thread_each

QUESTIONS = Path(__file__).parent / "questions.tsv"


def cases(half: str, path: Path = QUESTIONS) -> list[tuple[str, str, str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [tuple(line.split("\t")) for line in lines if not line.startswith("#")]
    assert all(len(row) == 4 for row in rows)
    first = {"tune": 0, "report": 1}.get(half)
    return rows if first is None else rows[first::2]


def has(item: Item, condition: str) -> bool:
    field, _, wanted = condition.partition("~")
    texts = {
        "title": item.title, "description": item.description,
        "price": "" if item.price is None else f"{item.price:g}",
        "category": " ".join(item.categories), **{k: str(v) for k, v in item.attributes.items()},
    }  # fmt: skip
    text = " ".join(texts.values()) if field == "any" else texts.get(field, "")
    return wanted.lower() in text.lower()


def is_right(answer: Answer, expected: str, engine: SearchEngine) -> bool:
    kind, _, rest = expected.partition(":")
    if kind == "unknown":
        return answer.kind == "unknown"
    if kind == "faq":
        return answer.source is not None and answer.source.question == rest
    if kind == "fact":
        product, text, *verdict = rest.split(":")
        if answer.kind not in ("fact", "review") or not answer.items:
            return False
        holds = {"yes": True, "no": False}.get(verdict[0]) if verdict else answer.holds
        item = engine.item(answer.items[0].item_id)
        is_same = item.product_id == product or item.product_id.startswith(product)
        return is_same and text.lower() in answer.answer.lower() and answer.holds == holds
    if answer.kind not in ("search", "fact") or not answer.items:
        return False
    return all(has(engine.item(answer.items[0].item_id), part) for part in rest.split(";"))


def evaluate(
    shops: dict[str, Path], half: str, wrong: int, path: Path = QUESTIONS
) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    times, shown = [], 0
    engines = {name: SearchEngine.open(path) for name, path in shops.items()}
    answerers = {name: open_answerer(shops[name], engine) for name, engine in engines.items()}
    for is_timed in (False, True):
        for shop, item, question, expected in cases(half, path):
            if shop not in answerers:
                continue
            began = time.process_time()
            answer = answerers[shop].ask(question, None if item == "-" else item)
            if is_timed:
                times.append((time.process_time() - began) * 1e3)
                continue
            kind = expected.partition(":")[0]
            good = is_right(answer, expected, engines[shop])
            counts.update({f"{kind} asked": 1, f"{kind} right": int(good)})
            group = "unanswerable" if kind == "unknown" else "answerable"
            counts.update({f"{group} asked": 1, f"{group} right": int(good)})
            if group == "answerable" and not good and answer.kind != "unknown":
                counts["answered wrongly"] += 1
            if not good and shown < wrong:
                shown += 1
                print(
                    f"{shop} {item} {question!r}: expected {expected}; got {answer.kind} "
                    f"{answer.answer[:80]!r} {[one.item_id for one in answer.items[:3]]} "
                    f"{answer.confidence:.2f} {answer.source.question if answer.source else ''}"
                )
    for engine in engines.values():
        engine.close()
    return {
        "right": {
            kind: f"{counts[f'{kind} right']} of {counts[f'{kind} asked']}"
            for kind in ("faq", "fact", "items", "search", "answerable", "unanswerable")
        },
        "right answer first": counts["answerable right"] / counts["answerable asked"],
        "refused": counts["unanswerable right"] / max(1, counts["unanswerable asked"]),
        "answerable, answered wrongly": counts["answered wrongly"],
        "CPU ms p50": float(np.median(times)),
        "CPU ms p95": float(np.percentile(times, 95)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--magento", type=Path, required=True)
    parser.add_argument("--demo", type=Path)
    parser.add_argument("--grocery", type=Path)
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--half", choices=["tune", "report", "all"], default="report")
    parser.add_argument("--wrong", type=int, default=0, help="print so many wrong answers")
    given = parser.parse_args()
    shops = {"magento": given.magento, "demo": given.demo, "grocery": given.grocery}
    shops = {name: path for name, path in shops.items() if path is not None}
    use_one_thread_each()  # as the service does
    print(as_line(machine()))
    print(json.dumps(evaluate(shops, given.half, given.wrong, given.questions), indent=2))


if __name__ == "__main__":
    main()
