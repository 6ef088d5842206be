"""The search for cycles is off while a shop is read, and on again afterwards."""

from __future__ import annotations

import gc

import pytest

from search.live.cycle_search import without_cycle_search


def test_it_is_off_inside_and_on_again_afterwards():
    assert gc.isenabled()
    with without_cycle_search():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_on_again_after_an_error():
    with pytest.raises(KeyError), without_cycle_search():
        raise KeyError
    assert gc.isenabled()


def test_it_stays_off_where_a_program_turned_it_off():
    gc.disable()
    try:
        with without_cycle_search():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
