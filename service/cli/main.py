"""``vitrine``: the commands, and how their errors end them.

Data goes to stdout and progress to stderr. The exit status is 0 for success, 1 for a known
error (one line, no traceback), 2 for wrong usage and 75 when another job holds the shop.
"""

from __future__ import annotations

import importlib
import sys
import traceback

import click

from indexer.errors import VitrineError
from service.cli.terminal import note
from service.exitcodes import FAILED, USAGE, exit_code
from style.errors import StyleError

_COMMANDS = {
    "plan": "Predict counts, time, disk and memory of an index, before building it.",
    "index": "Index a catalog into a shop folder; run it again after the catalog has changed.",
    "put": "Add the items of a catalog to a shop, or replace them, while it is served.",
    "delete": "Delete items from a shop, while it is served.",
    "rebuild": "Build a new index from what a shop's store holds.",
    "search": "Find products by photo, by words, or by an item they should resemble.",
    "eval": "Measure how often photos with a known answer find it.",
    "serve": "Serve a shop over HTTP, with its page.",
    "status": "Say what a shop folder holds.",
    "check": "Verify every part of a shop; for monitoring.",
    "generations": "List the built indexes of a shop, and which serves.",
    "migrate": "Embed a shop by another model, while the old one serves.",
    "compare": "Ask two generations the same questions, side by side.",
    "promote": "Make a generation the one that serves.",
    "rollback": "Go back to an earlier index.",
    "drop": "Remove a generation that does not serve.",
    "gc": "Remove what a shop no longer needs.",
    "snapshot": "Write a whole shop into one file, while it is served.",
    "restore": "Make the shop that a snapshot holds.",
    "train-encoder": "Fine-tune the bundled encoder on a shop, and say whether it helped.",
    "train-style": "Train a network that paints photos as style images are painted.",
    "style": "Render a photo in a style: a look of colors, or a painterly one.",
    "styles": "List the styles, add or remove a shop's own, or write one as a file.",
    "sample": "Draw a sample shop: catalog, product pictures and shopper photos.",
}


# Those that decode, encode or build: they obey the settings that bound memory and threads.
_BOUNDED = (
    "plan", "index", "put", "rebuild", "search", "eval", "migrate", "compare", "promote",
    "rollback", "train-encoder", "style",
)  # fmt: skip


class _Commands(click.Group):
    """Imports a command only when it is run, so that ``vitrine --help`` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"service.cli.{cmd_name.replace('-', '_')}_command")
        command: click.Command = module.command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitrine", prog_name="vitrine")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def vitrine(context: click.Context, debug: bool) -> None:  # noqa: ARG001
    """Photo search and visually-aware recommendation for shops, on your own machine."""
    if context.invoked_subcommand in _BOUNDED:
        from indexer.imaging.decodebudget import BUDGET
        from indexer.threads import THREADS
        from service.settings import process_settings

        settings = process_settings()
        BUDGET.megabytes, THREADS.limit = settings.max_decode_mb, settings.threads


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit. ``--debug`` may stand anywhere on the line."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    sys.exit(_run([word for word in given if word != "--debug"], debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        result = vitrine.main(arguments, prog_name="vitrine", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        note("vitrine: interrupted")
        return FAILED
    except BrokenPipeError:  # the reader of our output has gone, as in "vitrine ... | head"
        sys.stderr.close()
        return FAILED
    except (VitrineError, StyleError) as error:
        if debug:
            traceback.print_exc()
        note(f"vitrine: {error}")
        return exit_code(error)
    except Exception as error:  # noqa: BLE001 - the last edge: a person sees one line
        if debug:
            traceback.print_exc()
        note(f"vitrine: internal error: {type(error).__name__}: {error} (--debug shows where)")
        return FAILED
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
