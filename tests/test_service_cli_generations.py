"""An operator's commands: what they print, what they return, and one line for what goes wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.jobs.migrate import migrate
from indexer.shop.folder import ShopFolder
from indexer.shop.joblock import job_lock
from service.exitcodes import BUSY
from tests.commandline import assert_one_line, vitrine
from tests.conftest import write_catalog
from tests.twomodels import OtherColors, silent

__all__ = ["vitrine"]  # a fixture


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A catalog and a shop: generation 1 of ``color`` serves, 2 is a candidate of ``other``."""
    folder = tmp_path_factory.mktemp("operated")
    catalog = write_catalog(folder / "catalog")
    lines = ["image,item_id"]
    for color in ("red", "green", "blue"):
        shutil.copy(folder / "catalog" / "images" / f"{color}-mug-1.jpg", folder / f"{color}.jpg")
        lines.append(f"{color}.jpg,{color}-mug")
    (folder / "queries.csv").write_text("\n".join(lines))
    shop = ShopFolder(folder / "shop")
    build_index(open_catalog(catalog), shop, ColorEncoder())
    migrate(shop, OtherColors(), progress=silent)
    return folder


@pytest.fixture
def folder(template, tmp_path, monkeypatch) -> Path:
    known = {"color": ColorEncoder, "other": OtherColors}
    load = lambda name, threads=None: known[name]()  # noqa: E731
    monkeypatch.setattr("indexer.encoders.registry.load_encoder", load)
    monkeypatch.setattr("os.nice", lambda by: by)  # of this process, which has other tests to run
    shutil.copytree(template, tmp_path / "operated")
    return tmp_path / "operated"


def test_generations_lists_what_there_is(folder, vitrine):
    done = vitrine("generations", "--shop", folder / "shop")
    assert done.code == 0
    header, newest, oldest = done.out.splitlines()
    assert header.split()[:3] == ["generation", "state", "created"]
    assert newest.split()[:2] == ["000002", "candidate"]
    assert oldest.split()[:2] == ["000001", "current"]
    (folder / "shop" / "generations" / "000002" / "rows.npy").write_bytes(b"")
    done = vitrine("generations", "--shop", folder / "shop")
    assert "damaged" in done.out
    assert "rows.npy does not have" in done.err
    fields = vitrine("generations", "--shop", folder / "shop", "--json").json
    assert [one["state"] for one in fields] == ["damaged", "current"]


def test_compare_tells_both_sides_and_draws_them(folder, vitrine):
    queries = ("--queries", folder / "queries.csv")
    sheet = folder / "sheet.png"
    done = vitrine("compare", "--shop", folder / "shop", *queries, "--sheet", sheet)
    assert done.code == 0
    assert "000001" in done.out
    assert "recall@1" in done.out
    assert "p95 of a photo" in done.out
    assert "3 photos: 1.000 (1.00 to 1.00) of the first ten hits are the same" in done.err
    with Image.open(sheet) as image:
        assert image.height > 6 * 128  # two rows for each of three queries
    fields = vitrine(
        "compare", "000001", "000002", "--shop", folder / "shop", *queries, "--json"
    ).json
    assert (fields["first"]["encoder"], fields["second"]["encoder"]) == ("color", "other")
    assert fields["gain"]["recall@1"]["value"] == 0
    assert fields["second"]["figures"]["recall@10"]["value"] == 1


def test_compare_without_queries_asks_what_is_similar_to_the_shops_items(folder, vitrine):
    sheet = folder / "sheet.png"
    fields = vitrine("compare", "--shop", folder / "shop", "--sheet", sheet, "--json").json
    assert (fields["queries"], fields["overlap"]["value"], fields["gain"]) == (12, 1.0, {})
    assert sheet.is_file()


def test_compare_needs_a_candidate_or_two_names(folder, vitrine):
    vitrine("drop", "000002", "--shop", folder / "shop")
    done = vitrine("compare", "--shop", folder / "shop")
    assert_one_line(done, "has no candidate", "vitrine migrate --shop", "or name two generations")


