"""``vitrine``: runs a command, and reports its errors.

Commands print data to stdout, and progress and errors to stderr. ``exitcodes`` lists the exit
statuses. An error is one line, without a traceback.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import click

from indexer.errors import VitrineError
from indexer.vectors.remote.access import ACCESS
from service.cli.terminal import note
from service.exitcodes import FAILED, USAGE, exit_code
from style.errors import StyleError

if TYPE_CHECKING:
    from indexer.vectors.remote.access import ServerAccess

_SECTIONS: Final = {
    "Try it": {
        "demo": "Draw a sample shop, and serve it with its page.",
        "sample": "Draw a sample shop: catalog, product pictures and shopper photos.",
    },
    "Build and change a shop": {
        "plan": "Estimate counts, time, disk and memory of an index before building it.",
        "index": "Index a catalog into a shop folder; repeat it when the catalog changes.",
        "put": "Add or change the items of a catalog in a shop, while it is served.",
        "delete": "Delete items from a shop, while it is served.",
        "rebuild": "Build a new index from the items stored in a shop.",
        "export": "Write all items of a shop to a CSV, JSON lines or Parquet file.",
    },
    "Search it": {
        "search": "Find products by a photo, words or a similar item.",
        "look": "Find the things in a photo, and the products that look like each.",
        "classify": "Name the category, the attributes and the colors of photos.",
        "ask": "Answer a customer's question from catalog, FAQ, policies and reviews.",
        "recommend": "Recommend items for a user.",
    },
    "Serve it": {
        "serve": "Serve a shop over HTTP, with a web page.",
        "mcp": "Offer a shop to assistants, as tools over MCP.",
        "keys": "Add, list, rotate and remove the keys of a shop's service.",
        "doctor": "Check a deployment: versions, disk, permissions, settings and keys.",
        "status": "Show what a shop folder contains.",
        "check": "Verify all files of a shop; for monitoring.",
    },
    "Measure it": {
        "eval": "Measure how often photos find the right item.",
        "audit": "Find items whose pictures contradict the catalog, or show nothing.",
        "compare": "Compare the answers of two generations to the same queries.",
        "eval-rec": "Compare recommenders on logged events.",
        "exposure": "Report whose items are recommended.",
    },
    "Change its index or encoder, and go back": {
        "generations": "List the indexes of a shop, and which one serves.",
        "promote": "Make a generation serve.",
        "rollback": "Go back to an earlier generation.",
        "migrate": "Embed a shop with another encoder, while the present one serves.",
        "drop": "Delete a generation that does not serve.",
        "gc": "Delete files and embeddings that a shop no longer needs.",
    },
    "Keep it safe, and serve it from more machines": {
        "snapshot": "Save a whole shop in one file, while it is served.",
        "restore": "Create a shop from a snapshot.",
        "replicate": "Copy the shop of a service, and follow its changes.",
    },
    "Learn from its users": {
        "events": "Import and export what users did, learn from it, or erase a user.",
        "reviews": "Score reviews, store those of a shop, and train a model of moods on them.",
        "train-ranker": "Learn from a shop's events how to mix recommendations.",
        "train-encoder": "Fine-tune the bundled encoder on a shop, and measure whether it helps.",
    },
    "Improve its texts": {
        "enrich": "Suggest attributes of items from their titles and descriptions.",
        "describe": "Draft texts of items from their own facts.",
        "faq": "Store and list the questions and answers of a shop.",
        "synonyms": "List or replace the synonyms of a shop.",
    },
    "Make pictures": {
        "style": "Render a photo in a style.",
        "styles": "List the styles, add or remove those of a shop, or export one as a file.",
        "campaign": "Draw advertising pictures of items: product, title, price, in a style.",
        "cutout": "Cut the product out of a photo, for another background.",
        "enhance": "Repair a photo: white balance, levels, noise; enlarge it.",
        "train-style": "Train a network that paints photos in the style of a picture.",
    },
}
COMMANDS: Final = {name: text for section in _SECTIONS.values() for name, text in section.items()}


class _Commands(click.Group):
    """Imports a command only to run it, so that ``vitrine --help`` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"service.cli.{cmd_name.replace('-', '_')}_command")
        command: click.Command = module.command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        longest = max(map(len, COMMANDS))
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), text) for name, text in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and (near := get_close_matches(args[0], COMMANDS, n=1)):
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitrine", prog_name="vitrine")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def vitrine(debug: bool) -> None:  # noqa: ARG001 - read by ``main``
    """Photo search and visually-aware recommendation for shops, on your own machine."""
    ACCESS.use(_server_access)


def _server_access() -> ServerAccess:
    """Return how commands reach servers of vectors; most commands need none."""
    from service.processsettings import process_settings, server_access

    return server_access(process_settings())


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit. ``--debug`` may be anywhere in the arguments."""
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
    except BrokenPipeError:  # stdout was closed, as in "vitrine ... | head"
        sys.stderr.close()
        return FAILED
    except (VitrineError, StyleError) as error:
        if debug:
            traceback.print_exc()
        note(f"vitrine: {error}")
        return exit_code(error)
    except Exception as error:  # noqa: BLE001 - shown in one line
        if debug:
            traceback.print_exc()
        note(
            f"vitrine: internal error: {type(error).__name__}: {error} "
            "(run with --debug for the traceback)"
        )
        return FAILED
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
