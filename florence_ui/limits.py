"""Fair shares: how often and how many at once one visitor may run the model or have links fetched, and who may
spend the operator's key.

A visitor counts by session and by address, so a new tab is no new visitor. Nothing here grows: what a visitor
did is forgotten after a minute, and only runs that were let in are remembered.
"""

import asyncio
import ipaddress
import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from florence_ui.errors import BusyError, InputError

MINUTE = 60.0
DAY = 86_400.0


@dataclass(frozen=True)
class Visitor:
    """Who asks: one page or program (`session`) at one `address`; either may be empty when unknown."""

    session: str
    address: str


@dataclass(frozen=True)
class Share:
    """What one visitor may do; 0 is no limit."""

    per_minute: int = 0
    at_once: int = 0


OWN_SHARE = Share(per_minute=120, at_once=8)
"""For those who bring their own key: it protects this machine, not anybody's credits."""


def address_of(peer: str | None, headers: Mapping[str, str], trusted_header: str = "") -> str:
    """The address that a visitor counts by.

    Args:
        peer: The address of the connection.
        headers: The request's headers, names in any case; of several lines of one name `items()` gives each.
        trusted_header: The header in which the operator's own proxy puts the visitor's address; of a list the
            last entry counts, because whatever stands before it came from the visitor.

    Returns:
        An IPv4 address, the /64 network of an IPv6 address, or `""`.
    """
    if trusted_header:
        values = [value for name, value in headers.items() if name.lower() == trusted_header.lower()]
        if values and (network := _network(values[-1].rpartition(",")[2])):
            return network
    return _network(peer or "")


