"""The page on a ZeroGPU Space: chosen by itself, short turns by visitor, and failures as sentences."""

import io
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hosting.running import ROOT, RunningApp, file_value
from hosting.zero_gpu_simulation import DeviceAPI, lay_out_cache, space_variables
from PIL import Image

from florence_ui.models import BASE, REPOSITORIES

pytestmark = [pytest.mark.server, pytest.mark.slow]


class ZeroGPUSpace(RunningApp):
    """The app under the simulation."""

    command = (sys.executable, "tests/hosting/zero_gpu_simulation.py")


@pytest.fixture(scope="module")
def api() -> Iterator[DeviceAPI]:
    with DeviceAPI() as api:
        yield api


@pytest.fixture(scope="module")
def space(api: DeviceAPI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZeroGPUSpace]:
    """A Space whose base is nano, so that answers mean something."""
    cache = tmp_path_factory.mktemp("cache")
    lay_out_cache(cache, REPOSITORIES[BASE], ROOT / "assets" / "florence-2-nano")
    with ZeroGPUSpace(**space_variables(api, cache, BASE)) as running:
        yield running


@pytest.fixture(autouse=True)
def _gives_turns(api: DeviceAPI) -> None:
    api.answer = "turn"
    api.scheduled.clear()


def scene(name: str = "park") -> bytes:
    return (ROOT / "assets" / "examples" / f"{name}.jpg").read_bytes()


def test_the_space_reports_its_start(space: ZeroGPUSpace, api: DeviceAPI) -> None:
    assert api.started


def test_an_answer_comes_from_a_short_turn_in_a_process_of_its_own(space: ZeroGPUSpace, api: DeviceAPI) -> None:
    outcome = space.analyze(scene(), "park.jpg", task="<OD>")
    assert outcome.ok, outcome.error
    assert outcome.record["backend"] == "zero-gpu"
    assert outcome.record["model_id"] == BASE
    assert len(outcome.record["detections"]) >= 3
    (turn,) = api.scheduled
    assert 5 <= int(turn["durationSeconds"]) <= 8
    assert api.allowed
    assert space.process.pid not in api.allowed


def test_a_visitors_token_goes_with_the_request_for_a_turn(space: ZeroGPUSpace, api: DeviceAPI) -> None:
    space.client.headers["X-IP-Token"] = "e30.e30.e30"
    try:
        assert space.analyze(scene("beach"), "beach.jpg", task="<CAPTION>").ok
    finally:
        del space.client.headers["X-IP-Token"]
    assert [turn["token"] for turn in api.scheduled] == ["e30.e30.e30"]


def test_several_pictures_share_turns(space: ZeroGPUSpace, api: DeviceAPI) -> None:
    names = ["farm", "kitchen", "street", "launch"]
    images = [file_value(space.upload(scene(name), f"{name}.jpg").json()[0]) for name in names]
    outcome = space.call("many", {"images": images, "task": "<CAPTION>"})
    assert outcome.ok, outcome.error
    assert outcome.record["done"] == 4
    assert len(api.scheduled) <= 2  # one where the machine is not busy with other things


@pytest.mark.parametrize(
    ("answer", "says", "next_step"),
    [
        pytest.param("quota", "GPU time on Hugging Face is used up", "Sign in", id="quota"),
        pytest.param("queue", "used up", "duplicate this Space", id="left-the-queue"),
        pytest.param("none", "No GPU became free in time.", "Try again in a minute.", id="no-card"),
    ],
)
def test_no_turn_is_a_sentence_with_a_next_step(
    answer: str, says: str, next_step: str, space: ZeroGPUSpace, api: DeviceAPI
) -> None:
    api.answer = answer
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (len(answer) * 20, 5, 5)).save(buffer, "PNG")
    outcome = space.analyze(buffer.getvalue(), task="<OD>")
    assert says in outcome.error
    assert next_step in outcome.error


def test_many_visitors_at_once_are_all_answered(space: ZeroGPUSpace) -> None:
    def ask(number: int) -> bool:
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), (number * 20, 99, 5)).save(buffer, "PNG")
        return space.analyze(buffer.getvalue(), task="<CAPTION>").ok

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(6)))


def test_the_terminal_shows_no_traceback_and_no_token(space: ZeroGPUSpace) -> None:
    assert "Traceback" not in space.log
    assert "e30.e30" not in space.log


def test_it_is_chosen_only_there(tmp_path: Path) -> None:
    with RunningApp() as app:
        assert "zero-gpu" not in app.client.get("/gradio_api/info").text
