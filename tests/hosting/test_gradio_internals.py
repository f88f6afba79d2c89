"""The app's assumptions about private and undocumented parts of Gradio, Starlette and uvicorn.

A new version that breaks an assumption fails here with a message, before it fails on the page.
"""

import inspect
from collections.abc import Callable

import gradio as gr
import pytest
import uvicorn
from gradio import http_server, oauth
from gradio.blocks import BlockFunction, Blocks
from gradio.brotli_middleware import BrotliMiddleware
from gradio.mcp import GradioMCPServer
from gradio.queueing import Event, Queue
from gradio.route_utils import CustomCORSMiddleware, FileUploadProgress, GradioMultiPartParser
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from gradio.tunneling import CURRENT_TUNNELS, Tunnel
from starlette.datastructures import Headers
from uvicorn.config import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from florence_ui.hosting.gradio_internals.events import forget_api_description, sanitize_event_data, set_api_schema
from florence_ui.hosting.gradio_internals.oauth import valid_info
from florence_ui.hosting.gradio_internals.server import LimitedServer, get_route_path, limited_server


async def echo(text: str) -> str:
    return text


@pytest.fixture(scope="module")
def blocks() -> Blocks:
    with gr.Blocks() as demo:
        gr.State([])
        gr.api(echo, api_name="echo")
    return demo.queue()


def names(owner: object, *attributes: str) -> bool:
    """Whether an object has, or a class sets up, all these attributes."""
    text = inspect.getsource(owner) if isinstance(owner, type) else ""
    return all(hasattr(owner, name) or f"self.{name}" in text for name in attributes)


def takes(function: Callable[..., object], *parameters: str) -> bool:
    return set(parameters) <= set(inspect.signature(function).parameters)


def uses(function: Callable[..., object], *parts: str) -> bool:
    text = inspect.getsource(function)
    return all(part in text for part in parts)


CHOICE = {"type": "string", "enum": ["a", "b"]}


def described_schema(schema: dict[str, object]) -> object:
    """The type that programs see of a parameter with that schema."""
    with gr.Blocks() as demo:
        set_api_schema(demo.blocks[gr.api(echo, api_name="echo")["inputs"][0]], schema)
    return demo.get_api_info()["named_endpoints"]["/echo"]["parameters"][0]["type"]


