"""Make the answerer of a shop from its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.enrichment import faqlog, reviewlog
from indexer.errors import EncoderNotFound
from indexer.words.sentences import UniversalSentenceEncoder
from search.asking.answerer import Answerer, ShopSearch
from search.asking.faqmatcher import FaqMatcher

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.words.sentences import SentenceEncoder


def open_answerer(shop: Path, engine: ShopSearch, contact: str = "") -> Answerer:
    """Return an answerer of questions about a shop, with its FAQ and reviews as they are now.

    Meanings are compared by the installed sentence encoder, if the FAQ has vectors.
    """
    log = faqlog.open_if_exists(shop)
    entries = []
    if log is not None:
        with log:
            entries = log.entries()
    encoder = installed_encoder() if any(stored.vector for stored in entries) else None
    return Answerer(engine, FaqMatcher(entries, encoder), reviewlog.open_if_exists(shop), contact)


def installed_encoder() -> SentenceEncoder | None:
    """Return the sentence encoder, or None without the extra ``words``."""
    try:
        return UniversalSentenceEncoder()
    except EncoderNotFound:
        return None
