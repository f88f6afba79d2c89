"""What many pictures show together: totals by class, and which pictures to show in which order."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from florence_ui.inference.batch import Item, ItemState
from florence_ui.results.result import class_of

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Total:
    """How often a class was found, and in how many pictures."""

    label: str
    count: int
    pictures: int


def totals(items: Sequence[Item]) -> list[Total]:
    """Every class with its total, the most frequent first; equal ones in order of appearance."""
    counts, pictures = Counter[str](), Counter[str]()
    for item in items:
        labels = [*map(class_of, item.result.labels)] if item.result else []
        counts.update(labels)
        pictures.update(set(labels))
    return [Total(label, count, pictures[label]) for label, count in counts.most_common()]


def count_found(item: Item) -> int:
    """The number of objects in a picture; 0 without an answer."""
    return len(item.result.detections) if item.result else 0


def found_nothing(item: Item) -> bool:
    """Whether a picture has an answer, and nothing is in it."""
    return item.result is not None and not len(item.result.detections) and not item.result.text.strip()


class Only(StrEnum):
    """Kinds of pictures to show alone."""

    ALL = "all"
    NOTHING = "nothing found"
    FAILED = "failed"
    WAITING = "waiting"
    CLASS = "class"


_MATCHES: dict[Only, Callable[[Item], bool]] = {
    Only.NOTHING: found_nothing,
    Only.FAILED: lambda item: item.state is ItemState.FAILED,
    Only.WAITING: lambda item: item.state in (ItemState.WAITING, ItemState.RUNNING),
}


class Order(StrEnum):
    """Orders of pictures."""

    AS_CHOSEN = "as chosen"
    MOST_FOUND = "most found"
    BY_NAME = "by name"


@dataclass(frozen=True)
class Selection:
    """Which pictures to show, and in which order.

    Attributes:
        only: The kind to show.
        label: The class that they must have, for `Only.CLASS`.
        order: The order.
    """

    only: Only = Only.ALL
    label: str = ""
    order: Order = Order.AS_CHOSEN

    def matches(self, item: Item) -> bool:
        """Whether a picture is shown."""
        if self.only is Only.CLASS:
            return item.result is not None and self.label in map(class_of, item.result.labels)
        return self.only is Only.ALL or _MATCHES[self.only](item)

    def apply(self, items: Sequence[Item]) -> list[int]:
        """Indices of the pictures to show, in order; equal ones keep the order in which they were chosen."""
        indices = [index for index, item in enumerate(items) if self.matches(item)]
        match self.order:
            case Order.AS_CHOSEN:
                return indices
            case Order.MOST_FOUND:
                return sorted(indices, key=lambda index: -count_found(items[index]))
            case Order.BY_NAME:
                return sorted(indices, key=lambda index: _natural(items[index].name))


def count_matches(items: Sequence[Item], only: Only) -> int:
    """The number of pictures of a kind."""
    return sum(Selection(only).matches(item) for item in items)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which `picture-2` comes before `picture-10`."""
    parts = _DIGITS.split(name.casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
