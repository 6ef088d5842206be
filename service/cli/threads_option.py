"""The option ``--threads``, which also applies the settings for memory and threads."""

from __future__ import annotations

from typing import Any

import click

_KIND: dict[str, Any] = {
    "type": click.IntRange(1, 1024),
    "help": "Most threads to decode, encode, search and write with. "
    "Default: VITRINE_THREADS, or all cores.",
}


def _bound_process(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    threads: int | None,
) -> None:
    """Set the budgets of this process, before the command runs. Raise BadSetting."""
    from indexer.imaging.decodebudget import BUDGET
    from service.budgets import limit_threads
    from service.processsettings import process_settings

    settings = process_settings()
    BUDGET.megabytes = settings.max_decode_mb
    BUDGET.max_wait_s = None
    limit_threads(threads or settings.threads)


threads_option = click.option("--threads", expose_value=False, callback=_bound_process, **_KIND)
"""Limits the process to the option and the settings; the command gets no argument."""

serve_threads_option = click.option("--threads", **_KIND)
"""For ``vitrine serve``, which adds the number to its settings."""
