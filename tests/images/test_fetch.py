"""Links are fetched from the public internet only, and within limits, however their server misbehaves.

Names are resolved by the table of each test, and connections lead to a real server on the loopback; the rule between
the two, which decides what may be requested, is the one used in production.
"""

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florence_ui.errors import LinkError
from florence_ui.images import fetch as fetching_module
from florence_ui.images.fetch import INTERNET, Network, fetch_image, is_public_address, parse_link, resolve

PUBLIC, OTHER = "93.184.215.14", "142.250.74.110"
PICTURE = b"\x89PNG and so on" * 100
CERTIFICATE = Path(__file__).parents[1] / "data" / "pictures.example.pem"
CLOSED = "does not lead to a public web address"
NO_LINK = "This is not a valid link"

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = PICTURE, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    fields = ["Content-Type: image/png", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode() + body


def moved(to: str) -> bytes:
    return answer(b"", "302 Found", f"Location: {to}")


class Internet:
    """A server on loopback behind made-up names, and what was asked of names, addresses and server.

    Args:
        replies: One a request, in order, the last one again and again: bytes, or a coroutine that talks.
        names: Name -> its addresses, all at once or, as a list of lists, one list a lookup.
        dead: Addresses where nobody answers.
        tls: Makes it speak TLS.
    """

    def __init__(
        self,
        *replies: bytes | Reply,
        names: dict | None = None,
        dead: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.replies = list(replies)
        self.names = names or {}
        self.dead = dead
        self.tls = tls
        self.lookups: list[str] = []
        self.dialled: list[tuple[str, int]] = []
        self.requests: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.lookups.append(host)
        found = self.names.get(host, [PUBLIC])
        if found and isinstance(found[0], list):
            return found.pop(0)
        return found

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            if isinstance(reply, bytes):
                writer.write(reply)
                await writer.drain()
            else:
                await reply(reader, writer)

    async def _fetch(self, url: str, **options) -> bytes:
        server = await asyncio.start_server(self.talk, "127.0.0.1", 0, ssl=self.tls)
        port = server.sockets[0].getsockname()[1]

        def dial(address: str, asked: int) -> tuple[str, int]:
            self.dialled.append((address, asked))
            return "127.0.0.1", 1 if address in self.dead else port

        context = ssl.create_default_context(cafile=str(CERTIFICATE)) if self.tls else None
        try:
            return await fetch_image(url, network=Network(self.resolve, dial, context), **options)
        finally:
            server.close()

    def fetch(self, url: str = "http://pictures.example/a.png", **options) -> bytes:
        return asyncio.run(self._fetch(url, **options))


def refused(internet: Internet, url: str = "http://pictures.example/a.png", **options) -> LinkError:
    with pytest.raises(LinkError) as caught:
        internet.fetch(url, **options)
    assert caught.value.hint
    assert caught.value.field == "image_url"
    return caught.value


# what comes back


def test_a_picture_is_fetched_with_its_path_and_query():
    internet = Internet(answer())
    assert internet.fetch("  http://Pictures.Example/a%20b.png?size=1&x=%2F#part ") == PICTURE
    lines = internet.requests[0].split("\r\n")
    assert lines[0] == "GET /a%20b.png?size=1&x=%2F HTTP/1.1"
    assert "Host: pictures.example" in lines
    assert internet.dialled == [(PUBLIC, 80)]


def test_https_asks_the_checked_address_under_the_links_name():
    names = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    tls.sni_callback = lambda _, name, __: names.append(name)
    internet = Internet(answer(), tls=tls)
    assert internet.fetch("https://pictures.example./a.png") == PICTURE
    assert names == ["pictures.example"]
    assert internet.dialled == [(PUBLIC, 443)]
    assert "could not be reached" in refused(internet, "https://someone.example/a.png").message


def test_a_dead_address_gives_way_to_the_next():
    dead = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
    internet = Internet(answer(), names={"pictures.example": [dead, PUBLIC]}, dead=(dead,))
    assert internet.fetch() == PICTURE
    assert internet.dialled == [(dead, 80), (PUBLIC, 80)]
    assert "could not be reached" in refused(Internet(answer(), dead=(PUBLIC,))).message


def test_nothing_of_ours_goes_along(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine pictures.example login us password secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    first = answer(b"", "302 Found", "Location: http://pictures.example/b.png", "Set-Cookie: id=1; Path=/")
    internet = Internet(first, answer())
    assert internet.fetch() == PICTURE
    for request in internet.requests:
        sent = {line.split(":")[0].lower() for line in request.split("\r\n")[1:] if line}
        assert sent == {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert "Accept-Encoding: identity" in request


def test_a_redirect_is_followed_relative_to_the_link_and_checked_again():
    internet = Internet(moved("../b.png"), moved("//other.example/c.png"), answer(), names={"other.example": [OTHER]})
    assert internet.fetch("http://pictures.example/x/a.png") == PICTURE
    assert [request.split(" ")[1] for request in internet.requests] == ["/x/a.png", "/b.png", "/c.png"]
    assert internet.lookups == ["pictures.example", "pictures.example", "other.example"]
    assert internet.dialled == [(PUBLIC, 80), (PUBLIC, 80), (OTHER, 80)]


@pytest.mark.parametrize(
    ("typed", "link"),
    [
        ("example.com/cat.jpg", "https://example.com/cat.jpg"),
        (" www.example.com ", "https://www.example.com"),
        ("//example.com/cat.jpg?size=2#top", "https://example.com/cat.jpg?size=2#top"),
        ("example.com:443/cat.jpg", "https://example.com/cat.jpg"),
        ("example.com?picture=http://other.example/", "https://example.com?picture=http://other.example/"),
        ("http://example.com/cat.jpg", "http://example.com/cat.jpg"),
        ("HTTPS://example.com/cat.jpg", "https://example.com/cat.jpg"),
    ],
    ids=["plain", "spaces", "slashes", "port", "link-inside", "http-stays", "https-stays"],
)
def test_a_link_without_its_beginning_is_completed(typed, link):
    assert str(parse_link(typed)) == link


# where it may not go

LOOKS = [
    pytest.param(url, says, id=url.encode("ascii", "backslashreplace").decode()[:60] or "empty")
    for url, says in [
        ("", "empty"),
        ("   ", "empty"),
        ("pictures", "http"),
        ("a picture of a cat.", "http"),
        ("user@pictures.example/a.png", "http"),
        ("pictures.example:8080/a.png", "port of its own"),
        ("file:///etc/passwd", "http"),
        ("ftp://pictures.example/a.png", "http"),
        ("gopher://pictures.example:80/_GET", "http"),
        ("data:image/png;base64,AAAA", "http"),
        ("javascript:alert(1)", "http"),
        ("unix:///var/run/docker.sock", "http"),
        ("http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "http"),
        ("http://", NO_LINK),
        ("http:///a.png", NO_LINK),
        ("http://./", NO_LINK),
        ("http://[", NO_LINK),
        ("http://[::1", NO_LINK),
        ("http://[fe80::1%25eth0]/", NO_LINK),
        ("http://[fe80::1%eth0]/", NO_LINK),
        ("http://pictures.example%00.evil.example/", NO_LINK),
        ("http://pictures.example\\@127.0.0.1/", ""),
        ("http://a.example\\b/", NO_LINK),
        ("http://a b.example/", NO_LINK),
        ("http://pictures.example/\r\nHost: inside", NO_LINK),
        ("http://pictures.example/\x00", NO_LINK),
        ("http://pictures.example:99999/", "port of its own"),
        ("http://pictures.example:abc/", NO_LINK),
        ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", NO_LINK),
        ("http://0177.0.0.1/", NO_LINK),
        ("http://127。0。0。1/", ""),
        ("http://" + "a" * 300 + ".example/", ""),
        ("http://pictures.example/" + "a" * 3000, "too long"),
        ("http://user@pictures.example/", "user name"),
        ("http://user:secret@pictures.example/", "user name"),
        ("http://pictures.example@127.0.0.1/", "user name"),
        ("http://pictures.example:8080/", "port of its own"),
        ("http://pictures.example:22/", "port of its own"),
        ("https://pictures.example:9001/", "port of its own"),
        ("http://pictures.example:0/", "port of its own"),
    ]
]


@pytest.mark.parametrize(("url", "says"), LOOKS)
def test_what_is_not_a_plain_link_is_refused_by_its_looks(url, says):
    internet = Internet(answer(), names={"127.0.0.1": ["127.0.0.1"]})
    error = refused(internet, url)
    assert says in error.message
    assert "secret" not in str(error)
    assert internet.dialled == []


LITERALS = [
    "127.0.0.1", "127.1", "127.0.0.1.", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.1", "0",
    "0.0.0.0", "localhost", "localhost.", "LOCALHOST", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254",
    "2852039166", "0xa9fea9fe", "168.63.129.16", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1",
    "192.88.99.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]",
    "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]",
    "[fe80::1]", "[fec0::1]", "[fd00:ec2::254]", "[fc00::1]", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]",
    "[2600::5efe:a00:1]", "[2600::200:5efe:a00:1]", "no-such-name.invalid", "metadata.google.internal",
]  # fmt: skip


@pytest.mark.parametrize("host", LITERALS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_an_inner_address_is_asked(host, scheme):
    def dial(address: str, port: int) -> tuple[str, int]:
        raise AssertionError(f"would have asked {address}")

    with pytest.raises(LinkError, match=CLOSED):
        asyncio.run(fetch_image(f"{scheme}://{host}/latest/meta-data", network=Network(INTERNET.resolve, dial)))


@pytest.mark.parametrize("host", [host for host in LITERALS if "." in host and ":" not in host])
def test_completing_a_link_opens_no_way_to_an_inner_address(host):
    def dial(address: str, port: int) -> tuple[str, int]:
        raise AssertionError(f"would have asked {address}")

    with pytest.raises(LinkError):
        asyncio.run(fetch_image(f"{host}/latest/meta-data", network=Network(INTERNET.resolve, dial)))


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["10.0.0.1"], id="private"),
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param([PUBLIC, "10.0.0.1"], id="one of two private"),
        pytest.param(["169.254.169.254", PUBLIC], id="metadata first"),
        pytest.param([PUBLIC, "::1"], id="IPv6 loopback behind"),
        pytest.param(["::ffff:8.8.8.8"], id="mapped, even of a public one"),
        pytest.param(["64:ff9b::808:808"], id="NAT64, even of a public one"),
        pytest.param(["fe80::1%eth0"], id="zone"),
        pytest.param(["nonsense"], id="not an address"),
        pytest.param([], id="none"),
    ],
)
def test_a_name_counts_as_its_worst_address(addresses):
    internet = Internet(answer(), names={"pictures.example": addresses})
    assert CLOSED in refused(internet).message
    assert internet.dialled == []


def test_blocked_and_missing_names_cannot_be_told_apart():
    inside = Internet(answer(), names={"db.internal": ["10.0.0.5"], "gone.internal": []})
    assert str(refused(inside, "http://db.internal/")) == str(refused(inside, "http://gone.internal/"))


def test_a_name_that_changes_after_the_check_gains_nothing():
    internet = Internet(answer(), names={"pictures.example": [[PUBLIC], ["127.0.0.1"]]})
    assert internet.fetch() == PICTURE
    assert internet.lookups == ["pictures.example"]
    assert internet.dialled == [(PUBLIC, 80)]


def test_a_name_that_changes_between_two_hops_is_caught():
    internet = Internet(moved("/b.png"), answer(), names={"pictures.example": [[PUBLIC], ["127.0.0.1"]]})
    assert CLOSED in refused(internet).message
    assert len(internet.dialled) == 1


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("http://127.0.0.1/", CLOSED),
        ("http://169.254.169.254/latest/meta-data/", CLOSED),
        ("//inside.example/", CLOSED),
        ("http://[::1]/", CLOSED),
        ("http://user:secret@pictures.example/", "user name"),
        ("http://pictures.example:22/", "port of its own"),
        ("file:///etc/passwd", "http"),
        ("data:image/png;base64,AAAA", "http"),
        ("http://[", NO_LINK),
        ("http://pictures.example/" + "a" * 3000, "too long"),
        ("/round-and-round.png", "redirects too often"),
    ],
)
def test_every_hop_of_a_redirect_is_checked(target, says):
    inside = {name: [name] for name in ("127.0.0.1", "169.254.169.254", "::1")}
    internet = Internet(moved(target), names={"inside.example": ["10.1.2.3"], **inside})
    error = refused(internet)
    assert says in error.message
    assert "secret" not in str(error)
    assert {address for address, _ in internet.dialled} == {PUBLIC}
    assert len(internet.requests) <= fetching_module.MAX_REDIRECTS + 1


