"""Follow a primary as long as the process runs, whatever happens to network, disk or primary."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import msgspec

from indexer.errors import CannotWrite, IndexCorrupt, PrimaryLost, StoreFull
from indexer.shop.manifest import now
from indexer.store.replica import ReplicaNote, read_note, write_note

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from indexer.replication.replica import Step

LONGEST_PAUSE_S = 30.0
_NOTED_EVERY = 10  # steps without a change


class Follower(Protocol):
    """What takes the steps of a replica."""

    def step(self) -> Step:
        """See ``Replica.step``."""
        ...


class Following:
    """Takes steps of a replica, and notes in ``replica.json`` how far it is."""

    def __init__(self, replica: Follower, shop: Path, url: str, report: Callable[[str], None]):
        """``report`` is called with a line of text when something changes for the operator."""
        self.replica = replica
        self._shop = shop
        self._report = report
        before = None
        with suppress(IndexCorrupt):  # the next note replaces a damaged one
            before = read_note(shop)
        self._note = before if before and before.primary == url else ReplicaNote(url)
        self._steps = 0
        self._follows = False

    def catch_up(self) -> Step:
        """Take steps until nothing is left; return the last one. Raises what a step raises."""
        self._write_note()
        while True:
            step = self.replica.step()
            if not step.behind and not step.changed:
                self._noted(step)
                return step

    def run(self, stopped: threading.Event, interval_s: float) -> None:
        """Follow until ``stopped`` is set.

        A primary that does not answer, and a full disk, are reported once and tried again, after
        pauses of up to half a minute. Raises what else a step raises.
        """
        self._write_note()
        pause_s = interval_s
        while not stopped.is_set():
            try:
                step = self.replica.step()
            except (PrimaryLost, StoreFull, CannotWrite) as error:
                self._trouble(str(error))
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
                stopped.wait(pause_s)
                continue
            self._noted(step)
            pause_s = interval_s
            if not step.behind:
                stopped.wait(interval_s)

    def _noted(self, step: Step) -> None:
        if step.behind:
            return
        if self._note.problem or not self._follows:
            self._report(f"up to date with {self._note.primary} at change {step.sequence}")
        self._follows = True
        self._steps += 1
        before = self._note
        self._note = ReplicaNote(before.primary, step.sequence, now())
        if before.problem or step.changed or self._steps % _NOTED_EVERY == 1:
            self._write_note()

    def _trouble(self, problem: str) -> None:
        if problem != self._note.problem:
            self._report(f"{problem}; trying again, what was copied is kept")
            self._note = msgspec.structs.replace(self._note, problem=problem)
            self._write_note()

    def _write_note(self) -> None:
        try:
            write_note(self._shop, self._note)
        except CannotWrite:
            if not self._note.problem:  # without a note, others could write to the replica
                raise
