"""Settings: environment variables, all of them in one table.

The table is `Settings` itself: to add a setting, add a field. `Settings.variables()` returns the rows for the
documentation.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from starlette.datastructures import Secret

from florence_ui.backend_presets import PRESETS, ZERO_GPU
from florence_ui.errors import SettingsError
from florence_ui.models import BASE, ENGINES, LARGE, PRECISIONS
from florence_ui.settings_readers import (  # fmt: skip
    AUTH,
    BOOLEAN,
    FRAMES,
    HEADER,
    IS_SET,
    KEY,
    MODEL,
    MODELS,
    ORIGINS,
    Reader,
    Variable,
    count,
    integer,
    number,
    one_of,
    seconds,
    url,
)


def setting(names: str, default: Any, help: str, reader: Reader, *, shown: str | None = None) -> Any:
    """Define a field of `Settings`.

    Args:
        names: The variable's names; the first one that is set counts.
        default: The value if none is set.
        help: What it does, one sentence.
        reader: The parser of the variable's text.
        shown: The default in words, if the value alone does not explain it.
    """
    words = shown if shown is not None else str(default).lower() if isinstance(default, bool) else f"{default}"
    return dataclasses.field(
        default=default, metadata={"variable": Variable(tuple(names.split()), words, help, reader)}
    )


# fmt: off
HUGGING_FACE = ("https://huggingface.co", "https://*.huggingface.co", "https://*.hf.space")
"""The websites on which a Space is shown."""


@dataclass(frozen=True)
class Settings:
    """The operator's settings; the defaults suit one person on their own machine."""

    api_key: Secret | None = setting(  # noqa: RUF009 - it makes a dataclass field
        "API_KEY ROBOFLOW_API_KEY", None,
        "The Roboflow API key that runs use when the visitor gives none.", KEY, shown="none")
    backend: str = setting(
        "FLORENCE_UI_BACKEND", "", "Where the model runs at first: serverless, dedicated or local.",
        one_of(PRESETS), shown="zero-gpu on a ZeroGPU Space; elsewhere serverless with a key, local without")
    local_url: str = setting(
        "FLORENCE_UI_LOCAL_URL", "", "Address of the local server. Keys are sent there only where this is set.",
        url(PRESETS["local"].url), shown=PRESETS["local"].url)
    dedicated_url: str = setting(
        "FLORENCE_UI_DEDICATED_URL", "", "Address of a Roboflow Dedicated Deployment.",
        url("https://name.roboflow.cloud"), shown="none")
    model: str = setting(
        "FLORENCE_UI_MODEL", "", "The model that is chosen at first.",
        MODEL, shown=f"{BASE}; on the page florence-2-nano where base is not available")
    max_upload_mb: float = setting(
        "FLORENCE_UI_MAX_UPLOAD_MB", 20, "Largest picture file, in MB (2^20 bytes).", number(0.1, 1000))
    max_megapixels: float = setting(
        "FLORENCE_UI_MAX_MEGAPIXELS", 50, "Largest picture, in millions of pixels.", number(0.01, 1000))
    remote_timeout: float = setting(
        "FLORENCE_UI_REMOTE_TIMEOUT", 120, "Seconds that a serverless or dedicated answer may take.", seconds())
    local_timeout: float = setting(
        "FLORENCE_UI_LOCAL_TIMEOUT", 600,
        "Seconds that a local answer may take, counted from when the model is ready.", seconds())
    zero_gpu: bool = setting(
        "SPACES_ZERO_GPU", False,
        "Set by Hugging Face on a ZeroGPU Space, where the page runs the model itself.", BOOLEAN)
    start_server: bool = setting(
        "FLORENCE_UI_START_SERVER", True,
        "Whether to start the local server where nobody answers at its address.", BOOLEAN)
    engine: str = setting(
        "FLORENCE_UI_ENGINE", "auto",
        "What the local server computes with; auto is torch where it is installed and faster, otherwise onnx.",
        one_of(ENGINES))
    precision: str = setting(
        "FLORENCE_UI_PRECISION", "exact",
        "fast rounds the decoder's output layer to 8 bits: long answers come sooner, and a few places move a little.",
        one_of(PRECISIONS))
    record: bool = setting(
        "FLORENCE_UI_RECORD", False,
        "Whether base, once it is ready on the local server, answers the examples' questions once, to show them at "
        "once.", BOOLEAN, shown="false; true on a Hugging Face Space")
    models: tuple[str, ...] = setting(
        "FLORENCE_UI_MODELS", (BASE, LARGE),
        "The models that visitors may use with the operator's key.", MODELS, shown=f"{BASE},{LARGE}")
    runs_per_minute: int = setting(
        "FLORENCE_UI_RUNS_PER_MINUTE", 60,
        "Runs a minute that one visitor may make, and links fetched for one; no limit on this machine without a key.",
        count(10**6))
    runs_at_once: int = setting(
        "FLORENCE_UI_RUNS_AT_ONCE", 8,
        "Runs that one visitor may have at once with the operator's key, and links on their way.", count(10**6))
    daily_runs: int = setting(
        "FLORENCE_UI_DAILY_RUNS", 0, "Runs a day that all visitors together may make with the operator's key.",
        count(10**9), shown="0 (no limit)")
    queue: int = setting(
        "FLORENCE_UI_QUEUE", 100, "Runs that may wait in line; more are turned away.", integer(1, 10**5))
    backend_concurrency: int = setting(
        "FLORENCE_UI_BACKEND_CONCURRENCY", 16,
        "Calls that one backend gets at once; more wait here.", integer(1, 1000))
    address_header: str = setting(
        "FLORENCE_UI_ADDRESS_HEADER", "",
        "Header in which a trusted proxy gives the visitor's address.", HEADER,
        shown="none; X-Forwarded-For on a Hugging Face Space")
    allowed_origins: tuple[str, ...] = setting(
        "FLORENCE_UI_ALLOWED_ORIGINS", (),
        "Websites that may embed or call the page, and names that it is opened by.", ORIGINS, shown="none")
    frame_ancestors: tuple[str, ...] = setting(
        "FLORENCE_UI_FRAME_ANCESTORS", HUGGING_FACE,
        "Websites that may embed the page, besides the allowed origins; none forbids it to all.", FRAMES,
        shown="Hugging Face's")
    auth: tuple[tuple[str, Secret], ...] = setting(
        "FLORENCE_UI_AUTH", (), "Names and passwords that the page asks for.", AUTH, shown="none; open to everybody")
    sign_in: bool = setting(
        "OAUTH_CLIENT_ID", False,
        "Set by a Hugging Face Space with hf_oauth: visitors may sign in, and are then counted by account.", IS_SET)
    space: str = setting(
        "SPACE_ID", "", "Set by Hugging Face on a Space: its name.", MODEL, shown="none")
    space_owner: str = setting(
        "SPACE_CREATOR_USER_ID", "",
        "Set by Hugging Face on a Space: the account that created it, which is shown what the Space has and lacks once "
        "it has signed in.", MODEL, shown="none")
    share: bool = setting(
        "FLORENCE_UI_SHARE", False,
        "Whether to open a public link through Gradio's servers, for as long as the page runs.", BOOLEAN)
    cache_mb: float = setting(
        "FLORENCE_UI_CACHE_MB", 64,
        "Memory for answers that are remembered, in MB; 0 turns it off.", number(0, 10**5))
    cache_seconds: float = setting(
        "FLORENCE_UI_CACHE_SECONDS", 900, "Seconds that an answer is remembered; 0 turns it off.", seconds(0))
    temp_mb: float = setting(
        "FLORENCE_UI_TEMP_MB", 4096,
        "Disk space for uploads and results, in MB; the oldest files of whoever uses most are deleted first.",
        number(50, 10**6))
    temp_seconds: float = setting(
        "FLORENCE_UI_TEMP_SECONDS", 7200,
        "Seconds after which an unused file, or the memory of a silent visitor, goes.", seconds(10))
    # fmt: on

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from an environment; variables that are not set, or empty, keep their defaults.

        Raises:
            SettingsError: If a value cannot be used; it names the variable and what it accepts, never the value.
        """
        given = {}
        for field in dataclasses.fields(cls):
            variable: Variable = field.metadata["variable"]
            name = next((name for name in variable.names if environ.get(name, "").strip()), None)
            if name is not None:
                given[field.name] = _read(variable, name, environ[name].strip())
        if "space" in given:  # a Space is always behind Hugging Face's proxy
            given = {"address_header": "x-forwarded-for", "record": True} | given
        else:
            given.pop("sign_in", None)
        settings = cls(**given)
        if not settings.url(settings.default_backend):
            missing = PRESETS[settings.default_backend].url_setting
            if not missing:
                raise SettingsError("FLORENCE_UI_BACKEND", "zero-gpu only on a ZeroGPU Space")
            name = cls.__dataclass_fields__[missing].metadata["variable"].names[0]
            needed = f"the address of your deployment, because FLORENCE_UI_BACKEND is {settings.default_backend}"
            raise SettingsError(name, needed)
        return settings

    @classmethod
    def variables(cls) -> list[Variable]:
        """The table's rows, in order."""
        return [field.metadata["variable"] for field in dataclasses.fields(cls)]

    @property
    def default_backend(self) -> str:
        """The default backend: the operator's choice, else a ZeroGPU Space's own, serverless with a key, or local."""
        return self.backend or (ZERO_GPU if self.zero_gpu else "serverless" if self.api_key else "local")

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
        """The models that visitors may use with the operator's key, including the default one; empty allows all."""
        return tuple(dict.fromkeys((*self.models, self.model))) if self.models and self.model else self.models

    def url(self, backend: str) -> str:
        """A backend's address: the operator's, else the preset's; empty if it has none here."""
        if backend == ZERO_GPU and not self.zero_gpu:
            return ""
        return self.operator_url(backend) or PRESETS[backend].url

    def operator_url(self, backend: str) -> str:
        """The address that the operator set for a backend; empty if none."""
        field = PRESETS[backend].url_setting
        return getattr(self, field) if field else ""

    def timeout(self, backend: str) -> float:
        """Seconds that an answer of that backend may take."""
        return self.local_timeout if backend == "local" else self.remote_timeout


def _read(variable: Variable, name: str, text: str) -> Any:
    try:
        return variable.reader.read(text)
    except (ValueError, KeyError, OverflowError):
        raise SettingsError(name, variable.reader.expected) from None
