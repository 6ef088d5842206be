"""Read the products that a saved web page states for search engines: JSON-LD and microdata."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from indexer.catalog.item_parser import BrokenRow
from indexer.errors import BadCatalog
from indexer.jsonbytes import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.catalog.item_parser import NumberedRow, Record

_LARGEST: Final = 64_000_000  # bytes of a page
_CHARSET: Final = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
# Possessive, so that a hostile page takes time that grows with its length alone; the parser of
# the standard library takes minutes for 75 kB of "<a ".
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*+)((?:[^\"'<>]|\"[^\"<]*+\"|'[^'<]*+')*+)>")
_GIVEN: Final = re.compile(
    r"([a-zA-Z][\w:-]*+)(?:\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]++)))?"
)
_SCRIPT: Final = re.compile("<script", re.IGNORECASE)
_SCRIPT_END: Final = re.compile("</script", re.IGNORECASE)
_VOID: Final = frozenset("area base br col embed hr img input link meta source track wbr".split())
_VALUES: Final = {
    "meta": "content", "link": "href", "a": "href", "img": "src", "source": "src",
    "data": "value", "meter": "value", "time": "datetime", "object": "data",
}  # fmt: skip
_DEEPEST: Final = 256  # open elements; more are a page that is no page


def html_records(path: Path) -> Iterator[NumberedRow]:
    """Yield the objects of the page's JSON-LD blocks, or else its products as microdata.

    A block that is not JSON is a BrokenRow. A page without either yields nothing. Raises BadCatalog
    if the file cannot be read.
    """
    text = page_text(path)
    blocks = list(_blocks(text))
    address = _address_of(text)
    for number, content in enumerate(blocks, start=1):
        record = _block(content)
        if address and isinstance(record, dict) and "Product" in str(record.get("@type")):
            record.setdefault("url", address)
        yield f"block {number}", record
    if any("Product" in content for content in blocks):
        return
    reader = _Microdata(text)
    for number, item in enumerate(reader.items, start=1):
        if address and len(reader.items) == 1:
            item.setdefault("url", address)
        yield f"product {number}", item


def page_text(path: Path) -> str:
    """Return the text of a page. Raises BadCatalog if it is too large or cannot be read."""
    try:
        if path.stat().st_size > _LARGEST:
            raise BadCatalog(f"{path} is larger than {_LARGEST} bytes: no page that shows products")
        return _decoded(path.read_bytes())
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error


def tags_of(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield the tags of a page, each after the text before it.

    The groups of a tag are "/" or "", its name, and its attributes.
    """
    at = 0
    for match in _TAG.finditer(text):
        yield text[at : match.start()], match
        at = match.end()


def attributes_of(text: str) -> dict[str, str]:
    """Return the attributes of a tag by their names in lower case."""
    return {
        name.lower(): html.unescape(one or two or three)
        for name, one, two, three in _GIVEN.findall(text)
    }


def _address_of(text: str) -> str:
    """Return the address that a page states as its own, or ""."""
    for match in _TAG.finditer(text):
        if match[2].lower() not in ("link", "meta"):
            continue
        given = attributes_of(match[3])
        if given.get("rel", "").lower() == "canonical":
            return given.get("href", "")
        if given.get("property") == "og:url":
            return given.get("content", "")
    return ""


def _decoded(data: bytes) -> str:
    found = _CHARSET.search(data[:4096])
    name = found[1].decode("ascii", "replace") if found else "utf-8"
    try:
        return data.decode(name)
    except (LookupError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")


def _blocks(text: str) -> Iterator[str]:
    """Yield the content of each script of JSON-LD."""
    at = 0
    # Not in the text in lower case, which is longer where a letter becomes two, as İ does.
    while start := _SCRIPT.search(text, at):
        content = text.find(">", start.start()) + 1
        end = _SCRIPT_END.search(text, content)
        if not content or end is None:
            return
        if "ld+json" in text[start.start() : content].lower():
            yield text[content : end.start()]
        at = end.start()


def _block(content: str) -> Record | BrokenRow:
    """Return the object in a block; comments and ``<![CDATA[`` around it are passed over."""
    lines = [
        line for line in content.split("\n") if not line.lstrip().startswith(("//", "/*", "*/"))
    ]
    reason = ""
    for text in (content, "\n".join(lines)):
        bare = text.strip()
        for mark in ("<![CDATA[", "<!--"):
            bare = bare.removeprefix(mark)
        for mark in ("]]>", "-->"):
            bare = bare.removesuffix(mark)
        try:
            found = decode_json(bare.strip().rstrip(";"))
        except msgspec.DecodeError as error:
            reason = reason or f"not JSON: {error}"
            continue
        if isinstance(found, list):
            return {"@graph": found}
        if isinstance(found, dict):
            return found
        reason = f"expected an object, got {type(found).__name__}"
    return BrokenRow(reason, {})


class _Element(NamedTuple):
    """An open element: its tag, the item that it begins, the property whose text it is."""

    tag: str
    item: Record | None
    name: str
    texts: list[str]


class _Microdata:
    """The elements with ``itemscope`` of a page, as objects of JSON-LD."""

    def __init__(self, text: str) -> None:
        self.items: list[Record] = []
        self._open: list[_Element] = []
        for before, match in tags_of(text):
            self._add_text(before)
            tag = match[2].lower()
            if match[1]:
                self._close(tag)
            else:
                self._start(tag, match[3])

    def _start(self, tag: str, attributes: str) -> None:
        given = attributes_of(attributes)
        owner = self._owner()
        item: Record | None = None
        name = given.get("itemprop", "") if owner is not None else ""
        if "itemscope" in given:
            item = {"@type": given.get("itemtype", "").rstrip("/").rpartition("/")[2]}
            if owner is not None and name:
                _add(owner, name, item)
            else:
                self.items.append(item)
            name = ""
        elif owner is not None and name:
            value = given.get("content") or given.get(_VALUES.get(tag, ""), "")
            if value:
                _add(owner, name, value.strip())
                name = ""
        if tag not in _VOID and len(self._open) < _DEEPEST:
            self._open.append(_Element(tag, item, name, []))

    def _add_text(self, text: str) -> None:
        for element in reversed(self._open):
            if element.name:
                element.texts.append(text)
            if element.item is not None:
                return

    def _close(self, tag: str) -> None:
        if all(element.tag != tag for element in self._open):
            return
        while self._open:
            element = self._open.pop()
            text = " ".join(html.unescape("".join(element.texts)).split())
            owner = self._owner()
            if element.name and text and owner is not None:
                _add(owner, element.name, text)
            if element.tag == tag:
                return

    def _owner(self) -> Record | None:
        return next((item for _, item, _, _ in reversed(self._open) if item is not None), None)


def _add(item: Record, names: str, value: Any) -> None:
    """Set a property, or add to it: the value of a repeated one is a list."""
    for name in names.split():
        before = item.get(name)
        if before is None:
            item[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            item[name] = [before, value]