def test_promote_rollback_and_drop_say_what_they_did(folder, vitrine):
    shop = ("--shop", folder / "shop")
    assert vitrine("promote", "000002", *shop).out == "generation 000002 of encoder other serves\n"
    assert vitrine("rollback", *shop, "--json").json == {"generation": "000001", "encoder": "color"}
    assert_one_line(vitrine("rollback", *shop), "no generation to go back to", "none has served")
    assert_one_line(vitrine("drop", "000001", *shop), "000001 of", "serves; promote another")
    assert vitrine("drop", "000002", *shop).out == "generation 000002 dropped\n"
    assert_one_line(vitrine("promote", "000002", *shop), "no generation 000002")


def test_gc_keeps_as_many_as_it_is_told(folder, vitrine):
    shop = ("--shop", folder / "shop")
    vitrine("promote", "000002", *shop)
    done = vitrine("gc", *shop, "--keep", "1")
    assert done.out.startswith(
        "removed generations: 000001; 18 embeddings of models no longer used"
    )
    with job_lock(folder / "shop", "vitrine rebuild"):
        assert_one_line(vitrine("gc", *shop), "is held by vitrine rebuild (process", code=BUSY)


def test_migrate_says_where_its_pictures_came_from_and_what_to_do_next(folder, vitrine):
    shop = ("--shop", folder / "shop")
    vitrine("drop", "000002", *shop)
    vitrine("gc", *shop)
    done = vitrine("migrate", *shop, "--encoder", "other", "--share", "1")
    first, following = done.out.splitlines()
    assert first == (
        "candidate 000002 of encoder other: 18 images embedded (18 from the catalog's files), "
        "0 known already"
    )
    assert following.startswith("next: vitrine compare 000001 000002 --shop")
    assert_one_line(
        vitrine("migrate", *shop, "--encoder", "color"), "serves encoder 'color' already"
    )


def test_a_migration_is_given_up_by_name_of_nothing_but_the_shop(folder, vitrine):
    shop = ("--shop", folder / "shop")
    done = vitrine("migrate", *shop, "--stop")
    assert done.out == "canceled the migration to other; dropped 000002\n"
    assert_one_line(vitrine("migrate", *shop, "--stop"), "no migration of", "is under way")
    for wrong in ((), ("--stop", "--encoder", "other")):
        assert "either --encoder ID to migrate, or --stop" in vitrine("migrate", *shop, *wrong).err


def test_check_is_quiet_or_fails_for_monitoring(folder, vitrine):
    done = vitrine("check", "--shop", folder / "shop")
    assert (done.code, done.out) == (
        0,
        "2 generations, 12 items, 24 images, 36 embeddings: all well\n",
    )
    (folder / "shop" / "generations" / "000002" / "rows.npy").write_bytes(b"")
    done = vitrine("check", "--shop", folder / "shop", "--json")
    assert done.code == 1
    assert "rows.npy has 0 bytes" in done.json["problems"][0]


def test_snapshot_and_restore_say_what_they_hold(folder, vitrine):
    file = folder / "s.vitrine"
    done = vitrine("snapshot", file, "--shop", folder / "shop")
    assert done.out.startswith(f"{file}: 12 items, 24 images, generation 000001 of encoder color, ")
    refused = vitrine("snapshot", file, "--shop", folder / "shop")
    assert_one_line(refused, "exists already")
    assert refused.err.count("\n") == 1  # nor an empty line of a bar that never began
    assert vitrine("snapshot", file, "--shop", folder / "shop", "--force").code == 0
    done = vitrine("restore", file, "--shop", folder / "new", "--json")
    assert done.json["snapshot"]["items"] == 12
    assert_one_line(vitrine("restore", file, "--shop", folder / "new"), "add --force to replace it")
    file.write_bytes(file.read_bytes()[:-1])
    assert_one_line(vitrine("restore", file, "--shop", folder / "x"), "not a whole snapshot")
    done = vitrine("search", "--shop", folder / "new", "--text", "red shoe")
    assert done.code == 0
