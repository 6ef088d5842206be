"""Compare recommenders on events of cold items, over eight splits in time.

python scripts/eval_cold.py --shop SHOP --events FILE [--json]

A split has few events of items that fewer than five events met before it, so one says little. Here
each tenth of the events from the third on is predicted from what was before it, and the cold events
of all are counted together. Models have fixed settings.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from machine import as_line, machine

from search.engine import SearchEngine
from search.personal.event_file import BadRow, read_events
from search.personal.mixer import WEIGHTS
from search.quality.baselines import (
    Als,
    Ease,
    EaseWithFacts,
    EaseWithImages,
    ItemKnn,
    Model,
    RecentPopular,
)
from search.quality.interactions import FEW_EVENTS, Interactions, interactions_of
from search.quality.mixer_model import Mixer
from search.quality.predictions import interval_by_user, run_model, targets_of
from service.runtime.blas import use_one_thread_each

K = 20
TENTHS = range(2, 10)
WINDOW = {"window": 20}
OURS = "vitrine"

Kind = tuple[str, type[Model], Mapping[str, float], bool]  # with facts?
KINDS: list[Kind] = [
    ("recent-popular", RecentPopular, {"half_life": 7}, False),
    ("item-knn", ItemKnn, {"shrink": 10, "neighbors": 200, **WINDOW}, False),
    ("ease", Ease, {"l2": 300, "images": 0.0, **WINDOW}, False),
    ("ease-images", EaseWithImages, {"l2": 1000, "images": 50.0, **WINDOW}, False),
    ("ease-facts", EaseWithFacts, {"l2": 1000, "images": 50.0, "facts": 50.0, **WINDOW}, True),
    ("als", Als, {"factors": 32, **WINDOW}, False),
    ("vitrine, pictures alone", Mixer, WEIGHTS, False),
    (OURS, Mixer, WEIGHTS, True),
]


def splits(log: Interactions) -> list[tuple[int, int]]:
    """Return the numbers of the first event, and after the last one, of each tenth."""
    places = [min(len(log) - 1, int(len(log) * tenth / 10)) for tenth in [*TENTHS, 10]]
    starts = np.searchsorted(log.times, log.times[places]).tolist()
    return list(zip(starts, [*starts[1:-1], len(log)], strict=False))


def main() -> None:
    """Print Recall@20 of each model on cold events, and how much better ours is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    use_one_thread_each()  # threads of OpenBLAS wait for each other by spinning
    with SearchEngine.open(given.shop) as engine:
        ids, vectors = engine.item_vectors()
        _, facts = engine.item_facts()
    rows = read_events(given.events, now=time.time())
    log = interactions_of([row for row in rows if not isinstance(row, BadRow)], ids)
    found: dict[str, list[np.ndarray]] = {name: [] for name, *_ in KINDS}
    users = []
    for start, end in splits(log):
        counts = log.until(start).item_counts()
        targets = targets_of(log, start, end)
        cold = targets[counts[log.items[targets]] < FEW_EVENTS]
        users.append(log.users[cold])
        for name, kind, setting, has_facts in KINDS:
            model = kind(vectors, setting, facts if has_facts else None)
            model.fit(log.until(start))
            found[name].append(run_model(model, setting, log, cold).ranks < K)
    owners = np.concatenate(users)
    hits = {name: np.concatenate(lists).astype(np.float64) for name, lists in found.items()}
    report = {
        name: {
            f"recall@{K}": interval_by_user(values, owners),
            "events": int(values.sum()),
            f"{OURS} minus it": interval_by_user(hits[OURS] - values, owners),
        }
        for name, values in hits.items()
    }
    if given.json:
        import msgspec

        print(json.dumps({"cold": len(owners), "models": msgspec.to_builtins(report)}, indent=1))
        return
    print(f"{as_line(machine())}\n\n{len(owners)} events of cold items\n")
    for name, figures in report.items():
        recall, gap = figures[f"recall@{K}"], figures[f"{OURS} minus it"]
        print(
            f"{name:24s} {recall.value:.4f} [{recall.low:.4f}, {recall.high:.4f}]; {OURS} "
            f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
        )


if __name__ == "__main__":
    main()
