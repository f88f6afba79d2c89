"""The header's parts: the pill, and the popover with backend, key, and where the picture goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from florence_ui.inference.per_class import TITLES
from florence_ui.inference.request import Strategy
from florence_ui.ui.components import HeaderActions, Notice
from florence_ui.ui.fragments import fragment

HERE = Path(__file__).parent
KEY_INFO = "Not saved after this visit. [Get a key from Roboflow](https://app.roboflow.com/settings/api)"
"""Markdown; Roboflow's own documentation names this address."""


@dataclass(frozen=True)
class Header:
    """The pill, and what its popover holds."""

    pill: HeaderActions
    destination: Notice
    state: Notice
    backend: gr.Radio
    key: gr.Textbox
    strategy: gr.Radio
    check: gr.Button
    report: gr.Textbox


def lay_out(backends: Sequence[tuple[str, str]], backend: str, *, sign_in: bool) -> Header:
    """Lay out the name, the right end of the header and its popover.

    Args:
        backends: (title, name) of each backend.
        backend: The name of the chosen one.
        sign_in: Whether visitors may sign in with Hugging Face.
    """
    fragment(HERE / "brand.html", elem_id="brand")
    pill = HeaderActions(elem_id="header", label="Backend")
    with gr.Column(elem_id="where-pop", elem_classes="popover"):
        destination = Notice(elem_id="destination", label="Where pictures go")
        backend_field = gr.Radio(list(backends), value=backend, label="Backend", elem_id="backend")
        state = Notice(elem_id="server-state", label="Its state")
        key = key_field("key")
        strategy = gr.Radio(
            [(title, strategy.value) for strategy, title in TITLES.items()], value=Strategy.TOGETHER.value,
            label="Several classes", elem_id="strategy",
        )  # fmt: skip
        if sign_in:
            gr.LoginButton(size="sm", elem_id="sign-in", logout_value="Sign out {}")
        check = gr.Button("Check this machine", size="sm", elem_id="check-machine", visible=False)
        report = gr.Textbox(
            label="This machine", elem_id="machine-report", visible=False, interactive=False, lines=8, max_lines=16
        )
        fragment(HERE / "qr_code.html")
        fragment(HERE / "narrow.html", elem_id="narrow")
    return Header(pill, destination, state, backend_field, key, strategy, check, report)


def key_field(elem_id: str) -> gr.Textbox:
    """Lay out a field for a Roboflow API key, hidden until a backend needs one."""
    return gr.Textbox(
        label="Roboflow API key", info=KEY_INFO, type="password", elem_id=elem_id, elem_classes="key", visible=False,
        max_length=200, html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
    )  # fmt: skip
