"""The guard against other websites: cross-site requests, and host names that are pointed at this machine.

Starlette's `TrustedHostMiddleware` needs a list of all host names, and does not check where a request comes from.
"""

import contextlib
import re
import socket
from collections.abc import Collection, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import yaml
from huggingface_hub import metadata_load
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from florence_ui.hosting.gradio_internals.server import get_route_path
from florence_ui.hosting.request_limits import RequestRefused
from florence_ui.network.origins import (
    host_name,
    is_cross_site,
    is_local_name,
    is_loopback_host,
    normalize_origin,
    parse_address,
)
from florence_ui.settings import HUGGING_FACE, Settings

README = Path(__file__).parents[2] / "README.md"
STREAMS = re.compile(r"/gradio_api/(queue/data|heartbeat/.*|call/.*)")
"""Read by GET, but they deliver answers or reveal who is there."""
HEALTH = ("/healthz", "/readiness")
"""Requested by load balancers under any host name; an attacker gains nothing."""
SPACES = ".hf.space"
"""Names whose DNS only Hugging Face controls."""
SHARED = ".gradio.live"
"""Names of Gradio's public links."""

FOREIGN = (
    "Another website may not use this page through your browser. Open the page itself. To let that website embed it, "
    "its operator adds the website to FLORENCE_UI_ALLOWED_ORIGINS."
)
UNKNOWN_NAME = (
    "This page does not know the host name in its address. Open it by its IP address, or as localhost on its own "
    "machine. Its operator can add the name: FLORENCE_UI_ALLOWED_ORIGINS=http://name:port."
)


def disables_embedding(readme: Path) -> bool:
    """Whether a Space's README says so, https://huggingface.co/docs/hub/spaces-config-reference."""
    with contextlib.suppress(OSError, ValueError, yaml.YAMLError):
        return (metadata_load(readme) or {}).get("disable_embedding") is True
    return False


class OriginGuard:
    """A check of the origin and the host name of each request, before anything else.

    Args:
        allowed: Origins of other websites that may use the page, as `normalize_origin` writes them.
        names: Further host names of the page.
        framed_by: Further websites that may only embed it.
        behind_proxy: Whether the operator declares a proxy in front of it, which then checks host names.
        shared: Whether the page has a public link at Gradio's servers.
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        names: Collection[str] = (),
        *,
        framed_by: Collection[str] = (),
        behind_proxy: bool = False,
        shared: bool = False,
    ) -> None:
        self.allowed = tuple(allowed)
        self.framed_by = (*framed_by, *self.allowed)
        self._suffixes = (SPACES, SHARED) if shared else (SPACES,)
        self.behind_proxy = behind_proxy
        self._names = {*names, *(host_name(urlsplit(origin).netloc) for origin in allowed)}

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str]) -> Self:
        """The guard for these settings, and for what Gradio and Spaces set in the environment."""
        root = environ.get("GRADIO_ROOT_PATH", "")
        public = []
        with contextlib.suppress(ValueError):  # a path alone has no origin
            public.append(normalize_origin("/".join(root.split("/")[:3])))
        names = (socket.gethostname().lower(), host_name(environ.get("SPACE_HOST", "")))
        behind_proxy = bool(root or settings.address_header)
        guard = cls(
            (*settings.allowed_origins, *public),
            names,
            framed_by=settings.frame_ancestors,
            behind_proxy=behind_proxy,
            shared=settings.share,
        )
        if settings.space and disables_embedding(README):
            guard.framed_by = HUGGING_FACE
        return guard

    @property
    def middleware(self) -> list[Middleware]:
        """The CORS headers with which allowed websites may read the responses."""
        if not self.allowed:
            return []
        return [
            Middleware(
                CORSMiddleware,
                allow_origins=self.allowed,
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["*"],
                allow_credentials=True,
            )
        ]

    def check(self, scope: Scope) -> None:
        """Reject requests of other websites, and requests for a host name that may be another website's.

        Raises:
            RequestRefused: In both cases.
        """
        headers, path = Headers(scope=scope), get_route_path(scope)
        if path not in HEALTH and not self._knows_name(headers, scope):
            raise RequestRefused(HTTPStatus.FORBIDDEN, UNKNOWN_NAME)
        matters = scope["method"] not in ("GET", "HEAD") or STREAMS.fullmatch(path)
        if matters and is_cross_site(headers, self.allowed):
            raise RequestRefused(HTTPStatus.FORBIDDEN, FOREIGN)

    def _knows_name(self, headers: Headers, scope: Scope) -> bool:
        """Whether no website can have pointed the requested host name at this machine.

        A website gains by that only where it cannot reach this app itself: on the loopback and in a private network. It
        fails over https, where the certificate would not match; browsers send `Sec-Fetch-Site` only over https and to
        loopback names.
        """
        hosts, server, client = headers.getlist("host"), scope.get("server"), scope.get("client")
        if not (hosts and server) or self.behind_proxy or not (_is_private(server) and _is_private(client)):
            return True
        if len(hosts) == 1 and "sec-fetch-site" in headers:
            return True
        local_network = not is_loopback_host(server[0])
        return all(self._is_known(host_name(host), local_network=local_network) for host in hosts)

    def _is_known(self, host: str, *, local_network: bool) -> bool:
        if not host:
            return False
        if parse_address(host) or is_loopback_host(host) or host in self._names or host.endswith(self._suffixes):
            return True
        return local_network and is_local_name(host)


def _is_private(endpoint: tuple[str, int | None] | None) -> bool:
    """Whether a socket's end has an address that the internet cannot reach; a Unix socket has none."""
    address = parse_address(endpoint[0]) if endpoint else None
    return address is not None and not address.is_global
