"""The one way to run what takes its time: Stop is there for as long as it goes on, and the page is at rest after it."""

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
    """What a click on a button begins.

    Attributes:
        stream: inputs -> what it shows as it goes on; the last of it shows the page at rest.
        running: What shows Stop in the place of Run. It is sent each time: a browser may skip some of several quick
            updates, and Stop must be there.
        failed: (inputs, error) -> the page at rest, with the reason.
    """

    stream: Callable[[Inputs], AsyncGenerator[Updates]]
    running: Callable[[], Updates]
    failed: Callable[[Inputs, FlorenceUIError], Updates]

    async def events(self, inputs: Inputs) -> AsyncIterator[Updates]:
        """Everything that is shown, from the first state to the answer or the failure."""
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
    """Connect buttons that begin a run with those that stop it.

    Args:
        runs: What each button begins.
        stops: The buttons that end any of them.
        stopped: inputs -> the page at rest.
        inputs: What all of them read.
        outputs: What all of them change.
        stop_is_slow: Whether `stopped` takes its time.
    """
    clicks: list[dict[str, Any]] = [
        button.click(run.events, inputs, outputs, **queued()) for button, run in runs.items()
    ]
    options = queued() if stop_is_slow else unqueued()
    for stop in stops:
        stop.click(stopped, inputs, outputs, cancels=clicks, **options)
