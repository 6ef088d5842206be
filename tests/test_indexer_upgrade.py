"""A shop of the version before, opened by this one: it goes on, and says what is new."""

from __future__ import annotations

import json
import logging
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders import onnxfile
from indexer.encoders.base import Model
from indexer.encoders.bundled import retired_files
from indexer.encoders.onnxfile import hash_pair
from indexer.encoders.registry import load_encoder
from indexer.errors import IndexMismatch
from indexer.jobs.build import build_index
from indexer.jobs.migrate import migrate
from indexer.shop.checkup import check_shop
from indexer.shop.encoderfiles import copy_encoder_files, open_encoder
from indexer.shop.folder import ShopFolder
from indexer.shop.garbage import collect_garbage
from indexer.shop.listing import generations
from indexer.shop.promotion import drop, promote
from indexer.shop.shelf import Shelf
from indexer.store.records import PictureKey
from indexer.store.store import Store
from indexer.writing.writes import put_items
from search.engine import SearchEngine
from tests.commandline import assert_one_line, vitrine
from tests.conftest import jpeg, plain
from tests.encoderfiles import answers, files, spoil, write_encoder
from tests.generationwatch import until
from tests.migrations import draft
from tests.twomodels import silent

__all__ = ["vitrine"]  # a fixture

RETIRED = onnxfile.WEIGHTS / "retired"
PREVIOUS = RETIRED / "vitrine-retail-4.onnx"
PREVIOUS_HASH = "e5c661c4"
BETTER = "a better encoder is available: vitrine-retail-9 ("
WAY = (
    "); the shop has vitrine-retail-4 ({old}). Run 'vitrine migrate --encoder {id}' to change to it"
)


def install(folder: Path, weights: Path) -> Path:
    """The weights of a version whose ``builtin`` is this file, and which has retired others."""
    folder.mkdir()
    for suffix in (".onnx", ".json"):
        shutil.copy(weights.with_suffix(suffix), folder / f"builtin{suffix}")
    shutil.copytree(RETIRED, folder / "retired")
    return folder


@pytest.fixture(scope="module")
def previous(tmp_path_factory) -> Path:
    """The weights of the version before."""
    return install(tmp_path_factory.mktemp("before") / "weights", PREVIOUS)


@pytest.fixture(scope="module")
def newest(tmp_path_factory) -> Path:
    """The weights of this version: a tiny encoder stands for the better one."""
    folder = tmp_path_factory.mktemp("after")
    path = write_encoder(folder / "made", seed=9)
    side = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**side, "name": "vitrine-retail-9"}))
    return install(folder / "weights", path)


@pytest.fixture(scope="module")
def built(tiny_catalog, previous, tmp_path_factory) -> tuple[Path, dict]:
    """A shop as the version before left it, with no copy of its weights, and its answers."""
    shop = ShopFolder(tmp_path_factory.mktemp("built") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxfile, "WEIGHTS", previous)
        build_index(open_catalog(tiny_catalog), shop, load_encoder("builtin"))
        shutil.rmtree(shop.encoders)
        return shop.path, answers(shop.path)


@pytest.fixture(autouse=True)
def upgraded(newest, monkeypatch) -> None:
    monkeypatch.setattr(onnxfile, "WEIGHTS", newest)
    monkeypatch.setattr("os.nice", lambda by: by)


@pytest.fixture
def shop(built, tmp_path) -> ShopFolder:
    """A copy of that shop."""
    shutil.copytree(built[0], tmp_path / "shop")
    return ShopFolder(tmp_path / "shop")


@pytest.fixture
def before(built) -> dict:
    """What the shop answered before the upgrade."""
    return built[1]


@pytest.fixture
def store(shop) -> Iterator[Store]:
    opened = Store(shop.store)
    yield opened
    opened.close()


def said(encoder_id: str = "builtin") -> str:
    """The sentence that says what is new, but for the hash of the new weights."""
    return WAY.format(old=hash_pair(PREVIOUS)[:8], id=encoder_id)


def without_retired(newest: Path, folder: Path) -> Path:
    """A later version that has dropped the weights before."""
    shutil.copytree(newest, folder, ignore=lambda *_: ["retired"])
    return folder


def test_the_weights_of_the_versions_before_are_in_the_package_by_their_hash():
    assert hash_pair(PREVIOUS).startswith(PREVIOUS_HASH)
    for path in retired_files():
        assert json.loads(path.with_suffix(".json").read_text())["name"] == path.stem
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)["tool"]["setuptools"]["package-data"]
    assert "weights/retired/*" in data["indexer.encoders"]


def test_a_shop_of_the_version_before_answers_as_before_the_upgrade(shop, before):
    assert answers(shop.path) == before
    assert before["red"][0][0].startswith("red")


