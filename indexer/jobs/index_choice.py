"""Choose the index of a generation, and learn from its vectors: confidences and the classifier."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from indexer.classification.classifier import Classifier
from indexer.classification.learn import learn_classifier
from indexer.confidence.calibrate import Fitted, calibrate
from indexer.vectors.canary import check_profile, profile_of
from indexer.vectors.contract import Contract, Targets
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.remote.address import ServerAddress
from indexer.vectors.remote.choosing import choose_on_server
from indexer.vectors.tuning import choose_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.encoders.base import Encoder
    from indexer.jobs.job import Job
    from indexer.jobs.stored_rows import StoredRows
    from indexer.vectors.backend import VectorBackend
    from indexer.vectors.remote.remote_backend import RemoteBackend


class ChosenIndex(NamedTuple):
    """An index, its contract, the calibration of its scores, and the classifier of its items."""

    vectors: VectorBackend
    contract: Contract
    confidence: Fitted
    classifier: Classifier


def choose_index(
    job: Job,
    encoder: Encoder,
    stored: StoredRows,
    targets: Targets,
    *,
    strict: bool,
    like: Contract | None,
    watch: Callable[[int, int], None],
) -> ChosenIndex:
    """Build the index that meets the targets best; fit the confidence of hits and the classifier.

    With ``strict``, raise CannotPromise if no index meets them. ``like`` is the contract of an
    earlier index of the same model: raise IndexCorrupt if the score profile of the new vectors is
    very different. ``watch`` is called with the steps done and their total.
    """
    profile = profile_of(stored.vectors)
    if like is not None:
        check_profile(profile, like.profile)
    index = _build_index(job, stored, targets, strict=strict, watch=watch)
    return ChosenIndex(
        index,
        msgspec.structs.replace(index.contract, profile=profile),
        calibrate(job.store, encoder, index, stored.vectors, stored.rows, stored.records),
        learn_classifier(job.store, encoder, stored.vectors, stored.rows, stored.records),
    )


def _build_index(
    job: Job,
    stored: StoredRows,
    targets: Targets,
    *,
    strict: bool,
    watch: Callable[[int, int], None],
) -> FaissBackend | RemoteBackend:
    """Build the index in this process, or on the server that the targets name."""
    vectors, rows = stored.vectors, stored.numbers
    address = ServerAddress.parse(targets.server) if targets.server else None
    if address is None:
        return FaissBackend(choose_recipe(vectors, rows, targets, strict=strict, watch=watch))
    # Deleted by the next job, with the collection that it names, if this process is killed.
    draft = job.folder.generations / f".{address.engine}.{os.getpid()}.{threading.get_ident()}"
    return choose_on_server(address, draft, vectors, rows, targets, strict=strict, watch=watch)
