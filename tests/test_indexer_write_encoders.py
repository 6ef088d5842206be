"""Which models embed every write: listed in the store, the serving one first."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoders.base import Model
from indexer.shop import write_encoders
from indexer.store.store import Store

A, B, C = (Model(name, name * 64) for name in "abc")


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "catalog.lmdb", create=True)
    yield opened
    opened.close()


def listed_after(store: Store, change) -> list[Model]:
    with store.write() as writer:
        change(writer)
    with store.read() as reader:
        return write_encoders.read(reader)


def test_a_new_store_lists_none(store):
    with store.read() as reader:
        assert write_encoders.read(reader) == []


def test_a_model_is_added_once_and_after_those_that_are_there(store):
    assert listed_after(store, lambda writer: write_encoders.add(writer, A, B)) == [A, B]
    assert listed_after(store, lambda writer: write_encoders.add(writer, B, C)) == [A, B, C]


def test_serving_a_model_takes_the_place_of_the_one_before_and_leaves_the_others(store):
    listed_after(store, lambda writer: write_encoders.add(writer, A, B, C))
    assert listed_after(store, lambda writer: write_encoders.serve(writer, B)) == [B, C]


def test_only_the_serving_one_is_left_and_the_others_are_told(store):
    listed_after(store, lambda writer: write_encoders.add(writer, A, B, C))
    gone: list[Model] = []
    assert listed_after(store, lambda writer: gone.extend(write_encoders.only(writer, A))) == [A]
    assert gone == [B, C]


def test_new_weights_replace_those_before_and_come_first(store):
    listed_after(store, lambda writer: write_encoders.add(writer, A, B))
    assert listed_after(store, lambda writer: write_encoders.replace(writer, A, C)) == [C, B]


def test_a_model_that_is_gone_is_removed(store):
    listed_after(store, lambda writer: write_encoders.add(writer, A, B))
    assert listed_after(store, lambda writer: write_encoders.remove(writer, {B, C})) == [A]


def test_the_list_is_read_as_earlier_versions_wrote_it(store):
    with store.write() as writer:
        writer.put_meta("encoders", [["a", "a" * 64]])
    with store.read() as reader:
        assert write_encoders.read(reader) == [A]