def _network(text: str) -> str:
    """`1.2.3.4`, `1.2.3.4:80`, `[::1]:80` or `::1` as the network that one visitor has; `""` for anything else."""
    text = text.strip()
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def in_words(seconds: float) -> str:
    """A waiting time as a person says it: `12 seconds`, `3 minutes`, `5 hours`."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds > length * 1.5:
            return f"{math.ceil(seconds / length)} {unit}s"
    count = max(1, math.ceil(seconds))
    return f"{count} second{'s' * (count != 1)}"


@dataclass(frozen=True)
class Words:
    """How one speaks of what is counted; `{}` stands for a number of them.

    Attributes:
        noun: For one of them.
        going: A sentence about those under way.
        made: The beginning of a sentence about those of the last minute.
        wait: What to do about those under way.
    """

    noun: str
    going: str
    made: str
    wait: str

    def count(self, number: int) -> str:
        """`1 run`, `2 runs`."""
        return f"{number} {self.noun}{'s' * (number != 1)}"


RUNS = Words("run", "You already have {} going.", "You have made {}", "Wait for one to finish, or stop it.")
LINKS = Words("link", "The page is fetching {} for you already.", "You have had {} fetched", "Wait until that is done.")


def _names(visitor: Visitor, purse: str) -> list[str]:
    parts = (("session", visitor.session), ("address", visitor.address))
    return [f"{purse} {kind} {value}" for kind, value in parts if value]


def _current_task() -> asyncio.Task | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None


class Limits:
    """Lets runs in, or refuses them with the time to come back.

    Args:
        shared: For runs on the operator's key or machine.
        own: For runs on the visitor's own key.
        daily: Runs a day (UTC) that all visitors together may make with the operator's key; 0 is no limit.
        models: Models that may be used with the operator's key; empty allows all.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        shared: Share,
        own: Share = OWN_SHARE,
        *,
        daily: int = 0,
        models: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.shared = shared
        self.own = own
        self.daily = daily
        self.models = tuple(models)
        self._clock = clock
        self._starts: OrderedDict[str, deque[float]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._tasks: dict[str, set[asyncio.Task]] = {}
        self._today = 0
        self._spent = 0

    def __len__(self) -> int:
        """How many sessions and addresses are remembered."""
        return len(self._starts.keys() | self._running.keys())

    @contextmanager
    def admit(
        self, visitor: Visitor, *, model_id: str = "", own_key: bool = False, operator_key: bool = False
    ) -> Iterator[None]:
        """Hold one of the visitor's places for as long as the block runs.

        Args:
            visitor: Who asks.
            model_id: What they want to run.
            own_key: Whether they brought their own key.
            operator_key: Whether the run spends the operator's key.

        Raises:
            BusyError: If the visitor, or everybody together, has used up the share; says when to come back.
            InputError: If the operator's key is not for that model.
        """
        names = _names(visitor, "own" if own_key else "shared")
        share = self.own if own_key else self.shared
        spend = (lambda now: self._spend(model_id, now)) if operator_key else None
        with self._place(names, share, RUNS, spend), self.attended(visitor):
            yield

    @contextmanager
    def fetching(self, visitor: Visitor) -> Iterator[None]:
        """Hold one of the visitor's places for fetching links: as many as for runs, but counted apart.

        Raises:
            BusyError: If the visitor has used up the share; says when to come back.
        """
        with self._place(_names(visitor, "links"), self.shared, LINKS):
            yield

    @contextmanager
    def attended(self, visitor: Visitor) -> Iterator[None]:
        """The task that runs the block ends when the visitor leaves."""
        session, task = visitor.session, _current_task()
        if not session or task is None or task in self._tasks.get(session, ()):
            yield
            return
        self._tasks.setdefault(session, set()).add(task)
        try:
            yield
        finally:
            self._tasks[session].discard(task)
            if not self._tasks[session]:
                del self._tasks[session]

    @contextmanager
    def _place(
        self, names: list[str], share: Share, words: Words, spend: Callable[[float], None] | None = None
    ) -> Iterator[None]:
        now = self._clock()
        self._forget(now)
        self._check(names, share, words, now)
        if spend:
            spend(now)
        self._running.update(names)
        for name in names:
            self._starts.setdefault(name, deque()).append(now)
            self._starts.move_to_end(name)
        try:
            yield
        finally:
            self._running.subtract(names)
            self._running += Counter()  # drops the zeroes

    def leave(self, session: str) -> int:
        """End what a visitor left running when their page closed.

        Returns:
            The number of runs that were ended.
        """
        tasks = [task for task in self._tasks.get(session, ()) if not task.done()]
        for task in tasks:
            task.cancel()
        return len(tasks)

    def _check(self, names: list[str], share: Share, words: Words, now: float) -> None:
        for name in names:
            if share.at_once and self._running[name] >= share.at_once:
                raise BusyError(words.going.format(words.count(self._running[name])), words.wait, seconds=1.0)
            starts = self._starts.get(name, deque())
            while starts and starts[0] <= now - MINUTE:
                starts.popleft()
            if share.per_minute and len(starts) >= share.per_minute:
                wait = starts[-share.per_minute] + MINUTE - now
                made = words.made.format(words.count(len(starts)))
                hint = f"Try again in {in_words(wait)}."
                raise BusyError(f"{made} in the last minute, which is all that one visitor may.", hint, seconds=wait)

    def _spend(self, model_id: str, now: float) -> None:
        if self.models and model_id not in self.models:
            raise InputError(
                "This page's key is not for that model.",
                f"Choose {' or '.join(self.models)}, or type your own key.",
                field="model_id",
            )
        if now // DAY != self._today:
            self._today, self._spent = now // DAY, 0
        if self.daily and self._spent >= self.daily:
            wait = (self._today + 1) * DAY - now
            raise BusyError(
                "This page has used up its runs for today.",
                f"Come back in {in_words(wait)}, type your own key, or choose the local backend.",
                seconds=wait,
            )
        self._spent += 1

    def _forget(self, now: float) -> None:
        while self._starts:
            name, starts = next(iter(self._starts.items()))
            if starts and starts[-1] > now - MINUTE:
                return
            del self._starts[name]
