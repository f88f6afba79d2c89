"""Keys taken out of text: of whatever this process prints, and of what a backend answers."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

from starlette.datastructures import Secret

REDACTED = "[redacted]"
SHORTEST_SECRET = 6
"""A shorter "key" is not redacted: that would blank out ordinary words."""
MASK = "***"
SHORTEST_TRACE = 6
"""A substring of a key this long would give it away."""

_KEY_SHAPES = re.compile(
    r"""(?ix) ( (?:api[_-]?key|access[_-]?token|token|secret|password) ["']?\s*[=:]\s*["']?
          | authorization ["']?\s*[=:]\s*["']? (?:(?:bearer|basic)\s+)?
          | bearer\s+ )
        ( [^\s"'&,;)}\]]{6,} )"""
)


class Redactor:
    """A registry of secrets that removes them from text."""

    def __init__(self) -> None:
        self._secrets: Counter[str] = Counter()

    def add(self, secret: Secret | str | None) -> None:
        """Redact this secret from now on; one that is added twice must be removed twice."""
        if secret is not None and len(str(secret)) >= SHORTEST_SECRET:
            self._secrets[str(secret)] += 1

    def remove(self, secret: Secret | str | None) -> None:
        """Undo one `add`."""
        if secret is not None and str(secret) in self._secrets:
            self._secrets[str(secret)] -= 1
            if self._secrets[str(secret)] <= 0:
                del self._secrets[str(secret)]

    @contextmanager
    def redacting(self, secret: Secret | str | None) -> Iterator[None]:
        """Redact a visitor's key for as long as their run lasts."""
        self.add(secret)
        try:
            yield
        finally:
            self.remove(secret)

    def __call__(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return _KEY_SHAPES.sub(rf"\1{REDACTED}", text)


redactor = Redactor()
"""The process's redactor; `configure` gives it the operator's keys."""


def redact(text: str, key: str | None) -> str:
    """Mask the key in a text, and every longer part of it, because servers truncate what they repeat."""
    if not key:
        return text
    width = min(SHORTEST_TRACE, len(key))
    traces = {re.escape(key[i : i + width]) for i in range(len(key) - width + 1)}
    covered = bytearray(len(text))
    for found in re.finditer(f"(?={'|'.join(traces)})", text, re.IGNORECASE):
        covered[found.start() : found.start() + width] = b"\x01" * width
    runs = groupby(zip(covered, text, strict=True), key=itemgetter(0))
    return "".join(MASK if masked else "".join(character for _, character in run) for masked, run in runs)


def redact_all(value: Any, key: str) -> Any:
    """Mask the whole key in every string of a JSON value, names included."""
    if isinstance(value, str):
        return value.replace(key, MASK)
    if isinstance(value, list):
        return [redact_all(item, key) for item in value]
    if isinstance(value, dict):
        return {redact_all(name, key): redact_all(item, key) for name, item in value.items()}
    return value
