"""The options for how to read a catalog: its format, columns, encoding and language."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol

import click

from indexer.catalog.formatnames import FORMATS
from service.cli.console import map_option, parse_mapping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.catalog.sources import Catalog


class ReadCatalog(Protocol):
    """Opens the catalog at a path as the options say; ``address`` is the URL of a fetched feed."""

    def __call__(self, path: Path, address: str = "") -> Catalog:
        """Raises BadCatalog."""
        ...


def catalog_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --format, --map, --encoding, --language and --exclude to a command.

    The command gets a ``ReadCatalog`` as the argument ``read_catalog``.
    """

    @functools.wraps(command)
    def with_catalog(
        *args: Any,
        mapping: tuple[str, ...],
        form: str,
        encoding: str | None,
        language: str | None,
        exclude: tuple[str, ...],
        **given: Any,
    ) -> Any:
        columns = parse_mapping(mapping)

        def read_catalog(path: Path, address: str = "") -> Catalog:
            from indexer.catalog.sources import Reading, open_catalog

            return open_catalog(path, columns, Reading(form, encoding, language, exclude, address))

        return command(*args, read_catalog=read_catalog, **given)

    wrapped: Callable[..., Any] = with_catalog
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_OPTIONS = (
    click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="auto",
        show_default=True,
        help="The shop program or kind of file that CATALOG comes from; auto reads it from the "
        "columns and the file's ending.",
    ),
    map_option,
    click.option("--encoding", help="The encoding of a CSV file. Default: its mark, or UTF-8."),
    click.option("--language", help="Which of several languages to take texts in, such as de."),
    click.option(
        "--exclude",
        multiple=True,
        metavar="PATTERN",
        help="Leave files and folders out of a folder of images, such as '*_thumb.jpg'; may be "
        "repeated.",
    ),
)
