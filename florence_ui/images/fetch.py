"""Fetching of links from strangers without giving them a way into our network (SSRF).

Every hop is checked anew: scheme, port, and every address that the name resolves to. The connection goes to the very
address that was checked, with the name in the Host header and for TLS, so DNS rebinding gains nothing. httpx's
transport is used without its client: it follows no redirects, keeps no cookies, reads no proxy from the environment and
has no credentials. No library was found that pins the checked address like this.

All non-public addresses and all names that do not resolve get the same error, so that it does not reveal what exists
inside the network.
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

import httpx

from florence_ui import __version__
from florence_ui.errors import LinkError

MAX_BYTES = 20 * 2**20
TIMEOUT = 15.0
"""Seconds for everything, from name lookup to the last byte."""
CONNECT_TIMEOUT = 4.0
"""Seconds for one address; a name may have several, some of them unreachable."""
MAX_REDIRECTS = 5
MAX_ADDRESSES = 4
"""Addresses tried for one name."""
MAX_URL = 2048
MAX_LOOKUPS = 16
"""Concurrent name lookups; a lookup cannot be canceled, only abandoned."""
HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
"""A name or an address as `httpx.URL` returns it, international names in ASCII; no zone, no escapes."""
WITHOUT_SCHEME = re.compile(r"(//)?[^\s/:?#@\\]+\.[^\s/:?#@\\]+(:\d+)?([/?#]|$)")
"""A link as people type it, `example.com/cat.jpg`: a name with a dot in it, then perhaps a port."""
PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)

HEADERS = {
    "User-Agent": f"florence-ui/{__version__}",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}

PUBLIC_V6 = ipaddress.ip_network("2000::/3")
NON_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598; Alibaba's metadata service
        "168.63.129.16/32",  # Azure's platform service
        "192.0.0.0/24",  # protocol assignments, RFC 6890; Oracle's metadata service
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "224.0.0.0/3",  # multicast and reserved
        "2001::/23",  # protocol assignments, RFC 2928: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 3056: carries an IPv4 address
        "3fff::/20",  # documentation, RFC 9637
    )
)
ISATAP = (0x00005EFE, 0x02005EFE)
"""Third quarter of an IPv6 address with an embedded IPv4 address in its fourth, RFC 5214."""

UPLOAD_HINT = "Download the picture yourself, then upload it."
SPELLING_HINT = "Check its spelling, or download the picture yourself and upload it."
UNREACHABLE_HINT = "Check its spelling, and whether this machine is online; or upload the picture."
"""The same for names without an address and with an internal one, which would otherwise map the internal network."""
RETRY_HINT = "Try again, or download the picture yourself and upload it."


@dataclass(frozen=True)
class Network:
    """The two steps that involve names and addresses; tests replace them.

    Between the two, `is_public_address` always decides what may be requested.

    Attributes:
        resolve: (host, port) -> all its addresses, as text. Raises OSError if there is none.
        dial: Checked (address, port) -> where to connect.
        context: For TLS; None for the usual certificate authorities.
    """

    resolve: Callable[[str, int], Awaitable[list[str]]]
    dial: Callable[[str, int], tuple[str, int]] = lambda address, port: (address, port)
    context: ssl.SSLContext | None = None


def is_public_address(address: str) -> bool:
    """Whether an address, and any address embedded in it, is public."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or any(ip in network for network in NON_PUBLIC):
        return False
    # all globally routed IPv6: excludes mapped, compatible, NAT64, local and discard-only addresses
    return ip.version == 4 or (ip in PUBLIC_V6 and int(ip) >> 32 & 0xFFFFFFFF not in ISATAP)


lookup_slots = threading.BoundedSemaphore(MAX_LOOKUPS)


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a host to all its addresses, in the order of the system's resolver.

    In a thread of its own, because names that take minutes to fail would fill the event loop's few.

    Raises:
        OSError: If there is none, or too many lookups are in progress.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str] | None) -> None:
        if found.done():
            return
        if addresses is None:
            found.set_exception(OSError("not found"))
        else:
            found.set_result(addresses)

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError, ValueError):
            addresses = None
        finally:
            lookup_slots.release()
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, addresses)

    if not lookup_slots.acquire(blocking=False):
        raise OSError("too many lookups")
    threading.Thread(target=look_up, name="name lookup", daemon=True).start()
    return await found


INTERNET = Network(resolve)


async def fetch_image(
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    timeout: float = TIMEOUT,  # noqa: ASYNC109  # passed to asyncio.timeout; the caller chooses it
    network: Network = INTERNET,
) -> bytes:
    """Fetch the bytes behind a link, picture or not.

    Args:
        url: As typed: http or https, on the default port; `https://` may be left out.
        max_bytes: Limit for the body.
        timeout: Seconds for everything.
        network: How to resolve names and connect to addresses.

    Raises:
        LinkError: If it cannot, or must not, be fetched.
    """
    try:
        async with asyncio.timeout(timeout):
            target = parse_link(url)
            for _ in range(MAX_REDIRECTS + 1):
                answer = await request_once(target, max_bytes, network)
                if isinstance(answer, bytes):
                    return answer
                target = parse_link(answer)
    except TimeoutError:
        raise LinkError(f"The link took longer than {timeout:g} seconds.", RETRY_HINT) from None
    raise LinkError("The link redirects too often.", f"Open it in a browser and copy the final address. {UPLOAD_HINT}")


