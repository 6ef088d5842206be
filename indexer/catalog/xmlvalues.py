"""Turn the elements of a product in XML into values: texts, objects, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from indexer.catalog.columnnames import NAMES, known_key

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from indexer.catalog.item_parser import Record

_GOOGLE: Final = "base.google.com/ns"
_LANGUAGE: Final = ("lang", "{http://www.w3.org/XML/1998/namespace}lang", "language", "langid")
_KEPT: Final = ("price_type",)  # of BMEcat: an attribute beside the children that it is of
_LINKS: Final = ("href", "url", "src")  # of a picture, also beside children
_IMAGES: Final = frozenset({*NAMES["images"], *NAMES["more images"]})
_NAMED: Final = frozenset({"name", "unit", "code", "id"})  # of <param name="Size" unit="cm">
_DEEPEST: Final = 20
_CODES: Final = {
    "deu": "de", "ger": "de", "eng": "en", "fra": "fr", "fre": "fr", "ita": "it", "spa": "es",
    "nld": "nl", "dut": "nl", "pol": "pl", "por": "pt", "swe": "sv", "dan": "da", "fin": "fi",
    "nor": "no", "ces": "cs", "cze": "cs", "hun": "hu", "rus": "ru", "tur": "tr", "slk": "sk",
    "slv": "sl", "ron": "ro", "rum": "ro", "bul": "bg", "hrv": "hr", "ell": "el", "gre": "el",
    "jpn": "ja", "zho": "zh", "chi": "zh", "kor": "ko",
}  # fmt: skip
"""The codes of languages in BMEcat (ISO 639-2), and those of our texts (ISO 639-1)."""


def element_record(product: Element) -> Record:
    """Return the attributes and the children of a product by their names, without namespaces.

    A repeated element is a list, or an object by language if its elements state one. An element of
    Google's comes before others of its name.
    """
    record: Record = dict(product.attrib)
    from_google: set[str] = set()
    for child in product:
        name = local_name(child.tag)
        is_google = _GOOGLE in str(child.tag)
        if is_google and name not in from_google:
            from_google.add(name)
            record[name] = element_value(child)
        elif is_google or name not in from_google:
            _add(record, child, 0)
    return record


def element_value(element: Element, depth: int = 0) -> Any:
    """Return the text of an element, the target of a link, or an object of its children."""
    children = list(element)
    given = element.attrib
    if [local_name(child.tag) for child in children] == ["value"] and given.keys() <= _NAMED:
        children = []  # <property name="Color"><value>red</value>
    if children and depth < _DEEPEST and not _is_markup(children):
        kept = (*_KEPT, *_LINKS) if known_key(local_name(element.tag)) in _IMAGES else _KEPT
        inner: Record = {
            local_name(name): text for name, text in given.items() if local_name(name) in kept
        }
        for child in children:
            _add(inner, child, depth + 1)
        return inner
    text = " ".join("".join(element.itertext()).split())
    if text and "name" in given and given.keys() <= _NAMED:  # <param name="Color">red</param>
        value = f"{text} {given['unit']}" if given.get("unit") else text
        return {"name": given["name"], "value": value}
    if text and "path" in given:  # <category path="Home > Mugs">Mugs</category>
        return {"name": text, "path": given["path"]}
    if text and given.keys() & {"currency", "currencyCode"}:
        return {"value": text, **given}
    return text or given.get("href") or given.get("url") or given.get("src", "")


def local_name(tag: object) -> str:
    """Return the name of an element without its namespace."""
    return str(tag).rpartition("}")[2]


def _add(record: Record, element: Element, depth: int) -> None:
    """Set the value of an element, or add to it if there is one."""
    name, value = local_name(element.tag), element_value(element, depth)
    if name not in record:
        record[name] = value
        if (code := _language_of(element)) and isinstance(value, str):
            record[name] = _Translated(value, code)
        return
    before = record[name]
    code = _language_of(element)
    if code and isinstance(value, str) and isinstance(before, _Translated):
        record[name] = {before.code: str(before), code: value}
    elif code and isinstance(value, str) and isinstance(before, dict) and before.keys() <= _SHORT:
        before[code] = value
    elif isinstance(before, list):
        before.append(value)
    else:
        record[name] = [before, value]


class _Translated(str):
    """A text with its language: alone it is a text, with others they are an object."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, text: str, code: str) -> _Translated:
        made = super().__new__(cls, text)
        made.code = code
        return made


_SHORT: Final = frozenset(_CODES.values())


def _language_of(element: Element) -> str:
    """Return the language that an element states, as two letters, or ""."""
    found = next((element.attrib[name] for name in _LANGUAGE if name in element.attrib), "")
    code = found.strip().casefold()
    code = _CODES.get(code, code[:2])
    return code if code in _SHORT else ""


def _is_markup(children: list[Element]) -> bool:
    """Return True if the children are XHTML, which is a text."""
    return all("www.w3.org/1999/xhtml" in str(child.tag) for child in children)
