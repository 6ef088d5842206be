"""The shopper's page, in a language of ``web/texts``, with the shop's own name, logo and links."""

from __future__ import annotations

import html
import json
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from service.http.shopcolors import accent_styles
from service.http.webbundle import join_scripts, join_styles
from service.http.webfiles import TYPES, WebFile, WebFolder, web_file

if TYPE_CHECKING:
    from service.settings import Settings

DEFAULT_LANGUAGE = "en"
_SLOT = re.compile(r"\{\{([\w.]+)\}\}")
_WEIGHT = re.compile(r";\s*q=([\d.]+)")
_DIGEST_DIGITS = 16
_STYLES = ("app", "photo", "results", "filters", "panel", "styles", "foryou", "shelf", "contrast")
_MARK = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="3" y="3" width="18" height="18" '
    'rx="2.5"/><path d="M7 13.5 13.5 7M10.5 17 17 10.5"/></svg>'
)
_HAS_HEIC = find_spec("pillow_heif") is not None
_PRELOAD = '<link rel="preload" as="fetch" href="v1/items?limit=12" crossorigin>'


class Shopfront:
    """Builds the files of the page, and builds them again after a source has changed."""

    def __init__(self, folder: WebFolder, settings: Settings) -> None:
        self._folder = folder
        self._web = folder.path
        self._settings = settings
        self._version = ""
        self._pages: dict[tuple[str, bool], WebFile] = {}
        self._refresh()

    @property
    def languages(self) -> list[str]:
        """The languages of the page, the default one first."""
        return sorted(self._texts, key=lambda name: (name != DEFAULT_LANGUAGE, name))

    def language(self, wanted: str, accepted: str) -> str:
        """Return ``wanted`` if the page has it, or else the best of an Accept-Language header."""
        self._refresh()
        choices = [wanted, *_by_weight(accepted)]
        found = (choice.lower().split("-")[0] for choice in choices)
        return next((name for name in found if name in self._texts), DEFAULT_LANGUAGE)

    def page(self, language: str, *, is_home: bool) -> WebFile:
        """Return the page in a language; ``is_home`` if it starts without a question."""
        self._refresh()
        key = (language, is_home)
        if key not in self._pages:
            page = self._folder.versioned(self._filled(language, is_home=is_home).encode())
            self._pages[key] = web_file(page, TYPES[".html"])
        return self._pages[key]

    def file(self, kind: str, digest: str) -> WebFile | None:
        """Return the joined script ("js") or style sheet ("css"); None if it has changed since."""
        self._refresh()
        file = self._files.get(kind)
        return file if file is not None and _digest(file) == digest else None

    def _refresh(self) -> None:
        version = self._folder.version()
        if version == self._version:
            return
        self._version = version
        self._template = (self._web / "index.html").read_text(encoding="utf-8")
        self._texts: dict[str, dict[str, Any]] = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in self._web.glob("texts/*.json")
        }
        styles = join_styles(self._web / f"{name}.css" for name in _STYLES)
        self._files = {
            "js": web_file(join_scripts(self._web / "app.js").encode(), TYPES[".js"]),
            "css": web_file(
                (styles + accent_styles(self._settings.shop_color)).encode(), TYPES[".css"]
            ),
        }
        self._pages.clear()

    def _filled(self, language: str, *, is_home: bool) -> str:
        texts = self._texts[language]
        names = {name: texts["language.name"] for name, texts in self._texts.items()}
        setup = {
            "texts": texts,
            "shop": self._settings.shop_name,
            "languages": names,
            "planned": self._settings.planned_items,
        }
        values = {
            "lang": language,
            "shop": html.escape(self._settings.shop_name),
            "mark": '<img src="logo" alt="">' if self._settings.shop_logo else _MARK,
            "links": self._links(texts),
            "formats": html.escape(texts["hero.formatsHeic" if _HAS_HEIC else "hero.formats"]),
            "preload": _PRELOAD if is_home else "",
            "js": _digest(self._files["js"]),
            "css": _digest(self._files["css"]),
            # A "<" could end the element that the JSON is in.
            "setup": json.dumps(setup, ensure_ascii=False).replace("<", "\\u003c"),
        }

        def value(slot: re.Match[str]) -> str:
            name = slot[1]
            return values[name] if name in values else html.escape(texts[name])

        return _SLOT.sub(value, self._template)

    def _links(self, texts: dict[str, Any]) -> str:
        links = {
            texts["foot.imprint"]: self._settings.imprint_url,
            texts["foot.privacy"]: self._settings.privacy_url,
        }
        return "".join(
            f'<a href="{html.escape(url)}">{html.escape(name)}</a>'
            for name, url in links.items()
            if url
        )


def _digest(file: WebFile) -> str:
    """Return the part of a name that changes with the content."""
    return file.etag.strip('"')[:_DIGEST_DIGITS]


def _by_weight(accepted: str) -> list[str]:
    """Return the languages of an Accept-Language header, the most wanted first."""
    ranges = [part.strip() for part in accepted.split(",")[:20] if part.strip()]

    def weight(part: str) -> float:
        found = _WEIGHT.search(part)
        try:
            return float(found[1]) if found else 1.0
        except ValueError:
            return 0.0

    return [part.split(";")[0] for part in sorted(ranges, key=weight, reverse=True)]
