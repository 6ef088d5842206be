"""The option ``--max-megapixels``: the largest picture that is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from indexer.imaging.images import ImageLimits

_MEGABYTES = 0.5  # of a file, for each megapixel; the cameras of phones write less


def _limits(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    megapixels: float | None,
) -> ImageLimits:
    """Return the limits of the option or the settings. Raise BadSetting."""
    from indexer.imaging.images import LIMITS
    from service.processsettings import process_settings

    most = megapixels or process_settings().max_megapixels
    return LIMITS._replace(megapixels=most, megabytes=max(LIMITS.megabytes, _MEGABYTES * most))


_KIND: dict[str, Any] = {
    "type": click.FloatRange(0, min_open=True),
    "callback": _limits,
    "help": "Largest picture, in megapixels, such as 200 for the newest phones; checked before "
    "decoding. Files may have half as many megabytes, or 32. "
    "Default: VITRINE_MAX_MEGAPIXELS, or 64.",
}
limits_option = click.option("--max-megapixels", "limits", **_KIND)
"""Gives the command the argument ``limits``, an ``ImageLimits``."""
