"""Choose the thing that a photo is meant to show, and search with it and the whole photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.arrays import unit
from search.recognition.look import search_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Embedding
    from indexer.imaging.images import Box
    from indexer.recognizers.base import Thing

MOST_CANDIDATES = 5
_WHOLE_AREA = 0.85  # a thing larger than this is the photo
_CROP_WEIGHT = 0.85  # of a thing that clearly matches better; the rest is the whole photo's
_CLEAR_GAIN = 0.1  # cosine by which such a thing matches better than the whole photo
_PRIOR_WEIGHT = 0.06  # of the logarithm of the prior, beside the cosine of the best hit


class Candidate(NamedTuple):
    """A region that the photo may be meant to show, and how plausible its place and size are."""

    box: Box
    prior: float


class Meant(NamedTuple):
    """The region that is meant, None for the whole photo, and the vector (dim,) to search with."""

    box: Box | None
    vector: Embedding


def candidates(things: Sequence[Thing]) -> list[Candidate]:
    """Return the regions worth searching with, the most plausible first.

    Large things near the center are plausible. A photo filled by one thing has none.
    """
    found = []
    for thing in things:
        x0, y0, x1, y1 = thing.box
        area = (x1 - x0) * (y1 - y0)
        if area > _WHOLE_AREA:
            continue
        off = np.hypot((x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5) / np.hypot(0.5, 0.5)
        prior = thing.score * area**0.5 * (1 - 0.5 * off)
        found.append(Candidate(search_box(thing.box), float(prior)))
    found.sort(key=lambda candidate: -candidate.prior)
    return found[:MOST_CANDIDATES]


def choose(
    regions: Sequence[Candidate],
    whole: Embedding,
    crops: Sequence[Embedding],
    whole_score: float,
    scores: Sequence[float],
    *,
    any_close: bool = True,
) -> Meant:
    """Choose among the regions and the whole photo.

    ``crops`` are the vectors (dim,) of the regions, ``scores`` and ``whole_score`` the cosines of
    their best hits. A region weighs as much as it matches better: small gains are mostly noise.
    Unless ``any_close``, the shop sells nothing like the photo or a region of it, so that scores
    say little; then the most plausible region is meant.
    """
    if not regions:
        return Meant(None, whole)
    if not any_close:
        return Meant(regions[0].box, _fused(_CROP_WEIGHT, crops[0], whole))
    priors = np.array([region.prior for region in regions])
    merit = np.array(scores) + _PRIOR_WEIGHT * np.log(np.maximum(priors, 1e-6) / priors.max())
    best = int(merit.argmax())
    gain = scores[best] - whole_score
    if gain <= 0:
        return Meant(None, whole)
    weight = _CROP_WEIGHT * min(gain / _CLEAR_GAIN, 1)
    return Meant(regions[best].box, _fused(weight, crops[best], whole))


def _fused(weight: float, crop: Embedding, whole: Embedding) -> Embedding:
    return unit(weight * crop + (1 - weight) * whole)
