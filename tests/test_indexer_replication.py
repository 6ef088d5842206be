"""Replicas: a copy that answers as its primary does, whatever happens on the way."""

from __future__ import annotations

import shutil

import pytest

from indexer.encoders.color import ColorEncoder
from indexer.enrichment.faqlog import FaqEntry, FaqLog, StoredEntry
from indexer.errors import Conflict, PrimaryLost, StoreBusy
from indexer.jobs.job import open_job
from indexer.jobs.migrate import migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.jobs.styles import add_styles
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import MANIFEST
from indexer.shop.promotion import promote, rollback
from indexer.shop.restore import restore_snapshot
from indexer.shop.snapshot import take_snapshot
from indexer.store.replica import read_note
from indexer.store.store import Store
from indexer.writing.writes import delete_items, put_items
from search.engine import SearchEngine
from tests.replicas import Watched, catch_up, content, following
from tests.twomodels import OtherColors, draft, silent

RED, BLUE, PINK = (220, 20, 20), (20, 20, 220), (250, 120, 180)


@pytest.fixture
def primary(shop):
    return Watched(shop)


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "copy"


def put(shop, *drafts, encoder=None):
    with Store(ShopFolder(shop).store) as store:
        return [one.status for one in put_items(store, encoder or ColorEncoder(), drafts)]


def delete(shop, *item_ids):
    with Store(ShopFolder(shop).store) as store:
        return [one.status for one in delete_items(store, item_ids)]


def similar(shop, item_id):
    with SearchEngine.open(shop) as engine:
        return [(hit.item_id, hit.score) for hit in engine.by_item(item_id, k=5)]


def test_a_copy_has_the_items_rows_pictures_and_index_of_its_primary(shop, primary, copy):
    catch_up(copy, primary)
    assert content(copy) == content(shop)
    assert similar(copy, "red-shoe") == similar(shop, "red-shoe")
    with SearchEngine.open(copy) as engine:
        assert engine.thumbnail("red-shoe")[:2] == b"\xff\xd8"


def test_a_copy_follows_writes_under_the_numbers_of_its_primary(shop, primary, copy):
    catch_up(copy, primary)
    with SearchEngine.open(copy) as engine:
        put(shop, draft("pink-cup", PINK), draft("red-shoe", BLUE))
        delete(shop, "blue-mug")
        assert catch_up(copy, primary) == content(shop)["sequence"]
        assert engine.refresh()
        assert [hit.item_id for hit in engine.by_text("pink-cup", k=1)] == ["pink-cup"]
        assert not engine.has_item("blue-mug")
    assert content(copy) == content(shop)
    assert similar(copy, "red-shoe") == similar(shop, "red-shoe")


def test_a_question_without_an_answer_writes_nothing(primary, copy):
    catch_up(copy, primary)
    with Store(ShopFolder(copy).store) as store:
        before = store.last_transaction
        primary.calls.clear()
        catch_up(copy, primary)
        assert store.last_transaction == before
    assert primary.calls == {"feed": 1}


def test_a_copy_that_is_interrupted_anywhere_goes_on_and_asks_for_nothing_twice(
    shop, primary, copy
):
    put(shop, draft("pink-cup", PINK))  # so that there is a change to follow too
    lost = 0
    done = False
    while not done:
        lost += 1
        primary.calls.clear()
        primary.lost_from = lost
        try:
            catch_up(copy, primary)
            done = True
        except PrimaryLost:
            continue
    assert lost > 5
    assert content(copy) == content(shop)
    assert len(primary.sent) == len(set(primary.sent))


def test_an_item_that_is_deleted_while_it_is_copied_is_gone_in_the_copy(shop, primary, copy):
    put(shop, draft("pink-cup", PINK))

    def delete_once(name):
        if name == "values" and primary.calls["values"] == 0:
            delete(shop, "pink-cup", "red-shoe")
            with open_job(ShopFolder(shop), "gc") as job:
                job.collect_garbage()

    primary.before = delete_once
    catch_up(copy, primary)
    assert content(copy) == content(shop)


def test_a_copy_serves_each_new_index_of_its_primary_and_the_old_one_after_a_rollback(
    shop, primary, copy
):
    catch_up(copy, primary)
    put(shop, draft("pink-cup", PINK))
    rebuild_index(ShopFolder(shop), ColorEncoder())
    catch_up(copy, primary)
    assert ShopFolder(copy).current() == "000002"
    assert content(copy) == content(shop)
    rollback(ShopFolder(shop))
    put(shop, draft("blue-cup", BLUE))
    primary.calls.clear()
    catch_up(copy, primary)
    assert ShopFolder(copy).current() == "000001"
    assert primary.calls["file"] == 0  # it was still there
    assert content(copy) == content(shop)
    assert [item for item, _ in similar(copy, "blue-cup")] == [
        item for item, _ in similar(shop, "blue-cup")
    ]


def test_a_copy_has_all_embeddings_of_another_encoder_before_it_serves_its_index(
    shop, primary, copy, monkeypatch
):
    known = {"color": ColorEncoder, "other": OtherColors}
    monkeypatch.setattr(
        "indexer.encoders.registry.load_encoder", lambda name, threads=None: known[name]()
    )
    catch_up(copy, primary)
    candidate = migrate(ShopFolder(shop), OtherColors(), progress=silent).generation
    put(shop, draft("pink-cup", PINK))
    catch_up(copy, primary)
    assert ShopFolder(copy).current() == "000001"
    promote(ShopFolder(shop), candidate)
    put(shop, draft("blue-cup", BLUE), encoder=OtherColors())
    catch_up(copy, primary)
    assert ShopFolder(copy).manifest(ShopFolder(copy).current()).encoder == "other"
    assert content(copy) == content(shop)


