"""The page's address as a QR code, with which it is opened on another device."""

import io
from functools import lru_cache
from http import HTTPStatus

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from florence_ui.hosting.gradio_internals.server import page_address

PATH = "/qr.svg"
MAX_ADDRESS = 200
"""Letters of an address; a code of more is too fine for a camera."""


def show(request: Request) -> Response:
    """The code of the address by which the request came; Starlette calls this in a thread."""
    address = page_address(request, PATH)
    if len(address) > MAX_ADDRESS:
        return JSONResponse({"error": "This address is too long for a QR code."}, HTTPStatus.BAD_REQUEST)
    return Response(draw(address), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})


@lru_cache(maxsize=32)
def draw(address: str) -> bytes:
    """The code as an SVG, dark on light in any theme, as cameras expect it."""
    buffer = io.BytesIO()
    segno.make_qr(address, error="m").save(buffer, kind="svg", dark="#000", light="#fff", omitsize=True)
    return buffer.getvalue()


ROUTES = [Route(PATH, show, methods=["GET"])]
