"""The base class of the page's own components."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel


class StaticComponent(gr.HTML):
    """A component drawn by its own script from a value of `data_model`.

    A subclass in the module `name/__init__.py` has `name.html`, `name.css` and `name.js` beside it.
    """

    data_model: type[GradioModel]
    folder: Path

    def __init__(self, value: GradioModel | None = None, **options: Any) -> None:
        def read(suffix: str) -> str:
            return (self.folder / f"{self.folder.name}.{suffix}").read_text("utf-8")

        super().__init__(
            value=value or self.data_model(),
            html_template=read("html"),
            css_template=read("css"),
            js_on_load=read("js"),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value

    def api_info(self) -> dict[str, Any]:
        return self.data_model.model_json_schema()
