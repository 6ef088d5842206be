"""Two generations of a shop, asked the same questions: how often they agree, and who is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.errors import BadCatalog, BadQuery, UnknownItem
from indexer.imaging.images import read_image_file
from indexer.items import Skipped
from search.hits import Hit
from search.quality import metrics
from search.quality.evaluate import DEPTH, Judged, Truth, evaluate
from search.quality.metrics import Estimate
from search.query import ImagePart, ItemPart, Query

if TYPE_CHECKING:
    from search.engine import SearchEngine

_ITEMS = 300  # asked for what is similar, where no queries are given
_TIMED = 50  # photos whose answers are timed, one at a time
_MEASURES = ("recall@1", "recall@10", "mrr")  # of which the difference is told


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two. Milliseconds are those of a photo, decoded, encoded and searched alone.

    ``figures`` are those of ``search.quality.evaluate``; empty where no truth was given.
    """

    generation: str
    encoder: str
    p50_ms: float
    p95_ms: float
    figures: dict[str, Estimate]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One question and both answers. ``photo`` is a file, or the item that was asked for."""

    photo: str
    is_item: bool
    answer: str
    first: list[Hit]
    second: list[Hit]
    first_right: list[bool] | None = None
    second_right: list[bool] | None = None

    @property
    def overlap(self) -> float:
        """The share of the first ten hits that both give."""
        most = max(len(self.first), len(self.second))
        both = {one.item_id for one in self.first} & {one.item_id for one in self.second}
        return len(both) / most if most else 1.0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How two generations answer. ``overlap`` is that of the first ten hits, ``same_first`` how
    often both begin with the same item. ``gain`` is the second's figure minus the first's, of the
    same queries: an interval that lies above 0 is an improvement. ``skipped`` lists photos and
    items that could not be asked for; they are in no figure.
    """

    queries: int
    first: Side
    second: Side
    overlap: Estimate
    same_first: Estimate
    gain: dict[str, Estimate]
    pairs: list[Pair]
    skipped: list[Skipped]


def compare(
    first: SearchEngine,
    second: SearchEngine,
    truths: list[Truth],
    *,
    progress: Callable[[int, int], None],
) -> Comparison:
    """Ask both engines of one shop the same questions.

    They are the photos of ``truths``; where there are none, what is similar to some of the
    shop's own items. BadCatalog when no photo, or no item, can be asked for.
    """
    sides = (first, second)
    skipped: list[Skipped] = []
    if truths:
        total = 2 * len(truths)
        results = [
            evaluate(side, truths, progress=_from(at * len(truths), total, progress))
            for at, side in enumerate(sides)
        ]
        pairs = _judged_pairs(results[0].judged, results[1].judged)
        figures = [result.figures for result in results]
        skipped = results[0].skipped
        photos = [read_image_file(Path(pair.photo)) for pair in pairs[:_TIMED]]
    else:
        pairs = _item_pairs(first, second, skipped, progress)
        figures = [{}, {}]
        photos = [first.thumbnail(pair.photo) for pair in pairs[:_TIMED]]
    timed = [_milliseconds(side, photos) for side in sides]
    described = [
        Side(
            generation=side.generation,
            encoder=side.encoder.id,
            p50_ms=round(float(np.median(spent)), 1),
            p95_ms=round(float(np.quantile(spent, 0.95)), 1),
            figures=values,
        )
        for side, spent, values in zip(sides, timed, figures, strict=True)
    ]
    same = [_first(pair.first) == _first(pair.second) for pair in pairs]
    return Comparison(
        queries=len(pairs),
        first=described[0],
        second=described[1],
        overlap=metrics.estimate(np.array([pair.overlap for pair in pairs])),
        same_first=metrics.estimate(np.array(same, dtype=np.float64)),
        gain=_gain(pairs),
        pairs=pairs,
        skipped=skipped,
    )


def _from(
    before: int, total: int, progress: Callable[[int, int], None]
) -> Callable[[int, int], None]:
    """Progress of a part of a job, after ``before`` steps of others."""
    return lambda done, _: progress(before + done, total)


def _judged_pairs(first: list[Judged], second: list[Judged]) -> list[Pair]:
    """The queries that both could be asked, in order."""
    others = {(one.image, one.answer): one for one in second}
    return [
        Pair(
            photo=one.image,
            is_item=False,
            answer=one.answer,
            first=one.hits,
            second=other.hits,
            first_right=one.right,
            second_right=other.right,
        )
        for one in first
        if (other := others.get((one.image, one.answer))) is not None
    ]


def _item_pairs(
    first: SearchEngine,
    second: SearchEngine,
    skipped: list[Skipped],
    progress: Callable[[int, int], None],
) -> list[Pair]:
    """What is similar to some of the shop's items: those that have a picture, known to both."""
    items = first.items(_ITEMS)
    pairs = []
    for done, item in enumerate(items, start=1):
        query = Query(parts=[ItemPart(item.item_id)], limit=DEPTH)
        progress(done, len(items))
        try:
            first.thumbnail(item.item_id)
            hits = [side.search(query).hits for side in (first, second)]
        except (BadQuery, UnknownItem) as error:
            skipped.append(Skipped(item.item_id, str(error)))
            continue
        pairs.append(
            Pair(photo=item.item_id, is_item=True, answer="", first=hits[0], second=hits[1])
        )
    if not pairs:
        why = f"; {skipped[0].item_id}: {skipped[0].reason}" if skipped else ""
        raise BadCatalog(f"none of {len(items)} items can be asked for{why}; give --queries")
    return pairs


def _milliseconds(engine: SearchEngine, photos: list[bytes]) -> list[float]:
    """How long each photo takes, from its bytes to its hits; the first is asked twice."""
    spent = []
    for photo in [*photos[:1], *photos]:
        start = time.perf_counter()
        engine.search(Query(parts=[ImagePart(photo)], limit=DEPTH))
        spent.append((time.perf_counter() - start) * 1e3)
    return spent[1:] or [0.0]


def _first(hits: list[Hit]) -> str:
    return hits[0].item_id if hits else ""


def _gain(pairs: list[Pair]) -> dict[str, Estimate]:
    """The paired difference of each measure; empty where nobody knows what is right."""
    if not pairs or pairs[0].first_right is None:
        return {}
    before = np.array([_measures(pair.first_right or []) for pair in pairs])  # (n, measures)
    after = np.array([_measures(pair.second_right or []) for pair in pairs])  # (n, measures)
    difference = after - before  # (n, measures)
    return {name: metrics.estimate(difference[:, at]) for at, name in enumerate(_MEASURES)}


def _measures(right: list[bool]) -> tuple[float, float, float]:
    relevant = np.array(right, dtype=np.bool_)
    return (
        metrics.success(relevant, 1),
        metrics.success(relevant, DEPTH),
        metrics.reciprocal_rank(relevant[:DEPTH]),
    )
