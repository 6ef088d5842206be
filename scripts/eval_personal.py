"""Measure recommendations to simulated shoppers with known tastes, and whether reasons are true.

python scripts/eval_personal.py --shop SHOP [--shoppers N] [--json]

SHOP is an indexed sample shop (`vitrine sample`, `vitrine index`): its items have a color, a
pattern and a category. A simulated shopper likes two colors, one pattern and three categories, and
an item if at least two of the three match. Other shoppers' clicks make items popular. Then each new
shopper clicks on three liked items, and the first ten recommendations are compared with the ten
most popular items. ``reasons`` are those that name one of the clicked items, ``reasons_true`` the
ones without whose item the score falls. The events are kept in a temporary folder; the shop is not
changed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from machine import as_line, machine

from indexer.items import Item
from search.engine import SearchEngine
from search.personal.event import Event
from search.personal.learning import Pictures, learn
from search.personal.profile import profile_of
from search.personal.recommendation import Recommendations, RecommendQuery

CLICKS = 3
SHOWN = 10
LOOKED_AT = 200  # items of a list from which evidence was deleted; what is not there scores less
POPULATION = 300
POPULATION_CLICKS = 8
_SECOND_APART = 30.0


class Taste(NamedTuple):
    """What a simulated shopper likes."""

    colors: frozenset[str]
    patterns: frozenset[str]
    categories: frozenset[str]

    def likes(self, item: Item) -> bool:
        """Return whether at least two of color, pattern and category match."""
        return (
            (item.attributes.get("color") in self.colors)
            + (item.attributes.get("pattern") in self.patterns)
            + (item.categories[0] in self.categories)
        ) >= 2


def taste(rng: np.random.Generator, items: list[Item]) -> Taste:
    """Draw a taste from what the shop has."""

    def some(values: set[str], count: int) -> frozenset[str]:
        return frozenset(rng.choice(sorted(values), size=count, replace=False).tolist())

    return Taste(
        some({str(item.attributes.get("color")) for item in items}, 2),
        some({str(item.attributes.get("pattern")) for item in items}, 1),
        some({item.categories[0] for item in items}, 3),
    )


def clicks(
    rng: np.random.Generator, shopper: str, liked: list[Item], count: int, now: float
) -> list[Event]:
    """Return clicks on some of the liked items, the last one just now."""
    chosen = rng.choice(len(liked), size=min(count, len(liked)), replace=False).tolist()
    return [
        Event(
            event_id=f"{shopper}-{place}",
            user_id=shopper,
            item_id=liked[number].item_id,
            type="click",
            time=now - _SECOND_APART * (len(chosen) - place),
        )
        for place, number in enumerate(chosen)
    ]


def true_reasons(
    engine: SearchEngine, events: list[Event], found: Recommendations, now: float
) -> list[bool]:
    """Return whether the score of each item falls if the events on its evidence are deleted.

    Items whose reason is no item of the profile are left out.
    """
    fell = []
    for item in found.items:
        if item.reason.item_id:
            left = [event for event in events if event.item_id != item.reason.item_id]
            again = engine.recommender.recommend(
                profile_of(left, now), RecommendQuery(limit=LOOKED_AT)
            )
            scores = {other.item_id: other.score for other in again.items}
            fell.append(scores.get(item.item_id, -np.inf) < item.score)
    return fell


def simulate(engine: SearchEngine, shoppers: int, seed: int) -> dict[str, Any]:
    """Compare recommendations with popularity over new shoppers."""
    rng = np.random.default_rng(seed)
    items = [engine.item(item_id) for item_id in engine.item_vectors()[0]]
    now = engine.recommender.now()
    for number in range(POPULATION):
        liked = list(filter(taste(rng, items).likes, items))
        if liked:
            engine.recommender.add(
                clicks(rng, f"old-{number}", liked, POPULATION_CLICKS, now - 86_400)
            )
    popular = [
        item.item_id
        for item in engine.recommender.recommend(
            profile_of([], now), RecommendQuery(limit=SHOWN + CLICKS, diversity=0.0)
        ).items
    ]
    ours, theirs, base, timings = [], [], [], []
    reasons: list[bool] = []
    for number in range(shoppers):
        mine = taste(rng, items)
        liked = list(filter(mine.likes, items))
        if len(liked) < CLICKS + SHOWN:
            continue
        events = clicks(rng, f"new-{number}", liked, CLICKS, now)
        seen = {event.item_id for event in events}
        wanted = {item.item_id for item in liked} - seen
        began = time.process_time()
        found = engine.recommender.recommend(profile_of(events, now), RecommendQuery(limit=SHOWN))
        timings.append(time.process_time() - began)
        reasons += true_reasons(engine, events, found, now)
        ours.append(sum(item.item_id in wanted for item in found.items))
        theirs.append(sum(item in wanted for item in [i for i in popular if i not in seen][:SHOWN]))
        base.append(SHOWN * len(wanted) / len(items))
    return {
        "shoppers": len(ours),
        "liked_of_10": round(float(np.mean(ours)), 2),
        "liked_of_10_popular": round(float(np.mean(theirs)), 2),
        "liked_of_10_by_chance": round(float(np.mean(base)), 2),
        "ratio_to_popular": round(float(np.mean(ours) / max(1e-9, np.mean(theirs))), 2),
        "reasons": len(reasons),
        "reasons_true": sum(reasons),
        "cpu_ms_p50": round(float(np.percentile(timings, 50)) * 1e3, 2),
        "cpu_ms_p99": round(float(np.percentile(timings, 99)) * 1e3, 2),
    }


def main() -> None:
    """Parse the arguments, simulate with and without what others did, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--shoppers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        SearchEngine.open(arguments.shop) as engine,
    ):
        engine.recommender.close()
        engine.recommender = engine.recommender.with_events(Path(folder))
        figures = {"images_alone": simulate(engine, arguments.shoppers, arguments.seed)}
        log = engine.recommender.open_log()
        if log is not None:
            sides = (*engine.item_vectors(), engine.model.key, *engine.item_facts())
            learn(log, Pictures(*sides))
        figures["with_behavior"] = simulate(engine, arguments.shoppers, arguments.seed + 1)
        engine.recommender.close()
    report = {"machine": machine("numpy"), **figures}
    if arguments.as_json:
        print(json.dumps(report, indent=2))
        return
    print(as_line(report["machine"]))
    for name, values in figures.items():
        print(name, values)


if __name__ == "__main__":
    main()
