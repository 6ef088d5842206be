"""The component of meanings: the vectors of all titles, for shops that have turned it on."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.jobs.components import Component
from indexer.words.meaning import MAX_ITEMS, MEANING, MEANING_SETTING, MeaningIndex
from indexer.words.sentences import SentenceEncoder, UniversalSentenceEncoder

if TYPE_CHECKING:
    from indexer.jobs.job import Job
    from indexer.jobs.stored_rows import StoredRows
    from indexer.shop.shelf import Generation
    from indexer.store.store import Store

logger = logging.getLogger("vitrine.indexer")


def wanted_sentences(store: Store) -> SentenceEncoder | None:
    """Return the encoder of meanings; None if the shop is too large or has not turned it on.

    Raises EncoderNotFound if it is not installed.
    """
    with store.read() as reader:
        is_wanted, items = reader.meta(MEANING_SETTING, 0), reader.count("items")
    if not is_wanted:
        return None
    if items > MAX_ITEMS:
        logger.warning("no index of meanings: %d items are more than %d", items, MAX_ITEMS)
        return None
    return UniversalSentenceEncoder()


def meaning_component(
    stored: StoredRows, encoder: SentenceEncoder, job: Job, serving: Generation | None
) -> Component:
    """Return the component of meanings; vectors of unchanged titles come from ``serving``."""
    earlier = job.folder.generations / serving.name / MEANING if serving else None

    def write(folder: Path) -> None:
        items = (record.item for record in stored.records)
        MeaningIndex.write(folder / MEANING, items, encoder, earlier)

    def check(folder: Path) -> None:
        MeaningIndex.load(folder / MEANING, encoder)

    return Component("meaning", write, check)
