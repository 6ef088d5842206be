"""``vitrine doctor``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from service.cli.console import json_option, print_json, print_table, shop_option
from service.cli.terminal import note, printable
from service.exitcodes import FAILED
from service.finding import count_of

_MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "problem": "[bold red]problem[/]"}


@click.command("doctor")
@shop_option
@json_option
def command(shop: Path, as_json: bool) -> int:
    """Check a deployment: versions, disk, permissions, limits, settings and keys.

    Reads the same VITRINE_ variables as 'vitrine serve', so run it as the service runs. Takes a
    second and changes nothing. The exit status is 1 if there is a problem; warnings do not count.
    """
    from service.doctor import Finding, examine
    from service.settings import readable_settings

    settings, faults = readable_settings(shop)
    findings = examine(settings, os.environ)
    findings += [
        Finding("settings", "problem", str(fault), "the service does not start until then")
        for fault in faults
    ]
    problems = sum(finding.level == "problem" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    if as_json:
        print_json({"findings": findings, "problems": problems, "warnings": warnings})
        return FAILED if problems else 0
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("check", "", "found"):
        table.add_column(column)
    for finding in findings:
        text = Text(printable(finding.text))
        if finding.fix:
            text.append(f"\n-> {printable(finding.fix)}", "dim")
        table.add_row(finding.check, _MARKS[finding.level], text)
    print_table(table)
    counted = f"{count_of(problems, 'problem')}, {count_of(warnings, 'warning')}"
    note(counted if problems or warnings else "all well")
    return FAILED if problems else 0
