"""What the doctor finds: a healthy shop is healthy, and each fault is named with its remedy."""

from __future__ import annotations

import json
import os
import shutil
import time
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from indexer.errors import VectorsUnavailable
from indexer.vectors.remote.address import ServerAddress
from indexer.vectors.remote.descriptor import Descriptor
from service import doctor, extras, surroundings
from service.apikey import Scope
from service.cli.main import main
from service.doctor import examine
from service.keyfile import KeyFile
from service.settings import Settings

ADDRESS = ServerAddress("qdrant", "http://127.0.0.1:9")


@pytest.fixture
def shop(tiny_shop, tmp_path):
    return shutil.copytree(tiny_shop, tmp_path / "shop")


def findings(shop, level, environment=None, **settings):
    found = examine(Settings(shop=shop, **settings), environment or {})
    return [finding for finding in found if finding.level == level]


def test_a_healthy_shop_has_no_warning_and_every_check_is_listed(shop):
    found = examine(Settings(shop=shop), {"VITRINE_SHOP": "x", "PATH": "y"})
    assert {finding.level for finding in found} == {"ok"}
    assert {finding.check for finding in found} == {
        *("versions", "index", "encoder", "store", "disk", "permissions", "clock"),
        *("open files", "settings", "network", "keys"),
        *("extras", "vectors", "memory", "pictures", "proxies", "recognizer"),
    }


def test_a_variable_with_a_typo_is_named_with_the_right_one(shop):
    (warning,) = findings(shop, "warning", {"VITRINE_WRITEKEY": "secret", "VITRINE_ZZZZ": "1"})[:1]
    assert warning.text == "VITRINE_WRITEKEY is not a setting, and is ignored"
    assert warning.fix == "did you mean VITRINE_WRITE_KEY?"


def test_a_damaged_generation_is_a_problem(shop):
    (vectors,) = (shop / "generations").glob("*/rows.npy")
    vectors.write_bytes(vectors.read_bytes()[:-1])
    (problem,) = findings(shop, "problem")
    assert "damaged" in problem.text
    assert "vitrine rebuild" in problem.fix


def test_a_fault_that_stops_several_checks_is_told_once(shop):
    (manifest,) = (shop / "generations").glob("*/manifest.json")
    manifest.write_text(manifest.read_text().replace('"items": ', '"items": 1'))
    (problem,) = findings(shop, "problem")
    assert "was changed after it was written" in problem.text


def test_a_shop_without_any_generation_is_to_be_indexed_again(shop):
    shutil.rmtree(next((shop / "generations").iterdir()))
    (problem,) = findings(shop, "problem")
    assert problem.fix.startswith("run 'vitrine index' with the catalog again")


def test_a_shop_of_another_user_is_one_problem_that_names_the_owner_as_the_way_out(
    shop, monkeypatch
):
    may = os.access
    monkeypatch.setattr(
        doctor.os, "access", lambda path, mode: path.name != "CURRENT" and may(path, mode)
    )
    (problem,) = findings(shop, "problem")
    assert problem.text == f"this user cannot read {shop / 'CURRENT'} (1 file in all)"
    assert problem.fix.startswith("run the service as the owner of the folder")


def test_a_file_system_that_is_mounted_read_only_is_a_problem(shop, monkeypatch):
    blocks = dict.fromkeys(("f_blocks", "f_bfree", "f_bavail"), 1 << 30)
    mounted = SimpleNamespace(f_flag=os.ST_RDONLY, f_frsize=4096, **blocks)
    monkeypatch.setattr(doctor.os, "statvfs", lambda _: mounted)
    monkeypatch.setattr(doctor.os, "access", lambda _, mode: not mode & os.W_OK)
    (problem,) = findings(shop, "problem")
    assert problem.fix.startswith("mount it for writing")


@pytest.mark.parametrize(
    ("chosen", "why"),
    [("yolo", "unknown recognizer 'yolo'"), ("onnx:gone.onnx", "gone.onnx does not exist")],
)
def test_a_recognizer_that_is_not_there_is_a_problem(shop, chosen, why):
    (problem,) = findings(shop, "problem", recognizer=chosen)
    assert why in problem.text
    assert "unset it" in problem.fix


