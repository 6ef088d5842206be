"""Measure searches by words: 250 typed queries on the titles of two catalogs.

    python scripts/eval_typed.py --sportswear magento/catalog.jsonl --grocery grocery/catalog.csv

``word_queries.tsv`` has the queries; those of ``word_queries_heldout.tsv`` (``--queries``) were
written after the search, which was not tuned on them, and so were those of
``word_queries_fresh.tsv`` and ``word_queries_later.tsv``. A product is right if its title matches
the regular expression ``title``, and one of its items has the ``category`` and the ``color``, and
costs at most ``most``, where these are given. ``--misses`` lists the queries of a low recall. The
table has, for each kind of query: recall among the first ten products, of at most ten; nDCG@10;
and the milliseconds of CPU time of a search.

    earlier   the index of words of earlier versions: stems, and the last word as a beginning
    words     the index as it is
    meaning   the same with the sentence encoder, see ``docs/words.md``
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexer.errors import EncoderNotFound
from indexer.items import Item
from indexer.words import wordtables
from indexer.words.lexical import LexicalIndex
from indexer.words.meaning import MeaningIndex, meaning_text
from indexer.words.sentences import SentenceEncoder, UniversalSentenceEncoder, sentence_model
from search.bound_query import MAX_ALIKE, add_meaning
from search.words.price_words import take_price

FIRST = 10
LOW = 0.5  # recall of a miss
Search = Callable[[str], list[str]]


class Question(NamedTuple):
    """A query of one kind, and the products that answer it."""

    kind: str
    text: str
    right: set[str]


class Outcome(NamedTuple):
    recall: float
    gain: float
    milliseconds: float


def read_items(path: Path) -> list[Item]:
    """Read the items of a catalog: titles, descriptions, categories, attributes."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                {**row, "categories": [f"{row['department']}/{row['category']}"]}
                for row in csv.DictReader(file)
            ]
    else:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Item(
            item_id=row["id"],
            product_id=row.get("product_id") or row["id"],
            title=row["title"],
            description=row.get("description") or "",
            categories=row.get("categories") or [],
            attributes=row.get("attributes") or {},
            price=row.get("price") or None,
        )
        for row in rows
    ]


def read_questions(path: Path, shop: str, items: list[Item]) -> list[Question]:
    """Read the queries of one shop, with the products that answer them."""
    questions = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["shop"] != shop:
                continue
            title = re.compile(row["title"], re.IGNORECASE)
            right = {
                item.product_id
                for item in items
                if title.search(item.title.partition(" (")[0])
                and any(row["category"] in path for path in item.categories or [""])
                and row["color"] in ("", item.attributes.get("color"))
                and (item.price or 0) <= float(row.get("most") or "inf")
            }
            if not right:
                raise SystemExit(f"no product answers {row['query']!r}")
            questions.append(Question(row["kind"], row["query"], right))
    return questions


def ask(question: Question, search: Search, product_of: dict[str, str]) -> Outcome:
    """Ask one question: the first ten products, by their best item."""
    begun = time.process_time()
    ids = search(question.text)
    elapsed = (time.process_time() - begun) * 1e3
    products = list(dict.fromkeys(product_of[item_id] for item_id in ids))[:FIRST]
    found = [product in question.right for product in products]
    best = sum(1 / math.log2(rank + 2) for rank in range(min(FIRST, len(question.right))))
    gain = sum(1 / math.log2(rank + 2) for rank, right in enumerate(found) if right)
    return Outcome(sum(found) / min(FIRST, len(question.right)), gain / best, elapsed)


