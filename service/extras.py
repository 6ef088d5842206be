"""The packages that some settings need."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, NamedTuple

from service.boundedsettings import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.settings import Settings


class MissingExtra(NamedTuple):
    """A setting without its prefix, and the extra and package that it needs."""

    variable: str
    extra: str
    package: str


def missing_extras(settings: Settings) -> Iterator[MissingExtra]:
    """Yield the packages that settings need and that are not installed."""
    needed = (
        (bool(settings.traces), "TRACES", "otel", "opentelemetry-exporter-otlp-proto-http"),
        (settings.mcp, "MCP", "mcp", "mcp"),
    )
    for is_set, variable, extra, package in needed:
        if not is_set:
            continue
        try:
            distribution(package)
        except PackageNotFoundError:
            yield MissingExtra(variable, extra, package)


def check_extras(settings: Settings) -> None:
    """Raise BadSetting if a setting needs an extra that is not installed."""
    for variable, extra, package in missing_extras(settings):
        raise BadSetting(
            f"VITRINE_{variable} needs the package {package}: pip install 'vitrine[{extra}]'"
        )
