"""Turn the texts of a catalog into plain text: HTML, entities, and texts in several languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_TAGS: Final = frozenset(
    "a abbr address article aside b bdi bdo big blockquote body br button caption center cite "
    "code col colgroup dd del details dfn div dl dt em embed fieldset figcaption figure font "
    "footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label "
    "legend li link main map mark meta nav noscript object ol option p param picture pre q s "
    "samp script section select small source span strike strong style sub summary sup svg "
    "table tbody td template textarea tfoot th thead time title tr tt u ul var video wbr".split()
)
_INLINE: Final = frozenset(
    "a abbr b bdi bdo big cite code del dfn em font i ins kbd label mark q s samp small span "
    "strike strong sub sup time tt u var wbr".split()
)  # the text before and after is not separated
_SILENT: Final = frozenset({"script", "style", "template", "noscript", "head", "svg"})
_MARKUP: Final = re.compile(r"</?[a-zA-Z]|<!|&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
_BARE_AMPERSAND: Final = re.compile(
    r"&(?!(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)"
)
_PASSES: Final = 3  # some exports escape their HTML, some twice
_LONGEST: Final = 200_000  # characters; the parser is slow on long text that only looks like tags

# ISO 639-1, the keys of a text in several languages.
LANGUAGES: Final = frozenset(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu "
    "cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi "
    "ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks "
    "ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl "
    "nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl "
    "sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve "
    "vi vo wa wo xh yi yo za zh zu".split()
)


def plain_text(text: str) -> str:
    """Return text without HTML: tags are removed, and entities become letters.

    Text without tags and entities is returned as it is; otherwise white space is collapsed. What
    only looks like a tag, such as ``<M>``, stays.
    """
    for _ in range(_PASSES):
        if not _MARKUP.search(text):
            break
        before = text
        parser = _TextParser()
        parser.feed(_BARE_AMPERSAND.sub("&amp;", text[:_LONGEST]))
        parser.close()
        text = " ".join("".join(parser.parts).split())
        if text == before:
            break
    return text


def in_language(value: dict[str, object], language: str | None) -> object:
    """Return the text of ``language`` from ``{"en": ..., "de": ...}``, else the English or first.

    A region is ignored where needed: ``de`` finds ``de-AT`` and ``de_DE``.
    """
    by_code = {_code(key): text for key, text in value.items() if text not in (None, "")}
    for wanted in (language, "en"):
        if wanted is None:
            continue
        code = _code(wanted)
        if code in by_code:
            return by_code[code]
        near = [text for key, text in by_code.items() if key[:2] == code[:2]]
        if near:
            return near[0]
    return next(iter(by_code.values()), "")


def is_translated(value: dict[str, object]) -> bool:
    """Return whether every key is the code of a language, and every value a text."""
    return bool(value) and all(
        _is_language(key) and (text is None or isinstance(text, str)) for key, text in value.items()
    )


def _is_language(key: object) -> bool:
    code = _code(str(key))
    return code[:2] in LANGUAGES and (len(code) == 2 or code[2] == "-") and len(code) <= 10


def _code(text: str) -> str:
    return text.strip().replace("_", "-").casefold()


class _TextParser(HTMLParser):
    """Collects the text of HTML in ``parts``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Keep what is no tag of HTML; separate the text around a block."""
        if tag not in _TAGS:
            self.parts.append(self.get_starttag_text() or "")
            return
        if tag in _SILENT:
            self._silent += 1
        elif tag not in _INLINE:
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read ``<br/>`` as ``<br>``; an empty ``<style/>`` silences nothing."""
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Separate the text after a block."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag not in _TAGS:
            self.parts.append(f"</{tag}>")
        elif tag not in _INLINE:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        """Collect text outside of scripts and styles."""
        if not self._silent:
            self.parts.append(data)
