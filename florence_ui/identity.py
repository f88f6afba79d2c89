"""Who asks, and the address that a visitor counts by."""

import ipaddress
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from florence_ui.network.origins import host_name, is_loopback_host, parse_address

IPV6_PREFIX_BITS = 56
"""Bits of an IPv6 address that all devices behind one line have in common."""


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes:
        session: One page or program; empty when unknown.
        address: Where it is; empty when unknown.
        is_local: Whether it is on this machine, and the page is served to this machine only.
    """

    session: str
    address: str
    is_local: bool = False

    @property
    def share_key(self) -> str:
        """What fair shares of threads and places are counted by."""
        return self.address or self.session


UNKNOWN_VISITOR = Visitor("", "")

current_visitor: ContextVar[Visitor] = ContextVar("current_visitor", default=UNKNOWN_VISITOR)
"""Whose event is handled just now; set for every event of the page and every call of a program."""


def client_address(peer: str | None, headers: Mapping[str, str], trusted_header: str = "") -> str:
    """The address that a visitor counts by.

    Args:
        peer: The address of the connection.
        headers: The request's headers, names in any case; of several lines of one name `items()` gives each.
        trusted_header: The header in which the operator's own proxy puts the visitor's address; of a list the
            last entry counts, because whatever stands before it came from the visitor.

    Returns:
        An IPv4 address, the /56 network of an IPv6 address, or `""`.
    """
    if trusted_header:
        values = [value for name, value in headers.items() if name.lower() == trusted_header.lower()]
        if values and (network := _network(values[-1].rpartition(",")[2])):
            return network
    return _network(peer or "")


def _network(text: str) -> str:
    """An address as the network that one visitor has; `""` for anything else.

    Of IPv6 a home line often has a /56, which holds 256 networks of /64: whoever counted by those would count one
    visitor 256 times.
    """
    address = parse_address(host_name(text))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))
    return str(address or "")


PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def is_local(peer: str | None, headers: Mapping[str, str], bound_to: str) -> bool:
    """Whether a visitor is on this machine, and the page is served to this machine only.

    Args:
        peer: The address of the connection.
        headers: The request's headers; a proxy on this machine, which serves others, gives itself away by them.
        bound_to: The address that the page is served at.
    """
    proxied = any(name.lower() in PROXY_HEADERS for name in headers)
    asked = next((value for name, value in headers.items() if name.lower() == "host"), "")
    return not proxied and all(is_loopback_host(host_name(host)) for host in (peer or "", bound_to, asked))
