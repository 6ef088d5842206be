"""Classify what a photo shows: categories, attributes and colors, with the shop's classifier."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from indexer.classification.classifier import CLASSIFIER, Classifier
from indexer.classification.learn import MEASURED_SIDE, learn_classifier
from indexer.errors import BadQuery, IndexCorrupt
from indexer.jobs.stored_rows import read_rows
from style.namedcolors import measure_colors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Pixels
    from indexer.classification.labels import Field
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store

logger = logging.getLogger("vitrine.search")

MIN_CONFIDENCE = 0.5
COLOR_SIDE = MEASURED_SIDE  # pixels of the shorter side that a photo should be decoded with
_MOST_LABELS = 5


class Label(msgspec.Struct, frozen=True):
    """A category or a value of an attribute, and the probability that the photo shows it."""

    name: str
    confidence: Annotated[float, Meta(description="The probability that it is right.")]


class ShopName(NamedTuple):
    """What a category is called, without those above it, and the probability that it is right.

    ``broad`` ones have others below.
    """

    name: str
    broad: bool
    confidence: float


class MeasuredColor(msgspec.Struct, frozen=True):
    """A color of the product in a photo, measured where the product is."""

    name: str
    share: Annotated[float, Meta(description="Of the product, from 0 to 1.")]
    hex: Annotated[str, Meta(description="The mean of its pixels, such as #cc2a2e.")]


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """The labels of a photo, in the words of the shop's catalog.

    ``categories`` are the deepest that are sure enough, best first; a photo of a top that may be a
    tee or a shirt has the category above both. Fields without a sure label are empty, and ``note``
    says why if the shop's catalog cannot be learned from.
    """

    categories: list[Label]
    attributes: Annotated[
        dict[str, list[Label]],
        Meta(description="The values of each attribute that the photo shows, best first."),
    ]
    colors: Annotated[
        list[MeasuredColor], Meta(description="The main colors of the product, largest first.")
    ]
    note: str = ""


class PhotoClassifier:
    """Classifies photos for one open generation. Thread-safe.

    The classifier is read from the generation when it is first used. A generation of an earlier
    version has none: then it is learned from the store, which takes seconds, and kept in memory.
    """

    def __init__(self, store: Store, encoder: Encoder, folder: Path, *, stored: bool) -> None:
        """``folder`` is that of the generation; ``stored`` is True if it has a classifier."""
        self._store = store
        self._encoder = encoder
        self._path = folder / CLASSIFIER
        self._stored = stored
        self._lock = threading.Lock()
        self._loaded: Classifier | None = None

    def classify(
        self, vector: Embedding, pixels: Pixels, min_confidence: float = MIN_CONFIDENCE
    ) -> Classification:
        """Classify a photo by its unit vector (dim,) and its pixels (h, w, 3).

        Labels below ``min_confidence`` are left out. Raises BadQuery unless that is from 0 to 1.
        """
        if not 0 <= min_confidence <= 1:
            raise BadQuery(
                f"min_confidence must be from 0 to 1, got {min_confidence}", param="min_confidence"
            )
        classifier = self.classifier
        measured = measure_colors(pixels)
        categories: list[Label] = []
        attributes: dict[str, list[Label]] = {}
        found = classifier.calibrated(vector[None], measured.shares[None])
        for fitted, sure in zip(classifier.fields, found, strict=True):
            if fitted.field.is_category:
                categories = _deepest(fitted.field, sure[0], min_confidence)
            elif labels := _best(fitted.field, sure[0], min_confidence):
                attributes[fitted.field.name] = labels
        return Classification(
            categories=categories,
            attributes=attributes,
            colors=[MeasuredColor(*color) for color in measured.named],
            note=classifier.note,
        )

    def names(self, vectors: Sequence[Embedding]) -> list[ShopName | None] | None:
        """Name what each vector (dim,) shows by its surest category.

        A name is None if no category has a confidence of ``MIN_CONFIDENCE``. The result is None
        if the shop's categories cannot be learned. The confidences are not calibrated: that holds
        for photos like those of the shop, and a thing cut out of a scene is unlike them.
        """
        fields = self.classifier.fields
        known = [place for place, fitted in enumerate(fields) if fitted.field.is_category]
        if not known or not len(vectors):
            return None
        sure = self.classifier.confidences(np.stack(vectors), None)[known[0]]  # (q, l)
        field = fields[known[0]].field
        best = [_deepest(field, row, MIN_CONFIDENCE) for row in sure]
        above = {name.rpartition("/")[0] for name in field.labels}
        return [
            ShopName(
                labels[0].name.rpartition("/")[2],
                broad=labels[0].name in above,
                confidence=labels[0].confidence,
            )
            if labels
            else None
            for labels in best
        ]

    @property
    def classifier(self) -> Classifier:
        """The classifier of the generation."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Classifier:
        if self._stored:
            try:
                return Classifier.load(self._path)
            except IndexCorrupt as error:
                logger.warning("%s; it is learned again, until the next build", error)
        stored = read_rows(self._store, self._encoder)
        return learn_classifier(
            self._store, self._encoder, stored.vectors, stored.rows, stored.records
        )


def _deepest(field: Field, sure: NDArray[np.float64], least: float) -> list[Label]:
    """Return the sure categories that no other sure one is below, best first."""
    chosen = {int(at) for at in np.flatnonzero(sure >= least)}
    parents = field.parents()
    above = set()
    for at in chosen:
        parent = int(parents[at])
        while parent >= 0:
            above.add(parent)
            parent = int(parents[parent])
    return _labels(field, sure, sorted(chosen - above))


def _best(field: Field, sure: NDArray[np.float64], least: float) -> list[Label]:
    return _labels(field, sure, np.flatnonzero(sure >= least).tolist())


def _labels(field: Field, sure: NDArray[np.float64], chosen: list[int]) -> list[Label]:
    best = sorted(chosen, key=lambda at: (-sure[at], field.labels[at]))[:_MOST_LABELS]
    return [Label(field.labels[at], round(float(sure[at]), 4)) for at in best]
