"""Tasks on shops that training has not seen, and the one figure by which weights are chosen.

* `things`: photos of everyday things, never trained on; plain, and drawn in three ways.
* A set that was left out of training altogether, measured with the encoder trained without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import encoder_contests as contests
import numpy as np
from encoder_distortions import Change, oil, posterized, sketched
from encoder_tasks import Bench, Outcome, grocery, later_views, magento_items, other_kinds

DRAWN: dict[str, Change] = {"painted": oil, "cartoon": posterized, "sketched": sketched}


def things(bench: Bench) -> dict[str, Outcome]:
    """Query photos -> category of the first gallery photo; plain queries, then drawn ones."""
    contest = contests.things(bench.data)
    outcome = {"things photo -> category, first hit": contest.outcome(bench)}
    for name, change in DRAWN.items():
        outcome[f"things photo, {name} -> photos, first hit"] = contest.outcome(bench, change)
    return outcome


def _grocery(bench: Bench) -> dict[str, Outcome]:
    return {name.removeprefix("grocery "): outcome for name, outcome in grocery(bench).items()}


def _clothing(bench: Bench) -> dict[str, Outcome]:
    return {"photo -> category, 15-NN": contests.clothing_kinds(bench.data).outcome(bench)}


def _magento(bench: Bench) -> dict[str, Outcome]:
    """Measure over all items: no third of them is more unseen than the others."""
    items = magento_items(bench.data)
    same_item, same_product, _ = later_views(bench, items)
    return {
        "same item": same_item,
        "same product": same_product,
        "kind of the first other product": other_kinds(bench, items),
    }


LEFT_OUT: dict[str, Callable[[Bench], dict[str, Outcome]]] = {
    "grocery": _grocery,
    "clothing": _clothing,
    "magento": _magento,
}
"""Set -> its rows, for an encoder whose training never saw the set."""


def left_out(name: str, bench: Bench) -> dict[str, Outcome]:
    """Measure a set with the encoder of `bench`, trained without it; each row says so."""
    return {f"{name} left out, {row}": outcome for row, outcome in LEFT_OUT[name](bench).items()}


class Summary(NamedTuple):
    """Mean over rows of tasks that were seen, over those that were not, and the mean of the two."""

    seen: float
    unseen: float
    both: float
    seen_rows: int
    unseen_rows: int


def summarize(
    means: Mapping[str, float], goals: Collection[str], unseen: Collection[str]
) -> Summary:
    """Sum up the means of rows; each row counts alike within its half.

    Seen are the rows named in `goals` that are not in `unseen`. A half without rows is nan.
    """
    known = [mean for row, mean in means.items() if row in goals and row not in unseen]
    new = [mean for row, mean in means.items() if row in unseen]
    one, other = (float(np.mean(half)) if half else float("nan") for half in (known, new))
    return Summary(one, other, (one + other) / 2, len(known), len(new))
