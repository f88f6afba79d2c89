"""How much may be pending at the doors: events that wait or run, uploads and agents' messages on their way, and the
memory that all of it takes.

What is over a limit is refused in words at once, before Gradio's queue takes it. Nobody may have more pending than
there are places left free: however much some visitors take, there is a place for the next one. An event counts until
it is over or abandoned, and Gradio's own lists say so: nothing is counted twice, and no count can leak.

Where few addresses fill all places with bodies that never end, whoever has nothing pending yet gets the place of the
oldest such body.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

from starlette.types import Scope

from florence_ui.hosting.body_wait import BodyWait
from florence_ui.hosting.requests import RETRY_SECONDS, Refused

PENDING = "florence_ui.pending"
"""Where a request's `Pending` stands in its scope."""
MAX_EVENTS = 1024
MAX_MEMORY = 256 << 20
"""Bytes that the posted values of all pending events take, by estimate."""
FOR_EACH_PLACE = 4
"""Events that a visitor may have pending for each run that they may have at once."""
STEP = 1 << 16
"""Bytes after which the memory for a body that is being read is counted anew."""


class Kind(Enum):
    """What is pending, how much of it there may be in all, and how a person calls it."""

    EVENT = (MAX_EVENTS, "runs")
    UPLOAD = (128, "uploads")
    MESSAGE = (128, "agents' calls")

    def __init__(self, most: int, words: str) -> None:
        self.most = most
        self.words = words


@dataclass(eq=False)
class Pending:
    """What one request, and the event that it starts, takes until it is over.

    Attributes:
        kind: What it is; None for what is over at once and takes memory only.
        address: Whose it is; empty where nobody knows.
        memory: Bytes that it takes.
        wait: For what is left of its body.
    """

    kind: Kind | None
    address: str
    memory: int = 0
    wait: BodyWait = field(default_factory=BodyWait)


class Admission:
    """Admits requests while there is room for them.

    Args:
        max_concurrency: Runs that one visitor may have at once; 0 is no limit.
    """

    def __init__(self, max_concurrency: int = 0) -> None:
        self.for_one = FOR_EACH_PLACE * max_concurrency or MAX_EVENTS
        self._under_way: dict[Pending, None] = {}  # in the order in which they came

    @contextmanager
    def admit(self, kind: Kind | None, address: str, scope: Scope) -> Iterator[Pending]:
        """Count a request for as long as the block runs; its event, in Gradio's queue, counts on by itself.

        Raises:
            Refused: If there is no room for it.
        """
        pending = Pending(kind, address)
        if kind is not None:
            others = [each for each in self._pending(scope) if each.kind is kind and not each.wait.ended]
            mine = sum(each.address == address for each in others)
            if len(others) >= kind.most and address and not mine and self._displace(kind):
                others.pop()
            check(len(others), mine, 1, kind.most, self.for_one, address, kind.words)
        scope[PENDING] = pending
        self._under_way[pending] = None
        try:
            yield pending
        finally:
            del self._under_way[pending]

    def hold(self, pending: Pending, memory: int, scope: Scope) -> None:
        """Count the memory that a request takes by now.

        Raises:
            Refused: If there is not so much for it.
        """
        if memory > pending.memory:
            others = [each for each in self._pending(scope) if each is not pending]
            mine = sum(each.memory for each in others if each.address == pending.address)
            total = sum(each.memory for each in others)
            check(total, mine, memory, MAX_MEMORY, MAX_MEMORY, pending.address, "large requests")
        pending.memory = memory

    def _displace(self, kind: Kind) -> bool:
        """End the wait for the oldest unfinished body of whoever has most of them, two at least; whether there is one.

        One body each is nobody's fault, and many addresses could otherwise push out whoever is slow.
        """
        unfinished = [
            each for each in self._under_way if each.kind is kind and not (each.wait.finished or each.wait.ended)
        ]
        for address, count in Counter(each.address for each in unfinished).most_common(1):
            if count > 1:
                next(each for each in unfinished if each.address == address).wait.end()
                return True
        return False

    def _pending(self, scope: Scope) -> set[Pending]:
        events = events_of(scope["app"].get_blocks()._queue)
        held = (event.request.scope.get(PENDING) for event in events)
        return set(self._under_way) | {each for each in held if each is not None}


def check(total: int, mine: int, more: int, most: int, for_one: int, address: str, words: str) -> None:
    """Refuse what is over a limit.

    Args:
        total: What is taken by everybody.
        mine: What of it is taken by this visitor.
        more: What this visitor wants.
        most: What there is for everybody.
        for_one: What there is for one visitor at the most.
        address: Whose it is; nobody's share where that is not known.
        words: What is counted.

    Raises:
        Refused: If there is no room, or this visitor takes up more than is left.
    """
    if total + more > most:
        words = f"This page is busy: too many {words} are waiting already. Please try again in a minute."
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, words, RETRY_SECONDS)
    if address and mine + more > share(most - total, for_one, more):
        words = f"Too many {words} from your address are waiting already. Wait for some to finish, then try again."
        raise Refused(HTTPStatus.TOO_MANY_REQUESTS, words, RETRY_SECONDS)


def share(free: int, for_one: int, more: int = 1) -> int:
    """What one visitor may have altogether: no more than is left free for the others.

    Args:
        free: What nobody has yet.
        for_one: What one visitor may have at the most.
        more: What this visitor wants now; who has nothing yet may have it.
    """
    return min(for_one, max(more, free))


def memory_of(body: bytes) -> int:
    """Bytes that a posted JSON text takes, by estimate: Gradio keeps the text, and its values twice."""
    return 3 * len(body) + 100 * sum(body.count(sign) for sign in (b",", b"[", b"{"))


def events_of(queue: Any) -> Iterable[Any]:
    """Every event that waits in Gradio's queue, or runs."""
    for waiting in queue.event_queue_per_concurrency_id.values():
        yield from waiting.queue
    for running in queue.active_jobs:
        yield from running or ()


def raise_limit(queue: Any) -> None:
    """Give Gradio's queue a slot for every event that is admitted, so that none waits for another visitor's."""
    queue.max_thread_count = MAX_EVENTS
