"""A request's picture, from base64 or a link, to upright RGB."""

import asyncio
import base64
import binascii
import re

from PIL import Image

from florence_ui.errors import FlorenceUIError
from florence_ui.fetching import fetch_image
from florence_ui.images import ImageLimits, decode
from florence_ui.server.refusals import RefusalError
from florence_ui.server.schemas import RequestImage

LIMITS = ImageLimits()
DATA_URL = re.compile(r"^data:[\w.+-]+/[\w.+-]+;base64,")


async def read_picture(image: RequestImage) -> Image.Image:
    """The picture as upright RGB at its own size.

    Raises:
        RefusalError: 400 with the reason, in the words of Roboflow's server up to the cause.
    """
    try:
        data = await _bytes_of(image)
        return await asyncio.to_thread(decode, data, LIMITS)
    except FlorenceUIError as error:
        raise RefusalError(400, f"Could not load input image. Cause: {error.message}", error.hint) from None


async def _bytes_of(image: RequestImage) -> bytes:
    match image.type:
        case "base64":
            return _decode_base64(image.value or "")
        case "url":
            return await fetch_image(image.value or "", max_bytes=LIMITS.max_bytes)
        case _:
            raise FlorenceUIError("Unknown image type.", "Send type base64 or url.")


def _decode_base64(text: str) -> bytes:
    text = DATA_URL.sub("", text, count=1)
    if not text:
        raise FlorenceUIError("Empty image payload.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FlorenceUIError("Malformed base64 input image.") from None