def test_a_copy_that_is_behind_the_log_compares_all_items(shop, primary, copy):
    catch_up(copy, primary)
    with SearchEngine.open(copy) as engine:
        delete(shop, "red-shoe")
        put(shop, draft("pink-cup", PINK))
        rebuild_index(ShopFolder(shop), ColorEncoder())
        with open_job(ShopFolder(shop), "gc") as job:
            job.collect_garbage(keep=1)
        put(shop, draft("blue-cup", BLUE))
        catch_up(copy, primary)
        assert primary.calls["items"] == 2
        engine.refresh()  # an engine that was open all the time sees the same
        assert engine.has_item("pink-cup")
        assert not engine.has_item("red-shoe")
        assert [hit.item_id for hit in engine.by_item("pink-cup", k=20)] == [
            item for item, _ in similar_all(shop, "pink-cup")
        ]
    found, expected = content(copy), content(shop)
    assert (found["items"], found["rows"], found["seal"]) == (
        expected["items"], expected["rows"], expected["seal"]
    )  # fmt: skip
    put(shop, draft("red-cup", RED))
    catch_up(copy, primary)
    assert content(copy)["items"] == content(shop)["items"]


def similar_all(shop, item_id):
    with SearchEngine.open(shop) as engine:
        return [(hit.item_id, hit.score) for hit in engine.by_item(item_id, k=20)]


def test_styles_and_what_is_beside_the_store_are_copied(shop, primary, copy):
    catch_up(copy, primary)
    add_styles(ShopFolder(shop), ColorEncoder(), ["sepia"])
    with FaqLog(shop, create=True) as log:
        log.put([StoredEntry(entry=FaqEntry(question="Returns?", answer="30 days."))])
    for name in ("recommend.json", "rankers.json"):
        (shop / name).write_text("{}", encoding="utf-8")
    catch_up(copy, primary)
    assert content(copy) == content(shop)
    with SearchEngine.open(copy) as engine:
        assert engine.styles() == ["sepia"]
    with FaqLog(copy) as log:
        assert [stored.entry.answer for stored in log.entries()] == ["30 days."]
    for name in ("recommend.json", "rankers.json"):
        assert (copy / name).read_text(encoding="utf-8") == "{}"
    (shop / "recommend.json").unlink()
    catch_up(copy, primary)
    assert not (copy / "recommend.json").exists()


def test_a_replica_takes_no_writes_and_no_jobs_until_it_is_left(shop, primary, copy):
    catch_up(copy, primary)
    with pytest.raises(Conflict, match="is a replica, which takes no writes"):
        put(copy, draft("pink-cup", PINK))
    with pytest.raises(Conflict, match="is a replica"):
        rebuild_index(ShopFolder(copy), ColorEncoder())
    with pytest.raises(Conflict, match="is a replica"):
        promote(ShopFolder(copy), "000001")
    (copy / "replica.json").unlink()
    assert put(copy, draft("pink-cup", PINK)) == ["created"]
    with pytest.raises(Conflict, match=r"it was written to.*--anew"), following(copy, primary):
        pass


def test_a_replica_can_be_copied_and_its_copy_follows_too(shop, primary, copy, tmp_path):
    catch_up(copy, primary)
    second, between = tmp_path / "second", Watched(copy)
    catch_up(second, between)
    put(shop, draft("pink-cup", PINK))
    catch_up(copy, primary)
    catch_up(second, between)
    assert content(second) == content(shop)
    between.calls.clear()
    catch_up(second, between)
    assert between.calls == {"feed": 1}


def test_a_shop_of_its_own_is_neither_changed_nor_locked(shop, primary, make_shop):
    other = make_shop(name="other")
    with pytest.raises(Conflict, match="it is a shop of its own"), following(other, primary):
        pass
    assert read_note(other) is None
    assert put(other, draft("pink-cup", PINK)) == ["created"]


def test_a_restored_primary_is_copied_anew_only_when_asked_for(shop, primary, copy, tmp_path):
    take_snapshot(ShopFolder(shop), tmp_path / "snapshot", progress=silent)
    put(shop, draft("pink-cup", PINK))
    catch_up(copy, primary)
    shutil.rmtree(shop)
    restore_snapshot(tmp_path / "snapshot", ShopFolder(shop), progress=silent)
    put(shop, draft("blue-cup", BLUE))  # has the number and the row that pink-cup had
    with pytest.raises(Conflict, match="the primary was restored"):
        catch_up(copy, primary)
    with following(copy, primary) as follower:
        with ShopFolder(copy).hold("000001"), pytest.raises(StoreBusy, match="being served"):
            follower.replica.start_anew()
        sent = len(primary.sent)
        follower.replica.start_anew()
        follower.catch_up()
    assert content(copy) == content(shop)
    assert [key.database for key in primary.sent[sent:]] == ["embeddings", "images"]


def test_a_file_that_never_ends_is_given_up_and_the_next_try_copies_all(
    shop, primary, copy, monkeypatch
):
    sent = []

    def endless(path):
        for _ in range(100):
            sent.append(path)
            yield bytes(1 << 20)

    source = primary._source
    real = source.file
    monkeypatch.setattr(
        source, "file", lambda path: real(path) if path.endswith(MANIFEST) else endless(path)
    )
    with pytest.raises(PrimaryLost, match=r"more than the [0-9,]+ bytes expected"):
        catch_up(copy, primary)
    assert len(sent) < 10
    monkeypatch.setattr(source, "file", real)
    catch_up(copy, primary)
    assert content(copy) == content(shop)
