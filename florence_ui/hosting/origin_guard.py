"""Keeps other websites out: what they would do through a visitor's browser, and names that they let point to here."""

import contextlib
import re
import socket
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from florence_ui.hosting.gradio_internals.server import get_route_path
from florence_ui.hosting.requests import Refused
from florence_ui.network.origins import (
    host_name,
    is_cross_site,
    is_local_name,
    is_loopback_host,
    normalize_origin,
    parse_address,
)
from florence_ui.settings import Settings

STREAMS = re.compile(r"/gradio_api/(queue/data|heartbeat/.*|call/.*)")
"""Read by GET, but they hand out answers or say who is there."""
HEALTH = ("/healthz", "/readiness")
"""Asked by load balancers under any name; there is nothing to win."""
SPACES = ".hf.space"
"""Names that nobody but Hugging Face can let point anywhere."""

FOREIGN = (
    "Another website may not use this page through your browser. Open the page itself. To embed it elsewhere, its "
    "operator names that website in FLORENCE_UI_ALLOWED_ORIGINS."
)
UNKNOWN_NAME = (
    "This page does not know the name that it was called by. Open it by its address in numbers, or as localhost on its "
    "own machine. Its operator makes a name known with FLORENCE_UI_ALLOWED_ORIGINS=http://name:port."
)


class OriginGuard:
    """Looks at each request before anything else does.

    Args:
        allowed: Origins that may use the page from elsewhere, as `normalize_origin` writes them.
        names: Further names by which the page is known.
        behind_proxy: Whether the operator says that a proxy stands before it; names are the proxy's to check then.
    """

    def __init__(
        self, allowed: Collection[str] = (), names: Collection[str] = (), *, behind_proxy: bool = False
    ) -> None:
        self.allowed = tuple(allowed)
        self.behind_proxy = behind_proxy
        self._names = {*names, *(host_name(urlsplit(origin).netloc) for origin in allowed)}

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str]) -> Self:
        """The guard for these settings, and for what Gradio and Spaces read from the environment."""
        root = environ.get("GRADIO_ROOT_PATH", "")
        public = []
        with contextlib.suppress(ValueError):  # a path alone has no origin
            public.append(normalize_origin("/".join(root.split("/")[:3])))
        names = (socket.gethostname().lower(), host_name(environ.get("SPACE_HOST", "")))
        behind_proxy = bool(root or settings.address_header)
        return cls((*settings.allowed_origins, *public), names, behind_proxy=behind_proxy)

    @property
    def middleware(self) -> list[Middleware]:
        """What tells the browsers of allowed websites that these may read the answers."""
        if not self.allowed:
            return []
        options = {"allow_methods": ["GET", "POST", "DELETE"], "allow_headers": ["*"], "allow_credentials": True}
        return [Middleware(CORSMiddleware, allow_origins=self.allowed, **options)]

    def check(self, scope: Scope) -> None:
        """Refuse what another website does, or what reached us by a name that may be another website's.

        Raises:
            Refused: In these cases.
        """
        headers, path = Headers(scope=scope), get_route_path(scope)
        if path not in HEALTH and not self._knows_name(headers, scope):
            raise Refused(HTTPStatus.FORBIDDEN, UNKNOWN_NAME)
        matters = scope["method"] not in ("GET", "HEAD") or STREAMS.fullmatch(path)
        if matters and is_cross_site(headers, self.allowed):
            raise Refused(HTTPStatus.FORBIDDEN, FOREIGN)

    def _knows_name(self, headers: Headers, scope: Scope) -> bool:
        """Whether the name that was asked for cannot be one that a website lets point to this machine.

        A website can gain something by that only where it cannot reach us itself: on the loopback and in a private
        network. It cannot where the browser reached us over https, as the certificate would not fit; browsers send
        `Sec-Fetch-Site` over https and to loopback names only.
        """
        hosts, ours, theirs = headers.getlist("host"), scope.get("server"), scope.get("client")
        if not hosts or self.behind_proxy or not (_is_private(ours) and _is_private(theirs)):
            return True
        if len(hosts) == 1 and "sec-fetch-site" in headers:
            return True
        at_home = not is_loopback_host(ours[0])
        return all(self._is_known(host_name(host), at_home=at_home) for host in hosts)

    def _is_known(self, host: str, *, at_home: bool) -> bool:
        if not host:
            return False
        if parse_address(host) or is_loopback_host(host) or host in self._names or host.endswith(SPACES):
            return True
        return at_home and is_local_name(host)


def _is_private(place: tuple[str, int | None] | None) -> bool:
    """Whether a socket's end is an address that the internet cannot reach; other ends than addresses are not."""
    address = parse_address(place[0]) if place else None
    return address is not None and not address.is_global
