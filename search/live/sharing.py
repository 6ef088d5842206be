"""Share state between the processes that serve one shop at one address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from search.live.recall import EffortLevel


class Sharing(Protocol):
    """The state that an engine shares with the engines of other processes for the same clients."""

    def effort(self, generation: str) -> EffortLevel:
        """Return the effort level of the searches in a generation's index."""
        ...
