"""The reviews of a shop: durable, each once, in an LMDB environment apart from the catalog.

Named databases, and what a key of each leads to::

    meta      ``moods``                       -> the mood of each item (msgpack)
              ``moods version``               -> how often they were stored (msgpack)
    reviews   hash of about, review key       -> the stored review (msgpack)
    ids       review key                      -> key of the review in ``reviews``
    models    language                        -> the shop's own model of moods (.npz)

``about`` is an item or a product. A review key is the hash of the shop's own id of the review, or
else of all its fields, so that a file can be imported twice. Who wrote a review is not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from indexer.enrichment.language import Language
from indexer.enrichment.review import Review
from indexer.enrichment.score import AspectMood, ReviewScorer, ScoredReview
from indexer.enrichment.sentiment import SentimentModel, model_bytes, model_from_bytes
from indexer.layout import REVIEWS
from indexer.store.environment import Environment, exists
from indexer.store.replica import refuse_replica

if TYPE_CHECKING:
    from indexer.store.lmdb_transactions import WriteTransaction

Stored = Literal["stored", "changed", "repeated"]
_DATABASES: Final = ("meta", "reviews", "ids", "models")
_ADVICE: Final = "restore it, or move it away and import the reviews again"
_KEY_BYTES: Final = 16
_AT_ONCE: Final = 2_000  # reviews of a transaction
_JOINT: Final = ". "
_MOODS, _MOODS_VERSION = b"moods", b"moods version"


class StoredReview(msgspec.Struct, frozen=True, kw_only=True):
    """A review with its mood, and the name of the model that found it."""

    review: Review
    positive: float | None
    language: Language | None
    aspects: list[AspectMood]
    model: str = ""


class _About(msgspec.Struct):
    about: str


class _MoodOnly(msgspec.Struct):
    """What is read of a stored review to sum up moods."""

    review: _About
    positive: float | None


class ReviewLog:
    """The reviews of a shop; close it, or use it in a ``with`` block. Safe for threads."""

    def __init__(self, shop: Path, *, create: bool = False) -> None:
        """Open the reviews in the folder of a shop. Errors are those of ``Environment``.

        To write, ``create`` it: a replica has those of its primary, and raises Conflict.
        """
        if create:
            refuse_replica(shop)
        self._environment = Environment(shop / REVIEWS, _DATABASES, create=create, advice=_ADVICE)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._environment.close()

    def __enter__(self) -> ReviewLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def scorer(self) -> ReviewScorer:
        """Return a scorer with the models that the shop has trained. Raises IndexCorrupt."""
        with self._environment.read() as txn:
            found = {name.decode(): data for name, data in txn.entries("models")}
        models: dict[Language, SentimentModel] = {}
        for name, data in found.items():
            model = model_from_bytes(data, f"the model {name!r} of {self._environment.path}")
            models[model.info.language] = model
        return ReviewScorer(models)

    def set_model(self, model: SentimentModel) -> None:
        """Store a model of the shop's own; it replaces the previous one of its language."""
        data = model_bytes(model)
        with self._environment.write() as txn:
            txn.put("models", model.info.language.encode(), data)

    def add(self, reviews: Sequence[Review], scorer: ReviewScorer) -> list[Stored]:
        """Score and store reviews; return what became of each, in their order.

        All are on disk when this returns, or none of them if it raises. A review whose id is known
        replaces the former one if it differs. StoreFull.
        """
        scores = scorer.score_batch([text_of(review) for review in reviews])
        with self._environment.write() as txn:
            return [
                _put(txn, stored_review(review, score, scorer))
                for review, score in zip(reviews, scores, strict=True)
            ]

    def about(self, names: Sequence[str]) -> list[StoredReview]:
        """Return the reviews about items or products, the newest first, those without time last."""
        found: list[StoredReview] = []
        with self._environment.read() as txn:
            for name in dict.fromkeys(names):
                prefix = _hash(name)
                for key, value in txn.entries("reviews", prefix):
                    if not key.startswith(prefix):
                        break
                    found.append(_decode(value))
        return sorted(found, key=lambda one: -(one.review.time or 0.0))

    def rescore(self, scorer: ReviewScorer, progress: Callable[[int, int], None]) -> int:
        """Score all reviews again, in transactions of 2,000; return how many there are."""
        done, start = 0, b""
        with self._environment.read() as txn:
            total = txn.count("reviews")
        while True:
            batch = self._batch(start)
            if not batch:
                return done
            scores = scorer.score_batch([text_of(stored.review) for _, stored in batch])
            with self._environment.write() as txn:
                for (key, stored), score in zip(batch, scores, strict=True):
                    if txn.has("reviews", key):
                        again = stored_review(stored.review, score, scorer)
                        txn.put("reviews", key, msgspec.msgpack.encode(again))
            done += len(batch)
            progress(done, total)
            start = batch[-1][0] + b"\0"

    def moods(self) -> Iterator[tuple[str, float]]:
        """Yield what each review with a mood is about, and its mood."""
        with self._environment.read() as txn:
            for _, value in txn.entries("reviews"):
                stored = msgspec.msgpack.decode(value, type=_MoodOnly)
                if stored.positive is not None:
                    yield stored.review.about, stored.positive

    def set_item_moods(self, moods: Mapping[str, float]) -> None:
        """Store the mood of each item, by its id."""
        with self._environment.write() as txn:
            version = _number(txn.get("meta", _MOODS_VERSION))
            txn.put("meta", _MOODS, msgspec.msgpack.encode(moods))
            txn.put("meta", _MOODS_VERSION, msgspec.msgpack.encode(version + 1))

    def item_moods(self, known: int) -> tuple[int, dict[str, float]] | None:
        """Return the version of the moods of items, and the moods; None if it is the ``known``."""
        with self._environment.read() as txn:
            version = _number(txn.get("meta", _MOODS_VERSION))
            if version == known:
                return None
            stored = txn.get("meta", _MOODS)
            return version, {} if stored is None else _decode_moods(stored)

    def count(self) -> int:
        """Return the number of reviews."""
        with self._environment.read() as txn:
            return txn.count("reviews")

    def _batch(self, start: bytes) -> list[tuple[bytes, StoredReview]]:
        batch: list[tuple[bytes, StoredReview]] = []
        with self._environment.read() as txn:
            for key, value in txn.entries("reviews", start):
                batch.append((bytes(key), _decode(value)))
                if len(batch) == _AT_ONCE:
                    break
        return batch


