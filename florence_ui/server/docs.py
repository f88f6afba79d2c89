"""`GET /docs`: the server's routes and a link to its schema, on a page that loads nothing from elsewhere."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from florence_ui.models import DEFAULT_PORT, MAX_NEW_TOKENS

PAGE = Template(Path(__file__).with_name("docs.html").read_text("utf-8"))


def docs_page(schema: dict[str, Any]) -> str:
    """The page, as HTML.

    Args:
        schema: The application's OpenAPI description.
    """
    cells = (
        f"<tr><td><code>{method.upper()}</code><td><code>{escape(path)}</code><td>{escape(route.get('summary', ''))}"
        for path, methods in schema["paths"].items()
        for method, route in methods.items()
    )
    info = schema["info"]
    return PAGE.substitute(
        title=escape(f"{info['title']} {info['version']}"),
        rows="\n".join(cells),
        port=DEFAULT_PORT,
        tokens=MAX_NEW_TOKENS,
    )


def route_list(schema: dict[str, Any]) -> str:
    """The routes, for a sentence."""
    return ", ".join(f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods)
