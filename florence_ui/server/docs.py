"""`GET /docs`: the server's routes and a link to its schema, on a page that loads nothing from elsewhere."""

from html import escape
from typing import Any

from florence_ui.models import DEFAULT_PORT, MAX_NEW_TOKENS

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 52em; margin: 2em auto; padding: 0 1em }}
code, pre {{ font-size: 14px }}
pre {{ background: #8882; padding: 1em; overflow-x: auto }}
td {{ padding: .2em 1em .2em 0; vertical-align: top }}
</style>
<h1>{title}</h1>
<p>The whole description, for tools, is <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<table>{rows}</table>
<h2>A call</h2>
<pre>curl -X POST http://localhost:{port}/infer/lmm -H "Content-Type: application/json" \\
  -d "{{\\"model_id\\": \\"florence-2-base\\", \\"prompt\\": \\"&lt;OD&gt;\\", \\"max_new_tokens\\": {tokens},
       \\"image\\": {{\\"type\\": \\"base64\\", \\"value\\": \\"$(base64 -w0 photo.jpg)\\"}}}}"</pre>
</html>
"""


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
    return PAGE.format(
        title=escape(f"{info['title']} {info['version']}"),
        rows="\n".join(cells),
        port=DEFAULT_PORT,
        tokens=MAX_NEW_TOKENS,
    )


def route_list(schema: dict[str, Any]) -> str:
    """The routes, for a sentence."""
    return ", ".join(f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods)
