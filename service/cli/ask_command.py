"""``vitrine ask``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import json_option, print_json, shop_option
from service.cli.terminal import note, printable, say

if TYPE_CHECKING:
    from search.asking.answer import Answer


@click.command("ask")
@click.argument("question")
@shop_option
@click.option("--item", metavar="ID", help="The item that the question is about.")
@json_option
def command(question: str, shop: Path, item: str | None, as_json: bool) -> None:
    """Answer a customer's QUESTION by a quotation from catalog, FAQ, policies or reviews.

    If nothing answers it, the contact of the shop is offered (VITRINE_CONTACT).
    """
    from search.asking.opening import open_answerer
    from search.engine import SearchEngine
    from service.settings import settings_for

    contact = settings_for(shop).contact
    with SearchEngine.open(shop) as engine:
        answer = open_answerer(engine.shop.path, engine, contact).ask(question, item)
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _print(answer: Answer) -> None:
    if answer.kind == "unknown":
        say("No answer is known." + (f" Ask the shop: {answer.contact}" if answer.contact else ""))
        return
    verdict = {True: "Yes. ", False: "No. ", None: ""}[answer.holds]
    if answer.answer:
        say(printable(f"{verdict}{answer.answer}"))
    source = answer.source
    if source is not None:
        parts = (source.item_id, source.field, source.question, source.review_id)
        note(printable(f"from {answer.kind}: {' '.join(part for part in parts if part)}"))
    for item in answer.items:
        price = "" if item.price is None else f"  {item.price:.2f} {item.currency}".rstrip()
        say(printable(f"  {item.item_id}  {item.title}{price}"))
