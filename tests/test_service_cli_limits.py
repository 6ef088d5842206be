"""The largest picture that commands read."""

from __future__ import annotations

import pytest
from PIL import Image

from service.cli.main import main
from tests.conftest import jpeg


@pytest.fixture
def index(tmp_path, capsys, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "large.jpg").write_bytes(jpeg(Image.new("RGB", (9000, 7200), "red"), 40))
    (tmp_path / "photos" / "small.jpg").write_bytes(jpeg(Image.new("RGB", (90, 72), "blue")))

    def run(*options: str) -> str:
        command = ["index", str(tmp_path / "photos"), "--shop", str(tmp_path / "shop")]
        with pytest.raises(SystemExit):
            main([*command, "--encoder", "color", *options])
        return "".join(capsys.readouterr())

    return run


def test_a_photo_of_65_megapixels_is_read_where_it_is_allowed(index, monkeypatch):
    refused = index()
    assert "at most 64 are read" in refused
    assert "1 pictures are too large: --max-megapixels 66 reads them" in refused
    assert "2 items" in index("--max-megapixels", "108")
    monkeypatch.setenv("VITRINE_MAX_MEGAPIXELS", "0.001")
    assert "at most 0.001 are read" in index()
