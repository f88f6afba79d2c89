"""Visits that survive a reload: sessions of pages that the browser may open again, by a secret name.

    session.visit = visits.keep(PageSession(), owner)     # the name goes into the tab's session storage
    ...
    session = visits.resume(name, owner)                  # the tab was loaded again

The server makes the names and accepts no other. Each name opens a copy under a name of its own: a tab that was
duplicated, or somebody who got hold of an old name, shares nothing with the visit from then on. Visits are kept in
memory, for a while and up to a limit; they hold no API key, because sessions hold none.
"""

import json
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from florence_ui.inference.request import StoredAnalysis
from florence_ui.inference.response_cache import estimate_memory
from florence_ui.visitors.session import Kept, PageSession

MAX_VISITS = 256
"""Maximum number of visits of all visitors together."""
MAX_BYTES = 64 << 20
"""Memory for all their answers, questions and notes, as estimated."""
NAME_BYTES = 24


@dataclass
class _Visit:
    session: PageSession
    owner: str
    used: float
    size: int


class Visits:
    """The visits of all visitors; beyond a limit, whoever has the most loses the one used longest ago.

    Args:
        max_age: Seconds without use after which a visit is forgotten, as its pictures are.
        max_visits: Maximum number.
        max_bytes: Memory for their answers.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        max_age: float,
        *,
        max_visits: int = MAX_VISITS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_age, self.max_visits, self.max_bytes = max_age, max_visits, max_bytes
        self._clock = clock
        self._visits: OrderedDict[str, _Visit] = OrderedDict()
        self._sizes: WeakKeyDictionary[StoredAnalysis, int] = WeakKeyDictionary()
        self._due: list[str] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visits)

    def keep(self, session: PageSession, owner: str) -> str:
        """Keep a session for when its page is loaded again.

        Args:
            session: The session; later changes to it are kept too.
            owner: The visitor's address, for counting.

        Returns:
            The visit's secret name.
        """
        name = secrets.token_urlsafe(NAME_BYTES)
        with self._lock:
            self._visits[name] = _Visit(session, owner, self._clock(), 0)
            self._update(name)
        return name

    def touch(self, name: str) -> None:
        """Note that a visit is in use, and what it takes by now."""
        with self._lock:
            if name in self._visits:
                self._update(name)

    def resume(self, name: object, owner: str) -> PageSession | None:
        """A copy of the session of that name, kept under a new name, `visit`; None if there is none.

        Args:
            name: What the browser sent as the name.
            owner: The visitor's address: a phone may have another one by now.
        """
        with self._lock:
            self._forget_old()
            visit = self._visits.get(name) if isinstance(name, str) else None
            if visit is None:
                return None
            session = visit.session.copied()
        session.visit = self.keep(session, owner)
        return session

    def _update(self, name: str) -> None:
        visit = self._visits[name]
        visit.used, visit.size = self._clock(), self._size_of(visit.session)
        self._visits.move_to_end(name)
        self._measure_another()
        self._forget_old()
        while len(self._visits) > self.max_visits:
            self._drop_from(Counter(each.owner for each in self._visits.values()))
        while sum(each.size for each in self._visits.values()) > self.max_bytes:
            sizes: Counter[str] = Counter()
            for each in self._visits.values():
                sizes[each.owner] += each.size
            self._drop_from(sizes)

    def _measure_another(self) -> None:
        """Measure one more visit, each in turn: it may have grown after its last use, as by a run without its page."""
        self._due = self._due or [*self._visits]
        if visit := self._visits.get(self._due.pop()):
            visit.size = self._size_of(visit.session)

    def _drop_from(self, shares: Mapping[str, int]) -> None:
        most = max(shares.values())
        oldest = next(name for name, visit in self._visits.items() if shares[visit.owner] == most)
        del self._visits[oldest]

    def _forget_old(self) -> None:
        limit = self._clock() - self.max_age
        while self._visits and next(iter(self._visits.values())).used <= limit:
            self._visits.popitem(last=False)

    def _size_of(self, session: PageSession) -> int:
        kept: list[Kept] = [session, *session.tabs.values()]
        words = sum(estimate_memory(repr(state.words)) for state in kept)
        return words + sum(self._size_of_answer(answer) for state in kept for answer in state.analyses)

    def _size_of_answer(self, answer: StoredAnalysis) -> int:
        if answer not in self._sizes:
            self._sizes[answer] = estimate_memory(json.dumps(answer.result.raw, default=str))
        return self._sizes[answer]
