"""The page's parts in front of a scripted server, without a running app."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any

import gradio as gr
from workbench import workbench

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.inference.gallery import Example
from florence_ui.settings import Settings
from florence_ui.ui.layout import Page
from florence_ui.visitors.service import Services


@contextmanager
def scripted_page(examples: Sequence[Example] = (), **scripted: Any) -> Iterator[tuple[ScriptedBackend, Page]]:
    """A scripted server, and the page in front of it with services of its own; arguments are `ScriptedBackend`'s."""
    with workbench(**scripted) as (backend, pipeline):
        page = copy(_laid_out(tuple(examples)))
        page.services = Services.of(pipeline.settings)
        yield backend, page


@cache
def _laid_out(examples: tuple[Example, ...]) -> Page:
    """The parts, made once: the app that Gradio makes with them takes longer than most tests, and is never freed."""
    with gr.Blocks():
        return Page(Services.of(Settings(backend="local", start_server=False)), examples)