# what a server may try


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        pytest.param(answer(b"gone", "404 Not Found"), "Nothing was found at that link", id="404"),
        pytest.param(answer(b"", "403 Forbidden"), "denied access", id="403"),
        pytest.param(answer(b"", "401 Unauthorized", "WWW-Authenticate: Basic"), "denied access", id="401"),
        pytest.param(answer(b"", "500 Oops"), "status 500", id="500"),
        pytest.param(answer(PICTURE, "206 Partial Content"), "status 206", id="206"),
        pytest.param(answer(b"", "302 Found"), "status 302", id="redirect to nowhere"),
        pytest.param(answer(gzip.compress(bytes(10**6)), "200 OK", "Content-Encoding: gzip"), "compressed", id="gzip"),
        pytest.param(answer(b"x", "200 OK", "Content-Encoding: br"), "compressed", id="brotli"),
        pytest.param(answer(b"<html>").replace(b"image/png", b"text/html; charset=utf-8"), "web page", id="page"),
        pytest.param(answer(PICTURE, length=99999), "closed the", id="less than announced"),
        pytest.param(answer(PICTURE, length=10**12), "larger than 1 MB", id="announced too large"),
        pytest.param(answer(b"", length=-5), "closed the", id="negative length"),
        pytest.param(answer(b"x", "200 OK", "Content-Length: 7"), "closed the", id="two lengths"),
        pytest.param(answer(bytes(2**20 + 1)), "larger than 1 MB", id="too large"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2**21), "larger than 1 MB", id="too large, unannounced"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % bytes(65536) * 20,
            "larger than 1 MB", id="too large, in chunks",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "closed the", id="broken chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, "closed the", id="endless headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10**6, "closed the", id="an endless header"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", "closed the", id="not HTTP"),
        pytest.param(b"", "closed the", id="hangs up"),
        pytest.param(b"HTTP/1.1 200", "closed the", id="hangs up in the middle"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "closed the", id="another protocol"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_a_picture_gets_its_sentence(reply, says):
    error = refused(Internet(reply), max_bytes=2**20)
    assert says in error.message
    assert PUBLIC not in str(error)
    assert "127.0.0.1" not in str(error)


def test_what_follows_the_announced_bytes_is_not_read():
    assert Internet(answer(PICTURE + b"more", length=len(PICTURE))).fetch() == PICTURE


def test_the_limit_itself_is_allowed():
    assert len(Internet(answer(bytes(2**20))).fetch(max_bytes=2**20)) == 2**20


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(b"", length=1000))
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50)
        await writer.drain()
        await asyncio.sleep(0)


