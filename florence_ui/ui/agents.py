"""What agents get: Gradio makes tools of the endpoints where the `mcp` package is installed; this mends their answers.

Otherwise an answer of several parts comes as one text, Python's way to write a tuple, with no picture in it.
"""

import importlib.util
import json
from typing import Any

from gradio_client.utils import is_file_obj_with_meta


def has_mcp() -> bool:
    """Whether `gradio[mcp]` is installed, so that the endpoints can be tools of an agent."""
    return importlib.util.find_spec("mcp") is not None


def mend_answers(blocks: Any) -> None:
    """Let these `gr.Blocks` give agents each part of an answer for itself: pictures as pictures, records as JSON."""
    server = getattr(blocks, "mcp_server_obj", None)
    if server is None:
        return
    usual = server.postprocess_output_data
    server.postprocess_output_data = lambda data, root_url: usual(parts_of(data), root_url)


def parts_of(data: list[Any]) -> list[Any]:
    """The parts of a tool's answer: files as they are, everything else as text; what is not there is left out.

    Args:
        data: The outputs, or a list that holds all of them in its only place.
    """
    if len(data) == 1 and isinstance(data[0], list | tuple):
        data = list(data[0])
    there = [part for part in data if part is not None]
    return [part if is_file_obj_with_meta(part) else json.dumps(part, ensure_ascii=False) for part in there]
