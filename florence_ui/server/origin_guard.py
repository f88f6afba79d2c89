"""The guard against websites, whose requests a browser on this machine would send here."""

import socket
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from florence_ui.network.origins import host_name, is_cross_site, is_local_name, is_loopback_host, parse_address

UNKNOWN_HOST = (
    "This server does not accept the Host name of this request. Use localhost, or start the server with "
    "--allowed-host and that name."
)
FOREIGN = "Websites may not use this server through a visitor's browser."


class OriginGuard:
    """ASGI middleware; 403 for a name in `Host` that a website may have pointed here, and for websites' requests.

    Args:
        app: The guarded application.
        host: The address that the server listens on. On the loopback only loopback names are allowed; elsewhere also
            addresses, the machine's name, and names that the public DNS cannot have.
        allowed_hosts: Further allowed names.
    """

    def __init__(self, app: ASGIApp, host: str, allowed_hosts: Collection[str]) -> None:
        self.app = app
        self._names = {host_name(name) for name in (host, *allowed_hosts)}
        self._only_here = is_loopback_host(host_name(host))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        words = self._why_refused(scope) if scope["type"] == "http" else ""
        if words:
            await JSONResponse({"message": words}, 403, {"Connection": "close"})(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _why_refused(self, scope: Scope) -> str:
        """The message of a refusal; `""` if the request is allowed."""
        headers = Headers(scope=scope)
        if not all(self._knows(host_name(host)) for host in headers.getlist("host")):
            return UNKNOWN_HOST
        matters = scope["method"] not in ("GET", "HEAD") or "origin" in headers
        return FOREIGN if matters and is_cross_site(headers) else ""

    def _knows(self, host: str) -> bool:
        if host and (host in self._names or is_loopback_host(host)):
            return True
        known = parse_address(host) or is_local_name(host) or host == socket.gethostname().lower()
        return bool(host and known and not self._only_here)
