"""Generate the tables of the README, and the list of classes, from the code.

python scripts/reference.py            rewrites README.md and docs/classes.md
python scripts/reference.py --check    exits 1 if it would change anything
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import click

from service.cli.main import vitrine
from service.settings import Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CLASSES = ROOT / "docs" / "classes.md"
FLOORS = [ROOT / floor for floor in ("style", "indexer", "search", "service")]


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


def classes_page() -> str:
    """Return a page that lists every public class by package, with the first line about it."""
    lines = [
        "# Classes",
        "",
        "Each public class with the first line of its docstring; `scripts/reference.py` writes it.",
        "The words behind them are in [architecture.md](architecture.md#words).",
    ]
    for package in sorted({path.parent for floor in FLOORS for path in floor.rglob("*.py")}):
        rows = [row for path in sorted(package.glob("*.py")) for row in _class_rows(path)]
        if rows:
            name = ".".join(package.relative_to(ROOT).parts)
            lines += ["", f"## {name}", "", "| class | file | what it is |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _class_rows(path: Path) -> list[str]:
    rows = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            first = (ast.get_docstring(node) or "").split("\n\n")[0]
            text = " ".join(first.split()).replace("``", "`").replace("|", "\\|")
            rows.append(f"| `{node.name}` | {path.name} | {text} |")
    return rows


def main() -> int:
    pages = {README: with_tables(README.read_text(encoding="utf-8")), CLASSES: classes_page()}
    stale = [
        path
        for path, text in pages.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.name} is out of date: run python scripts/reference.py", file=sys.stderr)
        return int(bool(stale))
    for path in stale:
        path.write_text(pages[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
