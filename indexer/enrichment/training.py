"""Train a model of reviews: ``python -m indexer.enrichment.training FILE --text COLUMN ...``.

Two linear models are fitted on the same n-grams and their scores are added: ridge regression on the
stars, which also says how happy, and logistic regression on n-grams that are weighted by how
differently the two classes use them (Wang and Manning, 2012). A sum of linear models is one linear
model, so one number for each n-gram is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from indexer.confidence.curve import sigmoid
from indexer.enrichment.language import Language
from indexer.enrichment.measures import mood_measures
from indexer.enrichment.ngrams import Family, batches, clean_text, count_ngrams
from indexer.enrichment.sentiment import SentimentInfo, SentimentModel, Table
from indexer.errors import BadCatalog, EncoderNotFound
from indexer.progress import Progress, no_progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FAMILIES: Final[dict[Language, tuple[Family, ...]]] = {
    "en": (
        Family("word", 1, 3, 19),
        Family("word", 1, 2, 17, "opening"),
        Family("word", 1, 2, 17, "ending"),
    ),
    "zh": (
        Family("letter", 1, 3, 19),
        Family("letter", 1, 3, 17, "opening"),
        Family("letter", 1, 3, 17, "ending"),
    ),
}
FEWEST: Final = 50  # reviews of each class
_FOLDS: Final = 5
_RIDGE: Final = 1.0
_PART_SCALE: Final = 0.5  # of the features of an opening or ending
_LOGISTIC: Final = 10.0  # inverse of its regularization
_STARS_OF_CLASS: Final = 2.0  # how much the class adds to the stars, in stars
_RARER_CLASS: Final = 0.17  # power of the odds of the classes
_RAREST: Final = 2  # reviews that an n-gram must be in
_LARGEST_RARITY: Final = 255


class Labeled(NamedTuple):
    """Reviews to learn from: texts, whether each is happy, (n,), and stars, (n,), if known."""

    texts: Sequence[str]
    positive: NDArray[np.bool_]
    stars: Floats | None = None


class _Fitted(NamedTuple):
    """Of each family the rarity and the weight of every n-gram, (2 ** bits,) each."""

    rarities: list[Floats]
    weights: list[Floats]
    intercept: float


def train(
    data: Labeled,
    language: Language,
    *,
    name: str,
    trained_on: str,
    progress: Progress | None = None,
    families: Sequence[Family] | None = None,
) -> SentimentModel:
    """Fit a model, calibrated and measured by cross-validation on five parts.

    Raises BadCatalog for fewer than 50 reviews of a class, EncoderNotFound without scikit-learn.
    """
    _require_sklearn()
    families = tuple(families or FAMILIES[language])
    happy = int(data.positive.sum())
    if min(happy, len(data.positive) - happy) < FEWEST:
        raise BadCatalog(
            f"expected at least {FEWEST} happy and {FEWEST} unhappy reviews, got {happy} and "
            f"{len(data.positive) - happy}; give more rows"
        )
    show = progress or no_progress
    matrices = [_count(data.texts, family) for family in families]
    scales = [1.0 if family.part == "all" else _PART_SCALE for family in families]
    folds = np.random.default_rng(0).integers(0, _FOLDS, len(data.positive))
    scores = np.zeros(len(data.positive))
    for fold in range(_FOLDS):
        show("fold", fold, _FOLDS + 1)
        outside = np.flatnonzero(folds == fold)
        fitted = _fit_on(matrices, data, np.flatnonzero(folds != fold), scales)
        scores[outside] = _scores(fitted, matrices, outside)
    show("fold", _FOLDS, _FOLDS + 1)
    slope, offset = _curve(scores, data.positive)
    measured = mood_measures(sigmoid(slope * scores + offset), data.positive)
    fitted = _fit_on(matrices, data, np.arange(len(data.texts)), scales)
    show("fold", _FOLDS + 1, _FOLDS + 1)
    info = SentimentInfo(
        name=name,
        language=language,
        families=list(families),
        weight_scales=[],
        rarity_scale=max(float(part.max()) for part in fitted.rarities) / _LARGEST_RARITY,
        intercept=fitted.intercept,
        slope=slope,
        offset=offset,
        trained_on=trained_on,
        measured={key: round(value, 4) for key, value in measured.items()},
    )
    return _quantized(info, fitted)


def _require_sklearn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise EncoderNotFound(
            "training a model of reviews needs the extra reviews; run pip install "
            "'vitrine[reviews]'"
        ) from None


def _count(texts: Sequence[str], family: Family) -> Any:
    """Return the counts of n-grams, damped, as a sparse matrix: (texts, 2 ** bits)."""
    from scipy.sparse import csr_matrix

    parts = []
    for batch in batches(texts):
        counts = count_ngrams([clean_text(texts[at]) for at in batch], family)
        values = (1 + np.log(counts.counts)).astype(np.float32)
        parts.append((values, counts.texts + batch.start, counts.buckets))
    values, rows, columns = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return csr_matrix((values, (rows, columns)), shape=(len(texts), 1 << family.bits))


def _rarities(matrix: Any) -> Floats:
    """Return the inverse document frequency of each n-gram; 0 for those that are too rare."""
    texts, buckets = matrix.shape
    found = np.bincount(matrix.indices, minlength=buckets)  # (buckets,)
    rarity = np.log((1 + texts) / (1 + found)) + 1
    return np.where(found >= _RAREST, rarity, 0.0)


def _weighted(matrix: Any, rarities: Floats, rows: NDArray[Any]) -> Any:
    """Return the unit TF-IDF rows of one family: (rows, known n-grams)."""
    from scipy.sparse import diags

    known = np.flatnonzero(rarities)
    part = matrix[rows][:, known] @ diags(rarities[known].astype(np.float32))
    length = np.sqrt(np.asarray(part.multiply(part).sum(axis=1)).ravel())
    return (diags((1 / np.maximum(length, 1e-9)).astype(np.float32)) @ part).tocsr()


def _scores(fitted: _Fitted, matrices: Sequence[Any], rows: NDArray[Any]) -> Floats:
    """Return the scores of the rows: (rows,)."""
    total = np.full(len(rows), fitted.intercept)
    for matrix, rarities, weights in zip(matrices, fitted.rarities, fitted.weights, strict=True):
        total += _weighted(matrix, rarities, rows) @ weights[rarities > 0]
    return total


def _fit_on(
    matrices: Sequence[Any], data: Labeled, rows: NDArray[Any], scales: Sequence[float]
) -> _Fitted:
    """Fit both models on the rows, and add them with equal spread. ``scales`` are of families."""
    from scipy.sparse import diags, hstack
    from sklearn.linear_model import LogisticRegression, Ridge

    rarities = [_rarities(matrix[rows]) for matrix in matrices]
    parts = [
        scale * _weighted(matrix, values, rows)
        for matrix, values, scale in zip(matrices, rarities, scales, strict=True)
    ]
    features = hstack(parts).tocsr()
    positive = data.positive[rows]
    target = _STARS_OF_CLASS * positive
    if data.stars is not None:
        target = target + data.stars[rows]
    ridge = Ridge(alpha=_RIDGE, solver="sparse_cg", tol=1e-3).fit(features, target)
    ratio = _class_ratio(features, positive)
    logistic = LogisticRegression(C=_LOGISTIC, solver="liblinear", random_state=0)
    logistic.fit(features @ diags(ratio.astype(np.float32)), positive)
    first = np.asarray(ridge.coef_, np.float64).ravel()
    second = np.asarray(logistic.coef_, np.float64).ravel() * ratio
    spread = [float(np.std(features @ weights)) or 1.0 for weights in (first, second)]
    joined = first / spread[0] + second / spread[1]
    weights, start = [], 0
    for values, scale in zip(rarities, scales, strict=True):
        full = np.zeros(len(values))
        count = int((values > 0).sum())
        full[values > 0] = scale * joined[start : start + count]
        start += count
        weights.append(full)
    return _Fitted(rarities, weights, -float(np.mean(features @ joined)))


def _class_ratio(features: Any, positive: NDArray[np.bool_]) -> Floats:
    """Return how differently the classes use each n-gram: |log of the ratio of its shares|."""
    happy = np.asarray(features[positive].sum(axis=0), np.float64).ravel() + 0.5
    unhappy = np.asarray(features[~positive].sum(axis=0), np.float64).ravel() + 0.5
    return np.asarray(np.abs(np.log((happy / happy.sum()) / (unhappy / unhappy.sum()))))


def _curve(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit the slope and the offset from score to logit on scores of unseen reviews.

    The rarer class weighs a little more: its F1 at 0.5 rises by 0.014 where a fifth of the reviews
    is unhappy, and the calibration error does not.
    """
    from sklearn.linear_model import LogisticRegression

    odds = float(positive.sum()) / float((~positive).sum())
    weights = np.where(positive, 1.0, odds**_RARER_CLASS)
    fitted = LogisticRegression(C=1e6).fit(scores[:, None], positive, sample_weight=weights)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _quantized(info: SentimentInfo, fitted: _Fitted) -> SentimentModel:
    """Return the model with weights and rarities of one byte each."""
    tables, scales = [], []
    for rarities, weights in zip(fitted.rarities, fitted.weights, strict=True):
        scale = float(np.abs(weights).max()) / 127 or 1.0
        steps = np.rint(rarities / info.rarity_scale)
        tables.append(Table(np.rint(weights / scale).astype(np.int8), steps.astype(np.uint8)))
        scales.append(scale)
    return SentimentModel(msgspec.structs.replace(info, weight_scales=scales), tables)
