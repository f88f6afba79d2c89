"""Signing in with Hugging Face by Gradio's routes, with no more of the visitor in the log and the cookie than it needs.

Gradio prints the query of each request, and keeps all that Hugging Face says about an account, with its tokens, in a
cookie that is signed but not encrypted.
"""

import logging
import re
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from florence_ui.hosting.gradio_internals.oauth import forget_tokens, refusal_of
from florence_ui.hosting.gradio_internals.server import get_route_path

log = logging.getLogger(__name__)

PAGE = "/"
"""Where each of the routes ends; Gradio would repeat any other address that it is given."""
FIELDS = {
    "/login/huggingface": {"_nb_redirects": r"[0-9]"},
    "/login/callback": {"_nb_redirects": r"[0-9]", "code": r".*", "state": r".*", "error": r".*"},
    "/logout": {},
}
"""The fields of the query that each route needs, with the pattern of their values."""


class SignInGuard:
    """ASGI middleware before the routes for signing in and out; a failure leads back to the page.

    Args:
        app: Gradio's app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = FIELDS.get(get_route_path(scope)) if scope["type"] == "http" else None
        if fields is None:
            await self.app(scope, receive, send)
            return
        given = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        kept = {name: given[name] for name in fields.keys() & given if re.fullmatch(fields[name], given[name], re.S)}
        scope["query_string"] = urlencode(kept | {"_target_url": PAGE}).encode()

        async def send_without_tokens(message: Message) -> None:
            if message["type"] == "http.response.start":  # the session is written into the cookie after this
                forget_tokens(scope)
            await send(message)

        try:
            await self.app(scope, receive, send_without_tokens)
        except Exception as error:
            reason = refusal_of(error)
            if not reason:
                raise
            if "error" not in kept:  # where it is, the visitor has canceled, or made it up
                log.warning("Hugging Face did not sign a visitor in: %s.", reason)
            await RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)(scope, receive, send_without_tokens)
