"""Python's garbage collector in a process that serves."""

from __future__ import annotations

import gc

_NEW_OBJECTS = 20_000  # that live, after which the collector looks for garbage; Python's is 700


def spare_what_lasts() -> None:
    """Let the collector ignore all objects that exist now, and look at new ones less often.

    Call it once an engine is open. The engine's objects last as long as its process serves it, and
    each full collection would look at all of them, while no request is answered. Objects of an
    engine that was replaced are looked at once more, by the next call.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
