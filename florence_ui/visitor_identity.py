"""The sender of a request, and the address by which a visitor is counted."""

import ipaddress
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from florence_ui.network.origins import host_name, is_loopback_host, parse_address

IPV6_PREFIX_BITS = 56
"""Bits of an IPv6 address that all devices behind one home connection share."""

PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


@dataclass(frozen=True)
class Account:
    """The Hugging Face account with which a visitor signed in.

    Attributes:
        id: Its id.
        name: Its user name.
        avatar: The address of its picture at Hugging Face; empty without one.
    """

    id: str
    name: str = ""
    avatar: str = ""


@dataclass(frozen=True)
class Visitor:
    """The sender of a request.

    Attributes:
        session: The session of one page or program; empty when unknown.
        address: The address as `client_address` gives it, or the account with which the visitor signed in; empty when
            unknown.
        is_local: Whether the visitor is on this machine, and the page is served to this machine only.
        owns_space: Whether the visitor signed in with the account that created the Space.
        account: That account; None if the visitor has not signed in.
    """

    session: str
    address: str
    is_local: bool = False
    owns_space: bool = False
    account: Account | None = None

    @property
    def is_owner(self) -> bool:
        """Whether to show what the machine has and lacks, which is nobody else's business."""
        return self.is_local or self.owns_space

    @property
    def share_key(self) -> str:
        """The key for fair shares of threads and slots."""
        return self.address or self.session


UNKNOWN_VISITOR = Visitor("", "")

current_visitor: ContextVar[Visitor] = ContextVar("current_visitor", default=UNKNOWN_VISITOR)
"""The visitor whose event is being handled; set for every event of the page and every call by a program."""


def client_address(peer: str | None, headers: Mapping[str, str], trusted_header: str = "") -> str:
    """The address by which a visitor is counted.

    Args:
        peer: The address of the connection.
        headers: The request's headers, names in any case; `items()` yields repeated headers one by one.
        trusted_header: The header in which the operator's own proxy puts the visitor's address. Only the last entry of
            a list counts, because the visitor may have sent the others.

    Returns:
        An IPv4 address, the /56 network of an IPv6 address, or `""`.
    """
    if trusted_header:
        values = [value for name, value in headers.items() if name.lower() == trusted_header.lower()]
        if values and (network := _network(values[-1].rpartition(",")[2])):
            return network
    return _network(peer or "")


def _network(text: str) -> str:
    """The network of one visitor, from an address; `""` for anything else.

    A home connection often has an IPv6 /56, which contains 256 networks of /64: counted by those, one visitor would
    count 256 times.
    """
    address = parse_address(host_name(text))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))
    return str(address or "")


def is_local(peer: str | None, headers: Mapping[str, str], bound_to: str) -> bool:
    """Whether a visitor is on this machine, and the page is served to this machine only.

    Args:
        peer: The address of the connection.
        headers: The request's headers; they reveal a proxy on this machine that serves others.
        bound_to: The address that the page is served on.
    """
    proxied = any(name.lower() in PROXY_HEADERS for name in headers)
    asked = next((value for name, value in headers.items() if name.lower() == "host"), "")
    return not proxied and all(is_loopback_host(host_name(host)) for host in (peer or "", bound_to, asked))
