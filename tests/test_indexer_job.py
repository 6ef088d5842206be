"""The frame of a long job: one at a time, and nothing is left behind by a job that refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoders.color import ColorEncoder
from indexer.errors import CannotWrite, IndexMismatch, IndexNotFound, StoreBusy, StoreFull
from indexer.jobs.build_checks import check_encoder
from indexer.jobs.job import open_job
from indexer.jobs.migrate import migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.progress import no_progress
from indexer.shop.folder import ShopFolder
from indexer.shop.promotion import promote
from indexer.store.store import Store
from tests.coloritems import GREEN, RED
from tests.twomodels import OtherColors, build


@pytest.fixture
def shop(tmp_path: Path) -> ShopFolder:
    """Two generations."""
    shop = ShopFolder(tmp_path / "shop")
    build(shop, tmp_path / "catalog", {"red": RED})
    build(shop, tmp_path / "catalog", {"red": RED, "green": GREEN})
    return shop


def test_a_second_job_is_refused_while_the_first_runs_and_not_after_it(shop):
    with (
        open_job(shop, "vitrine one"),
        pytest.raises(StoreBusy, match="held by vitrine one"),
        open_job(shop, "vitrine two"),
    ):
        pass
    with open_job(shop, "vitrine two") as job:
        assert job.shelf.names == ("000001", "000002")


def test_the_store_is_closed_when_the_job_ends_also_when_it_fails(shop, monkeypatch):
    opened: list[Store] = []
    closed: list[Store] = []
    close = Store.close
    monkeypatch.setattr(Store, "close", lambda self: (closed.append(self), close(self)))

    def fail() -> None:
        with open_job(shop, "vitrine one") as job:
            opened.extend([job.store, job.store])
            assert closed == []
            raise StoreFull("the disk is full")

    with pytest.raises(StoreFull):
        fail()
    assert opened == closed * 2
    assert len(closed) == 1


def test_a_build_that_refuses_makes_no_store(shop):
    """The store of the shop was lost: what says so must not be hidden by an empty one."""
    (shop.store / "data.mdb").unlink()
    with (
        pytest.raises(IndexMismatch, match="was built with encoder 'color'"),
        open_job(shop, "vitrine index", create=True) as job,
    ):
        check_encoder(job.shelf, OtherColors())
    assert not (shop.store / "data.mdb").exists()


def test_a_job_on_a_new_shop_makes_its_folder_and_its_store(tmp_path):
    shop = ShopFolder(tmp_path / "deep" / "shop")
    with open_job(shop, "vitrine index", create=True) as job, job.store.read() as reader:
        assert (job.started_with, job.shelf.names, reader.count("items")) == (None, (), 0)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(CannotWrite, match="cannot make"),
        open_job(ShopFolder(tmp_path / "file" / "shop"), "vitrine index", create=True),
    ):
        pass


def test_a_rebuild_where_there_is_no_shop_makes_no_lock(tmp_path):
    with pytest.raises(IndexNotFound, match="no index; build one"):
        rebuild_index(ShopFolder(tmp_path), ColorEncoder())
    assert list(tmp_path.iterdir()) == []


def test_a_job_knows_what_it_has_added_and_deleted(shop):
    manifest = shop.manifest("000002")
    with open_job(shop, "vitrine one") as job:
        added = job.add_generation(manifest, lambda folder: (folder / "file").touch())
        assert job.shelf.names == ("000001", "000002", added.name)
        assert job.collect_garbage(keep=1).generations == ["000001"]
        assert job.shelf.names == tuple(shop.names()) == ("000002", added.name)
        assert job.started_with == "000002"


def test_a_promotion_during_a_job_is_seen_by_its_collection_of_garbage(shop):
    """What serves now stays, and what the job read when it began does not have to."""
    migrate(shop, OtherColors(), progress=no_progress)
    with open_job(shop, "vitrine gc") as job:
        promote(shop, "000003")
        assert job.collect_garbage(keep=1).generations == ["000001", "000002"]
    assert (shop.current(), shop.names()) == ("000003", ["000003"])
