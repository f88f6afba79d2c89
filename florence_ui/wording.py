"""Amounts and lists in words, for sentences: `2 boxes`, `3 minutes`, `1.5 GB`, `cats, dogs or birds`."""

import math
from collections.abc import Sequence


def count_noun(number: int, noun: str, nouns: str = "") -> str:
    """A number with its noun, such as "1 box" or "2 boxes"; the plural adds an s by default."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def format_duration(seconds: float) -> str:
    """A waiting time: `12 seconds`, `3 minutes`, `5 hours`."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds > length * 1.5:
            return count_noun(math.ceil(seconds / length), unit)
    return count_noun(max(1, math.ceil(seconds)), "second")


def format_bytes(count: float) -> str:
    """A number of bytes with two or three digits, in decimal units."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def join_words(words: Sequence[str], conjunction: str = "and") -> str:
    """A list: `a`, `a and b`, `a, b and c`."""
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
