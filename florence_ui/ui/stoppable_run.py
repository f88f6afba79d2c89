"""Long runs on the page: Stop is visible for as long as one lasts, and the page is idle afterwards."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from florence_ui.errors import FlorenceUIError
from florence_ui.ui.layout import queued, unqueued
from florence_ui.ui.updates import Inputs, Updates

log = logging.getLogger(__name__)

UNEXPECTED = FlorenceUIError("Something went wrong on this page.", "It has been noted. Please try again.")


@dataclass(frozen=True)
class StoppableRun:
    """A run that an event starts.

    Attributes:
        stream: inputs -> a stream of updates; the last one shows the idle page.
        running: The update that shows Stop instead of Run. It is part of every update: a browser may skip some of
            several quick ones, and Stop must be visible.
        failed: (inputs, error) -> the idle page with the reason.
    """

    stream: Callable[[Inputs], AsyncGenerator[Updates]]
    running: Callable[[], Updates]
    failed: Callable[[Inputs, FlorenceUIError], Updates]

    async def events(self, inputs: Inputs) -> AsyncIterator[Updates]:
        """Yield all updates, from the first state to the answer or the failure."""
        try:
            async with contextlib.aclosing(self.stream(inputs)) as stream:
                async for updates in stream:
                    yield {**self.running(), **updates}
        except FlorenceUIError as error:
            yield self.failed(inputs, error)
        except Exception:
            log.exception("A run failed unexpectedly.")
            yield self.failed(inputs, UNEXPECTED)


async def until(event: asyncio.Event, stream: AsyncGenerator[Updates]) -> AsyncGenerator[Updates]:
    """Yield a stream's updates until an event is set; then the stream ends, and what it waited for is cancelled."""
    over = asyncio.ensure_future(event.wait())
    coming: asyncio.Future[Updates] = asyncio.ensure_future(anext(stream))
    try:
        while True:
            waiting: set[asyncio.Future[Any]] = {over, coming}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if over.done():
                return
            try:
                updates = coming.result()
            except StopAsyncIteration:
                return
            yield updates
            coming = asyncio.ensure_future(anext(stream))
    finally:
        over.cancel()
        coming.cancel()
        await asyncio.wait({coming})
        await stream.aclose()


Listener = Callable[..., gr.events.Dependency]
"""What connects a handler with an event, such as `button.click`."""
Handler = Callable[..., AsyncIterator[Updates]]


def wire_run(
    starts: Mapping[Listener, Handler],
    stop: gr.Button,
    stopped: Callable[[Inputs], Any],
    inputs: set[Block],
    outputs: Sequence[Block],
    *,
    stop_is_slow: bool = False,
) -> list[gr.events.Dependency]:
    """Connect the events that start a run with the button that stops it, and return those that start one.

    Args:
        starts: The handler of each event, mostly a `StoppableRun.events`.
        stop: The button that stops any of them.
        stopped: inputs -> the idle page.
        inputs: The components that all of them read.
        outputs: The components that all of them change.
        stop_is_slow: Whether `stopped` takes long enough to be queued.
    """
    started: list[Any] = [listener(handler, inputs, outputs, **queued()) for listener, handler in starts.items()]
    options = queued() if stop_is_slow else unqueued()
    stop.click(stopped, inputs, outputs, cancels=started, **options)
    return started
