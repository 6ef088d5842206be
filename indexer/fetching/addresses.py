"""Find the address of a host, and refuse those that are not public."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from indexer.errors import BadImage

if TYPE_CHECKING:
    from indexer.fetching.policy import FetchPolicy, Network, Target

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

# Networks in which an IPv4 address is embedded, and the bits to its right: NAT64 and 6to4.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")
# ISATAP: the last 64 bits begin so, with or without the bit of globally unique addresses.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
# Reserved by IANA but public to some versions of Python. Then: relays of 6to4, addresses of a site,
# and where Azure answers questions about a machine.
_RESERVED = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16"),
            *("192.88.99.0/24", "fec0::/10", "168.63.129.16/32"),
        ),
    )
)


class CannotResolve(Exception):
    """The name of a host has no address now; it may have one later."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host. Raises CannotResolve."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CannotResolve(f"the name {host!r} cannot be resolved: {error}") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def checked_address(target: Target, policy: FetchPolicy, find: Resolve = resolve) -> str:
    """Return the address to connect to.

    Raises BadImage if any address of the host is neither public nor in an allowed network: a name
    with both public and private addresses is refused. Raises CannotResolve.
    """
    addresses = find(target.host, target.port)
    if not addresses:
        raise CannotResolve(f"the name {target.host!r} has no address")
    for address in addresses:
        if not is_allowed(address, policy.networks):
            raise BadImage(
                f"not fetched: {target.host} is {address}, which is not a public address; "
                f"{policy.network_option} allows networks of your own"
            )
    return addresses[0]


def is_allowed(text: str, networks: Sequence[Network]) -> bool:
    """Return True if an address is public, or in one of ``networks``.

    An IPv4 address inside an IPv6 address counts as that address. Link-local addresses are never
    allowed, because the metadata services of clouds are there.
    """
    try:
        address = _plain(ipaddress.ip_address(text))
    except ValueError:  # with a zone, for example: link-local
        return False
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if any(address in network for network in networks):
        return True
    if any(address in network for network in _RESERVED):
        return False
    return address.is_global and not address.is_reserved


def _plain(address: Address) -> Address:
    """Return the IPv4 address that is embedded in an IPv6 address, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    number = int(address)
    if address in _NAT64 or (number >> 32 == 0 and number > 1):  # ::a.b.c.d is deprecated
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address in _6TO4:
        return ipaddress.IPv4Address((number >> 80) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    if number >> 32 & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return address
