"""The operator's outbound proxies: for remote backends and the Hub's downloads, never for calls to this machine.

    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in either case, or the system's settings

Gradio calls its own page while it starts, through libraries that obey these variables for any host. `disable_proxies`
disables them for this process and remembers the values.
"""

import os
import urllib.request
from collections.abc import Mapping, MutableMapping

OFF = {"NO_PROXY": "*", "no_proxy": "*"}

_saved: dict[str, str] | None = None
_original: dict[str, str] = {}


def disable_proxies(environ: MutableMapping[str, str] = os.environ) -> None:
    """Use no proxy in this process, except those from `operator_proxies`. A second call does nothing."""
    global _saved
    if _saved is None:
        _saved = urllib.request.getproxies()
        _original.update({name: environ[name] for name in OFF if name in environ})
        environ.update(OFF)


def operator_proxies() -> dict[str, str]:
    """Proxies by scheme (`http`, `https`, `all`), and exempt hosts as `no`; see `urllib.request.getproxies`."""
    return urllib.request.getproxies() if _saved is None else dict(_saved)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process, with the operator's proxies restored."""
    if _saved is None:
        return dict(environ)
    return {name: value for name, value in environ.items() if name not in OFF} | _original
