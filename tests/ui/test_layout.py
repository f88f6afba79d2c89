"""Each tab is one row of `playground.TABS` and a folder beside the others."""

from collections.abc import Iterator

import gradio as gr
import pytest

from florence_ui.playground import TABS, Playground, build
from florence_ui.settings import Settings
from florence_ui.ui import theme
from florence_ui.ui.layout import Page, Tab
from florence_ui.visitors.service import Services


@pytest.fixture
def services() -> Iterator[Services]:
    services = Services.of(Settings.from_environ({"FLORENCE_UI_START_SERVER": "false"}))
    yield services
    services.pipeline.stop()


@pytest.fixture(scope="module")
def usual() -> Playground:
    """The page as it is."""
    return build(Services.of(Settings(start_server=False)))


def props(demo: Playground, kind: str, key: str) -> list[str]:
    """A property of every component of a kind, in the page's order."""
    return [part["props"].get(key) for part in demo.get_config_file()["components"] if part["type"] == kind]


def test_a_made_up_tab_needs_one_row_to_stand_on_the_page_with_its_event(services: Services, usual: Playground) -> None:
    def build_made_up_tab(page: Page, tab: gr.Tab) -> None:
        button = gr.Button("Do it", elem_id="made-up-button")
        button.click(lambda: page.services.settings.default_backend, None, gr.Textbox(elem_id="made-up-text"))

    demo = build(services, (*TABS, Tab("Made up", build_made_up_tab)))
    assert props(demo, "tabitem", "label") == [*props(usual, "tabitem", "label"), "Made up"]
    assert "made-up-button" in props(demo, "button", "elem_id")
    assert len(demo.fns) == len(usual.fns) + 2, "its own event, and the note that it is open"


def test_a_made_up_tab_brings_its_styles_and_scripts_in_its_folder() -> None:
    own = [*theme.UI.glob("*"), *theme.UI.glob("*/*")]  # a component's files are in a folder of its own, one deeper
    files = [path for path in own if path.suffix in (".css", ".js")]
    assert {path.parent.name for path in files} >= {"ui", "explore", "compare", "batch"}
    assert sorted(files) == sorted([*theme.STYLES, *theme.SCRIPTS])
    head = theme.appearance()["head"]
    for path in (*theme.STYLES, *theme.SCRIPTS):
        assert path.read_text("utf-8") in head
    assert [path.name for path in theme.SCRIPTS[:2]] == ["polyfills.js", "page.js"], "others build on what these define"


def test_the_accent_color_stands_in_the_theme_alone() -> None:
    shades = [shade.lstrip("#") for shade in theme.TEAL.expand()]
    for path in theme.UI.rglob("*"):
        if path.suffix in (".css", ".js", ".html"):
            assert not [shade for shade in shades if f"#{shade}" in path.read_text("utf-8").lower()], path


def test_no_event_makes_gradios_page_copy_the_values_of_its_outputs_to_show_progress_on_them(
    usual: Playground,
) -> None:
    events = [event for event in usual.get_config_file()["dependencies"] if event["api_visibility"] != "public"]
    shown_on = {event["api_name"]: event["show_progress_on"] for event in events if event["backend_fn"]}
    assert shown_on
    assert all(targets == [] for targets in shown_on.values()), shown_on


def test_a_change_of_style_is_one_event_as_others_would_compete_with_the_drawing_for_the_browser(
    usual: Playground,
) -> None:
    config = usual.get_config_file()
    ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
    heard = [target for event in config["dependencies"] if event["backend_fn"] for target in event["targets"]]
    for control in ("annotators", "palette-name", "thickness", "opacity", "text-size", "labels", "style-reset"):
        assert len([target for target in heard if target[0] == ids[control]]) == 1, control
