"""What the doctor finds: a healthy shop is healthy, and each fault is named with its remedy."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from service import doctor
from service.apikey import Scope
from service.cli.main import main
from service.doctor import examine
from service.keyfile import KeyFile
from service.settings import Settings


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
    found = findings(shop, "warning", host="0.0.0.0", cors_origins="*")
    assert [finding.check for finding in found] == ["network", "network"]
    (problem,) = findings(shop, "problem", host="0.0.0.0", trusted_proxies="*")
    assert "VITRINE_TRUSTED_PROXIES" in problem.fix


def test_too_few_files_are_a_warning(shop, monkeypatch):
    monkeypatch.setattr(doctor, "connections_allowed", lambda wanted: wanted // 2)
    (warning,) = findings(shop, "warning", max_connections=2000)
    assert "1000 of 2000" in warning.text


def test_a_folder_without_a_shop_is_a_problem_and_never_a_traceback(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--shop", str(tmp_path / "none"), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert report["problems"] > 0
    assert not (tmp_path / "none").exists()


def test_the_command_prints_what_was_found_and_ends_with_0(shop, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--shop", str(shop)])
    assert ended.value.code == 0
    assert "the weights of color" in capsys.readouterr().out
