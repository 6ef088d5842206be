"""The exit statuses of ``vitrine``, for scripts and for the service itself."""

from __future__ import annotations

from indexer.errors import StoreBusy

FAILED = 1  # an error, or a command whose result is negative, such as a check that found problems
USAGE = 2  # wrong options or arguments
BUSY = 75  # EX_TEMPFAIL of sysexits.h: another process uses the shop; try again later


def exit_code(error: Exception) -> int:
    """Return the exit status of a command that raised this error."""
    return BUSY if isinstance(error, StoreBusy) else FAILED
