"""Fit a shop's classifier on its own catalog, and measure it on products that it had not seen.

Two predictors are combined: a linear head (``ridge``), which learns from all products, and votes
of the nearest pictures (``votes``), which know rare kinds. Both predict each picture without its
own product, so that the curves are fitted and measured on predictions for unseen products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from indexer.classification.classifier import (
    Classifier,
    Curve,
    Facts,
    FittedField,
    consistent,
    head_features,
    leaf_labels,
)
from indexer.classification.evidence import evidence, rivals_of
from indexer.classification.labels import PRESENT, UNKNOWN, Field, fields_of, truth_of
from indexer.classification.ridge import CrossFitted, cross_fit, folds_of, product_weights
from indexer.classification.votes import Neighbors, find_neighbors
from indexer.confidence.logistic import fit_logistic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from indexer.items import Item

    Floats = NDArray[np.float64]

FEWEST = 15  # products; with fewer there is too little to learn from
NO_FIELDS = "no category or attribute has values that a picture could show"
_FEWEST_LABELED = 40  # products with a label of a field; or half of the products, if that is less
_JUDGED = 6  # best labels of a picture that the curve is fitted on
_MOST_JUDGED = 20_000  # pictures that the curve is fitted on
_MOST_NUMBERS = 2_000_000  # pictures times labels that the curve is fitted on
_BLOCK = 1024  # pictures whose confidences are computed at once
_RARE = 0.03  # share of the pictures that may count as unlike the shop's
_KNOWN_AT = 0.4  # of the span from pictures without a product to the least similar products
_KNOWN_WIDTH = 0.1  # of the same span
_LEAST_SPAN = 0.02
_LEAST_SKILL = 0.15  # below that, pictures do not show the field or the category: "on sale", say
_BINS = 10


class Pictures(NamedTuple):
    """The pictures to learn from: unit vectors (n, dim), the item and product of each (n,).

    ``colors`` (n, 29) are measured by ``style.namedcolors.measure_colors``; a row of zeros stands
    for a picture that was not measured.
    """

    items: Sequence[Item]
    vectors: Vectors
    products: NDArray[np.int64]
    colors: NDArray[np.float32]


class FieldFit(NamedTuple):
    """A fitted field, and the confidences (n, l) of each picture without its own product."""

    fitted: FittedField
    confidences: Floats


def fit_classifier(pictures: Pictures, blanks: Vectors, colors: frozenset[str]) -> Classifier:
    """Fit the fields that can be seen in the pictures; if there is none, a note says why.

    ``blanks`` (b, dim) are the vectors of pictures without a product. ``colors`` are known names of
    colors. Deterministic.
    """
    fits = fit_fields(pictures, blanks, fields_of(pictures.items, colors))
    if not fits:
        return Classifier([], NO_FIELDS)
    kept = [fit.fitted for fit in fits if fit.fitted.facts.skill >= _LEAST_SKILL]
    if not kept:
        return Classifier([], "the pictures do not show the categories and attributes of this shop")
    return Classifier(kept, "", pictures.vectors, pictures.products)


def fit_fields(
    pictures: Pictures,
    blanks: Vectors,
    fields: Sequence[Field],
    left_out: NDArray[np.bool_] | None = None,
) -> list[FieldFit]:
    """Fit these fields, except those with a label on too few products.

    Categories that the pictures do not show are left out, unless they show none. Nothing is learned
    from the pictures that are ``left_out`` (n,).
    """
    if not fields:  # every picture would be compared with every other
        return []
    products, vectors = pictures.products, pictures.vectors
    folds = folds_of(products)
    weights = product_weights(products)
    near = find_neighbors(vectors, vectors, products, own=products)
    blank_best = find_neighbors(blanks, vectors, products).best
    measured = pictures.colors.any(axis=1)  # (n,)

    def fitted(field: Field) -> FieldFit | None:
        truth = truth_of(pictures.items, field)
        if field.of_color:
            truth[~measured] = UNKNOWN
        if left_out is not None:
            truth[left_out] = UNKNOWN
        known = truth[:, 0] != UNKNOWN
        labeled = len(np.unique(products[(truth == PRESENT).any(axis=1)]))
        if labeled < max(FEWEST, min(_FEWEST_LABELED, len(np.unique(products)) / 2)):
            return None
        features = head_features(vectors, pictures.colors if field.of_color else None)
        targets = (truth == PRESENT).astype(np.float64)
        crossed = cross_fit(features, targets, weights * known, folds)
        predictions = _Predictions(field, truth, crossed, near, blank_best)
        return _fit_field(predictions, weights * known)

    found = []
    for field in fields:
        fit = fitted(field)
        if fit is not None and field.is_category:
            shown = _shown_labels(fit, weights)
            if 0 < len(shown) < len(field.labels):
                fit = fitted(msgspec.structs.replace(field, labels=shown)) or fit
        if fit is not None:
            found.append(fit)
    return found


def _shown_labels(fit: FieldFit, weights: Floats) -> tuple[str, ...]:
    """Return the labels that pictures show: not "new collection", which is of any product."""
    known = fit.fitted.truth[:, 0] != UNKNOWN
    truth = fit.fitted.truth[known] == PRESENT
    errors, guesses = _errors(truth, fit.confidences[known], weights[known])
    shown = errors <= (1 - _LEAST_SKILL) * guesses
    return tuple(np.array(fit.fitted.field.labels, dtype=object)[shown].tolist())


class _Predictions(NamedTuple):
    """The predictions that the curve of a field is fitted on; all are without the own product.

    ``blank_best`` (b,) are the similarities of pictures without a product to the nearest picture.
    """

    field: Field
    truth: NDArray[np.int8]
    crossed: CrossFitted
    near: Neighbors
    blank_best: Floats

    def features(self, rows: NDArray[np.int64], rivals: NDArray[np.bool_]) -> Floats:
        """Return the evidence of some pictures, without their own products: (r, l, 4)."""
        near = self.near.select(rows)
        return evidence(self.crossed.scores[rows], near.shares(self.truth), near.best, rivals)


def _fit_field(predictions: _Predictions, weights: Floats) -> FieldFit:
    field, truth, rivals = predictions.field, predictions.truth, rivals_of(predictions.field)
    curve = _curve(predictions, rivals, weights)
    leaves = leaf_labels(field)
    confidences, calibrated = np.empty(truth.shape), np.empty(truth.shape)
    for start in range(0, len(truth), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(truth)))
        features = predictions.features(rows, rivals)
        confidences[rows] = consistent(field, curve.confidences(features))
        calibrated[rows] = consistent(field, curve.calibrated(features, leaves))
    facts = _facts(field, truth, confidences, calibrated, weights)
    return FieldFit(FittedField(field, predictions.crossed.head, curve, facts, truth), confidences)


def _curve(predictions: _Predictions, rivals: NDArray[np.bool_], weights: Floats) -> Curve:
    """Fit the curve of labels on the best ones of each picture, and that of similarity."""
    used = np.flatnonzero(weights > 0)
    known_at, known_width = _similarity(predictions.near.best[used], predictions.blank_best)
    most = min(_MOST_JUDGED, max(1, _MOST_NUMBERS // len(rivals)))
    if len(used) > most:
        used = np.random.default_rng(0).choice(used, most, replace=False)
    features = predictions.features(used, rivals)
    labels = np.argsort(-(features[:, :, 0] + features[:, :, 2]), axis=1)[:, :_JUDGED]  # (u, j)
    present = predictions.truth[used] == PRESENT  # (u, l)
    (score, margin, votes), offset = fit_logistic(
        np.take_along_axis(features[:, :, :3], labels[:, :, None], axis=1).reshape(-1, 3),
        np.take_along_axis(present, labels, axis=1).ravel(),
        np.broadcast_to(weights[used, None], labels.shape).ravel(),
    )
    curve = Curve((float(score), float(margin), float(votes)), offset, known_at, known_width)
    leaves = leaf_labels(predictions.field)
    odds = curve.log_odds(features)[:, leaves]  # (u, m)
    likeliest = odds.argmax(axis=1)
    labeled = np.flatnonzero(present[:, leaves].any(axis=1))
    if not len(labeled):
        return curve
    first = likeliest[labeled]
    (scale,), shift = fit_logistic(
        odds[labeled, first, None], present[labeled, leaves[first]], weights[used[labeled]]
    )
    return msgspec.structs.replace(curve, first=(float(scale), shift))


def _similarity(best: Floats, blank_best: Floats) -> tuple[float, float]:
    """Return the middle and the width of the curve of similarity.

    The curve is low for blank pictures and near 1 for nearly all others. If blank pictures are as
    similar as the others, it is 1 everywhere.
    """
    low = float(np.quantile(best, _RARE)) if len(best) else 0.0
    floor = float(np.median(blank_best)) if len(blank_best) else low
    span = low - floor
    if span <= _LEAST_SPAN:
        return -2.0, 0.05
    return floor + _KNOWN_AT * span, _KNOWN_WIDTH * span


def _facts(
    field: Field,
    truth: NDArray[np.int8],
    confidences: Floats,
    calibrated: Floats,
    weights: Floats,
) -> Facts:
    """Measure the cross-fitted confidences on the pictures with known labels."""
    known = weights > 0
    present, confidences, weights = truth[known] == PRESENT, confidences[known], weights[known]
    leaves = leaf_labels(field)
    sure = calibrated[known][:, leaves]
    rows, first = np.arange(len(present)), sure.argmax(axis=1)
    right = present[:, leaves][rows, first]
    labeled = present[:, leaves].any(axis=1)
    accuracy = float(np.average(right[labeled], weights=weights[labeled])) if labeled.any() else 0.0
    errors, guesses = _errors(present, confidences, weights)
    return Facts(
        int(labeled.sum()),
        round(accuracy, 4),
        round(calibration_error(sure[rows, first], right), 4),
        round(1 - float(errors.sum() / guesses.sum()), 4) if guesses.any() else 0.0,
    )


def _errors(
    truth: NDArray[np.bool_], confidences: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Return the squared errors of each label, (l,) each: of confidences, and of its frequency."""
    rate = np.average(truth, axis=0, weights=weights)  # (l,)
    weight = weights[:, None]
    return (weight * (truth - confidences) ** 2).sum(axis=0), (weight * (truth - rate) ** 2).sum(0)


def calibration_error(confidence: Floats, right: NDArray[np.bool_]) -> float:
    """Return the mean gap between confidence and share right over ten equal bins; n = 0 gives 0."""
    if not len(confidence):
        return 0.0
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gap = 0.0
    for number in range(_BINS):
        inside = bins == number
        if inside.any():
            gap += inside.sum() * abs(confidence[inside].mean() - right[inside].mean())
    return float(gap / len(confidence))