def test_it_takes_writes_and_is_built_again_with_its_own_weights(
    vitrine, shop, tiny_catalog, tmp_path
):
    own = shop.manifest("000001").weights_hash
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(jpeg(plain((255, 105, 180))))
    (tmp_path / "more.csv").write_text("id,title,images\npink,Pink hat,photo.jpg\n")
    assert vitrine("put", tmp_path / "more.csv", "--shop", shop.path).code == 0
    assert vitrine("rebuild", "--shop", shop.path, "--json").json["published"]
    assert files(shop) == [f"{own}.json", f"{own}.onnx"]
    found = vitrine("search", photo, "--shop", shop.path, "--json").json
    assert found["hits"][0]["item_id"] == "pink"
    for words in ((), ("--encoder", "builtin")):
        done = vitrine("index", tiny_catalog, "--shop", shop.path, "--json", *words)
        assert done.json["encoded"] == 0
        assert f"keeps using the shop's weights; {BETTER}" in done.err
    assert {shop.manifest(name).weights_hash for name in shop.names()} == {own}
    assert vitrine("check", "--shop", shop.path).code == 0


def test_it_is_served_with_its_own_weights_and_says_that_better_ones_are_there(
    serve, shop, photo, before, caplog
):
    caplog.set_level(logging.INFO, "vitrine.service")
    http = serve(shop=shop.path, query_views="flip")
    reply = http.post("/v1/search/image", files={"image": photo("red")}, data={"limit": 1}).json()
    assert (reply["encoder"], reply["hits"][0]["item_id"][:3]) == ("builtin", "red")
    told = http.get("/v1/status").json()["encoder_upgrade"]
    assert told.startswith(BETTER)
    assert told.endswith(said())
    assert f"generation 000001: {told}" in caplog.text


def test_status_says_that_a_better_encoder_is_there_until_it_serves(vitrine, shop, newest):
    told = vitrine("status", "--shop", shop.path, "--json").json["encoder_upgrade"]
    assert told == f"{BETTER}{hash_pair(newest / 'builtin.onnx')[:8]}{said()}"
    assert f"   upgrade  {told}\n" in vitrine("status", "--shop", shop.path).out
    migrate(shop, load_encoder("builtin"), progress=silent)
    promote(shop, "000002")
    assert vitrine("status", "--shop", shop.path, "--json").json["encoder_upgrade"] is None
    assert "upgrade" not in vitrine("status", "--shop", shop.path).out


def test_a_shop_of_another_encoder_has_nothing_to_upgrade(vitrine, tiny_shop):
    assert vitrine("status", "--shop", tiny_shop, "--json").json["encoder_upgrade"] is None


def test_migrate_brings_the_better_encoder_and_rollback_the_one_before(
    vitrine, shop, before, newest
):
    done = vitrine("migrate", "--encoder", "builtin", "--shop", shop.path, "--json").json
    assert (done["encoder"], done["encoded"], done["generation"]) == ("builtin", 18, "000002")
    assert answers(shop.path) == before  # a candidate does not serve
    compared = vitrine("compare", "--shop", shop.path, "--json").json
    assert compared["first"]["encoder"] == compared["second"]["encoder"] == "builtin"
    assert vitrine("promote", "000002", "--shop", shop.path).code == 0
    assert shop.manifest("000002").weights_hash == hash_pair(newest / "builtin.onnx")
    after = answers(shop.path)
    assert after["red"][0][0].startswith("red")
    assert after != before
    assert vitrine("rollback", "--shop", shop.path).code == 0
    assert answers(shop.path) == before
    assert vitrine("check", "--shop", shop.path).code == 0
    assert_one_line(
        vitrine("migrate", "--encoder", "builtin", "--shop", promoted(shop)), "serves encoder"
    )


def promoted(shop: ShopFolder) -> Path:
    promote(shop, "000002")
    return shop.path


def test_a_service_follows_the_promotion_of_the_better_encoder_and_the_way_back(serve, shop, photo):
    http = serve(shop=shop.path, reload_interval_s=0.02)
    migrate(shop, load_encoder("builtin"), progress=silent)
    for name, is_new in (("000002", True), ("000001", False)):
        promote(shop, name)
        http.run(until(http, name))
        reply = http.post("/v1/search/image", files={"image": photo("red")}, data={"limit": 1})
        assert reply.json()["hits"][0]["item_id"].startswith("red")
        assert (http.get("/v1/status").json()["encoder_upgrade"] is None) == is_new


def test_while_the_better_encoder_waits_every_write_is_embedded_by_both(shop, store):
    own = shop.manifest("000001").weights_hash
    migrate(shop, load_encoder("builtin"), progress=silent)
    put_items(
        store,
        open_encoder(shop, Model("builtin", own)),
        [draft("pink", jpeg(plain((255, 105, 180))))],
    )
    with store.read() as reader:
        content = reader.item("pink").images[0].content
        for weights_hash in (own, load_encoder("builtin").weights_hash):
            assert reader.has_embedding(Model("builtin", weights_hash).key, PictureKey(content))


def test_averaged_views_keep_their_weights_too(vitrine, previous, newest, tiny_catalog, tmp_path):
    shop = ShopFolder(tmp_path / "views")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxfile, "WEIGHTS", previous)
        build_index(open_catalog(tiny_catalog), shop, load_encoder("builtin+flip"))
        before = answers(shop.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxfile, "WEIGHTS", without_retired(newest, tmp_path / "later"))
        assert answers(shop.path) == before  # by its copy
    shutil.rmtree(shop.encoders)
    assert answers(shop.path) == before  # by what Vitrine brings
    told = vitrine("status", "--shop", shop.path, "--json").json["encoder_upgrade"]
    assert told.endswith(said("builtin+flip"))


