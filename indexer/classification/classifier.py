"""Tell the category and the attributes of a photo, with a confidence for each label.

A confidence is a logistic curve over the evidence of ``indexer.classification.evidence``, fitted on
products that the head had not seen. ``indexer.classification.fit`` makes a classifier; each
generation has one in ``classifier.npz``.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from indexer.arrayfile import open_arrays
from indexer.classification.evidence import evidence, rivals_of
from indexer.classification.labels import Field
from indexer.classification.ridge import Head
from indexer.classification.votes import find_neighbors
from indexer.confidence.curve import sigmoid
from indexer.errors import IndexCorrupt
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Vectors

    Floats = NDArray[np.float64]

CLASSIFIER = "classifier.npz"
_MOST_BYTES = 4 << 30
COLOR_WEIGHT = 1.0  # of the measured colors beside the unit vector
FORMAT = 1
_LEAD = 1e-6  # of the log odds of the likeliest label over the next one, at least


class Curve(msgspec.Struct, frozen=True):
    """The curves of a field's confidences.

    The first gives the probability of a label by three features: ``weights`` and ``offset``. The
    second falls to 0 where the nearest picture is no more similar than to a picture that shows
    nothing: its middle is the cosine ``known_at``. ``first`` multiplies and shifts the log odds of
    the likeliest label of a picture: being the likeliest, it is right more often than others with
    the same evidence.
    """

    weights: tuple[float, float, float]
    offset: float
    known_at: float
    known_width: float
    first: tuple[float, float] = (1.0, 0.0)

    def confidences(self, features: Floats) -> Floats:
        """Return the confidence of the features (q, l, 4) of ``evidence``: (q, l), in [0, 1].

        Each label is judged on its own, so that those of a picture can be compared.
        """
        return np.asarray(sigmoid(self.log_odds(features)) * self._known(features))

    def calibrated(self, features: Floats, leaves: NDArray[np.int64]) -> Floats:
        """Return the confidences (q, l) with that of the likeliest of the ``leaves`` calibrated."""
        odds = self.log_odds(features)
        own = odds[:, leaves]  # (q, m)
        pictures, likeliest = np.arange(len(own)), own.argmax(axis=1)
        scale, shift = self.first
        stretched = scale * own[pictures, likeliest] + shift
        own[pictures, likeliest] = -np.inf
        odds[pictures, leaves[likeliest]] = np.maximum(stretched, own.max(axis=1) + _LEAD)
        return np.asarray(sigmoid(odds) * self._known(features))

    def log_odds(self, features: Floats) -> Floats:
        """Return the log odds (q, l) of each label, for pictures like those of the shop."""
        return np.asarray(features[..., :3] @ np.array(self.weights) + self.offset)

    def _known(self, features: Floats) -> Floats:
        return sigmoid((features[..., 3] - self.known_at) / self.known_width)


class Facts(msgspec.Struct, frozen=True):
    """Measurements on held-out products from when a field was fitted.

    ``products`` counts those with a label. ``accuracy`` is how often the first label is right, and
    ``error`` the calibration error of its confidence. ``skill`` compares the squared error with
    that of always guessing by frequency: it is the share that the classifier avoids.
    """

    products: int
    accuracy: float
    error: float
    skill: float


class FittedField(NamedTuple):
    """A field with its head and curve, and the labels of the neighbors: truth (n, l)."""

    field: Field
    head: Head
    curve: Curve
    facts: Facts
    truth: NDArray[np.int8]


class _Header(msgspec.Struct, frozen=True):
    format: int
    fields: list[tuple[Field, Curve, Facts]]
    note: str = ""


class Classifier:
    """Gives the confidence of every label of every field for photos. Immutable."""

    def __init__(
        self,
        fields: list[FittedField],
        note: str = "",
        vectors: Vectors | None = None,
        products: NDArray[np.int64] | None = None,
    ) -> None:
        """``vectors`` (n, dim) are the pictures that vote, ``products`` (n,) their products.

        If there is no field, ``note`` says why.
        """
        self.fields = fields
        self.vectors = np.empty((0, 0), dtype=np.float32) if vectors is None else vectors
        self.products = np.empty(0, dtype=np.int64) if products is None else products
        self.note = note
        self._rivals = [rivals_of(fitted.field) for fitted in fields]

    def confidences(self, vectors: Vectors, colors: NDArray[np.float32] | None) -> list[Floats]:
        """Return the confidence of each label, (q, l), for each field in turn.

        ``vectors`` (q, dim) are the photos' unit vectors, and ``colors`` (q, 29) what
        ``style.namedcolors.measure_colors`` found; None leaves the fields of color at 0. A
        category is at least as sure as those below it.
        """
        return self._judged(vectors, colors, lambda fitted, seen: fitted.curve.confidences(seen))

    def calibrated(self, vectors: Vectors, colors: NDArray[np.float32] | None) -> list[Floats]:
        """Return the ``confidences`` with that of the likeliest label of each field calibrated.

        It is as often right as it says, for photos like those of the shop.
        """
        return self._judged(
            vectors,
            colors,
            lambda fitted, seen: fitted.curve.calibrated(seen, leaf_labels(fitted.field)),
        )

    def _judged(
        self,
        vectors: Vectors,
        colors: NDArray[np.float32] | None,
        judge: Callable[[FittedField, Floats], Floats],
    ) -> list[Floats]:
        if not self.fields or not len(vectors):
            return [np.zeros((len(vectors), len(fitted.field.labels))) for fitted in self.fields]
        near = find_neighbors(vectors, self.vectors, self.products)
        found = []
        for fitted, rivals in zip(self.fields, self._rivals, strict=True):
            if fitted.field.of_color and colors is None:
                found.append(np.zeros((len(vectors), len(fitted.field.labels))))
                continue
            features = head_features(vectors, colors if fitted.field.of_color else None)
            scores = fitted.head.scores(features)
            seen = evidence(scores, near.shares(fitted.truth), near.best, rivals)
            found.append(consistent(fitted.field, judge(fitted, seen)))
        return found

    def save(self, path: Path) -> None:
        """Write the classifier to a file. Raises OSError."""
        described = [(fitted.field, fitted.curve, fitted.facts) for fitted in self.fields]
        header = _Header(FORMAT, described, self.note)
        arrays: dict[str, NDArray[np.generic]] = {
            "header": np.frombuffer(msgspec.json.encode(header), dtype=np.uint8),
            "vectors": self.vectors.astype(np.float16),
            "products": self.products,
        }
        for number, fitted in enumerate(self.fields):
            arrays[f"matrix{number}"] = fitted.head.matrix.astype(np.float32)
            arrays[f"offset{number}"] = fitted.head.offset.astype(np.float32)
            arrays[f"truth{number}"] = fitted.truth
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **arrays)
        path.write_bytes(out.getvalue())

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read what ``save`` wrote. Raises IndexCorrupt if it cannot be read."""
        try:
            # From bytes, because NumPy leaves a damaged file open.
            with open_arrays(read_regular(path, _MOST_BYTES), _MOST_BYTES) as file:
                header = decode_json_as(file["header"].tobytes(), _Header)
                if header.format != FORMAT:
                    raise ValueError(f"format {header.format}, this version reads {FORMAT}")
                fields = [
                    FittedField(
                        field,
                        Head(
                            file[f"matrix{number}"].astype(np.float64),
                            file[f"offset{number}"].astype(np.float64),
                        ),
                        curve,
                        facts,
                        file[f"truth{number}"],
                    )
                    for number, (field, curve, facts) in enumerate(header.fields)
                ]
                vectors = file["vectors"].astype(np.float32)
                return cls(fields, header.note, vectors, file["products"])
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error,
                msgspec.MsgspecError) as error:  # fmt: skip
            raise IndexCorrupt(
                f"{path} cannot be read: {error}; run 'vitrine rebuild' to fit it again"
            ) from error


def head_features(vectors: Vectors, colors: NDArray[np.float32] | None) -> Floats:
    """Return the input of a head: the vectors (n, dim), and the measured colors (n, c) if given."""
    if colors is None:
        return vectors.astype(np.float64)
    return np.concatenate([vectors, COLOR_WEIGHT * np.sqrt(colors)], axis=1).astype(np.float64)


def leaf_labels(field: Field) -> NDArray[np.int64]:
    """Return the labels that no other label is below: (m,)."""
    parents = field.parents()
    return np.setdiff1d(np.arange(len(field.labels)), parents[parents >= 0])


def consistent(field: Field, confidences: Floats) -> Floats:
    """Make every category (q, l) at least as sure as those below it."""
    parents = field.parents()
    depth = np.array([label.count("/") for label in field.labels])
    out = confidences.copy()
    for label in np.argsort(-depth, kind="stable"):
        above = int(parents[label])
        if above >= 0:
            out[:, above] = np.maximum(out[:, above], out[:, label])
    return out
