"""A request's picture: base64 or a link -> upright RGB.

The modules that do this take 15 MB, so the first picture imports them, in a thread.
"""

import asyncio
import base64
import binascii
import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from florence_ui.errors import FlorenceUIError
from florence_ui.server.errors import RefusalError
from florence_ui.server.schemas import RequestImage

if TYPE_CHECKING:
    from PIL import Image

DATA_URL = re.compile(r"^data:[\w.+-]+/[\w.+-]+;base64,")


async def read_image_bytes(image: RequestImage) -> bytes:
    """The picture's file, decoded from base64 or fetched from a public address.

    Raises:
        RefusalError: 400 with the reason, in the words of Roboflow's server up to the cause.
    """
    with as_refusals():
        match image.type:
            case "base64":
                return await asyncio.to_thread(_decode_base64, image.value or "")  # up to 32 MB
            case "url":
                return await _fetch(image.value or "")
            case _:
                raise FlorenceUIError("Unknown image type.", "Send type base64 or url.")


def decode_image(data: bytes) -> "Image.Image":
    """The file's picture, upright RGB at its own size; blocks.

    Raises:
        RefusalError: 400 with the reason.
    """
    from florence_ui.images.loading import ImageLimits, decode

    with as_refusals():
        return decode(data, ImageLimits())


@contextmanager
def as_refusals() -> Iterator[None]:
    """Turn errors about a picture into refusals."""
    try:
        yield
    except FlorenceUIError as error:
        raise RefusalError(400, f"Could not load input image. Cause: {error.message}", error.hint) from None


async def _fetch(link: str) -> bytes:
    await asyncio.to_thread(importlib.import_module, "florence_ui.images.fetch")
    from florence_ui.images.fetch import fetch_image
    from florence_ui.images.loading import ImageLimits

    return await fetch_image(link, max_bytes=ImageLimits().max_bytes)


def _decode_base64(text: str) -> bytes:
    text = "".join(DATA_URL.sub("", text, count=1).split())  # `base64` and MIME break it into lines
    if not text:
        raise FlorenceUIError("Empty image payload.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FlorenceUIError("Malformed base64 input image.") from None
