"""The operator's outbound proxies: for remote backends and for the Hub's downloads, never for calls on this machine.

    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in either case, or what the system's settings say

Gradio calls its own page while it starts and for agents' tools, by libraries that obey these variables whatever they
name. `disable_proxies` turns that off for this process and remembers what was there.
"""

import os
import urllib.request
from collections.abc import Mapping, MutableMapping

OFF = {"NO_PROXY": "*", "no_proxy": "*"}

_aside: dict[str, str] | None = None
_before: dict[str, str] = {}


def disable_proxies(environ: MutableMapping[str, str] = os.environ) -> None:
    """Let this process use no proxy, unless it asks `operator_proxies`. A second call does nothing."""
    global _aside
    if _aside is None:
        _aside = urllib.request.getproxies()
        _before.update({name: environ[name] for name in OFF if name in environ})
        environ.update(OFF)


def operator_proxies() -> dict[str, str]:
    """Proxies by scheme (`http`, `https`, `all`), and as `no` the hosts without; see `urllib.request.getproxies`."""
    return urllib.request.getproxies() if _aside is None else dict(_aside)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for another program, with the operator's proxies in force."""
    if _aside is None:
        return dict(environ)
    return {name: value for name, value in environ.items() if name not in OFF} | _before
