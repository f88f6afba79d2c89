"""Environment variables: what each accepts, and how its text is read.

Not by pydantic-settings, whose errors repeat the value, which may be a key, and name fields instead of variables.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Secret

from florence_ui.models import normalize_id
from florence_ui.network.origins import normalize_origin
from florence_ui.wording import join_words

MAX_KEY = 200
MIN_PASSWORD = 12
"""Letters of a password, so that it cannot be found by trying."""
MAX_SECONDS = 7 * 24 * 3600
"""Longest time that a setting may specify, in seconds."""


@dataclass(frozen=True)
class Reader:
    """A parser of a variable's text.

    Attributes:
        expected: What the variable accepts, to follow "It takes".
        read: Text -> value; raises ValueError.
    """

    expected: str
    read: Callable[[str], Any]


@dataclass(frozen=True)
class Variable:
    """One row of the table of settings.

    Attributes:
        names: The variable's names; the first one that is set counts.
        default: The default in words, for the documentation.
        help: What it does, one sentence.
        reader: How it is read.
    """

    names: tuple[str, ...]
    default: str
    help: str
    reader: Reader


def is_key(text: str) -> bool:
    """Whether a text could be an API key: short, printable ASCII without spaces, so that it fits into a header."""
    return 0 < len(text) <= MAX_KEY and all("!" <= c <= "~" for c in text)


def read_url(text: str) -> str:
    """Read a server's base address; drop a trailing slash.

    Raises:
        ValueError: If it is not http(s), or contains a user name, a password, a query or spaces.
    """
    parts = urlsplit(text)
    port = parts.port  # raises if it is not a number
    is_web = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
    if not is_web or parts.username is not None or port == 0 or any(c.isspace() for c in text):
        raise ValueError
    return text.rstrip("/")


def number(least: float, most: float, what: str = "a number") -> Reader:
    """A finite number within bounds."""

    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueError
        return value

    return Reader(f"{what} from {least:,} to {most:,}", read)


def integer(least: int, most: int, expected: str = "") -> Reader:
    """A whole number within bounds."""

    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError
        return value

    return Reader(expected or f"a whole number from {least:,} to {most:,}", read)


def seconds(least: float = 0.1) -> Reader:
    """A time."""
    return number(least, MAX_SECONDS, "a number of seconds")


def count(most: int) -> Reader:
    """A whole number; 0 means no limit."""
    return integer(0, most, "a whole number, 0 for no limit")


def one_of(choices: Collection[str]) -> Reader:
    """One of several words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError
        return text.lower()

    return Reader(join_words(list(choices), "or"), read)


def url(example: str) -> Reader:
    """A server's base address."""
    return Reader(f"an address such as {example}, without name and password", read_url)


def _read_key(text: str) -> Secret:
    if not is_key(text):
        raise ValueError
    return Secret(text)


def _read_boolean(text: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    return known[text.lower()]


def _read_model(text: str) -> str:
    if len(text) > 200 or not text.isprintable() or any(c.isspace() for c in text):
        raise ValueError
    return normalize_id(text)


def _read_header(text: str) -> str:
    if not all(c.isascii() and (c.isalnum() or c == "-") for c in text):
        raise ValueError
    return text.lower()


def _read_frame(text: str) -> str:
    scheme, _, host = text.partition("://")
    wildcard = host.startswith("*.")
    origin = normalize_origin(f"{scheme}://{host[2:] if wildcard else host}")
    return origin.replace("://", "://*.") if wildcard else origin


def _read_frames(text: str) -> tuple[str, ...]:
    return () if text.lower() == "none" else _list_of(_read_frame)(text)


def _read_auth(text: str) -> tuple[tuple[str, Secret], ...]:
    pairs = []
    for part in text.split(","):
        name, _, password = part.strip().partition(":")
        if not name or len(password) < MIN_PASSWORD:
            raise ValueError
        pairs.append((name, Secret(password)))
    return tuple(pairs)


def _list_of(read: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    return lambda text: tuple(read(part.strip()) for part in text.split(",") if part.strip())


KEY = Reader("an API key: letters, digits and signs without blanks", _read_key)
IS_SET = Reader("any text", bool)
BOOLEAN = Reader("true or false", _read_boolean)
MODEL = Reader("a model id without blanks", _read_model)
MODELS = Reader("model ids separated by commas", _list_of(_read_model))
HEADER = Reader("the name of a header, such as X-Forwarded-For", _read_header)
ORIGINS = Reader("origins such as https://example.com, separated by commas, without a path", _list_of(normalize_origin))
FRAMES = Reader(
    "origins such as https://example.com or https://*.example.com, separated by commas, or none", _read_frames
)
AUTH = Reader(f"name:password pairs separated by commas, with passwords of {MIN_PASSWORD} letters or more", _read_auth)
