#!/usr/bin/env python3
"""Evaluate the moods of reviews, and the attributes that are read from titles and descriptions.

    python scripts/eval_enrichment.py --data DIR [--only PART ...] [--json FILE]

*moods-en*, *moods-zh*: a model is trained on four fifths of the reviews (drawn with seed 0) as the
shipped one is, and measured on the others, through the file format that ships. Reported: macro-F1
and the F1 of unhappy reviews at a probability of 0.5, AUC, and the calibration error over ten bins.
English texts are titles with reviews, and reviews alone.

*words-zh*: the bundled Chinese words, on all Chinese reviews; nothing is fitted.

*speed*: reviews a second of ``ReviewScorer`` with the bundled models, aspects included, one thread.

*attributes* are measured by `eval_attributes.py`.

*drafts*: 500 drafts a language of the items of `magento`, in three tones with 500 seeds, made from
the catalog alone. Reported: problems that the checker finds, facts said twice, and distinct-2, the
share of different pairs among all pairs of neighboring words (characters in Chinese): the mean
within a draft, the mean of ten drafts together, and over all drafts together. The last is given
too for the facts alone that the drafts say, without the words around them, for as many pairs of
the reviews of customers, and for the shop's own texts.

*questions*: see `eval_questions.py`; it needs `--magento-shop` and `--demo-shop`.

`--wrong N` prints N wrong answers of *moods-en*.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from eval_questions import evaluate
from machine import as_line, machine

from indexer.catalog.sources import Entry, open_catalog
from indexer.drafting.draft import Draft, write_draft
from indexer.drafting.planfile import TONES
from indexer.enrichment.language import Language
from indexer.enrichment.lexicon_zh import ChineseLexicon
from indexer.enrichment.measures import mood_measures
from indexer.enrichment.ngrams import clean_text
from indexer.enrichment.score import ReviewScorer
from indexer.enrichment.sentiment import SentimentModel, model_bytes, model_from_bytes
from indexer.enrichment.training import Labeled, train

PARTS = ("moods-en", "moods-zh", "words-zh", "speed", "drafts", "questions")
DRAFTS = 500
TIMED = 2000  # reviews


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def split(count: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(count)
    return np.sort(order[count // 5 :]), np.sort(order[: count // 5])


def trained(data: Labeled, rows: np.ndarray, language: Language) -> SentimentModel:
    part = Labeled(
        [data.texts[row] for row in rows],
        data.positive[rows],
        None if data.stars is None else data.stars[rows],
    )
    model = train(part, language, name="held-out", trained_on="four fifths")
    return model_from_bytes(model_bytes(model), "memory")


def measure(model: Any, texts: Sequence[str], truth: np.ndarray) -> dict[str, float]:
    return mood_measures(model.probability([clean_text(text) for text in texts]), truth)


def moods_en(data: Path, wrong: int) -> dict[str, Any]:
    rows = rows_of(data / "reviews" / "reviews.csv")
    both = [". ".join(filter(None, (row["title"], row["review"]))) for row in rows]
    labels = np.array([row["recommended"] == "1" for row in rows])
    stars = np.array([float(row["stars"]) for row in rows])
    learned, held = split(len(rows))
    reviews = [row["review"] for row in rows]
    model = trained(Labeled(both, labels, stars), learned, "en")
    alone = [reviews[row] for row in held]
    held_texts = [both[row] for row in held]
    if wrong:
        print_wrong(model, held_texts, labels[held], wrong)
    return {
        "title and review": measure(model, held_texts, labels[held]),
        "review alone": measure(model, alone, labels[held]),
        "bytes": len(model_bytes(model)),
    }


def print_wrong(model: Any, texts: Sequence[str], truth: np.ndarray, count: int) -> None:
    found = model.probability([clean_text(text) for text in texts])
    order = np.argsort(-np.abs(found - truth))[:count]
    for at in order:
        print(f"{found[at]:.3f}, truth {int(truth[at])}: {texts[at][:500]}\n")


def chinese(data: Path) -> tuple[list[str], np.ndarray]:
    rows = rows_of(data / "reviews" / "reviews_zh.csv")
    return [row["text"] for row in rows], np.array([row["positive"] == "1" for row in rows])


def moods_zh(data: Path) -> dict[str, Any]:
    texts, labels = chinese(data)
    learned, held = split(len(texts))
    model = trained(Labeled(texts, labels), learned, "zh")
    return {"held out": measure(model, [texts[row] for row in held], labels[held])}


def words_zh(data: Path) -> dict[str, Any]:
    texts, labels = chinese(data)
    found = ChineseLexicon().probability([clean_text(text) for text in texts])
    known = ~np.isnan(found)
    return {
        "unclear counts as unhappy": mood_measures(found, labels),
        "those with a mood": mood_measures(found[known], labels[known]),
    }


def speed(data: Path) -> dict[str, float]:
    scorer = ReviewScorer()
    rows = rows_of(data / "reviews" / "reviews.csv")[:TIMED]
    english = [". ".join(filter(None, (row["title"], row["review"]))) for row in rows]
    out = {}
    for name, texts in (("en", english), ("zh", chinese(data)[0][:TIMED])):
        scorer.score_batch(texts[:10])  # loads the model
        wall, cpu = time.perf_counter(), time.process_time()
        list(scorer.score(texts))
        out[f"{name} reviews a second"] = len(texts) / (time.perf_counter() - wall)
        out[f"{name} reviews a CPU second"] = len(texts) / (time.process_time() - cpu)
    return out


def pairs_of(text: str) -> list[tuple[str, str]]:
    words = re.findall(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+", text.lower())
    return list(itertools.pairwise(words))


def distinct(texts: Sequence[str]) -> float:
    pairs = [pair for text in texts for pair in pairs_of(text)]
    return len(set(pairs)) / max(1, len(pairs))


def said_facts(draft: Draft) -> str:
    """Return the values that a draft says, without the words around them."""
    said = sorted({at for sentence in draft.sentences for at in sentence.facts})
    return " ".join(" ".join(draft.facts[at].values) for at in said)


def as_long(texts: Sequence[str], pairs: int) -> list[str]:
    """Return the first texts that have so many pairs together."""
    taken: list[str] = []
    for text in texts:
        if pairs <= 0:
            break
        taken.append(text)
        pairs -= len(pairs_of(text))
    return taken


def drafts(data: Path, shown: int) -> dict[str, Any]:
    catalog = data / "magento" / "catalog.jsonl"
    items = [entry.item for entry in open_catalog(catalog) if isinstance(entry, Entry)]
    out: dict[str, Any] = {
        "distinct-2 of the shop's texts": distinct([i.description for i in items])
    }
    english = [row["review"] for row in rows_of(data / "reviews" / "reviews.csv")]
    customers = {"en": english, "zh": chinese(data)[0]}
    for language in ("en", "zh"):
        began = time.process_time()
        made = [
            write_draft(items[at % len(items)], language, TONES[at % len(TONES)], seed=at)
            for at in range(DRAFTS)
        ]
        seconds = time.process_time() - began
        sentences = [one for draft in made for one in draft.sentences]
        said = [at for draft in made for one in draft.sentences for at in one.facts]
        once = [at for draft in made for at in {a for one in draft.sentences for a in one.facts}]
        for draft in made[:: max(1, DRAFTS // shown)][:shown] if shown else []:
            print(f"{draft.item_id} {draft.tone}: {draft.text}")
        out[language] = {
            "drafts": len(made),
            "sentences": len(sentences),
            "with a problem": sum(bool(one.problems) for one in sentences),
            "without a fact": sum(not one.facts for one in sentences),
            "facts said twice": len(said) - len(once),
            "different drafts": len({draft.text for draft in made}),
            "distinct-2 within a draft": float(np.mean([distinct([one.text]) for one in made])),
            "distinct-2 of ten drafts": float(
                np.mean(
                    [
                        distinct([one.text for one in made[at : at + 10]])
                        for at in range(0, DRAFTS, 10)
                    ]
                )
            ),
            "distinct-2 of all drafts": distinct([one.text for one in made]),
            "distinct-2 of their facts alone": distinct([said_facts(one) for one in made]),
            "distinct-2 of reviews": distinct(
                as_long(customers[language], sum(len(pairs_of(one.text)) for one in made))
            ),
            "CPU ms a draft": 1e3 * seconds / len(made),
        }
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--wrong", type=int, default=0, help="print so many wrong answers")
    parser.add_argument("--magento-shop", type=Path, help="the shop of questions")
    parser.add_argument("--demo-shop", type=Path, help="the other shop of questions")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    chosen = given.only or PARTS
    found: dict[str, Any] = {"machine": machine()}
    if "moods-en" in chosen:
        found["moods-en"] = moods_en(given.data, given.wrong)
    if "moods-zh" in chosen:
        found["moods-zh"] = moods_zh(given.data)
    if "words-zh" in chosen:
        found["words-zh"] = words_zh(given.data)
    if "speed" in chosen:
        found["speed"] = speed(given.data)
    if "drafts" in chosen:
        found["drafts"] = drafts(given.data, given.wrong)
    if "questions" in chosen and given.magento_shop and given.demo_shop:
        shops = {"magento": given.magento_shop, "demo": given.demo_shop}
        found["questions"] = evaluate(shops, "report", given.wrong)
    print(as_line(found.pop("machine")))
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
