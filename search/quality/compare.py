"""Compare the answers of two generations of a shop to the same queries."""

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
from search.quality.evaluate import DEPTH, JudgedQuery, Truth, evaluate
from search.quality.metrics import Estimate
from search.query import ImagePart, ItemPart, Query

if TYPE_CHECKING:
    from search.engine import SearchEngine

_MAX_ITEMS = 300  # used as queries if none are given
_MAX_TIMED = 50  # photos
_METRICS = ("recall@1", "recall@10", "mrr")  # whose differences are reported


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two generations. ``p50_ms`` is the time to decode, encode and search one photo.

    ``figures`` are those of ``search.quality.evaluate``; empty if no queries were given.
    """

    generation: str
    encoder: str
    p50_ms: float
    p95_ms: float
    figures: dict[str, Estimate]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A query and both answers. ``photo`` is a file or, if ``is_item``, the id of an item.

    ``first_right`` and ``second_right`` are True for each right hit; None if that is unknown.
    """

    photo: str
    is_item: bool
    answer: str
    first: list[Hit]
    second: list[Hit]
    first_right: list[bool] | None = None
    second_right: list[bool] | None = None

    @property
    def overlap(self) -> float:
        """The share of the first ten hits that both answers have."""
        longest = max(len(self.first), len(self.second))
        both = {hit.item_id for hit in self.first} & {hit.item_id for hit in self.second}
        return len(both) / longest if longest else 1.0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of two generations, and how they differ.

    ``overlap`` is the mean of ``Pair.overlap``, ``same_first`` the share of queries with the same
    first hit. ``gain`` is the second's figure minus the first's on the same queries: the second is
    better if the whole interval is above 0. ``skipped`` are photos and items that could not be
    queried with; no figure includes them.
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
    """Send the same queries to two engines of one shop, and compare their answers.

    The queries are the photos of ``truths`` or, if there are none, some items of the shop.
    Raises BadCatalog if no photo, or no item, can be queried with.
    """
    sides = (first, second)
    skipped: list[Skipped] = []
    if truths:
        total = 2 * len(truths)
        results = [
            evaluate(side, truths, progress=_offset(progress, place * len(truths), total))
            for place, side in enumerate(sides)
        ]
        pairs = _judged_pairs(results[0].judged, results[1].judged)
        figures = [result.figures for result in results]
        skipped = results[0].skipped
        photos = [read_image_file(Path(pair.photo)) for pair in pairs[:_MAX_TIMED]]
    else:
        pairs = _item_pairs(first, second, skipped, progress)
        figures = [{}, {}]
        photos = [first.thumbnail(pair.photo) for pair in pairs[:_MAX_TIMED]]
    timed = [_time_photos(side, photos) for side in sides]
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
    same = [_first_id(pair.first) == _first_id(pair.second) for pair in pairs]
    return Comparison(
        queries=len(pairs),
        first=described[0],
        second=described[1],
        overlap=metrics.estimate(np.array([pair.overlap for pair in pairs])),
        same_first=metrics.estimate(np.array(same, dtype=np.float64)),
        gain=_mean_gains(pairs),
        pairs=pairs,
        skipped=skipped,
    )


def _offset(
    progress: Callable[[int, int], None], before: int, total: int
) -> Callable[[int, int], None]:
    """Return a progress function for a part of a job that begins after ``before`` steps."""
    return lambda done, _: progress(before + done, total)


def _judged_pairs(first: list[JudgedQuery], second: list[JudgedQuery]) -> list[Pair]:
    """Return the queries that both engines answered, in order."""
    second_of = {(judged.image, judged.answer): judged for judged in second}
    return [
        Pair(
            photo=judged.image,
            is_item=False,
            answer=judged.answer,
            first=judged.hits,
            second=match.hits,
            first_right=judged.right,
            second_right=match.right,
        )
        for judged in first
        if (match := second_of.get((judged.image, judged.answer))) is not None
    ]


def _item_pairs(
    first: SearchEngine,
    second: SearchEngine,
    skipped: list[Skipped],
    progress: Callable[[int, int], None],
) -> list[Pair]:
    """Query both engines with items of the shop that both have, and that have a picture."""
    items = first.items(_MAX_ITEMS)
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
        raise BadCatalog(f"none of {len(items)} items can be searched with{why}; give --queries")
    return pairs


def _time_photos(engine: SearchEngine, photos: list[bytes]) -> list[float]:
    """Measure the time of each photo, from its bytes to its hits; the first one warms up."""
    spent = []
    for photo in [*photos[:1], *photos]:
        start = time.perf_counter()
        engine.search(Query(parts=[ImagePart(photo)], limit=DEPTH))
        spent.append((time.perf_counter() - start) * 1e3)
    return spent[1:] or [0.0]


def _first_id(hits: list[Hit]) -> str:
    return hits[0].item_id if hits else ""


def _mean_gains(pairs: list[Pair]) -> dict[str, Estimate]:
    """Return the mean paired difference of each metric; empty if the truth is unknown."""
    if not pairs or pairs[0].first_right is None:
        return {}
    before = np.array([_compute_metrics(pair.first_right or []) for pair in pairs])  # (n, metrics)
    after = np.array([_compute_metrics(pair.second_right or []) for pair in pairs])  # (n, metrics)
    difference = after - before  # (n, metrics)
    return {name: metrics.estimate(difference[:, at]) for at, name in enumerate(_METRICS)}


def _compute_metrics(right: list[bool]) -> tuple[float, float, float]:
    """Compute ``_METRICS`` of one answer."""
    relevant = np.array(right, dtype=np.bool_)
    return (
        metrics.success(relevant, 1),
        metrics.success(relevant, DEPTH),
        metrics.reciprocal_rank(relevant[:DEPTH]),
    )
