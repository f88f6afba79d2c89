"""Words about quotas, for messages to visitors."""

import math
from dataclasses import dataclass


def format_duration(seconds: float) -> str:
    """A waiting time in words: `12 seconds`, `3 minutes`, `5 hours`."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds > length * 1.5:
            return f"{math.ceil(seconds / length)} {unit}s"
    count = max(1, math.ceil(seconds))
    return f"{count} second{'s' * (count != 1)}"


@dataclass(frozen=True)
class Wording:
    """Words in messages for what is counted; `{}` stands for a number of them.

    Attributes:
        noun: The noun for one of them.
        running: A sentence about those in progress.
        made: The beginning of a sentence about those of the last minute.
        wait: What to do about those in progress.
    """

    noun: str
    running: str
    made: str
    wait: str

    def count(self, number: int) -> str:
        """`1 run`, `2 runs`."""
        return f"{number} {self.noun}{'s' * (number != 1)}"


RUNS = Wording("run", "You already have {} going.", "You have made {}", "Wait for one to finish, or stop it.")
LINKS = Wording(
    "link", "The page is already fetching {} for you.", "You have had {} fetched", "Wait until that is done."
)
