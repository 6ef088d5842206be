"""The demo: what it writes over HTTP is what its catalog says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from indexer.sample.shop import SampleShop, read_csv
from service.cli.demo_command import item_of
from tests.writecalls import KEY


def test_rows_that_are_written_live_are_what_an_index_of_the_catalog_has(
    serve: Any, drawn_shop: SampleShop, drawn_index: Path, tmp_path: Path
) -> None:
    shop = shutil.copytree(drawn_index, tmp_path / "shop")
    http = serve(shop=shop, write_key=KEY, image_root=drawn_shop.folder)
    rows = read_csv(drawn_shop.catalog)
    changed = {**item_of(rows[0]), "title": "Another title"}
    written = http.run(
        http.client.put(
            "/v1/items",
            json={"items": [*map(item_of, rows), changed]},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    ).json()
    statuses = [result["status"] for result in written["results"]]
    assert statuses == ["unchanged"] * len(rows) + ["updated"]
