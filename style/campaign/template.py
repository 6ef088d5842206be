"""The template of campaign pictures: a small TOML or JSON file that says how they look."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Literal

import msgspec

from style.errors import BadTemplate
from style.regularfile import open_regular

__all__ = ["Template", "read_template", "template_from", "template_of"]

_MOST = 10_000  # bytes of a file; keys of many parts take memory that grows with their square
MOST_NOTE = 200  # characters
_MOST_PATTERN = 32
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")

Backdrop = Literal["disc", "floor", "plain"]


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How campaign pictures look.

    Colors are ``#rrggbb``, or ``auto``: then they are made from the product's own color. ``page``
    is the background, ``tint`` the backdrop behind the product, ``accent`` the badge with the
    discount. ``logo`` and ``font`` are files, relative to the template; the font is tried before
    the bundled ones. ``old_price`` is the attribute of items that holds their former price.
    ``price`` is the pattern of prices: ``{amount}`` with ``{symbol}`` or ``{code}``. ``margin`` is
    a share of the shorter side. ``note`` is a small line below the prices, such as a call to act.
    """

    page: str = "auto"
    tint: str = "auto"
    text: str = "auto"
    accent: str = "auto"
    backdrop: Backdrop = "disc"
    badge: bool = True
    logo: str = ""
    font: str = ""
    note: str = ""
    old_price: str = "old_price"
    price: str = "{symbol}{amount}"
    decimal: Literal[".", ","] = "."
    title_lines: int = 2
    margin: float = 0.065

    def __post_init__(self) -> None:
        """Check the values. Raises BadTemplate."""
        for name in ("page", "tint", "text", "accent"):
            value = getattr(self, name)
            if value != "auto" and not _COLOR.fullmatch(value):
                raise BadTemplate(f"{name} must be auto or a color such as #1a2b3c, got {value!r}")
        if not 1 <= self.title_lines <= 4:
            raise BadTemplate(f"title_lines must be 1 to 4, got {self.title_lines}")
        if not 0.02 <= self.margin <= 0.15:
            raise BadTemplate(f"margin must be 0.02 to 0.15 of the shorter side, got {self.margin}")
        if len(self.note) > MOST_NOTE:
            raise BadTemplate(
                f"note must have at most {MOST_NOTE} characters, got {len(self.note)}"
            )
        if "{amount}" not in self.price or len(self.price) > _MOST_PATTERN:
            raise BadTemplate(
                "price must contain {amount}, as in '{symbol}{amount}', and have at most "
                f"{_MOST_PATTERN} characters, got {self.price!r}"
            )


def read_template(path: Path) -> Template:
    """Read a ``.toml`` or ``.json`` file. Raises BadTemplate, which names file and field."""
    if path.suffix.lower() not in (".toml", ".json"):
        raise BadTemplate(f"{path}: a template is a .toml or .json file")
    try:
        with open_regular(path) as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise BadTemplate(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > _MOST:
        raise BadTemplate(f"{path}: over {_MOST} bytes, a template is a small file")
    try:
        return template_of(data, toml=path.suffix.lower() == ".toml")
    except BadTemplate as error:
        raise BadTemplate(f"{path}: {error}") from error


def template_of(data: bytes, *, toml: bool) -> Template:
    """Read a template from its text. Raises BadTemplate, which names the field."""
    decode = msgspec.toml.decode if toml else msgspec.json.decode
    try:
        return decode(data, type=Template)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadTemplate(_explained(str(error))) from error
    except RecursionError as error:
        raise BadTemplate("values are nested too deeply, a template has one level") from error


def template_from(fields: dict[str, object]) -> Template:
    """Read a template from its fields, as JSON has them. Raises BadTemplate."""
    try:
        return msgspec.convert(fields, Template)
    except msgspec.ValidationError as error:
        raise BadTemplate(_explained(str(error))) from error


def _explained(message: str) -> str:
    """Return the decoder's message, with the closest field for an unknown one."""
    found = re.search(r"unknown field `([^`]*)`", message)
    if found is None:
        return message if message[:2].isupper() else message[:1].lower() + message[1:]
    fields = Template.__struct_fields__
    close = difflib.get_close_matches(found[1], fields, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown field {found[1][:60]!r}: {hint}there are {', '.join(fields)}"