def test_a_folder_that_everybody_may_write_is_a_problem(shop):
    (shop / "catalog.lmdb").chmod(0o777)
    (problem,) = findings(shop, "problem")
    assert "catalog.lmdb" in problem.text
    assert problem.fix.startswith("chmod")


def test_keys_that_others_may_read_are_a_warning(shop):
    KeyFile(shop).add("ann", Scope.READ)
    (shop / "keys.json").chmod(0o644)
    (warning,) = findings(shop, "warning")
    assert warning.text == "others may read keys.json"


def test_a_key_that_ends_soon_is_a_warning_until_it_is_rotated(shop):
    KeyFile(shop).add("ann", Scope.READ, expires=time.time() + 86_400)
    (warning,) = findings(shop, "warning")
    assert warning.fix == "vitrine keys rotate ann"
    KeyFile(shop).rotate("ann", 3600)
    assert findings(shop, "warning") == []


def test_a_service_that_nobody_can_search_is_a_problem(shop):
    (problem,) = findings(shop, "problem", require_key=True)
    assert problem.check == "keys"
    KeyFile(shop).add("ann", Scope.READ)
    assert findings(shop, "problem", require_key=True) == []


def test_a_clock_behind_the_index_is_a_problem(shop, monkeypatch):
    monkeypatch.setattr(doctor.time, "time", lambda: 1e9)
    (problem,) = findings(shop, "problem")
    assert problem.check == "clock"


