"""The mood of reviews: a linear model on the n-grams of words and letters, small enough to ship.

The score of a text is the sum, over its n-grams, of a weight times how rare the n-gram is (TF-IDF),
divided by the length of the text's TF-IDF vector. Weights and rarities are one byte each. A curve
that was fitted on reviews that the model had not seen turns scores into probabilities.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from indexer.arrayfile import open_arrays
from indexer.confidence.curve import sigmoid
from indexer.durable import replace_file
from indexer.enrichment.language import Language
from indexer.enrichment.ngrams import Counts, Family, batches, count_ngrams
from indexer.errors import EncoderNotFound, IndexCorrupt
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FORMAT: Final = 1
_WEIGHTS: Final = Path(__file__).parent / "weights"
_MOST_BYTES: Final = 64_000_000  # of the arrays of a file
_MOST_BITS: Final = 22
_DAMAGE: Final = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    msgspec.MsgspecError,
)


class SentimentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is beside the weights: how to count, to scale and to calibrate, and what was measured.

    ``slope`` and ``offset`` turn a score into the logit of a probability. ``trained_on`` and
    ``measured`` are for people.
    """

    name: str
    language: Language
    families: list[Family]
    weight_scales: list[float]
    rarity_scale: float
    intercept: float
    slope: float
    offset: float
    trained_on: str
    measured: dict[str, float]
    format: int = FORMAT


class Table(NamedTuple):
    """The buckets of a family: weights and rarities, both (2 ** bits,); rarity 0 is unknown."""

    weights: NDArray[np.int8]
    rarities: NDArray[np.uint8]


class SentimentModel:
    """Scores texts of one language."""

    def __init__(self, info: SentimentInfo, tables: Sequence[Table]) -> None:
        self.info = info
        self.tables = tuple(tables)

    @property
    def name(self) -> str:
        """The name of the weights."""
        return self.info.name

    def score(self, texts: Sequence[str]) -> Floats:
        """Return the score of each clean text, (n,), larger for happier; NaN if no n-gram is known.

        ``clean_text`` makes a clean text.
        """
        out = np.full(len(texts), np.nan)
        for batch in batches(texts):
            chosen = [texts[at] for at in batch]
            total, known = np.zeros(len(chosen)), np.zeros(len(chosen), bool)
            scales = self.info.weight_scales
            for family, table, scale in zip(self.info.families, self.tables, scales, strict=True):
                counts = count_ngrams(chosen, family)
                part, has = self._family_scores(counts, table, len(chosen))
                total += scale * part
                known |= has
            out[batch.start : batch.stop] = np.where(known, total + self.info.intercept, np.nan)
        return out

    def probability(self, texts: Sequence[str]) -> Floats:
        """Return the probability that each clean text is happy, (n,); NaN if none is known."""
        scores = self.score(texts)
        return sigmoid(self.info.slope * scores + self.info.offset)

    def _family_scores(
        self, counts: Counts, table: Table, texts: int
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the part of one family in each score, and whether any n-gram was known."""
        rarities = table.rarities[counts.buckets] * self.info.rarity_scale  # (n,)
        values = (1 + np.log(counts.counts)) * rarities
        length = np.sqrt(np.bincount(counts.texts, values * values, minlength=texts))
        weighted = values * table.weights[counts.buckets]
        sums = np.bincount(counts.texts, weighted, minlength=texts)
        return np.asarray(sums / np.maximum(length, 1e-9), np.float64), length > 0


def model_bytes(model: SentimentModel) -> bytes:
    """Return a model as an .npz file: its arrays, and its description as JSON."""
    arrays: dict[str, NDArray[Any]] = {
        "info": np.frombuffer(msgspec.json.encode(model.info), np.uint8)
    }
    for number, table in enumerate(model.tables):
        arrays[f"weights{number}"], arrays[f"rarities{number}"] = table
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def model_from_bytes(data: bytes, where: str) -> SentimentModel:
    """Read a model from an .npz file. Raise IndexCorrupt, naming ``where``, if it is damaged."""
    try:
        with open_arrays(data, _MOST_BYTES) as arrays:
            info = decode_json_as(arrays["info"].tobytes(), SentimentInfo)
            if info.format != FORMAT:
                raise ValueError(f"format {info.format}, this version reads {FORMAT}")
            tables = [
                Table(arrays[f"weights{number}"], arrays[f"rarities{number}"])
                for number in range(len(info.families))
            ]
        _check(info, tables)
    except _DAMAGE as error:
        raise IndexCorrupt(f"{where} is not a model of reviews: {error}; train it again") from error
    return SentimentModel(info, tables)


def save_model(model: SentimentModel, path: Path) -> None:
    """Write a model to the .npz file ``path``, with its description beside it as JSON.

    Raises CannotWrite.
    """
    replace_file(path, model_bytes(model))
    text = msgspec.json.format(msgspec.json.encode(model.info), indent=2)
    replace_file(path.with_suffix(".json"), text + b"\n")


def load_model(path: Path) -> SentimentModel:
    """Read a model. Raise EncoderNotFound if there is none, IndexCorrupt for a damaged file."""
    try:
        data = read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise EncoderNotFound(
            f"no model of reviews at {path} ({error.strerror or error}); train one: "
            "vitrine reviews train"
        ) from error
    return model_from_bytes(data, str(path))


def _check(info: SentimentInfo, tables: Sequence[Table]) -> None:
    """Raise ValueError if arrays do not have the types and shapes that ``info`` says."""
    if not info.families or len(info.weight_scales) != len(info.families):
        raise ValueError("a scale for each family is expected")
    for family, table in zip(info.families, tables, strict=True):
        if not (1 <= family.shortest <= family.longest <= 8 and 1 <= family.bits <= _MOST_BITS):
            raise ValueError(f"n-grams out of range: {family}")
        shape = (1 << family.bits,)
        if table.weights.dtype != np.int8 or table.rarities.dtype != np.uint8:
            raise ValueError("weights of int8 and rarities of uint8 are expected")
        if table.weights.shape != shape or table.rarities.shape != shape:
            raise ValueError(f"arrays of shape {shape} are expected")


@lru_cache(maxsize=4)
def bundled_model(language: Language) -> SentimentModel | None:
    """Return the model that is installed with Vitrine, or None if there is none of the language."""
    path = _WEIGHTS / f"reviews_{language}.npz"
    return load_model(path) if path.is_file() else None