PROMISES: dict[str, Callable[[Blocks], bool]] = {
    # queue
    "A Blocks has its queue as `_queue`, which lists what waits by concurrency id and what runs as `active_jobs`": (
        lambda demo: names(demo._queue, "event_queue_per_concurrency_id", "active_jobs", "max_thread_count")
    ),
    "The queue keeps calls as `pending_event_ids_session`, `pending_messages_per_session` and `event_ids_to_events`": (
        lambda demo: names(
            demo._queue, "pending_event_ids_session", "pending_messages_per_session", "event_ids_to_events"
        )
    ),
    "The queue has what WakingQueue calls": lambda demo: names(
        demo._queue,
        *("stopped", "sleep_when_free", "progress_update_sleep_when_free", "delete_lock", "live_updates"),
        *("event_analytics", "_asyncio_tasks", "_cancel_asyncio_tasks", "get_events", "process_events"),
        *("broadcast_estimations", "send_message", "start", "close", "push"),
    ),
    "The queue makes one slot for each of `max_thread_count` when it starts": (
        lambda demo: uses(Queue.start, "self.active_jobs = [None] * self.max_thread_count")
    ),
    "An event has its request, function, session, id and progress": lambda demo: names(
        Event, *("request", "fn", "session_hash", "_id", "progress", "progress_pending")
    ),
    "The app notes calls that are to start over as `iterators_to_reset`": (
        lambda demo: isinstance(demo.app.iterators_to_reset, set)
    ),
    # sessions
    "The app has the sessions as `state_holder`, and takes others": (
        lambda demo: isinstance(demo.app.state_holder, StateHolder) and names(demo, "state_session_capacity")
    ),
    "The sessions are kept as `session_data` and `time_last_used`, in the order of use": (
        lambda demo: (
            hasattr(StateHolder().session_data, "move_to_end")
            and names(StateHolder(), "time_last_used", "lock", "capacity", "delete_state", "set_blocks")
        )
    ),
    "The sessions make room in `update` whenever one is looked up": (
        lambda demo: uses(StateHolder.__getitem__, "self.update(session_id)") and uses(StateHolder.update, "popitem")
    ),
    "A session describes components for links in `_update_config` and `_update_value_in_config`": (
        lambda demo: names(SessionState, "_update_config", "_update_value_in_config", "_state_ttl", "blocks_config")
    ),
    # server
    "Gradio starts the class `Server` that it finds in its module": (
        lambda demo: "Server" in http_server.start_server.__code__.co_names
    ),
    "CORS is added by a middleware that asks `parent_configures_cors`, which caches its answer": (
        lambda demo: (
            uses(CustomCORSMiddleware.__call__, "if self.parent_configures_cors():")
            and uses(CustomCORSMiddleware.parent_configures_cors, "if self._parent_configures_cors is None:")
        )
    ),
    "The app is a stack of middleware that begins at `middleware_stack`": lambda demo: names(
        demo.app, "middleware_stack"
    ),
    "Compression asks `_is_compressible_file_type` about each request": (
        lambda demo: uses(BrotliMiddleware.__call__, "self._is_compressible_file_type(scope)")
    ),
    "The path of a request is without the root path": (
        lambda demo: get_route_path({"path": "/root/a", "root_path": "/root"}) == "/a"
    ),
    "A server reads its seconds of grace when it ends": (
        lambda demo: uses(uvicorn.Server.shutdown, "self.config.timeout_graceful_shutdown")
    ),
    # uploads
    "An upload's progress is kept by name in `_signals` and `_statuses`": (
        lambda demo: names(FileUploadProgress(), "_signals", "_statuses", "stop_tracking", "track", "set_done")
    ),
    "The paths of temporary files are kept in `temp_file_sets`": (
        lambda demo: all(isinstance(paths, set) for paths in demo.temp_file_sets)
    ),
    "The parser of uploads begins a part in `on_headers_finished`, with its head in `_current_part`": (
        lambda demo: (
            names(
                GradioMultiPartParser(Headers(), None, max_file_size=1),
                *("_current_part", "_current_files", "max_files", "on_headers_finished"),
            )
            and names(
                GradioMultiPartParser(Headers(), None, max_file_size=1)._current_part, "content_disposition", "file"
            )
        )
    ),
    # events and endpoints
    "An event's data are its attributes, and are kept as `_data`": (
        lambda demo: (
            getattr(gr.EventData(None, {"index": 3}), "index", None) == 3
            and getattr(gr.EventData(None, {}), "index", None) is None
        )
    ),
    "A parameter's schema is kept as `_api_info` and shown to programs": (
        lambda demo: described_schema(CHOICE) == CHOICE
    ),
    "The description of the endpoints is kept as `api_info` and made anew where that is None": (
        lambda demo: demo.app.api_info is None and uses(App.create_app, "if not app.api_info:")
    ),
    "A page's functions are its `fns` by number, each with its name, inputs and visibility": (
        lambda demo: (
            isinstance(demo.fns[0], BlockFunction)
            and names(demo.fns[0], "fn", "api_name", "api_visibility", "queue", "cancels", "inputs", "outputs")
            and names(demo.fns[0].inputs[0], "skip_api", "get_block_name")
        )
    ),
    "Every event comes through `process_api`, and its values through `preprocess_data` and `postprocess_data`": (
        lambda demo: (
            takes(Blocks.process_api, "block_fn", "request", "event_data", "state")
            and takes(Blocks.preprocess_data, "block_fn", "inputs", "state", "explicit_call")
            and takes(Blocks.postprocess_data, "block_fn", "predictions", "state")
            and uses(Blocks.process_api, "self.preprocess_data(", "self.postprocess_data(")
        )
    ),
    # agents
    "A launched page has its MCP server as `mcp_server_obj`": lambda demo: hasattr(demo, "mcp_server_obj"),
    "The MCP server finds endpoints by tool and makes contents of their values": lambda demo: names(
        GradioMCPServer,
        *("mcp_server", "blocks", "root_path", "tool_to_endpoint", "get_route_path", "postprocess_output_data"),
        *("get_selected_tools_from_request", "get_block_fn_from_endpoint_name"),
    ),
    # signing in
    "A signed-in account stands in the session as `oauth_info`, until it expires": (
        lambda demo: (
            valid_info({"oauth_info": {"expires_at": 1, "userinfo": {}}}) is None
            and valid_info({"oauth_info": {"userinfo": {"sub": "1"}}}) == {"userinfo": {"sub": "1"}}
        )
    ),
    "The button for signing in shows the account's `preferred_username`, and needs nothing else": (
        lambda demo: (
            uses(gr.LoginButton._check_login_status, 'oauth_info["userinfo"]["preferred_username"]')
            and inspect.getsource(gr.LoginButton).count("oauth_info[") == 1
        )
    ),
    "The account is put into the session before the response, and saved by a middleware outside all others": (
        lambda demo: (
            uses(oauth._add_oauth_routes, 'request.session["oauth_info"] = oauth_info')
            and uses(oauth.attach_oauth, "app.add_middleware(", "SessionMiddleware")
        )
    ),
    # uvicorn, for network/connections.py
    "The tunnels of public links are listed in `CURRENT_TUNNELS`, and end by `kill`": lambda demo: (
        isinstance(CURRENT_TUNNELS, list)
        and "CURRENT_TUNNELS.append(self)" in inspect.getsource(Tunnel)
        and Tunnel.kill
    ),
    "uvicorn's protocol tells of its connections, its request under way and the end of each response": (
        lambda demo: (
            uses(
                AutoHTTPProtocol,
                *("self.cycle", "self.connections.add(self)", "on_response=self.on_response_complete", "self.loop"),
            )
            and "response_complete" in inspect.getsource(inspect.getmodule(AutoHTTPProtocol))
            and Config(app=None).http == "auto"
        )
    ),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_the_promise_holds(promise: str, blocks: Blocks) -> None:
    try:
        kept, because = PROMISES[promise](blocks), ""
    except Exception as error:
        kept, because = False, f" ({type(error).__name__}: {error})"
    assert kept, f"Gradio {gr.__version__} breaks this promise: {promise}{because}. See who relies on it, and adapt."


@pytest.mark.parametrize("posted", [None, [], "x", 5, {}, {"target": 1}], ids=repr)
def test_an_events_data_can_be_read_whatever_was_posted(posted: object) -> None:
    event = gr.EventData(None, posted)
    sanitize_event_data(event)
    assert getattr(event, "index", None) is None


def test_a_description_is_forgotten(blocks: Blocks) -> None:
    blocks.app.api_info = {"kept": True}
    forget_api_description(blocks.app)
    assert blocks.app.api_info is None


def test_a_page_is_served_by_the_limited_server_inside_the_block_only() -> None:
    with limited_server():
        assert http_server.Server is LimitedServer
    assert http_server.Server is not LimitedServer
