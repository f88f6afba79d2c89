"""Posted values of an event: what a component can hold, and no more of it than a person types."""

import gradio as gr
import pytest

from florence_ui.visitors.event_guard import MAX_TYPED, fits_component

WORDS = "x" * MAX_TYPED


@pytest.mark.parametrize(
    ("block", "most"),
    [
        pytest.param(gr.Textbox(max_length=1000, render=False), "x" * 1000, id="text"),
        pytest.param(gr.Textbox(render=False), WORDS, id="text without a limit"),
        pytest.param(gr.Dropdown(allow_custom_value=True, render=False), WORDS, id="model"),
        pytest.param(gr.Dropdown(multiselect=True, allow_custom_value=True, render=False), [WORDS], id="classes"),
        pytest.param(gr.CheckboxGroup(render=False), [WORDS], id="checkboxes"),
    ],
)
def test_a_field_holds_what_a_person_types_and_no_megabytes(block: gr.blocks.Block, most: str | list[str]) -> None:
    """The page remembers its fields for hours, for hundreds of visits."""
    more = [*most, "y"] if isinstance(most, list) else most + "y"
    assert fits_component(block, most)
    assert not fits_component(block, more)
