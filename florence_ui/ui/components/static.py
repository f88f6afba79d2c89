"""The base class of the page's own components."""

import functools
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel


class StaticComponent(gr.HTML):
    """A component drawn by its own scripts from a value of `data_model`.

    A subclass in the module `name/__init__.py` has `name.html` and its styles and scripts beside it.

    Attributes:
        data_model: The type of its value.
        folder: The folder of its files.
        scripts: Its scripts, relative to the folder, in the order in which they are joined into one function; what
            one declares, the later ones can use. By default `name.js` alone.
        styles: Its styles, likewise; by default `name.css` alone.
    """

    data_model: type[GradioModel]
    folder: Path
    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    def __init__(self, value: GradioModel | None = None, **options: Any) -> None:
        name = self.folder.name
        super().__init__(
            value=value or self.data_model(),
            html_template=self._joined((f"{name}.html",)),
            css_template=self._joined(self.styles or (f"{name}.css",)),
            js_on_load=self._joined(self.scripts or (f"{name}.js",)),
            apply_default_css=False,
            **options,
        )

    def _joined(self, names: tuple[str, ...]) -> str:
        return "\n".join((self.folder / name).read_text("utf-8") for name in names)

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value

    def api_info(self) -> dict[str, Any]:
        return _schema(self.data_model)


@functools.cache
def _schema(model: type[GradioModel]) -> dict[str, Any]:
    """The JSON schema of a model, for which Gradio asks once for each event."""
    return model.model_json_schema()
