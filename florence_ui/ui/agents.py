"""What agents get: Gradio makes tools of the endpoints where the `mcp` package is installed; this mends their answers.

Otherwise an answer of several parts comes as one text, Python's way to write a tuple, with no picture in it.
"""

import importlib.util
import json
from typing import Any

from gradio_client.utils import is_file_obj_with_meta

from florence_ui.ui.origin_guard import INNER_HEADER, INNER_TOKEN


def has_mcp() -> bool:
    """Whether `gradio[mcp]` is installed, so that the endpoints can be tools of an agent."""
    return importlib.util.find_spec("mcp") is not None


def mend_answers(blocks: Any) -> None:
    """Let these `gr.Blocks` give agents each part of an answer for itself: pictures as pictures, records as JSON.

    A tool's call comes back in through the doors with the agent's own headers; it says that it was looked at already.
    """
    server = getattr(blocks, "mcp_server_obj", None)
    if server is None:
        return
    usual, prepare = server.postprocess_output_data, server._prepare_tool_call_args
    server.postprocess_output_data = lambda data, root_url: usual(parts_of(data), root_url)

    def prepare_inner_call(name: str, arguments: dict[str, Any]) -> tuple:
        endpoint, inputs, headers, function = prepare(name, arguments)
        return endpoint, inputs, headers | {INNER_HEADER: INNER_TOKEN}, function

    server._prepare_tool_call_args = prepare_inner_call


def parts_of(data: list[Any]) -> list[Any]:
    """The parts of a tool's answer: files as they are, everything else as text; what is not there is left out.

    Args:
        data: The outputs, or a list that holds all of them in its only place.
    """
    if len(data) == 1 and isinstance(data[0], list | tuple):
        data = list(data[0])
    there = [part for part in data if part is not None]
    return [part if is_file_obj_with_meta(part) else json.dumps(part, ensure_ascii=False) for part in there]