def earlier_index(items: list[Item]) -> LexicalIndex:
    """Make an index as earlier versions did: without a vocabulary."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    wordtables.make_tables(connection)
    for number, item in enumerate(items, start=1):
        connection.execute("INSERT INTO items VALUES (?, ?)", (number, item.item_id))
        wordtables.add_texts(connection, number, item)
    return LexicalIndex(connection)


def has_encoder() -> bool:
    try:
        sentence_model()
    except EncoderNotFound:
        return False
    return True


def by_words(index: LexicalIndex) -> Search:
    """Search as an engine does: without the items of words after a minus."""

    def search(text: str) -> list[str]:
        found = index.search(text, 1000)[0]
        excluded = _excluded(index, text)
        return [item_id for item_id in found if item_id not in excluded]

    return search


def _excluded(index: LexicalIndex, text: str) -> set[str]:
    """Return the ids of the items that the words after a minus exclude."""
    ids = index.ids_after(0)
    return {ids[number - 1] for number in index.without(index.read(text).excluded).tolist()}


def with_prices(search: Search, items: list[Item]) -> Search:
    """Take the price out of a text, as an engine does, and search for the rest."""
    prices = {item.item_id: item.price for item in items}

    def found(text: str) -> list[str]:
        words, limit = take_price(text)
        ids = search(words)
        if limit is None:
            return ids
        return [
            item_id
            for item_id in ids
            if (price := prices[item_id]) is not None and limit.above <= price <= limit.below
        ]

    return found


def by_meaning(index: LexicalIndex, items: list[Item], encoder: SentenceEncoder) -> Search:
    """Search by words and meaning, added up as ``search.bound_query`` does."""
    vectors = encoder.encode([meaning_text(item) for item in items])
    ids = [item.item_id for item in items]
    place_of = {item_id: place for place, item_id in enumerate(ids)}
    meaning = MeaningIndex(encoder, ids, [b""] * len(ids), vectors)

    def search(text: str) -> list[str]:
        found, scores = index.search(text, 1000)
        by_words = np.zeros(len(ids))
        by_words[[place_of[item_id] for item_id in found]] = scores
        alike = meaning.search(text, MAX_ALIKE)
        places = np.array([place_of[item_id] for item_id, _ in alike], dtype=np.int64)
        total = add_meaning(by_words, places, np.array([likeness for _, likeness in alike]))
        excluded = _excluded(index, text)
        kept = [place for place in np.flatnonzero(total).tolist() if ids[place] not in excluded]
        return [ids[place] for place in sorted(kept, key=lambda at: (-total[at], ids[at]))]

    return search


def report(name: str, outcomes: dict[str, list[Outcome]]) -> None:
    everything = [one for found in outcomes.values() for one in found]
    for kind, found in [*outcomes.items(), ("all", everything)]:
        times = sorted(one.milliseconds for one in found)
        line = {
            "search": name,
            "kind": kind,
            "queries": len(found),
            "R@10": round(statistics.fmean(one.recall for one in found), 3),
            "nDCG@10": round(statistics.fmean(one.gain for one in found), 3),
            "p50_ms": round(statistics.median(times), 2),
            "p95_ms": round(times[int(0.95 * (len(times) - 1))], 2),
        }
        print(json.dumps(line))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sportswear", type=Path, required=True)
    parser.add_argument("--grocery", type=Path, required=True)
    parser.add_argument(
        "--queries", type=Path, default=Path(__file__).with_name("word_queries.tsv")
    )
    parser.add_argument("--misses", action="store_true")
    options = parser.parse_args()
    outcomes: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for shop in ("sportswear", "grocery"):
        items = read_items(getattr(options, shop))
        product_of = {item.item_id: item.product_id for item in items}
        searches = {
            "earlier": by_words(earlier_index(items)),
            "words": by_words(LexicalIndex.in_memory(items)),
        }
        if has_encoder():
            encoder = UniversalSentenceEncoder()
            searches["meaning"] = by_meaning(LexicalIndex.in_memory(items), items, encoder)
        for question in read_questions(options.queries, shop, items):
            for name, search in searches.items():
                asked = search if name == "earlier" else with_prices(search, items)
                outcome = ask(question, asked, product_of)
                outcomes[name][question.kind].append(outcome)
                if options.misses and outcome.recall < LOW:
                    print(f"{name}\t{question.kind}\t{question.text}\t{outcome.recall:.2f}")
    for name, found in outcomes.items():
        report(name, found)


if __name__ == "__main__":
    main()
