"""``--recall``, ``--p95-ms`` and ``--ram``: what is promised, kept, refused and remembered."""

from __future__ import annotations

import json

import pytest

from indexer.shop.folder import ShopFolder
from indexer.vectors.contract import Targets
from service.cli.main import main
from tests.conftest import write_catalog


@pytest.fixture
def vitrine(capsys):
    """Runs a command in this process: status, stdout, stderr."""

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def index(vitrine, tmp_path):
    catalog = write_catalog(tmp_path / "catalog")
    shop = tmp_path / "shop"
    first = ("index", catalog, "--shop", shop)
    return ShopFolder(shop), lambda *more: vitrine(*first, "--encoder", "color", *more)


def test_a_small_shop_says_that_it_is_exact(index):
    _, run = index
    code, out, _ = run()
    assert code == 0
    assert "index Flat: exact: 24 rows are below the limit of 50000" in out


def test_wishes_are_kept_in_the_manifest_and_by_the_next_build(index, vitrine):
    shop, run = index
    run("--recall", "0.9", "--ram", "4GB", "--p95-ms", "10")
    targets = Targets(recall=0.9, p95_ms=10, ram_bytes=4_000_000_000)
    assert shop.manifest("000001").contract.targets == targets
    code, out, _ = vitrine("rebuild", "--shop", shop.path, "--recall", "0.95", "--json")
    assert (code, json.loads(out)["generation"]) == (0, "000002")
    assert shop.manifest("000002").contract.targets == Targets(
        recall=0.95, p95_ms=10, ram_bytes=4_000_000_000
    )


def test_the_same_wishes_again_build_nothing(index):
    shop, run = index
    run("--recall", "0.9")
    assert "(unchanged)" in run("--recall", "0.9")[1]
    assert shop.names() == ["000001"]


def test_a_promise_that_cannot_be_kept_leaves_the_old_index(index):
    shop, run = index
    run()
    code, out, err = run("--ram", "100B")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith(
        "vitrine: no index of 24 vectors of 112 numbers fits in 0.1 kB"
    )
    assert shop.current() == "000001"


@pytest.mark.parametrize("size", ["4 pounds", "-1", "1PB"])
def test_a_size_that_is_none_is_told(index, size):
    _, run = index
    code, _, err = run("--ram", size)
    assert code == 2
    assert f"expected a size such as 4GB or 500M, got '{size}'" in err
