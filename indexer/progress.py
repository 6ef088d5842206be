"""How a long job reports what it has done."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as ``progress(stage, done, total)``, and with ``skipped`` where a stage skips things.

    ``done`` and ``total`` count what the stage works on: items, images, rows, bytes. A stage may
    report a larger ``total`` than before.
    """

    def __call__(self, stage: str, done: int, total: int, skipped: int = 0, /) -> None:
        """Show how far a stage is; calls come from the thread that runs the job."""


def no_progress(stage: str, done: int, total: int, skipped: int = 0, /) -> None:
    """Ignore progress: for callers that show none."""
