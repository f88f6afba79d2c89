"""Long runs on the page: Stop is visible for as long as one lasts, and the page is idle afterwards."""

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
    """The run that a click on a button starts.

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


def wire_run(
    runs: Mapping[gr.Button, StoppableRun],
    stops: Sequence[gr.Button],
    stopped: Callable[[Inputs], Any],
    inputs: set[Block],
    outputs: Sequence[Block],
    *,
    stop_is_slow: bool = False,
) -> None:
    """Connect buttons that start a run with those that stop it.

    Args:
        runs: The run that each button starts.
        stops: The buttons that stop any of them.
        stopped: inputs -> the idle page.
        inputs: The components that all of them read.
        outputs: The components that all of them change.
        stop_is_slow: Whether `stopped` takes long enough to be queued.
    """
    clicks: list[dict[str, Any]] = [
        button.click(run.events, inputs, outputs, **queued()) for button, run in runs.items()
    ]
    options = queued() if stop_is_slow else unqueued()
    for stop in stops:
        stop.click(stopped, inputs, outputs, cancels=clicks, **options)
