"""Generate the pages that list commands, settings and classes, from the code.

python scripts/reference.py            rewrites docs/commands.md, docs/settings.md, docs/classes.md
python scripts/reference.py --check    exits 1 if it would change anything
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

import click

from service.cli.main import vitrine
from service.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FLOORS = [ROOT / floor for floor in ("style", "indexer", "search", "service")]


def commands_page() -> str:
    """Return a page with the usage, the help and the options of each command."""
    lines = [
        "# Commands",
        "",
        "What `vitrine COMMAND --help` prints; `scripts/reference.py` writes this page.",
        "Data goes to stdout, progress to stderr; `--json` prints output for programs.",
    ]
    root = click.Context(vitrine, info_name="vitrine")
    for name in vitrine.list_commands(root):
        command = vitrine.get_command(root, name)
        assert command is not None
        if isinstance(command, click.Group):
            for word, part in command.commands.items():
                lines += _section(f"{name} {word}", part)
        else:
            lines += _section(name, command)
    return "\n".join(lines) + "\n"


def _section(name: str, command: click.Command) -> list[str]:
    context = click.Context(command)
    arguments = [
        parameter.make_metavar(context)
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    ]
    lines = [
        "",
        f"## vitrine {name}",
        "",
        "```",
        " ".join(["vitrine", name, *arguments]),
        "```",
        "",
    ]
    lines.append(" ".join(inspect.cleandoc(command.help or "").split()))
    rows = [
        _option_row(parameter, context)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
    ]
    return [*lines, "", "| option | meaning |", "|---|---|", *rows] if rows else lines


def _option_row(option: click.Option, context: click.Context) -> str:
    names, text = option.get_help_record(context) or (option.opts[0], "")
    return "| `{}` | {} |".format(*(part.replace("|", "\\|") for part in (names, text)))


def settings_page() -> str:
    """Return a page with all settings: environment variable, default and meaning."""
    lines = [
        "# Settings",
        "",
        "`vitrine serve` reads its settings from environment variables. `vitrine doctor` names",
        "those that it does not know. `scripts/reference.py` writes this page.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default is None else default
        if isinstance(default, tuple):
            shown = ",".join(default)
        lines.append(f"| `VITRINE_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


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
    pages = {
        DOCS / "commands.md": commands_page(),
        DOCS / "settings.md": settings_page(),
        DOCS / "classes.md": classes_page(),
    }
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
