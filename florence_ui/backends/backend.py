"""The backends that the settings allow.

serverless   Roboflow's cloud, with a key
dedicated    a Roboflow Dedicated Deployment, at the operator's address
local        Roboflow Inference or this project's own server, on this machine
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from florence_ui.backend_presets import PRESETS, ZERO_GPU
from florence_ui.network.origins import host_name, is_loopback_host
from florence_ui.settings import Settings


@dataclass(frozen=True)
class Backend:
    """One server that runs the model.

    Attributes:
        name: `serverless`, `dedicated`, `local` or `zero-gpu`.
        title: Its name for people.
        url: Base address, without a trailing slash.
        needs_key: Whether it requires an API key.
        takes_key: Whether it may receive a key: not at a local address that nobody set, where any program may listen.
        timeout: Seconds that an answer may take.
        concurrency: Maximum number of concurrent calls.
        unreachable_hint: What to do when it cannot be reached.
    """

    name: str
    title: str
    url: str
    needs_key: bool = False
    timeout: float = 120.0
    concurrency: int = 16
    takes_key: bool = True
    unreachable_hint: str = "Check the backend's address, or choose another backend."

    @property
    def host(self) -> str:
        """Host, and port if there is one: `localhost:9001`."""
        return urlsplit(self.url).netloc

    @property
    def is_local(self) -> bool:
        """Whether it is the local backend."""
        return self.name == "local"

    @property
    def is_on_this_machine(self) -> bool:
        """Whether pictures stay on the machine that serves the page."""
        return self.name == ZERO_GPU or is_loopback_url(self.url)

    @property
    def uses_proxy(self) -> bool:
        """Whether calls go through the operator's outbound proxy, if there is one."""
        return not (self.is_local or self.is_on_this_machine)


def available_backends(settings: Settings) -> dict[str, Backend]:
    """The backends that the settings allow, by name: those with an address."""
    return {
        preset.name: Backend(
            preset.name,
            preset.title,
            settings.url(preset.name),
            needs_key=preset.needs_key,
            timeout=settings.timeout(preset.name),
            concurrency=settings.backend_concurrency,
            takes_key=preset.needs_key or bool(settings.operator_url(preset.name)),
            unreachable_hint=preset.unreachable_hint,
        )
        for preset in PRESETS.values()
        if settings.url(preset.name)
    }


def is_loopback_url(url: str) -> bool:
    """Whether an address is on this machine."""
    return is_loopback_host(host_name(urlsplit(url).hostname or ""))
