"""The packages that some settings need."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from service.settings import BadSetting

if TYPE_CHECKING:
    from service.settings import Settings


def check_extras(settings: Settings) -> None:
    """Raise BadSetting if a setting needs an extra that is not installed."""
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
            raise BadSetting(
                f"VITRINE_{variable} needs the package {package}: pip install 'vitrine[{extra}]'"
            ) from None
