"""Generate the tables of commands and settings in the README from the code.

python scripts/reference.py            rewrites README.md
python scripts/reference.py --check    exits 1 if it would change anything
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from service.cli.main import vitrine
from service.settings import Settings

README = Path(__file__).parent.parent / "README.md"


def commands_table() -> str:
    """Return the table of all commands with usage and summary."""
    lines = ["| command | what it does |", "|---|---|"]
    root = click.Context(vitrine, info_name="vitrine")
    for name in vitrine.list_commands(root):
        command = vitrine.get_command(root, name)
        assert command is not None
        if isinstance(command, click.Group):
            lines += [_row(f"{name} {word}", part) for word, part in command.commands.items()]
        else:
            lines.append(_row(name, command))
    return "\n".join(lines)


def _row(name: str, command: click.Command) -> str:
    words = [name]
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            words.append(parameter.make_metavar(click.Context(command)))
        elif parameter.name not in ("help",):
            words.append(_option(parameter))
    help_text = command.get_short_help_str(200)
    return f"| `vitrine {' '.join(words)}` | {help_text} |".replace("\\|", "|")


def _option(parameter: click.Parameter) -> str:
    text = parameter.opts[0]
    if not getattr(parameter, "is_flag", False):
        text += f" {parameter.make_metavar(click.Context(vitrine)).split()[0]}"
    return text if parameter.required else f"[{text}]"


def settings_table() -> str:
    """Return the table of all settings: environment variable, default and meaning."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default is None else default
        if isinstance(default, tuple):
            shown = ",".join(default)
        lines.append(f"| `VITRINE_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines)


def with_tables(text: str) -> str:
    """Return the README with both tables updated between their markers."""
    for name, table in (("commands", commands_table()), ("settings", settings_table())):
        start, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"README.md lacks the markers of the {name} table")
        text = before + start + table + end + after
    return text


def main() -> int:
    old = README.read_text(encoding="utf-8")
    new = with_tables(old)
    if "--check" in sys.argv:
        if new != old:
            print("README.md is out of date: run python scripts/reference.py", file=sys.stderr)
        return int(new != old)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
