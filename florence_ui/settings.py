"""Settings: environment variables, all of them in one table.

The table is `Settings` itself: every field names its variable, its help and how its text is read. `variables()` gives
the rows for the documentation.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from starlette.datastructures import Secret

from florence_ui.errors import SettingsError
from florence_ui.models import BASE, DEFAULT_PORT, LARGE
from florence_ui.network.origins import normalize_origin

SERVERLESS_URL = "https://serverless.roboflow.com"
LOCAL_URL = f"http://localhost:{DEFAULT_PORT}"
BACKENDS = ("serverless", "dedicated", "local")
MAX_KEY = 200
FOREVER = 7 * 24 * 3600
"""Longest time that a setting may ask for, in seconds."""


@dataclass(frozen=True)
class Variable:
    """One row of the table.

    Attributes:
        names: The variable's name; where there are several, the first one that is set counts.
        default: What holds when it is not set, in words for the documentation.
        help: What it does, one sentence.
        expected: What it takes, to follow "It takes".
        read: From its text to its value; raises ValueError.
    """

    names: tuple[str, ...]
    default: str
    help: str
    expected: str
    read: Callable[[str], Any]


def is_key(text: str) -> bool:
    """Whether a text could be an API key: short, visible ASCII without blanks, so that it fits into a header."""
    return 0 < len(text) <= MAX_KEY and all("!" <= c <= "~" for c in text)


def _key(text: str) -> Secret:
    if not is_key(text):
        raise ValueError
    return Secret(text)


def read_url(text: str) -> str:
    """A server's base address without a trailing slash.

    Raises:
        ValueError: If it is not http(s), or holds a name, a password, a query or blanks.
    """
    parts = urlsplit(text)
    port = parts.port  # raises where it is no number
    plain = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
    if not plain or parts.username is not None or port == 0 or any(c.isspace() for c in text):
        raise ValueError
    return text.rstrip("/")


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueError
        return value

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError
        return value

    return read


def _truth(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}[
        text.lower()
    ]


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        return choices[choices.index(text.lower())]

    return read


def _model(text: str) -> str:
    if len(text) > 200 or not text.isprintable() or any(c.isspace() for c in text):
        raise ValueError
    return text


def _models(text: str) -> tuple[str, ...]:
    return tuple(_model(name.strip()) for name in text.split(",") if name.strip())


def _origins(text: str) -> tuple[str, ...]:
    return tuple(normalize_origin(origin) for origin in text.split(",") if origin.strip())


def _header(text: str) -> str:
    if not all(c.isascii() and (c.isalnum() or c == "-") for c in text):
        raise ValueError
    return text.lower()


def _setting(
    names: str, default: Any, help: str, expected: str, read: Callable[[str], Any], *, shown: str | None = None
) -> Any:
    words = shown if shown is not None else str(default).lower() if isinstance(default, bool) else f"{default}"
    variable = Variable(tuple(names.split()), words, help, expected, read)
    return dataclasses.field(default=default, metadata={"variable": variable})


SECONDS = f"a number of seconds from 0.1 to {FOREVER:,}"
COUNT = "a whole number, 0 for no limit"


@dataclass(frozen=True)
class Settings:
    """Everything that the operator can choose; the defaults suit one person on their own machine."""

    api_key: Secret | None = _setting(  # noqa: RUF009 - it makes a dataclass field
        "API_KEY ROBOFLOW_API_KEY",
        None,
        "The Roboflow API key that runs use when the visitor gives none.",
        "an API key: letters, digits and signs without blanks",
        _key,
        shown="none",
    )
    backend: str = _setting(
        "FLORENCE_UI_BACKEND",
        "",
        "Where the model runs at first: serverless, dedicated or local.",
        "serverless, dedicated or local",
        _one_of(*BACKENDS),
        shown="serverless with a key, local without",
    )
    local_url: str = _setting(
        "FLORENCE_UI_LOCAL_URL",
        "",
        "Address of the local server. Keys are sent there only where this is set.",
        f"an address such as {LOCAL_URL}, without name and password",
        read_url,
        shown=LOCAL_URL,
    )
    dedicated_url: str = _setting(
        "FLORENCE_UI_DEDICATED_URL",
        "",
        "Address of a Roboflow Dedicated Deployment.",
        "an address such as https://name.roboflow.cloud, without name and password",
        read_url,
        shown="none",
    )
    model: str = _setting(
        "FLORENCE_UI_MODEL",
        "",
        "The model that is chosen at first.",
        "a model id without blanks",
        _model,
        shown="florence-2-base; on the page florence-2-nano where base is not available",
    )
    max_upload_mb: float = _setting(
        "FLORENCE_UI_MAX_UPLOAD_MB",
        20,
        "Largest picture file, in MB (2^20 bytes).",
        "a number from 0.1 to 1,000",
        _number(0.1, 1000),
    )
    max_megapixels: float = _setting(
        "FLORENCE_UI_MAX_MEGAPIXELS",
        50,
        "Largest picture, in millions of pixels.",
        "a number from 0.01 to 1,000",
        _number(0.01, 1000),
    )
    remote_timeout: float = _setting(
        "FLORENCE_UI_REMOTE_TIMEOUT",
        120,
        "Seconds that a serverless or dedicated answer may take.",
        SECONDS,
        _number(0.1, FOREVER),
    )
    local_timeout: float = _setting(
        "FLORENCE_UI_LOCAL_TIMEOUT",
        600,
        "Seconds that a local answer may take, counted from when the model is ready.",
        SECONDS,
        _number(0.1, FOREVER),
    )
    start_server: bool = _setting(
        "FLORENCE_UI_START_SERVER",
        True,
        "Whether to start the local server where nobody answers at its address.",
        "true or false",
        _truth,
    )
    models: tuple[str, ...] = _setting(
        "FLORENCE_UI_MODELS",
        (BASE, LARGE),
        "The models that visitors may use with the operator's key.",
        "model ids separated by commas",
        _models,
        shown=f"{BASE},{LARGE}",
    )
    runs_per_minute: int = _setting(
        "FLORENCE_UI_RUNS_PER_MINUTE",
        60,
        "Runs a minute that one visitor may make, and links fetched for one; no limit on this machine without a key.",
        COUNT,
        _whole(0, 10**6),
    )
    runs_at_once: int = _setting(
        "FLORENCE_UI_RUNS_AT_ONCE",
        8,
        "Runs that one visitor may have at once with the operator's key, and links on their way.",
        COUNT,
        _whole(0, 10**6),
    )
    daily_runs: int = _setting(
        "FLORENCE_UI_DAILY_RUNS",
        0,
        "Runs a day that all visitors together may make with the operator's key.",
        COUNT,
        _whole(0, 10**9),
        shown="0 (no limit)",
    )
    queue: int = _setting(
        "FLORENCE_UI_QUEUE",
        100,
        "Runs that may wait in line; more are turned away.",
        "a whole number from 1 to 100,000",
        _whole(1, 10**5),
    )
    backend_concurrency: int = _setting(
        "FLORENCE_UI_BACKEND_CONCURRENCY",
        16,
        "Calls that one backend gets at once; more wait here.",
        "a whole number from 1 to 1,000",
        _whole(1, 1000),
    )
    address_header: str = _setting(
        "FLORENCE_UI_ADDRESS_HEADER",
        "",
        "Header in which a trusted proxy gives the visitor's address.",
        "the name of a header, such as X-Forwarded-For",
        _header,
        shown="none",
    )
    allowed_origins: tuple[str, ...] = _setting(
        "FLORENCE_UI_ALLOWED_ORIGINS",
        (),
        "Websites that may embed or call the page, and names that it is opened by.",
        "origins such as https://example.com, separated by commas, without a path",
        _origins,
        shown="none",
    )
    cache_mb: float = _setting(
        "FLORENCE_UI_CACHE_MB",
        64,
        "Memory for answers that are remembered, in MB; 0 turns it off.",
        "a number from 0 to 100,000",
        _number(0, 10**5),
    )
    cache_seconds: float = _setting(
        "FLORENCE_UI_CACHE_SECONDS", 900, "Seconds that an answer is remembered; 0 turns it off.",
        f"a number from 0 to {FOREVER:,}", _number(0, FOREVER),
    )  # fmt: skip

    temp_mb: float = _setting(
        "FLORENCE_UI_TEMP_MB",
        4096,
        "Disk space for uploads and results, in MB; the oldest files of whoever uses most are deleted first.",
        "a number from 50 to 1,000,000",
        _number(50, 10**6),
    )
    temp_seconds: float = _setting(
        "FLORENCE_UI_TEMP_SECONDS",
        7200,
        "Seconds after which an unused file, or the memory of a silent visitor, goes.",
        f"a number from 10 to {FOREVER:,}",
        _number(10, FOREVER),
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """The settings that an environment asks for; variables that are not set, or empty, keep their defaults.

        Raises:
            SettingsError: If a value cannot be used; names the variable and what it takes, never the value.
        """
        given = {}
        for field in dataclasses.fields(cls):
            variable: Variable = field.metadata["variable"]
            name = next((name for name in variable.names if environ.get(name, "").strip()), None)
            if name is not None:
                given[field.name] = _read(variable, name, environ[name].strip())
        settings = cls(**given)
        if settings.default_backend == "dedicated" and not settings.dedicated_url:
            needed = "the address of your deployment, because FLORENCE_UI_BACKEND is dedicated"
            raise SettingsError("FLORENCE_UI_DEDICATED_URL", needed)
        return settings

    @property
    def default_backend(self) -> str:
        """The backend that is chosen at first: the operator's choice, else serverless with a key, local without."""
        return self.backend or ("serverless" if self.api_key else "local")

    @property
    def max_upload_bytes(self) -> int:
        """Largest picture file, in bytes."""
        return int(self.max_upload_mb * 2**20)

    @property
    def max_pixels(self) -> int:
        """Largest picture, in pixels."""
        return int(self.max_megapixels * 10**6)

    @property
    def shared_key_models(self) -> tuple[str, ...]:
        """The models that visitors may use with the operator's key, the one chosen at first included; empty is all."""
        return tuple(dict.fromkeys((*self.models, self.model))) if self.models and self.model else self.models

    def timeout(self, backend: str) -> float:
        """Seconds that an answer of that backend may take."""
        return self.local_timeout if backend == "local" else self.remote_timeout


def _read(variable: Variable, name: str, text: str) -> Any:
    try:
        return variable.read(text)
    except (ValueError, KeyError, OverflowError):
        raise SettingsError(name, variable.expected) from None


def variables() -> list[Variable]:
    """The table's rows, in order."""
    return [field.metadata["variable"] for field in dataclasses.fields(Settings)]
