"""Publishing in steps: read rows, choose an index, write and check components, move CURRENT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.color import ColorEncoder
from indexer.errors import Conflict, IndexCorrupt
from indexer.jobs import publishing
from indexer.jobs.components import Component, components_of
from indexer.jobs.job import open_job
from indexer.jobs.publishing import move_current, publish, write_generation
from indexer.jobs.stored_rows import read_rows
from indexer.progress import no_progress
from indexer.shop.folder import ShopFolder
from indexer.shop.promotion import promote
from indexer.shop.restore import restore_snapshot
from indexer.shop.snapshot import take_snapshot
from tests.coloritems import GREEN, RED
from tests.test_indexer_shelf import write_red_again
from tests.twomodels import build


@pytest.fixture
def shop(tmp_path: Path) -> ShopFolder:
    """Two generations; the newer one is current."""
    shop = ShopFolder(tmp_path / "shop")
    build(shop, tmp_path / "catalog", {"red": RED})
    build(shop, tmp_path / "catalog", {"red": RED, "green": GREEN})
    return shop


def publish_all(shop: ShopFolder) -> publishing.Published:
    with open_job(shop, "vitrine rebuild") as job:
        return publish(job, ColorEncoder(), catalog=shop.path, skipped=0)


@pytest.fixture
def with_a_ranker(monkeypatch) -> None:
    """Every generation gets one more part, as a learned ranking would be."""

    def write(folder: Path) -> None:
        (folder / "ranker.bin").write_bytes(b"weights")

    def with_ranker(*given) -> list[Component]:
        return [*components_of(*given), Component("ranker", write)]

    monkeypatch.setattr(publishing, "components_of", with_ranker)


@pytest.mark.usefixtures("with_a_ranker")
def test_a_further_part_is_in_the_manifest_checked_and_in_a_snapshot(shop, tmp_path):
    write_red_again(shop)
    done = publish_all(shop)
    assert "ranker.bin" in shop.manifest(done.name).files
    take_snapshot(shop, tmp_path / "snapshot", progress=no_progress)
    other = ShopFolder(tmp_path / "other")
    restore_snapshot(tmp_path / "snapshot", other, progress=no_progress)
    file = other.generations / done.name / "ranker.bin"
    assert file.read_bytes() == b"weights"
    file.write_bytes(b"changed")
    with pytest.raises(IndexCorrupt, match=r"ranker\.bin"):
        other.verify(done.name)


def test_components_are_checked_after_all_are_written_and_a_fault_leaves_nothing(shop):
    seen: list[str] = []

    def check(folder: Path) -> None:
        seen.extend(sorted(path.name for path in folder.iterdir()))
        raise IndexCorrupt("the ranker is empty")

    components = [
        Component("ranker", lambda folder: (folder / "ranker.bin").touch(), check),
        Component("factors", lambda folder: (folder / "factors.npy").touch()),
    ]
    with open_job(shop, "vitrine rebuild") as job:
        with pytest.raises(IndexCorrupt, match="the ranker is empty"):
            write_generation(job, shop.manifest("000002"), components)
        assert job.shelf.names == ("000001", "000002")
    assert seen == ["factors.npy", "ranker.bin"]
    assert sorted(path.name for path in shop.generations.iterdir()) == ["000001", "000002"]


def test_current_is_not_moved_where_an_operator_has_moved_it_since_the_job_began(shop):
    with open_job(shop, "vitrine rebuild") as job:
        serving = job.shelf.serving()
        added = job.add_generation(serving.manifest, lambda folder: (folder / "f").touch())
        promote(shop, "000001")
        with pytest.raises(Conflict, match="went from generation 000002 to 000001 while 000003"):
            move_current(job, added, before=serving, expected=job.started_with)
        assert shop.current() == "000001"
        move_current(job, added, before=serving, expected="000001")
        assert shop.current() == "000003"


def test_current_is_moved_where_it_was_lost_meanwhile(shop):
    with open_job(shop, "vitrine rebuild") as job:
        serving = job.shelf.serving()
        added = job.add_generation(serving.manifest, lambda folder: (folder / "f").touch())
        shop.current_file.unlink()
        move_current(job, added, before=serving, expected=job.started_with)
    assert shop.current() == "000003"


def test_where_nothing_changed_the_generation_that_serves_is_given_back(shop):
    done = publish_all(shop)
    assert (done.name, done.is_new, done.manifest.items) == ("000002", False, 2)
    write_red_again(shop)
    done = publish_all(shop)
    assert (done.name, done.is_new, done.manifest.items) == ("000003", True, 3)


def test_an_operator_who_goes_back_during_a_job_is_seen_before_an_index_is_made(shop):
    """CURRENT is read anew: 000002 would be up to date, but it does not serve any more."""
    with open_job(shop, "vitrine rebuild") as job:
        promote(shop, "000001")
        with pytest.raises(Conflict, match="went from generation 000002 to 000001"):
            publish(job, ColorEncoder(), catalog=shop.path, skipped=0)


def test_rows_are_read_in_the_order_of_their_numbers_with_their_vectors(shop):
    with open_job(shop, "vitrine rebuild") as job:
        stored = read_rows(job.store, ColorEncoder())
    assert stored.numbers.tolist() == sorted(stored.numbers.tolist())
    assert stored.vectors.shape == (2, ColorEncoder().dim)
    assert np.allclose(np.linalg.norm(stored.vectors, axis=1), 1)
    assert {record.item.item_id for record in stored.records} == {"red", "green"}
    assert stored.next_row > max(stored.numbers)


def test_vectors_in_a_file_give_the_same_index_as_in_memory(shop, monkeypatch):
    def files(generation: str) -> dict[str, bytes]:
        folder = shop.generations / generation
        return {name: (folder / name).read_bytes() for name in ("vectors.faiss", "rows.npy")}

    write_red_again(shop)
    first = publish_all(shop).name
    monkeypatch.setattr("indexer.arrays._MOST_IN_MEMORY", 0)
    monkeypatch.setattr("indexer.jobs.stored_rows._BLOCK", 1)
    monkeypatch.setattr(publishing, "_is_up_to_date", lambda *_: False)
    second = publish_all(shop).name
    assert (second != first, files(second)) == (True, files(first))
