"""``vitrine keys``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from service.cli.console import json_option, print_json, print_table, shop_option
from service.cli.terminal import note, say
from service.timestamp import rfc3339

_DAY_S = 86_400
_expires_option = click.option(
    "--expires-days",
    type=click.FloatRange(min=0, min_open=True),
    help="Days until the key expires.",
)


@click.group("keys")
def command() -> None:
    """Add, list, rotate and remove the keys of a shop's service.

    A running service accepts a new key, and refuses a removed one, at once.
    """


@command.command("add")
@click.argument("name")
@shop_option
@click.option(
    "--scope",
    type=click.Choice(["read", "write", "admin"]),
    default="read",
    show_default=True,
    help="What the key may do. read: search; write: also write items and events, and read users; "
    "admin: also change indexes.",
)
@_expires_option
@click.option(
    "--searches-per-s",
    type=click.FloatRange(min=0, min_open=True),
    help="Most searches a second. Default: VITRINE_SEARCHES_PER_S.",
)
@json_option
def add(
    name: str,
    shop: Path,
    scope: str,
    expires_days: float | None,
    searches_per_s: float | None,
    as_json: bool,
) -> None:
    """Add a key for NAME, and print it. It is stored as a hash, so it cannot be shown again."""
    from service.apikey import Scope
    from service.keyfile import KeyFile

    token = KeyFile(_existing(shop)).add(
        name, Scope(scope), expires=_end(expires_days), searches_per_s=searches_per_s
    )
    _print_key(name, token, as_json)


@command.command("list")
@shop_option
@json_option
def list_keys(shop: Path, as_json: bool) -> None:
    """List the keys: their names, scopes and ends, but not the keys themselves."""
    from service.keyfile import KeyFile

    now = time.time()
    keys = KeyFile(_existing(shop)).read()
    if as_json:
        from service.http.key_replies import KeysReply, key_reply

        print_json(KeysReply([key_reply(key, now) for key in keys]))
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("name", "scope", "created", "ends", "searches/s"):
        table.add_column(column)
    for key in keys:
        end = rfc3339(key.expires) if key.expires else ""
        if not key.is_valid(now):
            end = f"[red]{end} (over)[/]"
        limit = f"{key.searches_per_s:g}" if key.searches_per_s else ""
        table.add_row(key.name, key.scope, rfc3339(key.created), end, limit)
    print_table(table)
    note(f"{len(keys)} key{'' if len(keys) == 1 else 's'}")


@command.command("rotate")
@click.argument("name")
@shop_option
@click.option(
    "--keep-hours",
    type=click.FloatRange(min=0),
    default=24,
    show_default=True,
    help="How long the old key stays valid beside the new one.",
)
@_expires_option
@json_option
def rotate(
    name: str, shop: Path, keep_hours: float, expires_days: float | None, as_json: bool
) -> None:
    """Add a second key for NAME, with the same scope, and print it; the old key expires later."""
    from service.keyfile import KeyFile

    file = KeyFile(_existing(shop))
    token = file.rotate(name, keep_hours * 3600, expires=_end(expires_days))
    _print_key(name, token, as_json)


@command.command("remove")
@click.argument("name")
@shop_option
@json_option
def remove(name: str, shop: Path, as_json: bool) -> None:
    """Remove all keys of NAME; they are refused at once."""
    from service.keyfile import KeyFile

    removed = KeyFile(_existing(shop)).remove(name)
    if as_json:
        print_json({"name": name, "removed": removed})
    else:
        say(f"removed {removed} keys of {name}")


def _existing(shop: Path) -> Path:
    """Return the shop. Raises IndexNotFound if there is none, for example after a typo."""
    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf

    Shelf.read(ShopFolder(shop)).serving_order()
    return shop


def _end(days: float | None) -> float | None:
    return None if days is None else time.time() + days * _DAY_S


def _print_key(name: str, token: str, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "key": token})
        return
    say(token)
    note(f"the key of {name}; send it as 'Authorization: Bearer KEY'. It is not shown again")
