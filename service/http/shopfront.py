"""The shopper's page, in a language of ``web/texts``, with the shop's own name, logo and links."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from service.http.shopcolors import accent_styles
from service.http.webbundle import Bundle, bundle_of, join_scripts, join_styles

if TYPE_CHECKING:
    from pathlib import Path

    from service.settings import Settings

DEFAULT_LANGUAGE = "en"
_SLOT = re.compile(r"\{\{([\w.]+)\}\}")
_WEIGHT = re.compile(r";\s*q=([\d.]+)")
_STYLES = ("app", "photo", "results", "filters", "panel", "styles", "foryou", "shelf", "contrast")
_MARK = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="3" y="3" width="18" height="18" '
    'rx="2.5"/><path d="M7 13.5 13.5 7M10.5 17 17 10.5"/></svg>'
)
_PRELOAD = '<link rel="preload" as="fetch" href="v1/items?limit=12" crossorigin>'


class Shopfront:
    """Makes the files of the page. They are made again after a source has changed."""

    def __init__(self, web: Path, settings: Settings) -> None:
        self._web = web
        self._settings = settings
        self._stamp = 0
        self._pages: dict[tuple[str, bool], Bundle] = {}
        self._refresh()

    @property
    def languages(self) -> list[str]:
        """The languages of the page, the default one first."""
        return sorted(self._texts, key=lambda name: (name != DEFAULT_LANGUAGE, name))

    def language(self, asked: str, accepted: str) -> str:
        """Return the language to use: ``asked`` if there is one, else of an Accept-Language."""
        self._refresh()
        choices = [asked, *_by_weight(accepted)]
        found = (choice.lower().split("-")[0] for choice in choices)
        return next((name for name in found if name in self._texts), DEFAULT_LANGUAGE)

    def page(self, language: str, *, is_home: bool) -> Bundle:
        """Return the page in a language; ``is_home`` if it starts without a question."""
        self._refresh()
        key = (language, is_home)
        if key not in self._pages:
            self._pages[key] = bundle_of(self._filled(language, is_home=is_home))
        return self._pages[key]

    def file(self, kind: str, digest: str) -> Bundle | None:
        """Return the joined script ("js") or style sheet ("css"); None if it has changed since."""
        self._refresh()
        bundle = self._files.get(kind)
        return bundle if bundle is not None and bundle.digest == digest else None

    def _refresh(self) -> None:
        sources = [*self._web.glob("*.*"), *self._web.glob("texts/*.json")]
        stamp = max(path.stat().st_mtime_ns for path in sources)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self._template = (self._web / "index.html").read_text(encoding="utf-8")
        self._texts: dict[str, dict[str, Any]] = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in self._web.glob("texts/*.json")
        }
        styles = join_styles(self._web / f"{name}.css" for name in _STYLES)
        self._files = {
            "js": bundle_of(join_scripts(self._web / "app.js")),
            "css": bundle_of(styles + accent_styles(self._settings.shop_color)),
        }
        self._pages.clear()

    def _filled(self, language: str, *, is_home: bool) -> str:
        texts = self._texts[language]
        names = {name: texts["language.name"] for name, texts in self._texts.items()}
        setup = {"texts": texts, "shop": self._settings.shop_name, "languages": names}
        values = {
            "lang": language,
            "shop": html.escape(self._settings.shop_name),
            "mark": '<img src="logo" alt="">' if self._settings.shop_logo else _MARK,
            "links": self._links(texts),
            "preload": _PRELOAD if is_home else "",
            "js": self._files["js"].digest,
            "css": self._files["css"].digest,
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
