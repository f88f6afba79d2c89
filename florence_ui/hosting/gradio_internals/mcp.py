"""The parts of Gradio's MCP server that answering calls of its tools needs."""

from collections.abc import Awaitable, Callable
from typing import Any, Self

import gradio as gr
from gradio.route_utils import get_root_url
from starlette.requests import Request


class ToolServer:
    """The endpoints as tools, which Gradio lists for agents.

    Args:
        server: Gradio's own `GradioMCPServer`.
    """

    def __init__(self, server: Any) -> None:
        self._server = server

    @classmethod
    def of(cls, blocks: gr.Blocks) -> Self | None:
        """The tools of a launched page; None if agents are not served."""
        server = getattr(blocks, "mcp_server_obj", None)
        return None if server is None else cls(server)

    def answer_calls(self, call: Callable[[str, dict[str, Any]], Awaitable[list[Any]]]) -> None:
        """Let `call(name, arguments)` answer all tool calls; it checks the arguments itself."""
        self._server.mcp_server.call_tool(validate_input=False)(call)

    @property
    def context(self) -> Any:
        """The MCP request context of the call that is being answered."""
        return self._server.mcp_server.request_context

    def find_function(self, name: str) -> Callable[..., Any] | None:
        """The endpoint behind a tool's name; None if there is no such tool, or the agent has not selected it."""
        selected = self._server.get_selected_tools_from_request()
        endpoint = self._server.tool_to_endpoint.get(name) if selected is None or name in selected else None
        return None if endpoint is None else self._server.get_block_fn_from_endpoint_name(endpoint).fn

    def page_request(self, request: Request) -> gr.Request:
        """An agent's request in the form that endpoints expect: to the page, not to Gradio's inner app for agents."""
        return gr.Request(Request({**request.scope, "app": self._server.blocks.app}))

    def root_url(self, request: Request) -> str:
        """The address at which the agent reaches the page."""
        return get_root_url(request, self._server.get_route_path(request), self._server.root_path)

    def content(self, values: list[Any], root: str) -> list[Any]:
        """MCP content blocks for an endpoint's values: file data becomes a picture with its address."""
        return self._server.postprocess_output_data(values, root)
