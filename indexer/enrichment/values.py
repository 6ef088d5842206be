"""The bundled gazetteer, read once."""

from __future__ import annotations

from functools import lru_cache

from indexer.enrichment.gazetteer import Gazetteer, gazetteer_of


@lru_cache(maxsize=1)
def bundled() -> Gazetteer:
    """Return the bundled values, without those of a shop."""
    return gazetteer_of()
