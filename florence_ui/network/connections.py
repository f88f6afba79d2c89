"""Connections within what the process's file descriptors bear; for the page's server and for the local one.

Every connection, upload and call needs a descriptor. Where they run out, asyncio can no longer accept, logs each
attempt with a traceback, and nobody is answered. So the limit is raised as far as the system allows, a share of it is
kept for everything but connections, and a connection beyond the rest takes the place of the one that has been silent
for longest; where none is silent, it is refused in words.
"""

import asyncio
import json
import logging
import math

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

try:
    import resource
except ImportError:  # Windows, whose sockets do not count against a limit
    resource = None  # type: ignore[assignment]

MAX_DESCRIPTORS = 65_536
"""No need for more, even where the system sets no limit."""
FALLBACK_DESCRIPTORS = 10_240
"""What macOS allows a process that asks for more than it may have."""
FEW_DESCRIPTORS = 1024
MIN_RESERVE = 64
ACCEPTS_BEFORE_CLOSED = 8
"""Rounds of accepted connections, generously, that can pass before asyncio has closed one that is refused."""
MAX_CONNECTIONS = 4096
"""A bound for the memory that they take, about 40 kB each, where descriptors are plenty."""
IDLE_SECONDS = 20.0
"""How long a connection may take to send the head of a request."""
TOO_MANY = "Too many connections are open here. Please try again in a minute."

logger = logging.getLogger(__name__)


def raise_descriptor_limit() -> float:
    """Raises the soft limit of open descriptors to the hard one.

    Returns:
        The limit that holds now; infinity where there is none.
    """
    if resource is None:
        return math.inf
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    for wanted in (MAX_DESCRIPTORS, FALLBACK_DESCRIPTORS):
        wanted = wanted if hard == unlimited else min(wanted, hard)
        if soft == unlimited or wanted <= soft:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            continue
        return wanted
    return math.inf if soft == unlimited else soft


def limit_connections(config: uvicorn.Config) -> None:
    """Makes a uvicorn server, before it starts, hold only as many connections as its process bears."""
    limit = raise_descriptor_limit()
    reserve = max(MIN_RESERVE, limit // 4)
    if limit < FEW_DESCRIPTORS:
        logger.warning("This process may open %d files and sockets only; raise ulimit -n for more visitors.", limit)
    connection_limit = ConnectionLimit(limit - reserve)
    config.http = type("LimitedHTTPProtocol", (LimitedHTTPProtocol,), {"limit": connection_limit})
    # asyncio accepts so many in one go, before any of them can be refused.
    config.backlog = int(min(config.backlog, max(1, reserve // ACCEPTS_BEFORE_CLOSED)))


class ConnectionLimit:
    """What one server's connections share.

    Args:
        max_descriptors: Descriptors that may be in use with a new connection among them; infinity for any number.
        max_connections: Connections that may be open.

    Attributes:
        idle: Connections without a request under way, the longest idle one first.
    """

    def __init__(self, max_descriptors: float, max_connections: int = MAX_CONNECTIONS) -> None:
        self.max_descriptors = max_descriptors
        self.max_connections = max_connections
        self.idle: dict[LimitedHTTPProtocol, None] = {}

    def is_full(self, transport: asyncio.BaseTransport, connections: int) -> bool:
        """Whether a new connection is one too many.

        The system gives out the lowest free descriptor, so a high number means that all below it are in use, by
        whatever it may be.
        """
        too_high = self.max_descriptors < math.inf and (
            transport.get_extra_info("socket").fileno() >= self.max_descriptors
        )
        return too_high or connections > self.max_connections


class LimitedHTTPProtocol(AutoHTTPProtocol):
    """uvicorn's protocol, which by itself takes every connection and waits for its first request for ever."""

    limit: ConnectionLimit

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._refused = False

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._expect_request()
        if self.limit.is_full(transport, len(self.connections)):
            longest_idle = next(iter(self.limit.idle))
            if longest_idle is self:
                logger.warning("A connection was refused, because all that can be open are in use.")
                self._refused = True
            else:
                longest_idle.evict()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self.evict()
            return
        super().data_received(data)
        if self.is_busy:
            self._forget()
        elif self._deadline is None:
            self._expect_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.is_busy and not self.transport.is_closing():
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def evict(self) -> None:
        """Closes the connection, with words for one whose first request may be on its way."""
        if self.cycle is None and not self.transport.is_closing():
            self._forget()
            self.transport.write(refusal_response())
            self.transport.close()
        self.end()

    def end(self) -> None:
        """Closes the connection, unless a request is under way or another protocol has taken it over."""
        self._forget()
        if self in self.connections and not self.is_busy and not self.transport.is_closing():
            self.transport.abort()

    def _expect_request(self) -> None:
        self._forget()
        self.limit.idle[self] = None
        self._deadline = self.loop.call_later(IDLE_SECONDS, self.end)

    def _forget(self) -> None:
        self.limit.idle.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def refusal_response() -> bytes:
    """A whole answer with status 503, in the forms of the page's refusals and of the server's."""
    body = json.dumps({"error": TOO_MANY, "message": TOO_MANY}).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Retry-After: 60",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body
