"""What the page does for its operator: tidying up, health, and the options it is launched with."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.route_utils import FileUploadProgress
from gradio.state_holder import SessionState

from florence_ui.hosting import launch
from florence_ui.hosting.health import Availability, Health
from florence_ui.hosting.launch import Housekeeping
from florence_ui.hosting.sessions import Session, Sessions
from florence_ui.storage import DiskBudget


class Holder:
    """Gradio's sessions, as far as they are touched."""

    def __init__(self, ages: dict[str, float]) -> None:
        now = datetime.now()
        self.time_last_used = {name: now - timedelta(seconds=age) for name, age in ages.items()}
        self.session_data: dict[str, object] = dict.fromkeys(ages)
        self.deleted: list[str] = []

    def delete_state(self, session: str) -> None:
        self.deleted.append(session)


def fake_app(holder: Holder, pending: dict[str, set[str]], running: set[str], temp: set[str]) -> SimpleNamespace:
    queue = SimpleNamespace(
        pending_event_ids_session=pending,
        pending_messages_per_session=dict.fromkeys(pending),
        event_ids_to_events=dict.fromkeys(running),
    )
    blocks = SimpleNamespace(temp_file_sets=[temp], _queue=queue, state_session_capacity=5)
    return SimpleNamespace(get_blocks=lambda: blocks, state_holder=holder, iterators_to_reset={"gone", "running"})


@pytest.mark.anyio
async def test_silent_sessions_and_unfetched_answers_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept" / "kept.png"
    kept.parent.mkdir()
    kept.write_bytes(b"12345")
    holder = Holder({"old": 10_000, "new": 10})
    pending = {"busy": {"running"}, "empty": set(), "unfetched": {"over"}}
    temp = {str(kept), str(tmp_path / "gone.png")}
    app = fake_app(holder, pending, {"running"}, temp)
    monkeypatch.setattr(launch, "ANSWERS_KEPT", 0.2)
    keeper = Housekeeping(DiskBudget(tmp_path), on_start=lambda _: None)
    await keeper.sweep(app)
    assert set(holder.session_data) == {"new"}
    assert holder.deleted == ["old"]
    assert temp == {str(kept)}
    assert app.iterators_to_reset == {"running"}
    assert set(pending) == {"busy", "empty", "unfetched"}
    await asyncio.sleep(0.3)
    await keeper.sweep(app)
    assert set(pending) == {"busy"}


def test_who_asks_about_uploads_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = FileUploadProgress()
    progress.track("uploaded")
    assert not progress._signals["nobody uploads this"].is_set()
    keeper = Housekeeping(DiskBudget(tmp_path), on_start=lambda _: None)
    keeper._forget_progress(progress)
    assert len(progress._signals) == 2, "an upload may take its time"
    monkeypatch.setattr(launch, "UPLOAD_SECONDS", 0.0)
    keeper._forget_progress(progress)
    assert not progress._signals
    assert not progress._statuses
    keeper._forget_progress(progress)
    assert not keeper._progress


async def works() -> tuple[Availability, str]:
    return Availability.OK, "It works."


async def down() -> tuple[Availability, str]:
    return Availability.UNAVAILABLE, "Nobody answers."


async def hangs() -> tuple[Availability, str]:
    await asyncio.sleep(60)
    return Availability.OK, ""


async def breaks() -> tuple[Availability, str]:
    raise RuntimeError("secret details")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        pytest.param(works, (Availability.OK, "It works."), id="up"),
        pytest.param(down, (Availability.UNAVAILABLE, "Nobody answers."), id="down"),
        pytest.param(hangs, (Availability.UNAVAILABLE, "The backend does not answer."), id="hangs"),
        pytest.param(breaks, (Availability.UNAVAILABLE, "The backend could not be asked."), id="breaks"),
    ],
)
async def test_health_is_said_within_seconds(
    probe: Callable[[], Awaitable[tuple[Availability, str]]], expected: tuple[Availability, str]
) -> None:
    assert await Health(probe, patience=0.1).state() == expected


@pytest.mark.anyio
async def test_asking_for_health_often_does_not_ask_the_backend_often() -> None:
    asked: list[int] = []

    async def probe() -> tuple[Availability, str]:
        asked.append(1)
        await asyncio.sleep(0.01)
        return Availability.OK, ""

    health = Health(probe, keep=60)
    await asyncio.gather(*(health.state() for _ in range(50)))
    assert len(asked) == 1


def test_a_session_has_what_gradios_has_and_keeps_no_posted_value() -> None:
    with gr.Blocks() as demo:
        state, text = gr.State([]), gr.Textbox()
    theirs, ours = SessionState(demo), Session(demo)
    assert vars(theirs).keys() | {"address"} == vars(ours).keys()
    ours[state._id] = ["mine"]
    assert ours[state._id] == ["mine"]
    assert theirs[state._id] == []
    ours[text._id] = other = gr.Textbox(render=False)
    assert ours[text._id] is other
    assert demo.blocks[text._id] is text, "what changed for one visitor has not changed for all"
    ours._update_value_in_config(text._id, "a secret")
    assert list(ours.components) == []
    assert [value for _, value, _ in ours.state_components] == [["mine"]]


def test_sessions_are_kept_apart_and_bounded() -> None:
    with gr.Blocks() as demo:
        state = gr.State([])
    demo.state_session_capacity = 3
    app = SimpleNamespace(get_blocks=lambda: demo)
    Sessions.take_over(app)
    for name in "abcde":
        app.state_holder[name][state._id].append(name)
    assert app.state_holder["e"][state._id] == ["e"]
    assert isinstance(app.state_holder["e"], Session)
    assert len(app.state_holder.session_data) == 3
    assert len(app.state_holder.time_last_used) == 3
    assert demo.state_holder is app.state_holder


def test_who_makes_up_session_after_session_ends_their_own_only() -> None:
    with gr.Blocks() as demo:
        gr.State([])
    demo.state_session_capacity = 6
    Sessions.take_over(SimpleNamespace(get_blocks=lambda: demo))
    holder = demo.state_holder
    for k, address in enumerate(["anna", "ben", *["stranger"] * 20]):
        holder[f"{address} {k}"].address = address
    assert {"anna 0", "ben 1", "stranger 21"} < set(holder.session_data)
    assert len(holder.session_data) == 6