def parse_link(url: str | httpx.URL) -> httpx.URL:
    """Parse a link and check its syntax, scheme and port.

    Raises:
        LinkError: If it is not a plain http(s) link on a default port.
    """
    text = str(url).strip()
    if WITHOUT_SCHEME.match(text):
        text = f"https://{text.removeprefix('//')}"
    if not text:
        raise LinkError("The link is empty.", "Paste one that starts with https://.")
    if len(text) > MAX_URL:
        raise LinkError("The link is too long.", f"The limit is {MAX_URL:,} characters. {UPLOAD_HINT}")
    try:
        link = httpx.URL(text)
        host = link.raw_host.decode("ascii").rstrip(".")
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        raise LinkError("This is not a valid link.", "Paste one that starts with https://.") from None
    if link.scheme not in PORTS:
        raise LinkError("Only links that start with http:// or https:// can be fetched.", UPLOAD_HINT)
    if not HOST.fullmatch(host):
        raise LinkError("This is not a valid link.", "Paste one that starts with https://.")
    if link.userinfo:
        raise LinkError(
            "The link contains a user name or a password.", f"Only public links can be fetched. {UPLOAD_HINT}"
        )
    if link.port not in (None, *PORTS.values()):
        raise LinkError("A link with a port of its own, such as :8080, cannot be opened.", UPLOAD_HINT)
    return link


async def request_once(link: httpx.URL, max_bytes: int, network: Network) -> bytes | httpx.URL:
    """Make one hop: return the body, or the target of a redirect."""
    port = link.port or PORTS[link.scheme]
    host = link.raw_host.decode("ascii").rstrip(".")
    addresses = await public_addresses(host, port, network)
    async with httpx.AsyncHTTPTransport(verify=network.context or default_ssl_context(), trust_env=False) as transport:
        try:
            response = await connect(transport, link, host, [network.dial(address, port) for address in addresses])
            try:
                return await read_body(response, link, max_bytes)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, OSError):
            raise LinkError("The link's server could not be reached, or closed the connection.", RETRY_HINT) from None


async def public_addresses(host: str, port: int, network: Network) -> list[str]:
    """Resolve a host and check that every single address is public."""
    try:
        addresses = await network.resolve(host, port)
    except (OSError, UnicodeError, ValueError):
        addresses = []
    if not addresses or not all(is_public_address(address) for address in addresses):
        raise LinkError("The link does not lead to a public web address.", UNREACHABLE_HINT)
    return addresses[:MAX_ADDRESSES]


async def connect(
    transport: httpx.AsyncHTTPTransport, link: httpx.URL, host: str, endpoints: list[tuple[str, int]]
) -> httpx.Response:
    """Request the link from the first reachable endpoint, under the link's own name; the body is not read."""
    name = f"[{host}]" if ":" in host else host
    headers = {"Host": name if link.port is None else f"{name}:{link.port}", **HEADERS}
    timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT).as_dict()
    failure: Exception = httpx.ConnectError("no address")
    for address, port in endpoints:
        pinned = link.copy_with(host=address, port=port)
        request = httpx.Request("GET", pinned, headers=headers, extensions={"timeout": timeout, "sni_hostname": host})
        try:
            return await transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = error
    raise failure


async def read_body(response: httpx.Response, link: httpx.URL, max_bytes: int) -> bytes | httpx.URL:
    """Read the body up to the limit, or return the target of a redirect."""
    if response.status_code in REDIRECTS and "location" in response.headers:
        return link.join(response.headers["location"])
    if response.status_code != 200:
        raise LinkError(*explain_status(response.status_code))
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise LinkError("The link's server sends the picture compressed, which is not supported.", UPLOAD_HINT)
    if response.headers.get("content-type", "").strip().lower().startswith(("text/html", "application/xhtml")):
        raise LinkError("The link is a web page, not a picture.", "Copy the address of the picture itself.")
    too_large = LinkError(f"The file is larger than {max_bytes / 2**20:g} MB.", "Choose a smaller picture.")
    length = response.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise too_large
    return bytes(body)


def explain_status(status: int) -> tuple[str, str]:
    """Explain a status other than 200, and what to do."""
    if status in (401, 402, 403, 407, 451):
        return f"The link's server denied access to the file (status {status}).", UPLOAD_HINT
    if status in (404, 410):
        return f"Nothing was found at that link (status {status}).", SPELLING_HINT
    return f"The link's server answered with status {status} instead of a picture.", RETRY_HINT


@lru_cache(maxsize=1)
def default_ssl_context() -> ssl.SSLContext:
    """The usual certificate authorities, loaded once because that is slow."""
    return httpx.create_ssl_context()