def open_if_exists(shop: Path) -> ReviewLog | None:
    """Open the reviews of a shop's folder; None if none was ever imported."""
    return ReviewLog(shop) if exists(shop / REVIEWS) else None


def text_of(review: Review) -> str:
    """Return the title and the text of a review as one text."""
    return _JOINT.join(part for part in (review.title, review.text) if part.strip())


def stored_review(review: Review, score: ScoredReview, scorer: ReviewScorer) -> StoredReview:
    """Return a review with its score and the name of the model of its language."""
    return StoredReview(
        review=review,
        positive=score.positive,
        language=score.language,
        aspects=score.aspects,
        model=scorer.model_name(score.language),
    )


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "replace"), digest_size=_KEY_BYTES).digest()


def _review_key(review: Review) -> bytes:
    if review.review_id:
        return _hash(f"id {review.review_id}")
    return blake2b(msgspec.msgpack.encode(review), digest_size=_KEY_BYTES).digest()


def _decode(value: bytes) -> StoredReview:
    return msgspec.msgpack.decode(value, type=StoredReview)


def _number(value: bytes | None) -> int:
    return 0 if value is None else msgspec.msgpack.decode(value, type=int)


def _decode_moods(value: bytes) -> dict[str, float]:
    return msgspec.msgpack.decode(value, type=dict[str, float])


def _put(txn: WriteTransaction, stored: StoredReview) -> Stored:
    review_key = _review_key(stored.review)
    key = _hash(stored.review.about) + review_key
    former = txn.get("ids", review_key)
    outcome: Stored = "stored"
    if former is not None:
        data = txn.get("reviews", former)
        known = None if data is None else _decode(data)
        if known is not None and known.review == stored.review:
            if known.model != stored.model:  # of an earlier version, or trained since
                txn.put("reviews", former, msgspec.msgpack.encode(stored))
            return "repeated"
        txn.delete("reviews", former)
        outcome = "changed"
    txn.put("reviews", key, msgspec.msgpack.encode(stored))
    txn.put("ids", review_key, key)
    return outcome
