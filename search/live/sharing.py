"""What the processes that serve one shop at one address have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from search.live.recall import EffortLevel


class Sharing(Protocol):
    """What an engine shares with those of other processes that answer the same clients."""

    def effort(self, generation: str) -> EffortLevel:
        """Return the effort level of the searches in a generation's index."""
        ...
