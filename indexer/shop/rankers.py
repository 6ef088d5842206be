"""The trained rankers of recommendations: each belongs to a generation, and changes with it.

A ranker is found by the seal of its generation's manifest, so that it is that of the same
generation in a snapshot and on a replica, where generations have other numbers. The rankers of all
generations are in one file of the shop's folder: a generation's own files never change, and a
ranker is trained while its generation serves. A generation that is built with the same encoder
takes over the ranker that serves; one that has none ranks without training.
"""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from indexer.durable import replace_file
from indexer.errors import IndexCorrupt, VitrineError
from indexer.jsonbytes import decode_json_as
from indexer.layout import RANKERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.shop.folder import ShopFolder

logger = logging.getLogger("vitrine.indexer")


class Ranker(msgspec.Struct, frozen=True, kw_only=True):
    """What each feature of a recommendation counts, by its name, and how that was judged.

    ``scale`` is a number of the version, raised if features change: other rankers are not used.
    ``ndcg`` is the mean nDCG@10 over the later events on which it was tested, ``ndcg_untrained``
    that of the weights that need no training. ``trained`` is a time in UTC, RFC 3339.
    """

    scale: int
    weights: dict[str, float]
    trained: str
    ndcg: float
    ndcg_untrained: float
    test_events: int


def read_rankers(path: Path) -> dict[str, Ranker]:
    """Read rankers, by the seals of their generations, from a shop's file; {} without one.

    Raises IndexCorrupt if the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        return decode_json_as(path.read_bytes(), dict[str, Ranker])
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise IndexCorrupt(
            f"{path} cannot be read: {error}; delete it, and run 'vitrine train-ranker' again"
        ) from error


def set_ranker(folder: ShopFolder, seal: str, ranker: Ranker | None) -> None:
    """Set the ranker of a generation, or delete it; those of deleted generations are left out.

    Raises IndexCorrupt if the file is damaged, CannotWrite.
    """
    with _locked(folder):
        path = folder.path / RANKERS
        kept = _seals(folder)
        rankers = {name: one for name, one in read_rankers(path).items() if name in kept}
        if ranker is None:
            rankers.pop(seal, None)
        else:
            rankers[seal] = ranker
        replace_file(path, msgspec.json.format(msgspec.json.encode(rankers), indent=2) + b"\n")


def take_over(folder: ShopFolder, before: str, name: str) -> None:
    """Give the ranker of the generation with the seal ``before`` to the one of a name as well.

    If that fails, the log says why, and the other generation ranks without training.
    """
    try:
        ranker = read_rankers(folder.path / RANKERS).get(before)
        if ranker is not None:
            set_ranker(folder, folder.manifest(name).seal, ranker)
    except VitrineError as error:
        logger.warning("the new generation has no trained ranker: %s", error)


@contextmanager
def _locked(folder: ShopFolder) -> Iterator[None]:
    """Lock the file of rankers: a build may take one over while another is trained."""
    descriptor = os.open(folder.generations, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _seals(folder: ShopFolder) -> set[str]:
    seals = set()
    for name in folder.names():
        with suppress(VitrineError):  # a damaged generation does not serve
            seals.add(folder.manifest(name).seal)
    return seals
