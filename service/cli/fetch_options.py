"""The options of commands that fetch pictures behind URLs."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from indexer.errors import BadImage, BadQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.catalog.sources import Catalog
    from indexer.fetching.fetcher import FetchCounts, Fetcher
    from indexer.fetching.policy import FetchPolicy

_NAMED = 5  # hosts in a message


class FetchChoice(NamedTuple):
    """The values of the options; ``fetcher`` creates the fetcher from them."""

    fetch: bool
    hosts: tuple[str, ...]
    networks: tuple[str, ...]
    at_once: int
    per_second: float

    def fetcher(self, catalog: Catalog, megabytes: float) -> Fetcher | None:
        """Return a fetcher, which the caller must close; None without ``--fetch``.

        Raises BadQuery for an invalid host, or if no host is allowed; the message then names the
        hosts of the catalog.
        """
        if not self.fetch:
            if self.hosts or self.networks:
                raise click.UsageError("--allow-host and --allow-network need --fetch")
            return None
        from indexer.fetching.fetcher import Fetcher

        if not self.hosts:
            raise BadQuery(_which_hosts(catalog), param="allow-host")
        return Fetcher(self.policy(self.hosts, megabytes))

    def policy(self, hosts: tuple[str, ...], megabytes: float) -> FetchPolicy:
        """Return the rules for fetching files of up to ``megabytes`` from some hosts. BadQuery."""
        from indexer.fetching.policy import FetchPolicy, parse_hosts, parse_networks

        return FetchPolicy(
            hosts=parse_hosts(hosts),
            networks=parse_networks(self.networks),
            at_once=self.at_once,
            per_second=self.per_second,
            megabytes=megabytes,
        )


_OPTIONS = (
    click.option(
        "--fetch", is_flag=True, help="Fetch images that are URLs, from the hosts of --allow-host."
    ),
    click.option(
        "--allow-host",
        "fetch_hosts",
        metavar="HOST",
        multiple=True,
        help="A host to fetch images from, such as cdn.shop.com, *.shop.com, img.shop.com:8080, or "
        "* for any. May be repeated.",
    ),
    click.option(
        "--allow-network",
        "fetch_networks",
        metavar="NETWORK",
        multiple=True,
        help="A network of your own to fetch from, such as 10.1.2.0/24 or 127.0.0.0/8; otherwise "
        "only public addresses. May be repeated.",
    ),
    click.option(
        "--fetch-at-once",
        default=6,
        show_default=True,
        type=click.IntRange(1, 64),
        help="Most requests to one host at once.",
    ),
    click.option(
        "--fetch-rate",
        default=20.0,
        show_default=True,
        type=click.FloatRange(0),
        help="Most requests to one host a second; 0 is no limit.",
    ),
)


def fetch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets a ``FetchChoice`` as the argument ``fetching``."""

    @functools.wraps(command)
    def with_choice(
        fetch: bool,
        fetch_hosts: tuple[str, ...],
        fetch_networks: tuple[str, ...],
        fetch_at_once: int,
        fetch_rate: float,
        **arguments: Any,
    ) -> Any:
        choice = FetchChoice(fetch, fetch_hosts, fetch_networks, fetch_at_once, fetch_rate)
        return command(fetching=choice, **arguments)

    decorated: Callable[..., Any] = with_choice
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def fetched_text(counts: FetchCounts) -> str:
    """Return what was fetched, for people."""
    parts = [f"{counts.fetched} pictures fetched ({counts.bytes / 1e6:.1f} MB)"]
    parts += [f"{counts.unchanged} unchanged on their hosts"] if counts.unchanged else []
    parts += [f"{counts.resumed} fetched by the run before"] if counts.resumed else []
    parts += [f"{counts.failed} failed"] if counts.failed else []
    parts += [f"{counts.retries} requests sent again"] if counts.retries else []
    return ", ".join(parts)


def _which_hosts(catalog: Catalog) -> str:
    """Return a message that names the hosts of a catalog's images, most frequent first."""
    from indexer.catalog.sources import Entry
    from indexer.fetching.policy import is_url, parse_target

    counts: Counter[str] = Counter()
    for entry in catalog:
        for url in entry.item.images if isinstance(entry, Entry) else ():
            if is_url(url):
                try:
                    counts[parse_target(url).authority] += 1
                except BadImage:
                    continue
    if not counts:
        return f"{catalog.name} has no image behind a URL; leave --fetch out"
    common = counts.most_common(_NAMED)
    named = ", ".join(f"{host} ({count})" for host, count in common)
    more = f" and {len(counts) - _NAMED} more" if len(counts) > _NAMED else ""
    options = " ".join(f"--allow-host {host}" for host, _ in common)
    return f"--fetch needs the hosts that may be asked; the images are on {named}{more}: {options}"
