"""``vitrine campaign``."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.console import json_option, print_json, shop_option, stage_bar
from service.cli.draft_options import LANGUAGES, TONES, language_model, llm_option, model_option
from service.cli.terminal import note, say
from service.cli.threads_option import threads_option
from service.exitcodes import FAILED

if TYPE_CHECKING:
    from indexer.drafting.draft import Draft
    from indexer.drafting.languagemodel import LanguageModel
    from indexer.drafting.planfile import Tone
    from indexer.enrichment.language import Language
    from indexer.items import Item
    from service.cli.campaign_files import Campaign, WrittenPicture
    from style.campaign.poster import Look

_SIDES = (240, 4096)  # pixels of a picture
_MOST_RATIO = 3  # of the longer side to the shorter
_SHOWN = 5


def _sizes(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> list[tuple[int, int]]:
    """Read sizes such as 1080x1080 or 9:16."""
    from style.campaign.frame import FORMATS

    sizes: dict[tuple[int, int], None] = {}
    for value in values or ("1:1",):
        found = re.fullmatch(r"(\d{1,5})\s*[xX×]\s*(\d{1,5})", value.strip())
        size = (int(found[1]), int(found[2])) if found else FORMATS.get(value.strip())
        if size is None:
            raise click.BadParameter(
                f"expected WIDTHxHEIGHT such as 1080x1080, or one of {', '.join(FORMATS)}; "
                f"got {value!r}"
            )
        low, high = _SIDES
        if not low <= min(size) <= max(size) <= high or max(size) > _MOST_RATIO * min(size):
            raise click.BadParameter(
                f"both sides must be {low} to {high} pixels, and one at most {_MOST_RATIO} times "
                f"the other; got {value!r}"
            )
        sizes[size] = None
    return list(sizes)


@click.command("campaign")
@shop_option
@click.option("--filter", "filter_text", metavar="F", help='As in: category = "Mugs".')
@click.option("--item", "items", metavar="ID", multiple=True, help="An item; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--style", metavar="NAME", help="The style; by default none.")
@click.option("--strength", type=float, help="From 0 (no change) to 1. Default: that of the style.")
@click.option(
    "--background-strength",
    type=float,
    help="The strength for everything but the product; --strength 0 keeps the product as it is.",
)
@click.option("--seed", type=click.IntRange(0, 2**32), default=0, show_default=True)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    callback=_sizes,
    metavar="WxH",
    help="1080x1080, or 1:1, 4:5, 9:16, 16:9; may be repeated. Default: 1:1.",
)
@click.option(
    "--template", type=click.Path(path_type=Path), help="A .toml or .json file: colors, logo, font."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The folder of the pictures."
)
@click.option(
    "--draft",
    "tone",
    type=TONES,
    help="Draft the text of each item in this tone: a line on the picture, and the description.",
)
@click.option(
    "--language",
    type=LANGUAGES,
    default="en",
    show_default=True,
    help="The language of the drafts.",
)
@llm_option
@model_option
@threads_option
@json_option
def command(
    shop: Path,
    filter_text: str | None,
    items: tuple[str, ...],
    limit: int,
    style: str | None,
    strength: float | None,
    background_strength: float | None,
    seed: int,
    sizes: list[tuple[int, int]],
    template: Path | None,
    out: Path,
    tone: Tone | None,
    language: Language,
    llm: str | None,
    model: str | None,
    as_json: bool,
) -> int:
    """Draw advertising pictures of items: product, title, price, and the old price.

    OUT gets a picture of each item in each size, campaign.csv for the ad tool, and sheet.jpg with
    all of them. Files of an earlier campaign with the same names are replaced. The exit status is 1
    if an item was left out.
    """
    from search.engine import SearchEngine
    from service.cli.campaign_files import Campaign

    look = _look(template, style, strength, background_strength, seed, shop)
    if tone is None and llm is not None:
        raise click.UsageError("--llm needs --draft TONE")
    written_by = language_model(llm, model)
    write = None if tone is None else partial(_draft, written_by, tone, language, seed)
    campaign = Campaign(out, look, sizes, write)
    with SearchEngine.open(shop) as engine, stage_bar({"draw": "pictures"}) as progress:
        chosen = [engine.item(item_id) for item_id in items] if items else []
        if not items or filter_text:
            chosen += engine.matching(filter_text, limit)
        for at, item in enumerate(chosen, start=1):
            campaign.add(item, engine.picture)
            progress("draw", at, len(chosen), len(campaign.skipped))
    campaign.finish()
    if as_json:
        print_json({"out": str(out), "pictures": campaign.made, "skipped": campaign.skipped})
    else:
        _report(campaign, out)
    return FAILED if campaign.skipped or not campaign.made else 0


def _draft(
    model: LanguageModel | None, tone: Tone, language: Language, seed: int, item: Item
) -> Draft:
    from indexer.drafting.draft import write_draft
    from indexer.drafting.languagemodel import draft_with

    if model is None:
        return write_draft(item, language, tone, seed=seed)
    return draft_with(model, item, language, tone, 0, seed)


def _look(
    path: Path | None,
    style: str | None,
    strength: float | None,
    background: float | None,
    seed: int,
    shop: Path,
) -> Look:
    """Read template, logo and font, and find the style."""
    from service.cli.own_styles import read_picture, registry_for
    from style.campaign.poster import Look
    from style.campaign.template import Template, read_template
    from style.campaign.typeface import read_face
    from style.checks import check_strength

    template = Template() if path is None else read_template(path)
    folder = Path() if path is None else path.parent
    found = None if style is None else registry_for(shop).find(style)
    if found is None and (strength is not None or background is not None):
        raise click.UsageError("--strength and --background-strength need --style NAME")
    wanted = (
        0.0
        if found is None
        else check_strength(found.info.strength if strength is None else strength)
    )
    behind = found.info.strength if found is not None and background is None else background
    return Look(
        template,
        [read_face(folder / template.font)] if template.font else [],
        read_picture(folder / template.logo) if template.logo else None,
        found,
        wanted,
        check_strength(behind or 0.0, "background strength"),
        seed,
    )


def _report(campaign: Campaign, out: Path) -> None:
    sheet = ", sheet.jpg" if campaign.made else ""
    say(f"{out}: {len(campaign.made)} pictures, campaign.csv{sheet}")
    lines = [f"{skip.item_id}: {skip.reason}" for skip in campaign.skipped]
    lines += [line for made in campaign.made for line in _remarks(made)]
    for line in lines[:_SHOWN]:
        note(f"  {line}")
    if len(lines) > _SHOWN:
        note(f"  ... and {len(lines) - _SHOWN} more; --json lists all")


def _remarks(made: WrittenPicture) -> list[str]:
    """Return what a person should check before using the picture."""
    remarks = []
    if made.shortened:
        remarks.append("the title is shortened")
    if made.missing:
        remarks.append(f"left out {made.missing!r}, which no font has; name a font in the template")
    return [f"{made.image}: {remark}" for remark in remarks]
