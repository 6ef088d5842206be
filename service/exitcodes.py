"""The exit statuses of ``vitrine``: what a script, or the service itself, acts on."""

from __future__ import annotations

from indexer.errors import StoreBusy

FAILED = 1  # a known error; also a check or a training that found fault
USAGE = 2  # wrong options or arguments
BUSY = 75  # EX_TEMPFAIL of sysexits.h: another job or reader holds the shop, so try again later


def exit_code(error: Exception) -> int:
    """Return the exit status that a command ends with when this error is raised."""
    return BUSY if isinstance(error, StoreBusy) else FAILED
