"""The website that a request comes from, and the host name that it was sent to.

A browser states both in headers that no website can change: `Origin` and `Sec-Fetch-Site`, and `Host`. A program sends
only `Host`. Two attacks show in these headers:

    cross-site request   another website sends a request here: `Origin` differs from the host
    DNS rebinding        a website points its own name at this machine: `Origin` fits, but the host is unknown
"""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9._\-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?")
_NETLOC = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._\-]+))(?::[0-9]{0,5})?", re.IGNORECASE)
_BARE_V6 = re.compile(r"[0-9a-f:.]+(?:%[a-z0-9_\-]+(?:\.[0-9]+)?)?", re.IGNORECASE)
LOCAL_DOMAINS = ("local", "internal", "lan", "home.arpa")
"""Domains that nobody can register in the public DNS (RFC 6762, RFC 8375, and ICANN's reservations)."""


def host_name(netloc: str) -> str:
    """`Name.example.:8080` -> `name.example`, `[::1]:80` or `::1` -> `::1`; `""` for anything but a host."""
    netloc = netloc.strip().lower()
    if _BARE_V6.fullmatch(netloc) and parse_address(netloc):
        return netloc
    found = _NETLOC.fullmatch(netloc)
    if found is None or (found["v6"] and not parse_address(found["v6"])):
        return ""
    return found["v6"] or found["name"].rstrip(".")


def parse_address(host: str) -> Address | None:
    """Parse a host that is an IP address; an IPv4-mapped IPv6 address gives the IPv4 one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback_host(host: str) -> bool:
    """Whether a host, as `host_name` returns it, is always this machine: no DNS server can point it elsewhere."""
    address = parse_address(host)
    if address is not None:
        return address.is_loopback
    return host == "localhost" or host.endswith(".localhost")


def is_local_name(host: str) -> bool:
    """Whether a name belongs to a local network: the public DNS has no such names, so no stranger can own one."""
    return "." not in host or host.endswith(tuple(f".{domain}" for domain in LOCAL_DOMAINS))


def normalize_origin(text: str) -> str:
    """Write an origin as browsers do: `https://example.com`, without the default port.

    Raises:
        ValueError: If it is not http(s), or has more than a host and a port.
    """
    found = _ORIGIN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError
    scheme, host, port = found["scheme"], found["host"], int(found["port"] or 0)
    return f"{scheme}://{host}" + ("" if port in (0, DEFAULT_PORTS[scheme]) else f":{port}")


def is_cross_site(headers: Headers, allowed: Collection[str] = ()) -> bool:
    """Whether another website makes this request through a visitor's browser.

    `X-Forwarded-Host` counts as one of our names: a website cannot send it across origins without a preflight request,
    which is refused.

    Args:
        headers: The request's headers.
        allowed: Origins, as `normalize_origin` writes them, that may send requests.
    """
    origins = headers.getlist("origin")
    if len(origins) > 1:
        return True
    if origins and origins[0].lower() in allowed:
        return False
    if headers.get("sec-fetch-site", "none").lower() not in ("same-origin", "none"):
        return True
    return bool(origins) and not _is_same_origin(origins[0], headers)


def _is_same_origin(origin: str, headers: Headers) -> bool:
    try:
        asked = urlsplit(normalize_origin(origin)).netloc
    except ValueError:
        return False
    names = headers.getlist("host") + [name.partition(",")[0] for name in headers.getlist("x-forwarded-host")]
    return asked in {name.strip().lower().removesuffix(":443").removesuffix(":80") for name in names}
