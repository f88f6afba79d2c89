"""The header's parts: the pill, and the popover with backend, key, and where the picture goes."""

from pathlib import Path

import gradio as gr

from florence_ui.inference.per_class import TITLES
from florence_ui.inference.request import Strategy
from florence_ui.ui.components.header_actions import HeaderActions
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.fragments import fragment
from florence_ui.visitors.service import Services

HERE = Path(__file__).parent
KEY_INFO = "Not saved after this visit. [Get a key from Roboflow](https://app.roboflow.com/settings/api)"
"""Markdown; Roboflow's own documentation names this address."""


class Header:
    """The name, the pill, and the popover behind it."""

    def __init__(self, services: Services) -> None:
        backends = [(backend.title, name) for name, backend in services.pipeline.backends.items()]
        fragment(HERE / "brand.html", elem_id="brand")
        self.pill = HeaderActions(elem_id="header", label="Backend")
        with gr.Column(elem_id="where-pop", elem_classes="popover"):
            self.destination = Notice(elem_id="destination", label="Where pictures go")
            self.backend = gr.Radio(
                backends, value=services.settings.default_backend, label="Backend", elem_id="backend"
            )
            self.state = Notice(elem_id="server-state", label="Its state")
            self.key = key_field("key")
            self.key_notice = Notice(elem_id="key-notice", label="What is wrong with the key")
            self.strategy = gr.Radio(
                [(title, strategy.value) for strategy, title in TITLES.items()], value=Strategy.TOGETHER.value,
                label="Several classes", elem_id="strategy",
            )  # fmt: skip
            if services.settings.sign_in:
                gr.LoginButton(size="sm", elem_id="sign-in", logout_value="Sign out {}")
            self.check = gr.Button("Check this machine", size="sm", elem_id="check-machine", visible=False)
            self.report = gr.Textbox(
                label="This machine", elem_id="machine-report", visible=False, interactive=False, lines=8, max_lines=16
            )
            fragment(HERE / "qr_code.html")
            fragment(HERE / "narrow.html", elem_id="narrow")


def key_field(elem_id: str) -> gr.Textbox:
    """Lay out a field for a Roboflow API key, hidden until a backend needs one."""
    return gr.Textbox(
        label="Roboflow API key", info=KEY_INFO, type="password", elem_id=elem_id, elem_classes="key", visible=False,
        max_length=200, html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
    )  # fmt: skip
