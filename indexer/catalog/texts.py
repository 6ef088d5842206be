"""Turn the texts of a catalog into plain text: HTML, entities, and texts in several languages."""

from __future__ import annotations

import html
import re
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
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)(?:[^\"'<>]|\"[^\"]*+\"|'[^']*+')*+>")
_DECLARATION: Final = re.compile(r"<!doctype[^<>]*+>", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PASSES: Final = 3  # some exports escape their HTML, some twice

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
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), _Stripper(text).text())
        if text == before:
            break
        text = " ".join(text.split())
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
    """Return True if every key is the code of a language, and every value a text."""
    return bool(value) and all(
        _is_language(key) and (text is None or isinstance(text, str)) for key, text in value.items()
    )


def _is_language(key: object) -> bool:
    code = _code(str(key))
    return code[:2] in LANGUAGES and (len(code) == 2 or code[2] == "-") and len(code) <= 10


def _code(text: str) -> str:
    return text.strip().replace("_", "-").casefold()


class _Stripper:
    """Removes the tags of one text, in time that grows with its length alone.

    The parser of the standard library takes 156 s for 200 kB of ``<!--``.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: list[str] = []
        self._missing: set[str] = set()  # ends that the rest of the text does not have

    def text(self) -> str:
        """Return the text between the tags; a block's tag is a space."""
        at = 0
        while (tag := self._text.find("<", at)) >= 0:
            self._parts.append(self._text[at:tag])
            at = self._after_tag(tag)
        return "".join([*self._parts, self._text[at:]])

    def _after_tag(self, at: int) -> int:
        """Return where the text continues after the tag at a ``<``; a ``<`` of no tag is text."""
        if self._text.startswith("<!--", at) and (end := self._find("-->", at)):
            return end
        if match := _DECLARATION.match(self._text, at):
            return match.end()
        match = _TAG.match(self._text, at)
        name = match[2].lower() if match else ""
        if match is None or name not in _TAGS:
            self._parts.append("<")
            return at + 1
        if name not in _INLINE:
            self._parts.append(" ")
        if name in _SILENT and not match[1] and (end := self._find(f"</{name}", match.end())):
            return self._find(">", end) or end
        return match.end()

    def _find(self, end: str, start: int) -> int:
        """Return where the next ``end`` ends, or 0; a missing one is searched for once."""
        if end in self._missing:
            return 0
        found = self._text.find(end, start)
        if found < 0 and end[:2] == "</":
            found = self._text.find(end.upper(), start)
        if found < 0:
            self._missing.add(end)
            return 0
        return found + len(end)
