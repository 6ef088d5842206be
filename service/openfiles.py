"""The limit of open files, and the connections that it allows."""

from __future__ import annotations

import contextlib
import sys

# Open files besides the counted connections: those of the shop and of running replies, and
# connections that were accepted in this iteration of the event loop and are not counted yet.
OTHER_FILES = 256


def file_limit() -> int | None:
    """Return how many files this process may have open, or None if there is no limit."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def connections_allowed(wanted: int) -> int:
    """Return how many of the ``wanted`` connections the hard limit of open files allows."""
    if sys.platform == "win32":
        return wanted
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return wanted
    return max(0, min(wanted, hard - OTHER_FILES))


def raise_file_limit(connections: int) -> None:
    """Raise the limit of open files as far as allowed, for this many connections."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
