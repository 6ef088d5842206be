"""The files of the shopper's page: languages, the shop's own name and colors, joined scripts."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.http import shopfront
from service.http.routes.pages import WEB
from service.http.shopcolors import accent_styles, contrast
from service.http.shopfront import Shopfront
from service.http.webbundle import BadScript, join_scripts
from service.http.webfiles import WebFolder
from service.settings import Settings

MOST_COMPRESSED = 90_000  # bytes of script and style together


def setup_in(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="setup">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def front() -> Shopfront:
    return Shopfront(WebFolder(WEB), Settings())


@pytest.fixture(scope="module")
def texts() -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in WEB.glob("texts/*.json")}


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "de,en;q=0.5,zh;q=0.7", "zh"),
        ("", "de, fr;q=x", "en"),
        ("zh", "en-GB", "zh"),
        ("nonsense", "zh-TW", "zh"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_browsers_own(front, asked, accepted, language):
    assert front.language(asked, accepted) == language


@pytest.mark.parametrize("installed", [True, False])
def test_the_page_names_heic_only_if_it_can_be_read(monkeypatch, installed):
    monkeypatch.setattr(shopfront, "_HAS_HEIC", installed)
    page = Shopfront(WebFolder(WEB), Settings()).page("en", is_home=True).plain.decode()
    last = "HEIC" if installed else "AVIF"
    assert re.findall(r'<p class="fine">JPEG, .* or (\w+)\.', page) == [last]


def test_every_language_has_every_text_with_the_same_slots(texts):
    def slots(text: str | dict[str, str]) -> set[str]:
        forms = text.values() if isinstance(text, dict) else [text]
        return {slot for form in forms for slot in re.findall(r"\{\w+\}", form)}

    assert len(texts) >= 2
    for language, those in texts.items():
        assert those.keys() == texts["en"].keys(), language
        for key, text in those.items():
            assert slots(text) <= slots(texts["en"][key]), (language, key)


def test_every_text_that_a_script_names_exists(texts):
    sources = "".join(path.read_text("utf-8") for path in WEB.glob("*.js"))
    named = set(re.findall(r'\bt\(\s*"([\w.]+)"', sources))
    assert len(named) > 100
    assert named <= texts["en"].keys()


def test_no_script_has_words_of_its_own():
    for path in WEB.glob("*.js"):
        text = path.read_text("utf-8")
        found = re.findall(r'(?<!\w)(?:text|title|alt|"aria-label"): "([^"]*[a-z]{2}[^"]*)"', text)
        assert found == [], path.name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_filled_with_the_texts_of_its_language(front, texts, language):
    page = front.page(language, is_home=True).plain.decode()
    assert f'<html lang="{language}">' in page
    assert texts[language]["hero.title"] in page
    assert "{{" not in page
    assert setup_in(page)["texts"] == texts[language]
    assert setup_in(page)["languages"] == {"en": "English", "zh": "中文"}


def test_a_shop_gives_the_page_its_name_logo_color_and_links(tmp_path):
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg/>")
    settings = Settings(
        shop_name="</script><b>M&S",
        shop_logo=logo,
        shop_color="#D04A1B",
        imprint_url="https://shop.example/imprint",
    )
    front = Shopfront(WebFolder(WEB), settings)
    page = front.page("en", is_home=False).plain.decode()
    assert "<title>&lt;/script&gt;&lt;b&gt;M&amp;S</title>" in page
    assert setup_in(page)["shop"] == "</script><b>M&S"
    assert '<img src="logo" alt="">' in page
    assert '<a href="https://shop.example/imprint">Imprint</a>' in page
    assert "Privacy" not in page.replace(json.dumps("Privacy"), "")
    digest = re.search(r"web/page\.(\w+)\.css", page)
    assert digest is not None
    styles = front.file("css", digest[1])
    assert styles is not None
    assert styles.plain.decode().endswith(accent_styles("#D04A1B"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shop_color", "red"),
        ("shop_color", "#12345"),
        ("imprint_url", "javascript:alert(1)"),
        ("privacy_url", "https://a.example/ onclick=x"),
        ("shop_logo", "no/such/file.svg"),
        ("shop_name", ""),
    ],
)
def test_a_setting_that_would_break_the_page_is_refused(name, value):
    with pytest.raises(ValidationError):
        Settings(**{name: value})


@pytest.mark.parametrize(
    "color", ["#ffee00", "#ffffff", "#000000", "#0c6b58", "#d04a1b", "#8899ff"]
)
def test_text_in_the_color_of_the_shop_can_be_read(color):
    styles = accent_styles(color)
    accents = re.findall(
        r"--accent: #(\w{6}); --accent-wash: #(\w{6}); --on-accent: #(\w{6})", styles
    )

    def rgb(text: str) -> tuple[float, float, float]:
        red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (0, 2, 4))
        return red, green, blue

    assert len(accents) == 3
    for accent, wash, on_accent in accents:
        assert contrast(rgb(accent), rgb(wash)) >= 4.4  # 4.5 before the colors are rounded
        assert contrast(rgb(accent), rgb(on_accent)) >= 4.4


def test_script_and_style_are_two_small_files_that_browsers_keep(http):
    page = http.get("/", headers={"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-cache"
    names = re.findall(r'(?:src|href)="(web/page\.\w+\.\w+)"', page.text)
    sent = 0
    for name in names:
        reply = http.get(f"/{name}", headers={"accept-encoding": "gzip"})
        assert "immutable" in reply.headers["cache-control"]
        sent += int(reply.headers["content-length"])
        plain = http.get(f"/{name}", headers={"accept-encoding": "identity"})
        assert plain.text == reply.text
    assert sorted(name.rpartition(".")[2] for name in names) == ["css", "js"]
    assert sent < MOST_COMPRESSED
    tag = page.headers["etag"]
    again = http.get("/", headers={"accept-encoding": "gzip", "if-none-match": tag})
    assert again.status_code == 304
    assert http.get("/web/page.0000.js").status_code == 404
    assert http.get("/logo").status_code == 404


def test_a_page_that_starts_without_a_question_asks_for_its_items_at_once(http):
    assert "v1/items?limit=12" in http.get("/").text
    assert "v1/items?limit=12" in http.get("/?lang=zh").text
    assert "v1/items?limit=12" not in http.get("/?q=mug").text


def test_modules_are_joined_in_the_order_of_their_imports(tmp_path: Path):
    (tmp_path / "a.js").write_text('import { b as c } from "./b.js";\nexport const a = c + 1;\n')
    (tmp_path / "b.js").write_text("export const b = 1;\n")
    joined = join_scripts(tmp_path / "a.js")
    assert joined.index('modules["b.js"]') < joined.index('modules["a.js"]')
    assert 'const { b: c } = modules["b.js"];' in joined
    assert "return { a };" in joined


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('import a from "./a.js";\n', "expected a named import"),
        ("export default 1;\n", "expected a named import"),
        ('import { x } from "./x.js";\n', "in a circle"),
    ],
)
def test_a_module_that_cannot_be_joined_is_named(tmp_path: Path, source: str, reason: str):
    (tmp_path / "x.js").write_text(source)
    with pytest.raises(BadScript, match=reason):
        join_scripts(tmp_path / "x.js")


def test_a_bundle_is_the_same_compressed(front):
    page = front.page("en", is_home=True)
    assert gzip.decompress(page.gzipped or b"") == page.plain
