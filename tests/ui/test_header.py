"""The header's popover: the owner may look at what the machine has and the Space lacks, and nobody else."""

import gradio as gr
import pytest
from faults import refused_url

from florence_ui import doctor
from florence_ui.errors import InputError
from florence_ui.playground import build
from florence_ui.settings import Settings
from florence_ui.visitor_identity import Visitor, current_visitor
from florence_ui.visitors.service import Services

pytestmark = pytest.mark.anyio

OWNER, STRANGER = Visitor("a", "127.0.0.1", is_local=True), Visitor("b", "192.0.2.7")
SPACE_OWNER, ACCOUNT = Visitor("c", "account 42", owns_space=True), Visitor("d", "account 43")


def component(demo: gr.Blocks, elem_id: str) -> gr.blocks.Block | None:
    return next((block for block in demo.blocks.values() if getattr(block, "elem_id", "") == elem_id), None)


def handler(demo: gr.Blocks, output: str) -> gr.blocks.BlockFunction:
    """The function that changes a component, apart from those that change the whole page."""
    target = component(demo, output)
    return next(fn for fn in demo.fns.values() if target in fn.outputs and len(fn.outputs) <= 2)


async def look(demo: gr.Blocks, visitor: Visitor, backend: str = "local") -> dict[gr.blocks.Block, dict]:
    """What the page shows that visitor behind the pill."""
    current_visitor.set(visitor)
    event = next(fn for fn in demo.fns.values() if component(demo, "check-machine") in fn.outputs and fn.inputs)
    values = dict.fromkeys(event.inputs, "") | {component(demo, "backend"): backend, component(demo, "model"): ""}
    return await event.fn(values)


@pytest.fixture(scope="module")
def demo() -> gr.Blocks:
    return build(Services.of(Settings(start_server=False)))


@pytest.fixture(scope="module")
def space() -> gr.Blocks:
    """A Space that asks Roboflow, and whose owner forgot the key."""
    return build(Services.of(Settings(backend="serverless", start_server=False, space="ann/demo")))


@pytest.fixture
def quick_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without PyTorch, where the Hub refuses at once; `tests/test_doctor.py` looks at the real one."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", refused_url())
    monkeypatch.setattr(doctor, "_version", lambda package: "1.0" if package == "onnxruntime" else "")


@pytest.mark.usefixtures("quick_machine")
@pytest.mark.parametrize(
    "visitor", [pytest.param(OWNER, id="of-the-machine"), pytest.param(SPACE_OWNER, id="of-a-space")]
)
async def test_the_owner_sees_what_the_machine_has(visitor: Visitor, demo: gr.Blocks) -> None:
    current_visitor.set(visitor)
    updates = await handler(demo, "machine-report").fn()
    report = updates[component(demo, "machine-report")]
    assert report["visible"] is True
    assert "Python 3." in report["value"]


@pytest.mark.parametrize("visitor", [pytest.param(STRANGER, id="address"), pytest.param(ACCOUNT, id="account")])
async def test_a_stranger_is_refused_even_without_the_button(visitor: Visitor, demo: gr.Blocks) -> None:
    current_visitor.set(visitor)
    with pytest.raises(InputError, match="Only the owner"):
        await handler(demo, "machine-report").fn()


@pytest.mark.parametrize(
    ("visitor", "offered"),
    [
        pytest.param(OWNER, True, id="owner"),
        pytest.param(SPACE_OWNER, True, id="owner-of-the-space"),
        pytest.param(STRANGER, False, id="stranger"),
        pytest.param(ACCOUNT, False, id="signed-in-stranger"),
    ],
)
async def test_the_check_is_offered_to_the_owner_only(visitor: Visitor, offered: bool, demo: gr.Blocks) -> None:
    updates = await look(demo, visitor)
    assert updates[component(demo, "check-machine")]["visible"] is offered


@pytest.mark.parametrize(
    ("visitor", "backend", "is_named"),
    [
        pytest.param(SPACE_OWNER, "serverless", True, id="owner"),
        pytest.param(SPACE_OWNER, "local", False, id="owner-where-none-is-needed"),
        pytest.param(STRANGER, "serverless", False, id="stranger"),
        pytest.param(ACCOUNT, "serverless", False, id="signed-in-stranger"),
    ],
)
async def test_a_missing_secret_is_named_to_the_owner_of_the_space_only(
    visitor: Visitor, backend: str, is_named: bool, space: gr.Blocks
) -> None:
    updates = await look(space, visitor, backend)
    shown = [f"{message.text} {message.hint}" for message in updates[component(space, "server-state")].messages]
    named = [words for words in shown if "API_KEY" in words and "huggingface.co/spaces/ann/demo/settings" in words]
    assert bool(named) is is_named
