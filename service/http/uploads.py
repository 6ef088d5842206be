"""Multipart forms, parsed in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.http.problems import HttpError


@dataclass(frozen=True)
class Form:
    """The text fields of a form, and the bytes of its files, by the name of the field.

    ``lists`` has the text fields that may occur several times.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)


class _Part:
    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.name = b""  # of the header that is being parsed
        self.value = b""
        self.chunks: list[bytes] = []


class FormLimits(NamedTuple):
    """The largest number of fields in a form, and of bytes in a text field."""

    fields: int = 32
    text_bytes: int = 64_000


_LIMITS = FormLimits()
_MOST_BOUNDARIES = 1000  # also those inside a file, which are read byte by byte


def parse_form(
    body: bytes,
    content_type: str,
    *,
    is_file: Callable[[str], bool],
    texts: Collection[str] | None = None,
    lists: Collection[str] = (),
    limits: FormLimits = _LIMITS,
    or_else: str = "",
) -> Form:
    """Parse a complete multipart body. ``is_file`` returns True for the names of file fields.

    All other fields are text, even if a part has a file name. ``texts`` are the names of the text
    fields if there are no others: a file in another field is refused by the name of the right one.
    ``lists`` are the names of text fields that may occur several times. ``or_else`` is what else
    the body may be, for the error.
    Raises HttpError: 415 for another content type, 422 for an invalid body or a field that occurs
    twice.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise HttpError(
            415,
            "unsupported_media_type",
            f"expected multipart/form-data with a boundary{or_else}, got "
            f"{content_type.split(';')[0] or 'no content type'}",
        )
    form = Form()
    for part in _parts(body, boundary, limits.fields):
        _, disposition = parse_options_header(part.headers.get(b"content-disposition", b""))
        name = disposition.get(b"name", b"").decode("utf-8", "replace")
        if name in form.texts or name in form.files:
            raise _invalid(f"the field {name!r} occurs twice", name)
        data = b"".join(part.chunks)
        if is_file(name):
            form.files[name] = data
            continue
        if texts is not None and name not in texts and (b"filename" in disposition or not name):
            raise _invalid(
                f"the photo goes into the field 'image', not {name!r}: curl -F image=@photo.jpg",
                name or None,
            )
        if len(data) > limits.text_bytes:
            raise _invalid(f"the field {name!r} has more than {limits.text_bytes} bytes", name)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise _invalid(f"the field {name!r} is not UTF-8 text", name) from None
        if name in lists:
            form.lists.setdefault(name, []).append(text)
        else:
            form.texts[name] = text
    return form


def _parts(body: bytes, boundary: bytes, most: int) -> list[_Part]:
    form = _PartCollector(most)
    # The parser stops at each line that begins like the boundary. Five million of them fit 32 MB,
    # and would hold the event loop for seconds.
    if body.count(b"\r\n--" + boundary) > _MOST_BOUNDARIES:
        raise _invalid(
            f"the form has more than {_MOST_BOUNDARIES} lines that begin with its boundary", None
        )
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin_part,
                "on_header_field": form.add_header_name,
                "on_header_value": form.add_header_value,
                "on_header_end": form.end_header,
                "on_part_data": form.add_content,
                "on_end": form.end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _invalid(f"the multipart body is broken: {error}", None) from None
    if not form.ended:
        raise _invalid(
            f"the multipart body of {len(body)} bytes ends before its last boundary", None
        )
    return form.parts


class _PartCollector:
    """The parser's callbacks; collects the parts of a form, at most ``most``."""

    def __init__(self, most: int) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self._most = most

    def begin_part(self) -> None:
        if len(self.parts) == self._most:
            raise _invalid(f"the form has more than {self._most} fields", None)
        self.parts.append(_Part())

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].name += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].value += data[start:end]

    def end_header(self) -> None:
        part = self.parts[-1]
        part.headers[part.name.lower()] = part.value
        part.name = part.value = b""

    def add_content(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].chunks.append(data[start:end])

    def end(self) -> None:
        self.ended = True


def _invalid(detail: str, param: str | None) -> HttpError:
    return HttpError(422, "invalid_request", detail, param=param)
