"""The callback by which a long job reports its progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A function called as ``progress(stage, done, total)`` or ``progress(..., skipped)``.

    ``done`` and ``total`` count what the stage processes: items, images, rows, bytes. ``total`` may
    grow during a stage.
    """

    def __call__(self, stage: str, done: int, total: int, skipped: int = 0, /) -> None:
        """Report the progress of a stage. Called by the thread that runs the job."""


def no_progress(stage: str, done: int, total: int, skipped: int = 0, /) -> None:
    """Do nothing; for callers that do not show progress."""
