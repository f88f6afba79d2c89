"""What each backend last did when it was asked for a model: whether it can be called ready, and why not."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from florence_ui.errors import BackendError

MAX_KNOWN = 256
"""Backends, models and keys that are remembered; the one that was asked longest ago goes first."""
KEPT_SECONDS = 600.0
"""Seconds after which an outcome says nothing any more."""


class Outcomes:
    """The last outcome of each kind of call: None for an answer, the error for a failure.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[Hashable, tuple[float, BackendError | None]] = OrderedDict()

    def note(self, call: Hashable, error: BackendError | None) -> None:
        """Remember the outcome of a call.

        Args:
            call: What tells backends, models and keys apart; it holds no key.
            error: Why it failed; None for an answer.
        """
        self._known[call] = self._clock(), error
        self._known.move_to_end(call)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def has_answered(self, call: Hashable) -> bool:
        """Whether the last such call was answered, not long ago."""
        return self._is_recent(call) and self._known[call][1] is None

    def failure(self, call: Hashable) -> BackendError | None:
        """Why the last such call failed, not long ago; None if it did not, or if there was none."""
        return self._known[call][1] if self._is_recent(call) else None

    def _is_recent(self, call: Hashable) -> bool:
        return call in self._known and self._clock() - self._known[call][0] < KEPT_SECONDS
