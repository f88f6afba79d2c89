"""What Gradio passes to event handlers, and how it describes endpoints."""

from typing import Any

from gradio.components.api_component import Api
from gradio.events import EventData
from gradio.routes import App


def sanitize_event_data(event: EventData) -> None:
    """Make reading an attribute of an event safe for any posted data."""
    if not isinstance(event._data, dict):
        event._data = {}


def set_api_schema(block: Api, schema: dict[str, Any]) -> None:
    """Describe an endpoint's parameter by our own JSON schema."""
    block._api_info = schema


def forget_api_description(app: App) -> None:
    """Drop the cached description of the endpoints, in which Gradio keeps the Host of the first request."""
    app.api_info = None
