"""Tasks on data that was not trained on, and the single figure to choose weights by.

* `things`: photos of everyday things, never trained on; plain, and drawn in three styles.
* A set that was left out of training, measured with the encoder that was trained without it.
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
    """Classify by the first gallery photo, for plain queries and for drawn ones."""
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
    """Measure over all items, since none of them was trained on."""
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
    """Measure a set with the encoder of `bench`, trained without it; rows are named "left out"."""
    return {f"{name} left out, {row}": outcome for row, outcome in LEFT_OUT[name](bench).items()}


class Summary(NamedTuple):
    """The mean over seen rows, the mean over unseen rows, and the mean of both."""

    seen: float
    unseen: float
    both: float
    seen_rows: int
    unseen_rows: int


def summarize(
    means: Mapping[str, float], goals: Collection[str], unseen: Collection[str]
) -> Summary:
    """Average the means of rows, with equal weights within each half.

    Seen rows are those named in `goals` and not in `unseen`. A half without rows is nan.
    """
    known = [mean for row, mean in means.items() if row in goals and row not in unseen]
    new = [mean for row, mean in means.items() if row in unseen]
    seen_mean, unseen_mean = (
        float(np.mean(half)) if half else float("nan") for half in (known, new)
    )
    return Summary(seen_mean, unseen_mean, (seen_mean + unseen_mean) / 2, len(known), len(new))
