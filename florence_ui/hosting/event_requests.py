"""The JSON of events, rebuilt from the fields that Gradio's own page and clients send."""

import json
import re
from http import HTTPStatus
from typing import Any

from gradio.blocks import Block, BlockFunction
from gradio.components.api_component import Api
from starlette.types import Scope

from florence_ui.errors import InputError
from florence_ui.hosting.gradio_internals.server import get_route_path
from florence_ui.hosting.request_limits import NAME, RequestRefused
from florence_ui.hosting.visitor_files import check_file_values, drop_meta

MAX_EVENT_DATA = 64 << 10
"""Maximum length of an event's data, such as which picture of a gallery was selected."""


def _known_fields(posted: dict[str, Any], types: dict[str, type]) -> dict[str, Any]:
    """The known fields of a body, each of the type that Gradio expects.

    Raises:
        RequestRefused: If one has the wrong type, or a malformed name.
    """
    kept = {key: posted[key] for key in types if posted.get(key) is not None}
    for key, value in kept.items():
        if not isinstance(value, types[key]) or isinstance(value, bool):
            raise RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The field {key} has the wrong type.")
        if isinstance(value, str) and not re.fullmatch(NAME, value):
            raise RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The field {key} is not a valid name.")
    return kept


def clean_stop_request(posted: dict[str, Any]) -> dict[str, Any]:
    """The fields of `cancel` and `reset`.

    Raises:
        RequestRefused: If one has the wrong type or a malformed name.
    """
    return _known_fields(posted, {"session_hash": str, "fn_index": int, "event_id": str})


def clean_event(posted: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """The fields of a call that Gradio's own page and clients send, validated.

    Raises:
        RequestRefused: If there is no such function, the inputs do not fit, or a file is not an upload of this app.
    """
    name = get_route_path(scope).rstrip("/").rpartition("/")[2]
    by_name = "/v2/" in get_route_path(scope)
    cleaned = {} if by_name else _known_fields(posted, {"session_hash": str, "fn_index": int, "trigger_id": int})
    function = _find_function(scope, cleaned, name)
    try:
        check_file_values(posted)
    except InputError as error:
        for_programs = function.api_visibility == "public"  # the page does not show the message of a 422
        status = HTTPStatus.UNPROCESSABLE_ENTITY if for_programs else HTTPStatus.BAD_REQUEST
        raise RequestRefused(status, str(error)) from None
    if all(isinstance(block, Api) for block in function.inputs):
        drop_meta(posted)
    if by_name:
        return posted
    data, event_data = _with_defaults(function, posted.get("data")), posted.get("event_data")
    if len(json.dumps(event_data)) > MAX_EVENT_DATA:
        message = f"The event data are too large: at most {MAX_EVENT_DATA >> 10} kB."
        raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    cleaned |= {"data": data, "event_data": event_data}
    if function.queue and re.match(r".*/(run|api)/", get_route_path(scope)):
        raise RequestRefused(HTTPStatus.NOT_FOUND, "Call this function through /gradio_api/call.")
    _check_inputs(function, cleaned["data"])
    return cleaned


def _find_function(scope: Scope, posted: dict[str, Any], name: str) -> BlockFunction:
    """Gradio's record of the function that is called.

    Raises:
        RequestRefused: If there is none.
    """
    functions = scope["app"].get_blocks().fns
    found = functions.get(posted["fn_index"]) if "fn_index" in posted else None
    if "fn_index" not in posted:
        found = next((fn for fn in functions.values() if fn.api_name == name), None)
        if found is not None and "/call/" in get_route_path(scope) and found.api_visibility != "public":
            found = None  # the page calls its own events by number
    if found is None or found.fn is None:  # an event that runs only in the browser has none
        raise RequestRefused(HTTPStatus.NOT_FOUND, "There is no such function here.")
    return found


def _with_defaults(function: BlockFunction, data: Any) -> Any:
    """The inputs of an endpoint for programs, with defaults for those omitted at the end.

    Gradio does this only for inputs that are given by name.
    """
    omitted = function.inputs[len(data) :] if isinstance(data, list) else []
    defaults = [block.value for block in omitted if isinstance(block, Api)]
    return [*data, *defaults] if defaults and len(defaults) == len(omitted) else data


def _check_inputs(function: BlockFunction, data: Any) -> None:
    """Reject inputs that Gradio would answer with a traceback.

    Raises:
        RequestRefused: If there are too few or too many inputs, or text in place of a file.
    """
    visible = [block for block in function.inputs if not block.skip_api]
    fits = isinstance(data, list) and (function.cancels or len(data) in (len(function.inputs), len(visible)))
    if not fits:
        message = f"The function takes {len(visible)} inputs, in a list named data."
        raise RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    blocks = function.inputs if len(data) == len(function.inputs) else visible
    for block, value in zip(blocks, data, strict=False):
        if _takes_file(block) and not isinstance(value, dict | list | None):
            message = "Send a picture as an uploaded file, not as text; a link goes into image_url."
            raise RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, message)


def _takes_file(block: Block) -> bool:
    model = getattr(block, "data_model", None)
    return model is not None and model.__name__ in ("ImageData", "FileData", "ListFiles", "GalleryData", "EditorData")
