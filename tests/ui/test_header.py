"""The header's popover: the owner of the machine may look at what it has, and nobody else."""

import gradio as gr
import pytest

from florence_ui.errors import InputError
from florence_ui.playground import build
from florence_ui.settings import Settings
from florence_ui.visitor_identity import Visitor, current_visitor
from florence_ui.visitors.service import Services

pytestmark = pytest.mark.anyio

OWNER, STRANGER = Visitor("a", "127.0.0.1", is_local=True), Visitor("b", "192.0.2.7")


def component(demo: gr.Blocks, elem_id: str) -> gr.blocks.Block | None:
    return next((block for block in demo.blocks.values() if getattr(block, "elem_id", "") == elem_id), None)


def handler(demo: gr.Blocks, output: str) -> gr.blocks.BlockFunction:
    """The function that changes a component, apart from those that change the whole page."""
    target = component(demo, output)
    return next(fn for fn in demo.fns.values() if target in fn.outputs and len(fn.outputs) <= 2)


@pytest.fixture(scope="module")
def demo() -> gr.Blocks:
    return build(Services.of(Settings(start_server=False)))


async def test_the_owner_sees_what_the_machine_has(demo: gr.Blocks) -> None:
    current_visitor.set(OWNER)
    updates = await handler(demo, "machine-report").fn()
    report = updates[component(demo, "machine-report")]
    assert report["visible"] is True
    assert "Python 3." in report["value"]


async def test_a_stranger_is_refused_even_without_the_button(demo: gr.Blocks) -> None:
    current_visitor.set(STRANGER)
    with pytest.raises(InputError, match="Only the owner"):
        await handler(demo, "machine-report").fn()


@pytest.mark.parametrize(
    ("visitor", "offered"), [pytest.param(OWNER, True, id="owner"), pytest.param(STRANGER, False, id="stranger")]
)
async def test_the_check_is_offered_to_the_owner_only(visitor: Visitor, offered: bool, demo: gr.Blocks) -> None:
    current_visitor.set(visitor)
    look = next(fn for fn in demo.fns.values() if component(demo, "check-machine") in fn.outputs and fn.inputs)
    values = dict.fromkeys(look.inputs, "") | {component(demo, "backend"): "local", component(demo, "model"): ""}
    updates = await look.fn(values)
    assert updates[component(demo, "check-machine")]["visible"] is offered
