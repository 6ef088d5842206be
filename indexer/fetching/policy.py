"""Rules for fetching: only from named hosts, within limits of size, time and rate."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple, TypeAlias
from urllib.parse import quote, urlsplit

from indexer.errors import BadImage, BadQuery

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

ANY_HOST = "*"
ANY_PORT = "*"
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*\.?")
_IPV6 = re.compile(r"\[[0-9a-f:.]+\]")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_TO_ESCAPE = re.compile(r"[^\x21-\x7e]+")
_MOST_URL = 8000  # characters


class Target(NamedTuple):
    """The parts of a URL, in ASCII. ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The header Host: the host, and the port unless it is the default of the scheme."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.scheme}://{self.authority}{self.path}"


class FetchPolicy(NamedTuple):
    """Which hosts pictures may be fetched from, and how fast.

    ``hosts`` are names such as ``cdn.shop.com``, ``*.shop.com`` (all names below it),
    ``img.shop.com:8080`` or ``img.shop.com:*``; ``*`` is any host. ``networks`` are allowed though
    they are not public, such as 127.0.0.0/8 for this machine.

    ``at_once`` and ``per_second`` limit the requests to one host, and ``threads`` those to all
    hosts; 0 per second means no limit. A picture may have ``megabytes``, and take ``seconds`` with
    all redirects. It is tried ``attempts`` times, with a pause of ``pause_s`` that doubles each
    time. ``accept`` is the header of that name; ``host_option`` and ``network_option`` are the
    names of the settings, for messages.
    """

    hosts: tuple[str, ...]
    networks: tuple[Network, ...] = ()
    at_once: int = 6
    per_second: float = 20.0
    threads: int = 24
    megabytes: float = 32.0
    seconds: float = 60.0
    attempts: int = 4
    pause_s: float = 0.5
    accept: str = "image/*"
    host_option: str = "--allow-host"
    network_option: str = "--allow-network"

    def allows(self, target: Target) -> bool:
        """Return True if the host and the port of a target are allowed.

        Ports other than 80 and 443 must be named.
        """
        usual = target.port in _PORTS.values()
        for pattern in self.hosts:
            name, port = _split(pattern)
            fits_port = port in (ANY_PORT, str(target.port)) if port else usual
            if fits_port and _is_below(target.host, name):
                return True
        return False


def is_url(text: str) -> bool:
    """Return True if an image of a catalog is a URL that may be fetched: http or https."""
    return text[:8].lower().startswith(("http://", "https://"))


def parse_target(url: str) -> Target:
    """Return the parts of a URL. Raises BadImage if another program might read it differently.

    This refuses URLs with a user name, a backslash or a control character, and hosts that are
    neither a name nor an address. Spaces and letters in the path are escaped, as in browsers.
    """
    url = url.strip()
    if len(url) > _MOST_URL or _FORBIDDEN.search(url):
        raise BadImage("not a URL: it is too long, or has a backslash or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadImage(f"not a URL: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise BadImage(f"not fetched: the URL must start with http or https, got {scheme[:20]!r}")
    if "@" in parts.netloc:
        raise BadImage("not fetched: the URL has a user name or a password; remove it")
    if port == 0:
        raise BadImage("not a URL: port 0")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, _host(parts.netloc), port or _PORTS[scheme], _escaped(path))


def parse_hosts(texts: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the patterns of allowed hosts. Raises BadQuery for one that is not a host."""
    found = []
    for text in texts:
        name, port = _split(text.strip().lower())
        stars = "*." if name.startswith("*.") else ""
        bare = name if name == ANY_HOST or name.startswith("[") else _idna(name[len(stars) :])
        is_host = bare == ANY_HOST or _HOST.fullmatch(bare) or _IPV6.fullmatch(bare)
        is_port = port in ("", ANY_PORT) or (port.isdigit() and 0 < int(port) < 65536)
        if not is_host or not is_port:
            raise BadQuery(
                f"{text[:80]!r} is not a host: give one such as cdn.shop.com, *.shop.com, "
                "img.shop.com:8080, or * for any",
                param="allow-host",
            )
        found.append(stars + bare + (f":{port}" if port else ""))
    return tuple(found)


def parse_networks(texts: tuple[str, ...] | list[str]) -> tuple[Network, ...]:
    """Return networks such as 127.0.0.0/8. Raises BadQuery for one that is not a network."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise BadQuery(
                f"{text[:80]!r} is not a network: give one such as 127.0.0.0/8 or 10.1.2.0/24",
                param="allow-network",
            ) from None
    return tuple(found)


def _split(pattern: str) -> tuple[str, str]:
    """Return the name and the port of a pattern of hosts; "" if it has no port."""
    name, colon, port = pattern.rpartition(":")
    return (name, port) if colon and not port.endswith("]") else (pattern, "")


def _is_below(host: str, name: str) -> bool:
    if name == ANY_HOST:
        return True
    host = host.rstrip(".")
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _host(netloc: str) -> str:
    """Return the host of a network location, in lower case and ASCII."""
    if netloc.startswith("["):
        host = netloc[: netloc.find("]") + 1].lower()
        if not _IPV6.fullmatch(host):
            raise BadImage(f"not a URL: {netloc[:80]!r} is not a host")
        return host
    host = _idna(netloc.partition(":")[0].lower())
    if not _HOST.fullmatch(host):
        raise BadImage(f"not a URL: {netloc[:80]!r} is not a host")
    return host


def _idna(host: str) -> str:
    """Return a name in ASCII, or "" if it has no such form. Letters like "¹" become digits."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        return ""


def _escaped(path: str) -> str:
    """Escape spaces and letters that are not ASCII; those that are escaped already are kept."""
    return _TO_ESCAPE.sub(lambda found: quote(found[0], errors="replace"), path)
