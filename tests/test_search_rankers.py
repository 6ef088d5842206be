"""Trained rankers: parts of generations, used at once, taken over, rolled back, in snapshots."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from indexer.jobs.rebuild import rebuild_index
from indexer.layout import EVENTS, RANKERS, RULES
from indexer.progress import no_progress
from indexer.shop.folder import ShopFolder
from indexer.shop.rankers import Ranker, read_rankers, set_ranker
from indexer.shop.restore import restore_snapshot
from indexer.shop.snapshot import take_snapshot
from search.engine import SearchEngine
from search.personal.event import Event
from search.personal.event_log import EventLog
from search.personal.event_reader import weights_key
from search.personal.mixer import SCALE, WEIGHTS
from service.cli.main import vitrine

if TYPE_CHECKING:
    from pathlib import Path


def ranker(**weights: float) -> Ranker:
    return Ranker(
        scale=SCALE,
        weights={**WEIGHTS, **weights},
        trained="2026-01-02T03:04:05Z",
        ndcg=0.2,
        ndcg_untrained=0.1,
        test_events=100,
    )


def seal_of(shop: Path) -> str:
    folder = ShopFolder(shop)
    return folder.manifest(folder.current()).seal


def view_a_shoe(shop: Path) -> None:
    event = {"event_id": "e", "user_id": "u", "item_id": "red-shoe", "type": "view"}
    with EventLog(shop / EVENTS, create=True) as log:
        log.add([Event(**event, time=time.time())])


def interest(engine: SearchEngine) -> float:
    """Return what the likeness to liked items adds to the score of the first recommendation."""
    return engine.recommend("u", explain=True).items[0].contributions["interest"]


def rebuilt_without(shop: Path, item_id: str) -> None:
    with SearchEngine.open(shop) as engine:
        engine.delete([item_id])
        rebuild_index(ShopFolder(shop), engine.encoder)


def test_learned_weights_are_used_from_the_next_request_on(shop):
    view_a_shoe(shop)
    folder = ShopFolder(shop)
    with SearchEngine.open(shop) as engine:
        before = interest(engine)
        set_ranker(folder, seal_of(shop), ranker(interest=3 * WEIGHTS["interest"]))
        assert interest(engine) == pytest.approx(3 * before, rel=1e-3)
        set_ranker(folder, "of a generation that is gone", ranker(interest=0.0))
        assert interest(engine) == pytest.approx(3 * before, rel=1e-3)
        set_ranker(folder, seal_of(shop), replace(ranker(), weights={"interest": 9.0}))
        assert interest(engine) == before  # an earlier version had other features
        older = {name: 2 * WEIGHTS[name] for name in WEIGHTS if name != "reviews"}
        set_ranker(folder, seal_of(shop), replace(ranker(), weights=older))
        assert interest(engine) == pytest.approx(2 * before, rel=1e-3)  # of before reviews counted
        set_ranker(folder, seal_of(shop), replace(ranker(interest=9.0), scale=SCALE - 1))
        assert interest(engine) == before
        set_ranker(folder, seal_of(shop), None)
        assert interest(engine) == before


def test_a_damaged_file_of_rankers_leaves_the_last_ones(shop, caplog):
    view_a_shoe(shop)
    with SearchEngine.open(shop) as engine:
        set_ranker(ShopFolder(shop), seal_of(shop), ranker(interest=0.0))
        assert interest(engine) == 0
        (shop / RANKERS).write_text("{")
        assert interest(engine) == 0
    assert "rankers.json cannot be read" in caplog.text


def test_a_ranker_goes_with_its_generation(shop):
    view_a_shoe(shop)
    folder = ShopFolder(shop)
    first, seal = folder.current(), seal_of(shop)
    with SearchEngine.open(shop) as engine:
        untrained = interest(engine)
    rebuilt_without(shop, "green-shoe")
    assert seal_of(shop) != seal
    set_ranker(folder, seal_of(shop), ranker(interest=2 * WEIGHTS["interest"]))
    rebuilt_without(shop, "green-mug")  # with the same encoder, so it takes the ranker over
    with SearchEngine.open(shop) as engine:
        assert interest(engine) == pytest.approx(2 * untrained, rel=1e-3)
    folder.make_current(first)  # as a rollback does
    with SearchEngine.open(shop) as engine:
        assert interest(engine) == pytest.approx(untrained)


def test_a_snapshot_has_the_ranker_and_the_rules(shop, tmp_path):
    set_ranker(ShopFolder(shop), seal_of(shop), ranker(interest=0.5))
    (shop / RULES).write_text('{"pins": [{"item_id": "blue-mug", "place": 0}]}')
    take_snapshot(ShopFolder(shop), tmp_path / "s.vitrine", progress=no_progress)
    restore_snapshot(
        tmp_path / "s.vitrine", ShopFolder(tmp_path / "restored"), progress=no_progress
    )
    assert read_rankers(tmp_path / "restored" / RANKERS) == {seal_of(shop): ranker(interest=0.5)}
    with SearchEngine.open(tmp_path / "restored") as engine:
        assert engine.recommend("u", k=1).items[0].item_id == "blue-mug"


def store_as_earlier_versions_did(log: EventLog, weights, model: bytes = b"") -> None:
    with log.write() as txn:
        txn.put("meta", weights_key(model).encode(), msgspec.msgpack.encode(dict(weights)))


def test_weights_of_an_earlier_version_are_used_until_a_ranker_is_trained(shop):
    view_a_shoe(shop)
    with SearchEngine.open(shop) as engine, EventLog(shop / EVENTS) as log:
        before = interest(engine)
        store_as_earlier_versions_did(log, {**WEIGHTS, "interest": 3 * WEIGHTS["interest"]})
        assert interest(engine) == pytest.approx(3 * before, rel=1e-3)
        set_ranker(ShopFolder(shop), seal_of(shop), ranker(interest=0.0))
        assert interest(engine) == 0


def test_weights_are_those_of_the_encoder_that_they_were_learned_with(tmp_path):
    ours, theirs, earlier = ({**WEIGHTS, "interest": value} for value in (2.0, 3.0, 4.0))
    with EventLog(tmp_path / EVENTS, create=True) as log:
        store_as_earlier_versions_did(log, earlier)  # for any encoder
        store_as_earlier_versions_did(log, ours, b"a")
        store_as_earlier_versions_did(log, theirs, b"b")
        with log.read() as reader:
            assert [reader.weights(model) for model in (b"a", b"b", b"c")] == [
                ours, theirs, earlier,
            ]  # fmt: skip
        log.delete_weights(b"b")
        with log.read() as reader:
            assert [reader.weights(model) for model in (b"a", b"b")] == [ours, None]


def test_a_reset_is_reported_as_json_too(shop):
    with EventLog(shop / EVENTS, create=True) as log:
        store_as_earlier_versions_did(log, {**WEIGHTS, "interest": 3.0})
        set_ranker(ShopFolder(shop), seal_of(shop), ranker(interest=3.0))
        words = ["train-ranker", "--shop", str(shop), "--reset", "--json"]
        assert json.loads(CliRunner().invoke(vitrine, words).stdout) == {"reset": True}
        with log.read() as reader:
            assert reader.weights() is None
    assert read_rankers(shop / RANKERS) == {}