async def slow_redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.1)
    writer.write(moved("/again"))


@pytest.mark.parametrize("reply", [silent, drip, drip_headers, hints, slow_redirect], ids=lambda reply: reply.__name__)
def test_one_deadline_holds_for_everything_together(reply):
    started = time.monotonic()
    assert "took longer than 0.3 seconds" in refused(Internet(reply), timeout=0.3).message
    assert time.monotonic() - started < 10


def test_the_deadline_holds_for_names_too():
    async def never(host: str, port: int) -> list[str]:
        await asyncio.sleep(3600)
        return []

    with pytest.raises(LinkError, match="took longer"):
        asyncio.run(fetch_image("http://pictures.example/", timeout=0.2, network=Network(never)))


# the system's own resolver


def test_a_lookup_that_hangs_is_left_behind_and_later_makes_room(monkeypatch):
    go_on, asked = threading.Event(), []

    def hang(*args, **options):
        asked.append(args[0])
        go_on.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(fetching_module.socket, "getaddrinfo", hang)

    async def many() -> list:
        calls = [fetch_image(f"http://{n}.example/", timeout=0.3) for n in range(fetching_module.MAX_LOOKUPS + 5)]
        return await asyncio.gather(*calls, return_exceptions=True)

    errors = asyncio.run(many())
    assert all(isinstance(error, LinkError) for error in errors)
    assert len(asked) == fetching_module.MAX_LOOKUPS
    go_on.set()
    deadline = time.monotonic() + 20
    while fetching_module.lookup_slots._value < fetching_module.MAX_LOOKUPS and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fetching_module.lookup_slots._value == fetching_module.MAX_LOOKUPS


