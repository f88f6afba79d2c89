"""Limits on the connections of the page's server and the local one, by the process's file descriptors.

Every connection, upload and call needs a descriptor. Once they run out, asyncio can no longer accept, logs each attempt
with a traceback, and nobody is answered. So the soft limit is raised as far as the system allows, a share of it is
reserved for everything but connections, and a connection beyond the rest replaces the one that has been idle for
longest. If none is idle, the new one gets a 503. uvicorn's own `limit_concurrency` counts requests, not descriptors,
and never closes an idle connection.
"""

import asyncio
import json
import logging
import math
import sys
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:  # uvicorn's choice between two protocols of one interface has no type
    from uvicorn.protocols.http.h11_impl import H11Protocol as AutoHTTPProtocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

if sys.platform != "win32":
    import resource

MAX_DESCRIPTORS = 65_536
"""Enough, even if the system sets no limit."""
FALLBACK_DESCRIPTORS = 10_240
"""The number that macOS allows a process that requests too many."""
FEW_DESCRIPTORS = 1024
MIN_RESERVE = 64
ACCEPTS_BEFORE_CLOSED = 8
"""A generous count of accept rounds before asyncio has closed a refused connection."""
MAX_CONNECTIONS = 4096
"""A bound on their memory, about 40 kB each, where descriptors are plentiful."""
IDLE_SECONDS = 20.0
"""Seconds that a connection may take to send the head of a request."""
TOO_MANY = "Too many connections are open. Please try again in a minute."

logger = logging.getLogger(__name__)


def raise_descriptor_limit() -> float:
    """Raise the soft limit of open descriptors to the hard one.

    Returns:
        The limit now in force; infinity if there is none. Sockets do not count against a limit on Windows.
    """
    if sys.platform == "win32":
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
    """Limit a uvicorn server, before it starts, to as many connections as its process can hold."""
    limit = raise_descriptor_limit()
    reserve = max(MIN_RESERVE, limit // 4)
    if limit < FEW_DESCRIPTORS:
        logger.warning("This process may open only %d files and sockets; raise ulimit -n for more visitors.", limit)
    connection_limit = ConnectionLimit(limit - reserve)
    config.http = type("LimitedHTTPProtocol", (LimitedHTTPProtocol,), {"limit": connection_limit})
    # asyncio accepts this many in one round, before any of them can be refused.
    config.backlog = int(min(config.backlog, max(1, reserve // ACCEPTS_BEFORE_CLOSED)))


class ConnectionLimit:
    """The limit that all connections of one server share.

    Args:
        max_descriptors: Descriptors that may be in use, including a new connection's; infinity for no limit.
        max_connections: Connections that may be open.

    Attributes:
        idle: Connections without a request in progress, longest idle first.
    """

    def __init__(self, max_descriptors: float, max_connections: int = MAX_CONNECTIONS) -> None:
        self.max_descriptors = max_descriptors
        self.max_connections = max_connections
        self.idle: dict[LimitedHTTPProtocol, None] = {}

    def is_full(self, transport: asyncio.BaseTransport, connections: int) -> bool:
        """Whether a new connection is one too many.

        The system assigns the lowest free descriptor, so a high number means that all below it are in use.
        """
        too_high = self.max_descriptors < math.inf and (
            transport.get_extra_info("socket").fileno() >= self.max_descriptors
        )
        return too_high or connections > self.max_connections


class LimitedHTTPProtocol(AutoHTTPProtocol):
    """uvicorn's protocol with limits; its own accepts every connection and waits forever for the first request."""

    limit: ConnectionLimit

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._refused = False

    @property
    def is_busy(self) -> bool:
        """Whether a request is in progress."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._start_idle()
        if self.limit.is_full(transport, len(self.connections)):
            longest_idle = next(iter(self.limit.idle))
            if longest_idle is self:
                logger.warning("A connection was refused because all available connections are in use.")
                self._refused = True
            else:
                longest_idle.evict()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self.evict()
            return
        super().data_received(data)
        if self.is_busy:
            self._stop_idle()
        elif self._deadline is None:
            self._start_idle()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.is_busy and not self.transport.is_closing():
            self._start_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_idle()
        super().connection_lost(exc)

    def evict(self) -> None:
        """Close the connection, with a 503 if its first request may be on its way."""
        if self.cycle is None and not self.transport.is_closing():
            self._stop_idle()
            self.transport.write(refusal_response())
            self.transport.close()
        self.end()

    def end(self) -> None:
        """Close the connection, unless a request is in progress or another protocol has taken it over."""
        self._stop_idle()
        if self in self.connections and not self.is_busy and not self.transport.is_closing():
            self.transport.abort()

    def _start_idle(self) -> None:
        self._stop_idle()
        self.limit.idle[self] = None
        self._deadline = self.loop.call_later(IDLE_SECONDS, self.end)

    def _stop_idle(self) -> None:
        self.limit.idle.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def refusal_response() -> bytes:
    """A complete 503 response, with the fields of the page's errors and of the local server's."""
    body = json.dumps({"error": TOO_MANY, "message": TOO_MANY}).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Retry-After: 60",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body
