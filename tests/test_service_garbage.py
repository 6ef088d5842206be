"""The garbage collector leaves alone what lasts as long as an engine, and no longer."""

from __future__ import annotations

import gc
import weakref

from service.runtime.garbage import spare_what_lasts


class _Engine:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_exists_is_ignored_until_the_next_engine_serves():
    before = gc.get_threshold()
    try:
        engine = _Engine()
        seen = weakref.ref(engine)
        spare_what_lasts()
        del engine
        gc.collect()
        assert seen() is not None
        spare_what_lasts()
        assert seen() is None
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
