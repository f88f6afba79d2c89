"""Visitors' sessions: their contents, their number, and their eviction."""

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from florence_ui.hosting.gradio_internals.sessions import LeanSession, SessionStore


def store(capacity: int) -> SessionStore:
    with gr.Blocks() as demo:
        gr.State([])
    demo.state_session_capacity = capacity
    SessionStore.install(demo.app)
    assert demo.state_holder is demo.app.state_holder
    assert isinstance(demo.state_holder, SessionStore)
    return demo.state_holder


def test_a_session_has_what_gradios_has_and_keeps_no_posted_value() -> None:
    with gr.Blocks() as demo:
        state, text = gr.State([]), gr.Textbox()
    theirs, ours = SessionState(demo), LeanSession(demo)
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


def test_sessions_are_kept_apart() -> None:
    sessions = store(capacity=3)
    state = next(iter(sessions.blocks.blocks))
    for name in "ab":
        sessions[name][state].append(name)
    assert [sessions[name][state] for name in "ab"] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("used", "left"),
    [
        pytest.param("abc", "abc", id="exactly-full"),
        pytest.param("abcd", "bcd", id="oldest-goes"),
        pytest.param("abcad", "cad", id="used-again-stays"),
        pytest.param("abcadbe", "dbe", id="an-evicted-one-comes-back-as-new"),
    ],
)
def test_the_least_recently_used_session_is_evicted(used: str, left: str) -> None:
    sessions = store(capacity=3)
    for name in used:
        assert isinstance(sessions[name], LeanSession)
    assert list(sessions.session_data) == list(left)
    assert set(sessions.time_last_used) == set(left)


def test_opening_session_after_session_evicts_only_ones_own() -> None:
    sessions = store(capacity=6)
    for k, address in enumerate(["anna", "ben", *["stranger"] * 20]):
        sessions[f"{address} {k}"].address = address
    assert {"anna 0", "ben 1", "stranger 21"} < set(sessions.session_data)
    assert len(sessions.session_data) == 6


def test_a_forgotten_session_leaves_nothing_and_may_be_forgotten_twice() -> None:
    sessions = store(capacity=3)
    assert sessions["a"] is sessions["a"]
    for _ in range(2):
        sessions.forget("a")
        assert not sessions.session_data
        assert not sessions.time_last_used
