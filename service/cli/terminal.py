"""Prints text without control characters, so that a catalog cannot control the terminal."""

from __future__ import annotations

import re

import click

# Control characters, characters that change the direction of text, and lone surrogates.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def say(text: str) -> None:
    """Print a line on stdout, without control characters."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print a line on stderr, without control characters."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    r"""Return the text as one line without control characters.

    Line breaks become spaces, and other control characters become escapes such as ``\x1b``.
    Titles, ids and names come from catalogs and files, which others may have written.
    """
    return _CONTROL.sub(_escaped, " ".join(text.splitlines()))


def printable_json(text: str) -> str:
    """Escape the control characters in a JSON document, whose value stays the same."""
    lines = text.split("\n")
    return "\n".join(_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in lines)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