def test_the_resolver_gives_every_address_once():
    assert asyncio.run(resolve("127.0.0.1", 80)) == ["127.0.0.1"]
    with pytest.raises(OSError, match="not found"):
        asyncio.run(resolve("no-such-name.invalid", 80))


# the rule itself


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", PUBLIC, "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"])
def test_the_open_internet_is_public(address):
    assert is_public_address(address)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_gets_in_by_an_ipv6_spelling(address):
    number = int(address)
    high, low = number >> 16, number & 0xFFFF
    for spelling in (
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:{high:x}:{low:x}::1",
        f"2600::5efe:{address}",
        f"fe80::5efe:{address}",
    ):
        assert not is_public_address(spelling), spelling


@given(st.one_of(st.ip_addresses().map(str), st.text(max_size=40)))
def test_what_is_public_is_global_by_the_standard_library_too(text):
    if is_public_address(text):
        assert fetching_module.ipaddress.ip_address(text).is_global


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(max_size=80), st.text(max_size=60).map("http://{}".format), st.binary(max_size=60).map(str)))
def test_no_text_raises_anything_but_a_link_error(text):
    with contextlib.suppress(LinkError):
        asyncio.run(fetch_image(text, network=Network(Internet(names={}).resolve, lambda *_: ("127.0.0.1", 1))))
