"""Limits on pending work: waiting and running events, incoming uploads and agents' messages, and their memory.

Requests beyond a limit are rejected at once, before they enter Gradio's queue. Nobody may have more pending than there
are free slots left, so there is always a slot for the next visitor. An event counts until it is over or abandoned
according to Gradio's own lists: nothing is counted twice, and no count can leak.

When a few addresses fill all slots with bodies that never end, a newcomer gets the slot of the oldest such body.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus

from starlette.types import Scope

from florence_ui.hosting.body_wait import BodyWait
from florence_ui.hosting.gradio_internals.queue import pending_events
from florence_ui.hosting.request_limits import RETRY_SECONDS, RequestRefused

PENDING = "florence_ui.pending"
"""The key of a request's `Pending` in its scope."""
MAX_EVENTS = 1024
MAX_MEMORY = 256 << 20
"""Estimated bytes of the posted values of all pending events."""
PENDING_PER_RUN = 4
"""Events that a visitor may have pending per allowed concurrent run."""
MEMORY_STEP = 1 << 16
"""Bytes of an incoming body between two counts of its memory."""


class RequestKind(Enum):
    """Kinds of pending requests, with their overall limits and names in messages."""

    EVENT = (MAX_EVENTS, "runs")
    UPLOAD = (128, "uploads")
    MESSAGE = (128, "agents' calls")

    def __init__(self, limit: int, label: str) -> None:
        self.limit = limit
        self.label = label


@dataclass(eq=False)
class Pending:
    """The resources that one request, and the event that it starts, use until they are over.

    Attributes:
        kind: What it counts as; None for a request that is over at once and uses only memory.
        address: The visitor's address; empty if unknown.
        memory: The bytes that it uses.
        wait: The wait for the rest of its body.
    """

    kind: RequestKind | None
    address: str
    memory: int = 0
    wait: BodyWait = field(default_factory=BodyWait)


class Admission:
    """Limits that admit requests while there are slots for them.

    Args:
        max_concurrency: Runs that one visitor may have at once; 0 for no limit.
    """

    def __init__(self, max_concurrency: int = 0) -> None:
        self.per_address = PENDING_PER_RUN * max_concurrency or MAX_EVENTS
        self._open: dict[Pending, None] = {}  # in order of arrival

    @contextmanager
    def admit(self, kind: RequestKind | None, address: str, scope: Scope) -> Iterator[Pending]:
        """Count a request while the block runs; its event in Gradio's queue counts beyond that.

        Raises:
            RequestRefused: If there is no slot for it.
        """
        pending = Pending(kind, address)
        if kind is not None:
            others = [each for each in self._pending(scope) if each.kind is kind and not each.wait.ended]
            mine = sum(each.address == address for each in others)
            if len(others) >= kind.limit and address and not mine and self._displace(kind):
                others.pop()
            check_limits(len(others), mine, 1, kind.limit, self.per_address, address, kind.label)
        scope[PENDING] = pending
        self._open[pending] = None
        try:
            yield pending
        finally:
            del self._open[pending]

    def reserve_memory(self, pending: Pending, memory: int, scope: Scope) -> None:
        """Count the memory that a request uses so far.

        Raises:
            RequestRefused: If there is not enough.
        """
        if memory > pending.memory:
            others = [each for each in self._pending(scope) if each is not pending]
            mine = sum(each.memory for each in others if each.address == pending.address)
            total = sum(each.memory for each in others)
            check_limits(total, mine, memory, MAX_MEMORY, MAX_MEMORY, pending.address, "large requests")
        pending.memory = memory

    def _displace(self, kind: RequestKind) -> bool:
        """End the oldest unfinished body of the address that has most, at least two; return whether there is one.

        A single body per address is left alone; otherwise many addresses could push out slow clients.
        """
        unfinished = [each for each in self._open if each.kind is kind and not (each.wait.finished or each.wait.ended)]
        for address, count in Counter(each.address for each in unfinished).most_common(1):
            if count > 1:
                next(each for each in unfinished if each.address == address).wait.end()
                return True
        return False

    def _pending(self, scope: Scope) -> set[Pending]:
        queued = (event.request.scope.get(PENDING) for event in pending_events(scope["app"]))
        return set(self._open) | {each for each in queued if each is not None}


def check_limits(total: int, mine: int, more: int, limit: int, per_address: int, address: str, label: str) -> None:
    """Reject a request beyond a limit.

    Args:
        total: Current use by all visitors.
        mine: Current use by this visitor.
        more: What this visitor requests.
        limit: The limit for all visitors together.
        per_address: The limit for one visitor.
        address: The visitor's address; if it is empty, unknown, only the overall limit applies.
        label: What is counted.

    Raises:
        RequestRefused: If the limit is reached, or this visitor would use more than is left.
    """
    if total + more > limit:
        message = f"This page is busy: too many {label} are waiting already. Please try again in a minute."
        raise RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, message, RETRY_SECONDS)
    if address and mine + more > fair_share(limit - total, per_address, more):
        message = f"Too many {label} from your address are waiting already. Wait for some to finish, then try again."
        raise RequestRefused(HTTPStatus.TOO_MANY_REQUESTS, message, RETRY_SECONDS)


def fair_share(free: int, per_address: int, more: int = 1) -> int:
    """The total that one visitor may use: no more than is left free for the others.

    Args:
        free: What nobody uses.
        per_address: The limit for one visitor.
        more: What this visitor requests now; granted to one who has nothing yet.
    """
    return min(per_address, max(more, free))


def estimate_memory(body: bytes) -> int:
    """Estimate the memory of a posted JSON text, in bytes: Gradio keeps the text, and its values twice."""
    return 3 * len(body) + 100 * sum(body.count(sign) for sign in (b",", b"[", b"{"))
