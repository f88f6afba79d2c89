"""The way of calls through a model: pictures and words in threads of their own, the network in one that generates."""

import asyncio
import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Answer:
    """An answer in pixels of the picture, and the picture's width and height."""

    response: dict[str, Any]
    image_size: tuple[int, int]


async def answer_together(worker: Worker, florence: "Florence2", calls: Sequence[Call]) -> list[Answer | BaseException]:
    """Answer calls of one model; what goes wrong with one of them takes its answer's place.

    Pictures are decoded only here, so that waiting calls hold files.
    """
    prepared = await asyncio.gather(*(_prepare(florence, call) for call in calls), return_exceptions=True)
    inquiries = [inquiry for inquiry in prepared if not isinstance(inquiry, BaseException)]
    ids = await asyncio.wrap_future(worker.submit(functools.partial(florence.generate, inquiries)))
    reading = (_read(florence, inquiry, answer) for inquiry, answer in zip(inquiries, ids, strict=True))
    answers = iter(await asyncio.gather(*reading, return_exceptions=True))
    return [inquiry if isinstance(inquiry, BaseException) else next(answers) for inquiry in prepared]


async def _prepare(florence: "Florence2", call: Call) -> "Inquiry":
    image = await decode_image(call.data)
    return await asyncio.to_thread(florence.inquire, image, call.prompt, call.max_new_tokens, call.stop)


async def _read(florence: "Florence2", inquiry: "Inquiry", ids: list[int]) -> Answer:
    return Answer(await asyncio.to_thread(florence.read, inquiry, ids), inquiry.image_size)
