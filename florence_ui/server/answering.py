"""The way of calls through a model: pictures and words in threads of their own, the network in one that generates."""

import asyncio
import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from florence_ui.server.request_image import decode_image
from florence_ui.server.worker import Worker

if TYPE_CHECKING:
    from florence_ui.server.florence import Florence2, Inquiry


@dataclass(frozen=True, eq=False)
class Call:
    """What a caller asks.

    Attributes:
        data: The picture's file.
        prompt: A prompt that `check_prompt` accepts.
        max_new_tokens: Maximum length of the answer, or None.
        stop: Set when nobody waits for the answer any longer.
    """

    data: bytes
    prompt: str
    max_new_tokens: int | None
    stop: threading.Event = field(default_factory=threading.Event)


async def prepare(florence: "Florence2", call: Call) -> "Inquiry":
    """The call in the network's numbers.

    Raises:
        RefusalError: 400 if its picture or its prompt cannot be read.
    """

    def inquire() -> "Inquiry":
        return florence.inquire(decode_image(call.data), call.prompt, call.max_new_tokens, call.stop)

    return await asyncio.to_thread(inquire)


async def generate(
    worker: Worker, florence: "Florence2", inquiries: Sequence["Inquiry"]
) -> list[tuple["Inquiry", list[int]]]:
    """Inquiries of one model with the token ids of their answers."""
    ids = await asyncio.wrap_future(worker.submit(functools.partial(florence.generate, inquiries)))
    return list(zip(inquiries, ids, strict=True))
