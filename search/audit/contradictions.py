"""Find labels that contradict their pictures, such as a shoe in the category of hats.

The label of a product is judged by a classifier that was fitted without the product. How sure one
can be is learned from planted errors: every label is replaced by wrong ones, and a logistic curve
separates the planted from the given labels. The given labels have errors too; those that look
planted count less in the next round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.classification.evidence import rivals_of
from indexer.classification.labels import PRESENT, UNKNOWN
from indexer.confidence.curve import sigmoid
from search.audit.planting import error_confidences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.classification.fit import FieldFit
    from indexer.classification.labels import Field

    Floats = NDArray[np.float64]
    Truth = NDArray[np.bool_]

_PLANTS = 8  # wrong labels that each label is replaced by
_ERROR_RATE = 0.08  # of labels, assumed before looking; a lower rate finds fewer of the errors
_VISIBLE = 0.25  # how much surer a label is of its own products than of others, on average
_TOGETHER = 0.05  # labels of more common products than that do not exclude each other
_FEWEST_GROUPS = 8
_EDGE = 1e-6


class Contradiction(NamedTuple):
    """A group of pictures whose label is probably wrong: positions, labels, and the confidence."""

    members: NDArray[np.int64]
    given: int
    suggested: int
    suggested_confidence: float
    confidence: float


class _Groups(NamedTuple):
    """Pictures of one product with the same labels: log odds (g, l), truth (g, l), and members."""

    odds: Floats
    truth: Truth
    members: list[NDArray[np.int64]]


class _Claims(NamedTuple):
    """Labels to judge: the group, the label, its best alternative (c,) and the features (c, 2)."""

    group: NDArray[np.int64]
    label: NDArray[np.int64]
    alternative: NDArray[np.int64]
    features: Floats


def contradictions(fit: FieldFit, products: NDArray[np.int64]) -> list[Contradiction]:
    """Judge every given label of a field; return all judgments, surest first.

    ``products`` (n,) numbers the product of each picture of the fit. [] if too few labels show in
    the pictures.
    """
    groups = _groups(fit, products)
    deepest = _deepest(fit.fitted.field, groups)
    judged = np.asarray(deepest.any(axis=0))
    exclusive = _exclusive(fit, groups, judged)
    given = _claims(groups, exclusive, deepest & np.asarray(exclusive.any(axis=1))[None])
    if len(np.unique(given.group)) < _FEWEST_GROUPS:
        return []
    planted = _planted(groups, exclusive, given, np.random.default_rng(0))
    confidences = error_confidences(given.features, planted, _ERROR_RATE)
    parents = fit.fitted.field.parents()
    found = []
    for at in np.argsort(-confidences, kind="stable").tolist():
        group = int(given.group[at])
        odds = groups.odds[group]
        suggested = _probable_below(int(given.alternative[at]), parents, odds)
        found.append(
            Contradiction(
                groups.members[group],
                int(given.label[at]),
                suggested,
                float(sigmoid(odds[suggested])),
                float(confidences[at]),
            )
        )
    return found


def _probable_below(label: int, parents: NDArray[np.int64], odds: Floats) -> int:
    """Return the deepest label at or below ``label`` that is more probable than not."""
    below = np.flatnonzero(parents == label)
    while len(below) and odds[below].max() > 0:
        label = int(below[odds[below].argmax()])
        below = np.flatnonzero(parents == label)
    return label


def _groups(fit: FieldFit, products: NDArray[np.int64]) -> _Groups:
    truth = fit.fitted.truth
    keys: dict[tuple[int, bytes], list[int]] = {}
    for row in np.flatnonzero(truth[:, 0] != UNKNOWN).tolist():
        keys.setdefault((int(products[row]), truth[row].tobytes()), []).append(row)
    members = [np.array(rows, dtype=np.int64) for rows in keys.values()]
    sure = np.clip(fit.confidences, _EDGE, 1 - _EDGE)
    odds = np.log(sure / (1 - sure))  # (n, l)
    count = truth.shape[1]
    return _Groups(
        np.array([odds[rows].mean(axis=0) for rows in members]).reshape(-1, count),
        np.array([truth[rows[0]] == PRESENT for rows in members]).reshape(-1, count),
        members,
    )


def _deepest(field: Field, groups: _Groups) -> Truth:
    """Return the given labels to judge, (g, l): those shown in pictures, and none shown below them.

    A collection below a category is often not shown: then the category is judged.
    """
    shown = groups.truth & _visible(groups)[None]
    below = np.zeros_like(shown)  # whether a label that is shown is below
    parents = field.parents()
    depth = np.array([label.count("/") for label in field.labels])
    for label in np.argsort(-depth, kind="stable"):
        above = int(parents[label])
        if above >= 0:
            below[:, above] |= shown[:, label] | below[:, label]
    return shown & ~below


def _exclusive(fit: FieldFit, groups: _Groups, judged: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which labels exclude each other, (l, l): rivals that hardly any product has together.

    Labels that are not ``judged`` (l,) exclude nothing.
    """
    together = groups.truth.T.astype(np.int64) @ groups.truth.astype(np.int64)  # (l, l)
    own = np.diag(together)
    least = np.minimum(own[:, None], own[None, :])
    rivals = rivals_of(fit.fitted.field) & (together <= _TOGETHER * least)
    return rivals & judged[None, :] & judged[:, None]


