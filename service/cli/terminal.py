"""Text for a terminal, made harmless: a catalog's words must not control it."""

from __future__ import annotations

import re

import click

# What moves a terminal's cursor or colors, turns the direction of writing, or is half a character.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def say(text: str) -> None:
    """Print a line on stdout, without control characters."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print a line on stderr, without control characters."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    r"""Return the text as one line that does nothing to a terminal.

    Catalogs and files give titles, ids and names, and others write those. Line breaks become
    blanks, and what a terminal would obey is shown as an escape, such as ``\x1b``.
    """
    return _CONTROL.sub(_escaped, " ".join(text.splitlines()))


def printable_json(text: str) -> str:
    """Escape the control characters that JSON may hold as they are; the value stays the same."""
    lines = text.split("\n")
    return "\n".join(_CONTROL.sub(lambda one: f"\\u{ord(one[0]):04x}", line) for line in lines)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