def test_a_full_disk_is_a_problem(shop, monkeypatch):
    usage = shutil.disk_usage(shop)._replace(free=1_000_000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    (problem,) = findings(shop, "problem")
    assert problem.check == "disk"


def test_what_is_open_to_the_network_is_told(shop):
    found = findings(shop, "warning", host="0.0.0.0", cors_origins="*", trusted_proxies="10.0.0.1")
    assert [finding.check for finding in found] == ["network", "network"]
    (problem,) = findings(shop, "problem", host="0.0.0.0", trusted_proxies="*")
    assert "VITRINE_TRUSTED_PROXIES" in problem.fix


def test_a_proxy_that_is_not_trusted_or_misspelled_is_a_warning(shop):
    (warning,) = findings(shop, "warning", host="::", allowed_hosts="shop.example")
    assert warning.check == "proxies"
    assert "share one rate limit" in warning.text
    (warning,) = findings(shop, "warning", trusted_proxies="10.0.0.0/8, proxy.example")
    assert "'proxy.example', which is no address" in warning.text


def test_a_setting_whose_package_is_missing_is_a_problem(shop, monkeypatch):
    def missing(_):
        raise PackageNotFoundError

    monkeypatch.setattr(extras, "distribution", missing)
    (problem,) = findings(shop, "problem", mcp=True)
    assert problem.check == "extras"
    assert problem.fix.startswith("pip install 'vitrine[mcp]'")


def test_more_memory_than_there_is_is_a_warning(shop, monkeypatch):
    monkeypatch.setattr(surroundings, "memory_bytes", lambda: 2e9)
    assert findings(shop, "warning") == []
    (warning,) = findings(shop, "warning", max_decode_mb=1200, max_held_mb=700, workers=2)
    assert warning.check == "memory"
    assert "1200 MB for decoders, 700 for uploads" in warning.text
    assert "there are 2.0 GB" in warning.text


def test_a_container_with_less_memory_than_its_machine_is_known(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(surroundings, "_LIMITS", (limit,))
    machine = surroundings.memory_bytes()
    limit.write_text("max\n")
    assert surroundings.memory_bytes() == machine
    limit.write_text("1048576\n")
    assert surroundings.memory_bytes() == 1 << 20


def test_pictures_from_anywhere_and_folders_that_are_missing_are_told(shop, tmp_path):
    (warning,) = findings(shop, "warning", fetch_hosts="cdn.shop.example, *")
    assert "any public host" in warning.text
    (warning,) = findings(shop, "warning", fetch_networks="10.1.2.0/24")
    assert "no effect" in warning.text
    problems = findings(shop, "problem", catalogs=tmp_path / "a", snapshots=tmp_path / "b")
    assert [problem.check for problem in problems] == ["catalogs", "snapshots"]
    assert findings(shop, "problem", catalogs=tmp_path, snapshots=tmp_path) == []


def test_an_index_at_a_server_that_does_not_answer_is_a_problem(shop, monkeypatch):
    class Silent:
        def check(self):
            raise VectorsUnavailable("qdrant:http://127.0.0.1:9 did not answer: refused")

    monkeypatch.setattr(surroundings, "is_installed", lambda _: True)
    monkeypatch.setattr(surroundings, "connection_to", {ADDRESS: Silent()}.__getitem__)
    (folder,) = (shop / "generations").iterdir()
    Descriptor.new(ADDRESS, dim=3, rows=24, exact=True).write(folder)
    (problem,) = (one for one in findings(shop, "problem") if one.check == "vectors")
    assert problem.text == "qdrant:http://127.0.0.1:9 did not answer: refused"


def test_an_index_at_a_server_needs_the_package_of_its_client(shop, monkeypatch):
    (folder,) = (shop / "generations").iterdir()
    address = ServerAddress("milvus", "http://127.0.0.1:9")
    Descriptor.new(address, dim=3, rows=24, exact=True).write(folder)
    monkeypatch.setattr(surroundings, "is_installed", lambda package: package != "pymilvus")
    (problem,) = (one for one in findings(shop, "problem") if one.check == "vectors")
    assert problem.fix == "pip install 'vitrine[milvus]'"


def test_an_old_key_that_may_write_is_a_warning_until_it_is_rotated(shop, monkeypatch):
    KeyFile(shop).add("page", Scope.READ)
    KeyFile(shop).add("till", Scope.WRITE)
    now = time.time() + 400 * 86_400
    monkeypatch.setattr(doctor.time, "time", lambda: now)
    (warning,) = findings(shop, "warning")
    assert warning.text == "the key 'till' of the scope write is 400 days old"
    assert warning.fix == "vitrine keys rotate till"


def test_too_few_files_are_a_warning(shop, monkeypatch):
    monkeypatch.setattr(surroundings, "connections_allowed", lambda wanted: wanted // 2)
    (warning,) = findings(shop, "warning", max_connections=2000)
    assert "1000 of 2000" in warning.text


def test_a_folder_without_a_shop_is_one_problem_that_names_the_way_out(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--shop", str(tmp_path / "none"), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    (problem,) = [found for found in report["findings"] if found["level"] == "problem"]
    assert "vitrine index CATALOG --shop" in problem["text"]
    assert not (tmp_path / "none").exists()


def test_the_command_prints_what_was_found_and_ends_with_0(shop, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--shop", str(shop)])
    assert ended.value.code == 0
    assert "the weights of color" in capsys.readouterr().out


def test_an_invalid_setting_is_a_problem_among_all_other_findings(shop, monkeypatch, capsys):
    monkeypatch.setenv("VITRINE_WRITE_KEY", "short")
    monkeypatch.setenv("VITRINE_PORT", "http")
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--shop", str(shop), "--json"])
    assert end.value.code == 1
    found = json.loads(capsys.readouterr().out)
    problems = [one["text"] for one in found["findings"] if one["level"] == "problem"]
    assert [problem.split(": ")[0] for problem in problems] == [
        f"the environment variable {name} is invalid"
        for name in ("VITRINE_PORT", "VITRINE_WRITE_KEY")
    ]
    assert problems[1].endswith(": expected at least 16 characters, got 5")
    assert {"store", "keys"} <= {one["check"] for one in found["findings"]}


def test_a_current_generation_that_does_not_exist_is_one_problem(shop):
    (shop / "CURRENT").write_text("000009\n")
    (problem,) = findings(shop, "problem")
    assert problem.text == "CURRENT names generation '000009', which does not exist"
