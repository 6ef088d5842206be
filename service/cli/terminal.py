"""Text on its way to a terminal: a catalog's words must not command it."""

from __future__ import annotations

import re

import click

# All of Unicode's control characters but line feed and tab: among them are ESC and, as one
# character, what it begins.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    r"""The text with control characters spelled out, such as \x1b; lines and tabs stay."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def say(text: str = "", *, err: bool = False) -> None:
    """A line on stdout, or stderr, without control characters."""
    click.echo(printable(text), err=err)


def printable_json(text: str) -> str:
    """JSON with the control characters escaped that it may hold as they are; the same value."""
    return re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)
