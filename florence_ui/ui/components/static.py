"""The base class of the page's own components."""

import functools
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel

PRELUDE = Path(__file__).parent / "common" / "prelude.js"


class StaticComponent(gr.HTML):
    """A component drawn by its own scripts from a value of `data_model`.

    A subclass in the module `name/__init__.py` has `name.html` beside it, and its styles and scripts. These are joined
    after `common/prelude.js` into one function; `name.css` comes first, `name.js` last.
    """

    data_model: type[GradioModel]

    def __init__(self, value: GradioModel | None = None, **options: Any) -> None:
        folder = Path(inspect.getfile(type(self))).parent
        scripts = sorted(folder.glob("*.js"), key=lambda path: (path.stem == folder.name, path))
        styles = sorted(folder.glob("*.css"), key=lambda path: (path.stem != folder.name, path))
        super().__init__(
            value=value or self.data_model(),
            html_template=_join([folder / f"{folder.name}.html"]),
            css_template=_join(styles),
            js_on_load=_join([PRELUDE, *scripts]),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value

    def api_info(self) -> dict[str, Any]:
        return _schema(self.data_model)


def _join(paths: Sequence[Path]) -> str:
    return "\n".join(path.read_text("utf-8") for path in paths)


@functools.cache
def _schema(model: type[GradioModel]) -> dict[str, Any]:
    """The JSON schema of a model, for which Gradio asks once for each event."""
    return model.model_json_schema()
