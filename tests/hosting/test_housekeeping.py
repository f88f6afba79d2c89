"""A sweep: the files, sessions and answers that it removes, and those that it keeps."""

import asyncio
from datetime import timedelta
from pathlib import Path

import gradio as gr
import pytest
from gradio.routes import App, file_upload_statuses

from florence_ui.hosting import housekeeping
from florence_ui.hosting.gradio_internals.sessions import SessionStore
from florence_ui.hosting.housekeeping import Ages, Housekeeping
from florence_ui.storage import DiskBudget


@pytest.fixture
def gradio_app() -> App:
    with gr.Blocks() as demo:
        gr.State([])
    SessionStore.install(demo.queue().app)
    return demo.app


@pytest.fixture
def keeper(tmp_path: Path) -> Housekeeping:
    return Housekeeping(DiskBudget(tmp_path), on_start=lambda _: None, max_age=7200.0)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(housekeeping.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.anyio
async def test_idle_sessions_and_paths_of_missing_files_are_forgotten(
    gradio_app: App, keeper: Housekeeping, tmp_path: Path
) -> None:
    sessions = gradio_app.state_holder
    for name, age in (("old", 7201), ("new", 7199)):
        assert sessions[name]
        sessions.time_last_used[name] -= timedelta(seconds=age)
    kept = tmp_path / "kept" / "kept.png"
    kept.parent.mkdir()
    kept.write_bytes(b"12345")
    paths = gradio_app.get_blocks().temp_file_sets[0]
    paths.update({str(kept), str(tmp_path / "gone.png")})
    await keeper.sweep(gradio_app)
    assert list(sessions.session_data) == list(sessions.time_last_used) == ["new"]
    assert paths == {str(kept)}


@pytest.mark.anyio
async def test_answers_that_nobody_fetches_are_forgotten(
    gradio_app: App, keeper: Housekeeping, now: list[float]
) -> None:
    queue = gradio_app.get_blocks()._queue
    queue.event_ids_to_events["running"] = None
    queue.pending_event_ids_session |= {"busy": {"running", "over"}, "empty": set(), "unfetched": {"over"}}
    queue.pending_messages_per_session |= dict.fromkeys(queue.pending_event_ids_session)
    gradio_app.iterators_to_reset |= {"over", "running"}
    for seconds, kept in (
        (0, {"busy", "empty", "unfetched"}),
        (899.9, {"busy", "empty", "unfetched"}),
        (0.1, {"busy"}),
    ):
        now[0] += seconds
        await keeper.sweep(gradio_app)
        assert set(queue.pending_event_ids_session) == set(queue.pending_messages_per_session) == kept
        assert gradio_app.iterators_to_reset == {"running"}


@pytest.mark.anyio
async def test_asking_about_uploads_leaves_nothing_behind(
    gradio_app: App, keeper: Housekeeping, now: list[float]
) -> None:
    file_upload_statuses.track("uploaded")
    assert not file_upload_statuses._signals["nobody uploads this"].is_set()
    await keeper.sweep(gradio_app)
    now[0] += housekeeping.UPLOAD_SECONDS - 0.1
    await keeper.sweep(gradio_app)
    assert {"uploaded", "nobody uploads this"} <= set(file_upload_statuses._signals), "an upload may take its time"
    now[0] += 0.1
    await keeper.sweep(gradio_app)
    assert not file_upload_statuses._signals
    assert not file_upload_statuses._statuses


def test_a_name_that_comes_back_counts_as_new(now: list[float]) -> None:
    ages = Ages()
    for at, names, old in (
        (0, "ab", ""),
        (5, "ab", ""),
        (10, "b", "b"),
        (10, "ab", "b"),
        (19, "ab", "b"),
        (20, "ab", "ab"),
    ):
        now[0] = at
        assert ages.older_than(10.0, names) == sorted(old), at


@pytest.mark.anyio
async def test_a_sweep_that_fails_is_tried_again(
    gradio_app: App, keeper: Housekeeping, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sweeps: list[App] = []

    async def sweep(app: App) -> None:
        sweeps.append(app)
        if len(sweeps) == 1:
            raise OSError
        raise asyncio.CancelledError

    monkeypatch.setattr(keeper, "sweep", sweep)
    keeper.interval = 0.0
    with pytest.raises(asyncio.CancelledError):
        await keeper._sweep_forever(gradio_app)
    assert sweeps == [gradio_app, gradio_app]
    assert "will be tried again" in caplog.text
