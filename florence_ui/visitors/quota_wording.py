"""Words about quotas, for messages to visitors."""

from dataclasses import dataclass


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


RUNS = Wording("run", "You already have {} going.", "You have made {}", "Wait for one to finish, or stop it.")
LINKS = Wording(
    "link", "The page is already fetching {} for you.", "You have had {} fetched", "Wait until that is done."
)