def _visible(groups: _Groups) -> NDArray[np.bool_]:
    """Return which labels pictures show, (l,): those surer for products that have them."""
    sure = sigmoid(groups.odds)
    own, others = groups.truth.sum(axis=0), (~groups.truth).sum(axis=0)  # (l,) each
    with_label = (sure * groups.truth).sum(axis=0) / np.maximum(own, 1)
    without = (sure * ~groups.truth).sum(axis=0) / np.maximum(others, 1)
    return np.asarray((own > 0) & (with_label - without >= _VISIBLE))


def _claims(groups: _Groups, exclusive: NDArray[np.bool_], claimed: Truth) -> _Claims:
    """Find the best alternative of each claim: a label that excludes it, and is not given."""
    group, label = np.nonzero(claimed)
    allowed = exclusive[label] & ~groups.truth[group]  # (c, l)
    return _judged(groups, group, label, allowed)


def _judged(
    groups: _Groups,
    group: NDArray[np.int64],
    label: NDArray[np.int64],
    allowed: NDArray[np.bool_],
) -> _Claims:
    possible = allowed.any(axis=1)
    group, label, allowed = group[possible], label[possible], allowed[possible]
    odds = np.where(allowed, groups.odds[group], -np.inf)  # (c, l)
    alternative = odds.argmax(axis=1)
    found = np.take_along_axis(odds, alternative[:, None], axis=1)[:, 0]
    features = np.column_stack([found, -groups.odds[group, label]])
    return _Claims(group, label, alternative, features)


def _planted(
    groups: _Groups, exclusive: NDArray[np.bool_], given: _Claims, rng: np.random.Generator
) -> Floats:
    """Return the features (p, 2) of labels that were replaced by wrong ones."""
    frequency = groups.truth.sum(axis=0).astype(np.float64)  # (l,)
    parts = []
    for _ in range(_PLANTS):
        wrong = exclusive[given.label] & ~groups.truth[given.group]  # (c, l)
        draw = rng.random(wrong.shape) ** (1 / np.maximum(frequency, 1e-9))  # weighted choice
        planted = np.where(wrong, draw, -1.0).argmax(axis=1)
        allowed = exclusive[planted] & ~groups.truth[given.group]
        rows = np.arange(len(planted))
        allowed[rows, given.label] = exclusive[planted, given.label]
        allowed[rows, planted] = False
        parts.append(_judged(groups, given.group, planted, allowed).features)
    return np.concatenate(parts)
