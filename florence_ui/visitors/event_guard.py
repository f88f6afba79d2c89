"""Validation of events, because anyone can post any value for any field.

Gradio answers a value that its component cannot take with a traceback and status 500. Here an event with such a value,
or one that its handler refuses, ends with an error message.
"""

import logging
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState

from florence_ui import storage
from florence_ui.errors import FlorenceUIError
from florence_ui.hosting.gradio_internals.events import sanitize_event_data
from florence_ui.hosting.gradio_internals.sessions import LeanSession
from florence_ui.hosting.responses import REFUSED
from florence_ui.visitor_identity import UNKNOWN_VISITOR, current_visitor
from florence_ui.visitors.service import Services, visitor_of

log = logging.getLogger(__name__)

INVALID_VALUES = "What was sent does not fit this page, or a file of it is gone. Load the page again and try once more."

MAX_TYPED = 50_000
"""Maximum number of characters in a field without a limit of its own; a page remembers what is in its fields."""


class GuardedBlocks(gr.Blocks):
    """A page whose events know their visitor and accept only valid values.

    Args:
        services: The services with the page's settings and limits.
        options: Options of `gr.Blocks`.
    """

    def __init__(self, services: Services, **options: Any) -> None:
        super().__init__(**options)
        self.services = services

    async def process_api(self, block_fn: Any, *args: Any, request: Any = None, **options: Any) -> dict[str, Any]:
        """Process an event, as `gr.Blocks.process_api` does, until it is done or its visitor leaves."""
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        known = isinstance(request, gr.Request)
        visitor = visitor_of(request, self.services.settings) if known else UNKNOWN_VISITOR
        current_visitor.set(visitor)
        if isinstance(state := options.get("state"), LeanSession):
            state.address = visitor.address
        event = options.get("event_data")
        if event is not None:
            sanitize_event_data(event)
        # Unqueued events end at once, and their requests would end without an answer.
        attended = visitor if function.queue else UNKNOWN_VISITOR
        try:
            with self.services.limiter.cancel_on_disconnect(attended), storage.disk_full_as_storage_error():
                # mypy sees that *args could hold the request; Gradio passes it by name.
                return await super().process_api(function, *args, request=request, **options)  # type: ignore[misc]
        except (FlorenceUIError, gr.Error) as error:
            if known and request.request is not None:
                request.request.scope[REFUSED] = True
            if isinstance(error, gr.Error):
                raise
            raise gr.Error(str(error), print_exception=False) from None

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> list[Any]:
        """Preprocess values of any kind, as `gr.Blocks.preprocess_data` does for valid ones.

        Raises:
            gr.Error: If a value does not fit its component.
        """
        try:
            if all(fits_component(block, value) for block, value in zip(block_fn.inputs, inputs, strict=False)):
                return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except Exception as error:  # components raise anything on invalid values
            log.debug("A value does not fit: %s.", type(error).__name__)
        raise gr.Error(INVALID_VALUES, print_exception=False)

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: SessionState | None) -> list[Any]:
        """Postprocess as `gr.Blocks.postprocess_data` does, but allow an event that changes nothing, `{}`."""
        if predictions == {} and len(block_fn.outputs) > 1:
            predictions = {block_fn.outputs[0]: gr.skip()}
        return await super().postprocess_data(block_fn, predictions, state)


def _is_short(texts: Sequence[str], most: int = MAX_TYPED) -> bool:
    return sum(len(text) for text in texts) <= most


def fits_component(block: Any, value: Any) -> bool:
    """Whether a posted value could come from that component; None is the value of an empty one, if it can be empty."""
    if value is None:
        chosen = isinstance(block, gr.Radio) and block.value is not None
        return not (chosen or isinstance(block, gr.Slider))
    if isinstance(block, gr.CheckboxGroup) or (isinstance(block, gr.Dropdown) and block.multiselect):
        return isinstance(value, list) and all(isinstance(each, str) for each in value) and _is_short(value)
    if isinstance(block, gr.Textbox | gr.Radio | gr.Dropdown):
        return isinstance(value, str) and _is_short([value], getattr(block, "max_length", None) or MAX_TYPED)
    if isinstance(block, gr.Checkbox):
        return isinstance(value, bool)
    if isinstance(block, gr.Slider | gr.Number):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True