def _own(shop: ShopFolder) -> Model:
    manifest = shop.manifest(shop.current())
    return manifest.model


def test_a_shop_built_from_now_on_needs_no_retired_weights(
    vitrine, previous, newest, tiny_catalog, tmp_path, monkeypatch
):
    shop = ShopFolder(tmp_path / "kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxfile, "WEIGHTS", previous)
        build_index(open_catalog(tiny_catalog), shop, load_encoder("builtin"))
        before = answers(shop.path)
    monkeypatch.setattr(onnxfile, "WEIGHTS", without_retired(newest, tmp_path / "later"))
    assert answers(shop.path) == before
    out, elsewhere = tmp_path / "s.vitrine", tmp_path / "elsewhere"
    assert vitrine("snapshot", out, "--shop", shop.path).code == 0
    assert vitrine("restore", out, "--shop", elsewhere).code == 0
    assert answers(elsewhere) == before
    # Weights that this version has never had may be those of a later one: not called worse.
    told = vitrine("status", "--shop", shop.path, "--json").json["encoder_upgrade"]
    assert told.startswith("other weights of the encoder are available: vitrine-retail-9 (")
    (kept,) = shop.encoders.glob("*.onnx")
    spoil(kept)
    done = vitrine("search", "--item", "red-shoe", "--shop", shop.path)
    assert_one_line(done, f"{kept} was changed", "restore a snapshot", "vitrine migrate --shop")


def test_a_shop_whose_weights_are_nowhere_is_told_the_ways_out(
    vitrine, shop, newest, tmp_path, monkeypatch
):
    monkeypatch.setattr(onnxfile, "WEIGHTS", without_retired(newest, tmp_path / "later"))
    done = vitrine("search", "--item", "red-shoe", "--shop", shop.path)
    assert_one_line(
        done,
        "neither this version of Vitrine nor the shop has its file",
        "use the version of Vitrine that built it",
        f"vitrine migrate --shop {shop.path}",
    )
    assert vitrine("status", "--shop", shop.path).code == 0
    assert vitrine("migrate", "--encoder", "builtin", "--shop", shop.path).code == 0


def test_a_changed_copy_does_not_stop_a_shop_and_check_tells_it(shop, before):
    copy_encoder_files(shop, open_encoder(shop, _own(shop)))
    (kept,) = shop.encoders.glob("*.onnx")
    spoil(kept)
    assert answers(shop.path) == before
    (problem,) = check_shop(shop, progress=silent).problems
    assert f"{kept} was changed" in problem


def test_the_copy_of_the_weights_before_goes_with_their_last_generation(shop, store):
    migrate(shop, load_encoder("builtin"), progress=silent)
    copy_encoder_files(shop, open_encoder(shop, _own(shop)))
    promote(shop, "000002")
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 0  # one may roll back to them
    drop(shop, "000001")
    assert collect_garbage(Shelf.read(shop), store).encoder_files == 2
    assert [path.stem for path in shop.encoders.glob("*.onnx")] == [_own(shop).weights_hash]


def test_a_build_by_the_newest_weights_is_refused_and_changes_nothing(shop, tiny_catalog, before):
    with pytest.raises(IndexMismatch, match="was built with other weights of 'builtin'"):
        build_index(open_catalog(tiny_catalog), shop, load_encoder("builtin"))
    assert answers(shop.path) == before


def test_a_new_shop_gets_the_newest_weights(vitrine, tiny_catalog, tmp_path, newest):
    done = vitrine("index", tiny_catalog, "--shop", tmp_path / "new")
    assert (done.code, "better encoder" in done.err) == (0, False)
    manifest = ShopFolder(tmp_path / "new").manifest("000001")
    assert manifest.weights_hash == hash_pair(newest / "builtin.onnx")


def test_an_engine_is_not_given_other_weights_by_hand(shop):
    with pytest.raises(IndexMismatch, match="was built with other weights of encoder 'builtin'"):
        SearchEngine.open(shop.path, encoder=load_encoder("builtin"))


def test_check_tells_of_a_generation_whose_weights_are_nowhere(shop, newest, tmp_path, monkeypatch):
    migrate(shop, load_encoder("builtin"), progress=silent)
    promote(shop, "000002")
    assert check_shop(shop, progress=silent).problems == []
    monkeypatch.setattr(onnxfile, "WEIGHTS", without_retired(newest, tmp_path / "later"))
    (problem,) = check_shop(shop, progress=silent).problems
    assert "neither this version of Vitrine nor the shop has its file" in problem


def test_the_list_of_generations_names_the_weights_of_each(shop):
    migrate(shop, load_encoder("builtin"), progress=silent)
    assert [one.weights for one in generations(shop)] == ["vitrine-retail-9", "vitrine-retail-4"]
    assert {one.encoder for one in generations(shop)} == {"builtin"}
