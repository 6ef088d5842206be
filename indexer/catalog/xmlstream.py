"""Parse XML from untrusted files as a stream: no entities, bounded tokens and depth.

The parser is defusedxml's: it is part of the base install, since a feed is the most common export,
and weighs 25 kB. It refuses entities and document types, so that a feed reads no other file and
does not expand to gigabytes.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

from indexer.catalog.xmlvalues import local_name
from indexer.errors import BadCatalog

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from defusedxml.ElementTree import DefusedXMLParser

_CHUNK: Final = 1 << 14  # bytes that are parsed at once, whose elements are in memory
# Expat before 2.6 parses an unfinished tag or comment again with each chunk: 30 MB took minutes.
_LONGEST: Final = 1_000_000  # bytes of a tag with its attributes, a comment, an instruction
_LONGEST_TEXT: Final = 32_000_000  # bytes between two tags, which are in memory until the second
_DEEPEST: Final = 1000  # elements in each other
_MOST_WITHIN: Final = 10_000  # elements in one that is looked for


def xml_events(path: Path) -> Iterator[tuple[str, Element]]:
    """Yield ("start" or "end", element) for the elements of a file, in its order.

    Raises BadCatalog for entities, nesting and tags that no catalog has; ParseError for what is not
    XML, LookupError for an unknown encoding, OSError.
    """
    from xml.etree.ElementTree import TreeBuilder  # in C; it parses nothing

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, iterparse

    parser = DefusedXMLParser(target=TreeBuilder(), forbid_dtd=False, forbid_entities=True)
    depth = 0
    try:
        with path.open("rb") as file:
            chunks = _Chunks(path, file, parser)
            for event, element in iterparse(chunks, events=("start", "end"), parser=parser):
                chunks.last_tag = chunks.given
                depth += 1 if event == "start" else -1
                if depth > _DEEPEST:
                    raise BadCatalog(
                        f"{path} is refused: more than {_DEEPEST} elements are in each other"
                    )
                yield event, element
    except DefusedXmlException as error:
        raise BadCatalog(f"{path} is refused: it declares entities; export it without") from error


def xml_elements(path: Path, names: Collection[str]) -> Iterator[tuple[list[Element], Element]]:
    """Yield each element of one of these names when it ends, after those that it is in.

    Names have no namespace. Only the open elements and what is within such an element are in
    memory; one with too many elements within is left out. Raises as ``xml_events`` does.
    """
    around: list[Element] = []
    found: Element | None = None
    within = 0
    for event, element in xml_events(path):
        if event == "start":
            around.append(element)
            if found is None and local_name(element.tag) in names:
                found, within = element, 0
            continue
        around.pop()
        if found is not None and element is not found:
            within += 1
            if within > _MOST_WITHIN:
                around[-1].remove(element)
            continue
        if found is not None and within <= _MOST_WITHIN:
            yield around, element
        found = None
        if around:
            around[-1].remove(element)


class _Chunks:
    """A file that is read in chunks, while the parser keeps up with it."""

    def __init__(self, path: Path, file: IO[bytes], parser: DefusedXMLParser) -> None:
        self._path = path
        self._file = file
        self._expat = parser.parser
        self.given = 0
        self.last_tag = 0  # how many bytes were given when the last one was found

    def read(self, _size: int = -1) -> bytes:
        """Return the next chunk. Raises BadCatalog if a single token or text is too long."""
        if self.given - self.last_tag > _LONGEST_TEXT:
            raise BadCatalog(
                f"{self._path} is refused: a text has more than {_LONGEST_TEXT:,} bytes"
            )
        if self.given - max(0, self._expat.CurrentByteIndex) > _LONGEST:
            raise BadCatalog(
                f"{self._path} is refused: a tag or a comment has more than {_LONGEST:,} bytes"
            )
        chunk = self._file.read(_CHUNK)
        self.given += len(chunk)
        return chunk
