"""One way to make a named endpoint of a function, with a schema that names what a field takes."""

from collections.abc import Callable, Collection
from typing import Any

import gradio as gr
from gradio.context import get_blocks_context

from florence_ui.exports.formats import FORMATS
from florence_ui.hosting.gradio_internals.events import set_api_schema
from florence_ui.inference.chains import CHAINS
from florence_ui.tasks import TASKS
from florence_ui.visitors.service import Services

FIXED: dict[str, Collection[str]] = {"task": TASKS, "chain": CHAINS, "file_format": FORMATS}
"""Fields with a fixed set of values. The schema names them; what is read is more forgiving, see `api_values.fold`."""


def add_endpoint(services: Services, function: Callable[..., Any]) -> None:
    """Makes an endpoint, and a tool for agents, named as the function is, in the `gr.Blocks` that is open."""
    dependency = gr.api(function, api_name=function.__name__, concurrency_limit=None)
    inputs = [get_blocks_context().blocks[number] for number in dependency["inputs"]]
    known = FIXED | {name: tuple(services.backends) for name in ("backend", "left_backend", "right_backend")}
    for (name, *_), block in zip(gr.utils.get_function_params(function), inputs, strict=True):
        if name in known:
            set_api_schema(block, {"type": "string", "enum": list(known[name])})
