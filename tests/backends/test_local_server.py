"""The local server: started if nothing answers, restarted when killed, and stopped with the page."""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faults import other_program, refused_url
from PIL import Image
from server_process import ServerProcess

from florence_ui.backends import local_server
from florence_ui.backends.backend import Backend, available_backends
from florence_ui.backends.infer import load_client
from florence_ui.backends.local_server import EAGER_SECONDS, LONGEST_PAUSE, STEADY, LocalServer, restart_delay
from florence_ui.backends.model_status import ServerState, ServerStatus, choose_model
from florence_ui.backends.port_probe import Listener, identify_listener
from florence_ui.backends.probe import request_model
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.concurrency.queueing import ignore_status
from florence_ui.errors import BackendUnreachableError
from florence_ui.images.loading import open_picture
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.request import Request
from florence_ui.models import BASE, NANO, SERVER_NAME
from florence_ui.settings import Settings
from florence_ui.tasks import TASKS

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
CHILD = (sys.executable, str(ROOT / "tests" / "child_server.py"), "{port}")
OUR_INFO = {"name": SERVER_NAME, "version": "0.1"}
KEY = "rf_SecretSecretKey123"


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the server looks often."""
    monkeypatch.setattr(local_server, "POLL_SECONDS", 0.02)


@contextlib.contextmanager
def local(url: str, **options: object) -> Iterator[LocalServer]:
    server = LocalServer(Settings(local_url=url), **({"command": CHILD, "first_pause": 0.1} | options))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def at(url: str) -> Backend:
    """The local backend at that address."""
    return available_backends(Settings(local_url=url))["local"]


async def reach(server: LocalServer, *wanted: ServerState, model_id: str = "", seconds: float = 60) -> ServerStatus:
    """Ask for the state until it is one of those wanted."""
    async with asyncio.timeout(seconds):
        while True:
            status = await server.status(model_id)
            if status.state in wanted:
                return status
            await asyncio.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether no process has that number, or only a dead one that nobody has asked about."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


async def test_it_starts_where_nobody_answers_and_stops(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, local_server.__name__)
    monkeypatch.setenv("API_KEY", KEY)
    await load_client()
    with local(refused_url()) as server:
        first = await server.status()
        assert first.state is ServerState.STARTING
        assert first.detail.endswith(".")
        status = await reach(server, ServerState.READY, model_id=BASE)
        assert status.detail == "Florence-2-base is ready."
        pid = server.pid
        assert pid
        assert "server: keys: []" in caplog.messages, "the child gets no key"
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 5
        assert gone(pid)


async def test_a_killed_server_comes_back_by_itself() -> None:
    with local(refused_url()) as server:
        await reach(server, ServerState.READY)
        first = server.pid
        os.kill(first, signal.SIGKILL)
        assert await asyncio.to_thread(wait_until, lambda: server.pid not in (first, None), 60)
        server.invalidate()
        assert (await reach(server, ServerState.READY)).server.startswith(SERVER_NAME)


async def test_a_run_after_the_server_died_waits_until_it_is_back_and_is_answered(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "picture.png")
    request = Request(TASKS["<CAPTION>"], picture=open_picture(tmp_path / "picture.png"), model_id=BASE)
    url = refused_url()
    with local(url, first_pause=0.5) as server:
        pipeline = Pipeline(Settings(local_url=url), local=server)
        await pipeline.analyze(request)
        first = server.pid
        assert first
        os.kill(first, signal.SIGKILL)
        assert await asyncio.to_thread(wait_until, lambda: identify_listener(url)[0] is Listener.NOBODY, 10)
        assert (await pipeline.analyze(replace(request, task=TASKS["<OD>"]))).result.labels


async def test_a_server_that_cannot_start_is_said_to_be_unavailable() -> None:
    with local(refused_url(), command=(sys.executable, "-c", "raise SystemExit(3)"), first_pause=30.0) as server:
        status = await reach(server, ServerState.UNAVAILABLE)
        assert "stopped unexpectedly" in status.detail
        assert status.hint
        with pytest.raises(BackendUnreachableError, match="stopped unexpectedly"):
            await server.wait_ready(BASE, lambda _: None)


@pytest.mark.parametrize(
    ("lifetimes", "pauses"),
    [
        pytest.param([0, 0, 0], ["0.01", "0.02", "0.04"], id="grow-while-it-keeps-failing"),
        pytest.param([0, 0, STEADY + 1, 0], ["0.01", "0.02", "0.01", "0.02"], id="short-again-after-a-long-life"),
        pytest.param([STEADY + 1, STEADY + 1], ["0.01", "0.01"], id="short-after-each-long-life"),
        pytest.param([0, STEADY - 1], ["0.01", "0.02"], id="not-long-enough"),
    ],
)
def test_pauses_before_a_restart_grow_until_a_child_lived_long(
    lifetimes: list[float], pauses: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run_child(server: LocalServer) -> int:
        """A child that has lived for as long as the next of the lifetimes says."""
        if len(caplog.messages) == len(lifetimes):
            server._stopping.wait()
            return 0
        server._child_begun = time.monotonic() - lifetimes[len(caplog.messages)]
        return 3

    monkeypatch.setattr(LocalServer, "_run_child", run_child)
    caplog.set_level(logging.WARNING, local_server.__name__)
    with local(refused_url(), first_pause=0.01):
        assert wait_until(lambda: len(caplog.messages) == len(lifetimes), 30)
    assert caplog.messages == [f"The local server ended with status 3; restarting in {pause} s" for pause in pauses]


def test_pauses_grow_and_end_growing() -> None:
    pauses = [restart_delay(failures, 1.0) for failures in range(1, 9)]
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE]
    assert restart_delay(10**6) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("greeting", "name"),
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0-OpenSSH_9.6", id="ssh"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n", "nginx", id="web-server"),
        pytest.param(b"\x1b[31mred\r\n", "[31mred", id="control-characters"),
        pytest.param(b"", "", id="silent"),
    ],
)
async def test_another_program_is_named_and_left_alone(greeting: bytes, name: str) -> None:
    with other_program(greeting) as url, local(url) as server:
        status = await reach(server, ServerState.FOREIGN)
        assert server.pid is None
    assert "Another program" in status.detail
    assert name in status.detail
    assert url.removeprefix("http://") in status.detail
    assert "FLORENCE_UI_LOCAL_URL" in status.hint


@pytest.mark.parametrize(
    ("info", "neighbour"),
    [
        pytest.param(OUR_INFO, Listener.OURS, id="ours"),
        pytest.param({"name": "Roboflow Inference Server", "version": "1.8.3"}, Listener.ROBOFLOW, id="roboflow"),
        pytest.param({"name": "Something else"}, Listener.OTHER, id="other"),
    ],
)
async def test_a_server_that_is_there_is_used_and_none_is_started(info: dict[str, str], neighbour: Listener) -> None:
    with ScriptedBackend(info=info) as backend:
        assert (await asyncio.to_thread(identify_listener, backend.url)) == (neighbour, info["name"])
        with local(backend.url) as server:
            wanted = ServerState.FOREIGN if neighbour is Listener.OTHER else ServerState.UNTRIED
            status = await reach(server, wanted, model_id=BASE)
            assert server.pid is None
    assert info["name"] in status.detail


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"start_server": False}, id="not-wanted"),
        pytest.param({"local_url": "http://192.0.2.1:9001"}, id="not-this-machine"),
        pytest.param({"local_url": "https://localhost:9001"}, id="encrypted"),
    ],
)
def test_nothing_is_started_where_it_is_not_wanted(settings: dict[str, object]) -> None:
    server = LocalServer(Settings(**settings), command=CHILD)
    server.start()
    assert server._thread is None


async def test_what_local_needs_is_said_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "NEEDED_PACKAGES", ("json", "no_such_package"))
    with local(refused_url()) as server:
        status = await reach(server, ServerState.UNAVAILABLE)
        assert server.pid is None
    assert "no_such_package" in status.detail
    assert "json" not in status.detail
    assert "requirements.txt" in status.hint


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_the_real_server_ends_with_its_parent_even_a_killed_one(number: signal.Signals) -> None:
    url = refused_url()
    code = (
        "import sys, time\n"
        "from florence_ui.backends.local_server import LocalServer\n"
        "from florence_ui.backends.port_probe import Listener, identify_listener\n"
        "from florence_ui.settings import Settings\n"
        "server = LocalServer(Settings(local_url=sys.argv[1]))\n"
        "server.start()\n"
        "while identify_listener(sys.argv[1])[0] is not Listener.OURS: time.sleep(0.1)\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    environ = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ, text=True) as parent:
        child = int(parent.stdout.readline())
        assert not gone(child)
        parent.send_signal(number)
        parent.wait(10)
        assert wait_until(lambda: gone(child), 10)
    assert identify_listener(url)[0] is Listener.NOBODY


@pytest.mark.parametrize(
    ("model", "state", "words"),
    [
        ({"state": "absent", "on_disk": True}, ServerState.ABSENT, "about to be loaded"),
        ({"state": "absent"}, ServerState.ABSENT, "about to be downloaded"),
        ({"state": "downloading", "percent": 7}, ServerState.DOWNLOADING, "downloaded: 7 %"),
        ({"state": "downloading", "percent": None}, ServerState.DOWNLOADING, "being downloaded."),
        (
            {
                "state": "downloading",
                "percent": 42,
                "total_bytes": 463_221_266,
                "bytes_per_second": 5_234_567,
                "seconds_left": 51.3,
            },
            ServerState.DOWNLOADING,
            "being downloaded: 42 % of 463 MB, 5.23 MB/s, about 55 s left.",
        ),
        (
            {"state": "downloading", "percent": 1, "total_bytes": 1.6e9, "bytes_per_second": 0, "seconds_left": None},
            ServerState.DOWNLOADING,
            "being downloaded: 1 % of 1.6 GB, 0 B/s.",
        ),
        (
            {"state": "downloading", "percent": 1, "total_bytes": "x", "bytes_per_second": -1, "seconds_left": 1e300},
            ServerState.DOWNLOADING,
            "being downloaded: 1 %.",
        ),
        ({"state": "loading"}, ServerState.LOADING, "being loaded"),
        ({"state": "ready"}, ServerState.READY, "is ready."),
        (
            {"state": "ready", "engine": "ONNX Runtime, CPU, float32"},
            ServerState.READY,
            "(ONNX Runtime, CPU, float32).",
        ),
        ({"state": "ready", "engine": ["x"]}, ServerState.READY, "is ready."),
        (
            {"state": "unavailable", "reason": "The Hugging Face Hub cannot be reached."},
            ServerState.UNAVAILABLE,
            "Florence-2-base is not downloaded yet and the Hugging Face Hub cannot be reached.",
        ),
        (
            {"state": "unavailable", "reason": "HF_HUB_OFFLINE forbids downloading it."},
            ServerState.UNAVAILABLE,
            "Florence-2-base is not downloaded yet and HF_HUB_OFFLINE forbids downloading it.",
        ),
        (
            {"state": "unavailable", "reason": "It failed to load (ValueError).", "on_disk": True},
            ServerState.UNAVAILABLE,
            "Florence-2-base is not available. It failed to load (ValueError).",
        ),
        ({"state": "odd\x1b"}, ServerState.UNAVAILABLE, "is not available"),
        ({}, ServerState.UNAVAILABLE, "is not available"),
    ],
    ids=range(16),
)
async def test_each_state_of_a_model_has_its_sentence(model: dict[str, object], state: ServerState, words: str) -> None:
    with ScriptedBackend(models={BASE: model}, info=OUR_INFO) as backend, local(backend.url) as server:
        status = await reach(server, state, model_id=BASE)
    assert words in status.detail
    assert status.detail.isprintable()
    assert bool(status.hint) is (state is ServerState.UNAVAILABLE)


async def test_a_server_that_says_nothing_of_a_model_is_not_called_ready_for_it_but_may_be_asked() -> None:
    with ScriptedBackend() as backend, local(backend.url) as server:
        status = await reach(server, ServerState.UNTRIED, model_id=BASE)
        assert status.is_open
        assert (await server.wait_ready(BASE, ignore_status)).is_open
        assert (await server.status()).state is ServerState.READY


async def test_waiting_asks_for_a_model_that_is_absent_and_tells_each_state_once() -> None:
    models = {BASE: {"state": "absent"}}
    with ScriptedBackend(models=models, info=OUR_INFO) as backend, local(backend.url) as server:
        said: list[str] = []
        waiting = asyncio.create_task(server.wait_ready(BASE, said.append))
        await asyncio.to_thread(backend.wait_for, lambda b: len(b.prepared) > 1)
        assert said == ["Florence-2-base is about to be downloaded."]
        models[BASE] = {"state": "ready"}
        assert (await waiting).state is ServerState.READY
        assert set(backend.prepared) == {BASE}


@pytest.mark.parametrize("settings", [{}, {"start_server": False}], ids=["started-here", "started-by-others"])
async def test_the_chosen_model_is_got_ready_without_anybody_looking(
    settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_server, "WATCH_SECONDS", 0.02)
    models = {BASE: {"state": "absent"}}
    with ScriptedBackend(models=models, info=OUR_INFO) as backend:
        server = LocalServer(Settings(local_url=backend.url, **settings), command=CHILD, prepare=BASE)
        server.start()
        await asyncio.to_thread(backend.wait_for, lambda b: set(b.prepared) == {BASE})
        models[BASE] = {"state": "ready"}
        for _ in range(10):  # a request that is on its way may still arrive
            asked = len(backend.prepared)
            await asyncio.sleep(0.3)
            if len(backend.prepared) == asked:
                break
        assert len(backend.prepared) == asked, "once it is ready nobody asks for it again"
        server.stop()


async def test_a_model_that_does_not_come_is_asked_for_often_only_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline the asking never ends, and an idle page shall rest."""
    asked, url = list[float](), refused_url()

    async def ask(backend: Backend, _: str) -> bool:
        if backend.url == url:
            asked.append(time.monotonic())
        return False

    monkeypatch.setattr(local_server, "request_model", ask)
    monkeypatch.setattr(local_server, "PREPARE_SECONDS", 0.02)
    monkeypatch.setattr(local_server, "WATCH_SECONDS", 0.3)
    with local(url, prepare=BASE) as server:
        assert await asyncio.to_thread(wait_until, lambda: server.pid and len(asked) > 5, 30)
        server._child_begun -= EAGER_SECONDS
        young = len(asked)
        assert await asyncio.to_thread(wait_until, lambda: len(asked) > young + 3, 30)
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert min(pauses[:young]) < 0.25
    assert min(pauses[young:]) >= 0.3


@pytest.mark.parametrize(
    ("state", "again"),
    [
        pytest.param({"state": "downloading", "on_disk": False}, True, id="on-its-way"),
        pytest.param({"state": "unavailable", "on_disk": False}, True, id="download-failed"),
        pytest.param({"state": "unavailable", "on_disk": True}, False, id="does-not-fit-into-memory"),
        pytest.param({"state": "ready", "on_disk": True}, False, id="ready"),
    ],
)
async def test_a_failed_download_is_asked_for_again(state: dict[str, object], again: bool) -> None:
    with ScriptedBackend(models={BASE: state}, info=OUR_INFO) as backend:
        assert await request_model(at(backend.url), BASE) is not again
        assert backend.prepared == [BASE]


async def test_nothing_is_asked_of_other_programs() -> None:
    with ScriptedBackend(info={"name": "Roboflow Inference Server", "version": "1.8.3"}) as backend:
        assert not await request_model(at(backend.url), BASE)
        assert not backend.prepared
    assert not await request_model(at(refused_url()), BASE)


@pytest.mark.server
async def test_what_a_server_does_not_know_is_asked_for_once(tmp_path: Path) -> None:
    environ = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    with ServerProcess(environ=environ) as server:
        assert await request_model(at(server.url), "project/1")


async def test_many_questions_at_once_are_one_question() -> None:
    class Counting(ScriptedBackend):
        asked = 0

        async def _status(self, request: object) -> object:
            Counting.asked += 1
            return await super()._status(request)

    with Counting(models={BASE: {"state": "loading"}}, info=OUR_INFO) as backend, local(backend.url) as server:
        await reach(server, ServerState.LOADING, model_id=BASE)
        await asyncio.sleep(local_server.FRESH_SECONDS * 1.1)
        before = Counting.asked
        states = await asyncio.gather(*(server.status(BASE) for _ in range(50)))
        assert {status.state for status in states} == {ServerState.LOADING}
        assert Counting.asked - before == 1


async def test_a_hung_server_does_not_hold_the_loop() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    hung = await asyncio.start_server(swallow, "127.0.0.1", 0)
    server = LocalServer(Settings(local_url=f"http://127.0.0.1:{hung.sockets[0].getsockname()[1]}", start_server=False))
    asking = asyncio.create_task(server.status())
    ticks = 0
    while not asking.done() and ticks < 20:
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks == 20
    asking.cancel()
    hung.close()


HERE, COMING, LOST = {"state": "ready", "on_disk": True}, {"state": "downloading"}, {"state": "unavailable"}
ON_DISK = {"state": "absent", "on_disk": True}


@pytest.mark.parametrize(
    ("wanted", "models", "example", "chosen"),
    [
        pytest.param("", {}, False, BASE, id="server-that-does-not-tell"),
        pytest.param("", {BASE: HERE, NANO: ON_DISK}, False, BASE, id="base-ready"),
        pytest.param("", {BASE: ON_DISK, NANO: ON_DISK}, True, BASE, id="base-on-disk"),
        pytest.param("", {BASE: COMING, NANO: ON_DISK}, False, BASE, id="own-picture-waits"),
        pytest.param("", {BASE: COMING, NANO: ON_DISK}, True, NANO, id="example-does-not-wait"),
        pytest.param("", {BASE: {"state": "absent"}, NANO: ON_DISK}, True, NANO, id="example-before-download"),
        pytest.param("", {BASE: LOST, NANO: ON_DISK}, False, BASE, id="base-not-available"),
        pytest.param("", {BASE: LOST, NANO: LOST}, False, BASE, id="nano-lost-too"),
        pytest.param("", {BASE: LOST}, False, BASE, id="no-nano"),
        pytest.param(BASE, {BASE: LOST, NANO: ON_DISK}, False, BASE, id="base-by-choice"),
        pytest.param(BASE, {BASE: COMING, NANO: ON_DISK}, True, NANO, id="example-with-base-chosen"),
        pytest.param(BASE, {BASE: LOST, NANO: ON_DISK}, True, BASE, id="example-with-lost-base-chosen"),
        pytest.param("", {BASE: LOST, NANO: ON_DISK}, True, NANO, id="example-without-base"),
        pytest.param(
            "florence-2-large", {"florence-2-large": COMING, NANO: HERE}, True, "florence-2-large", id="large"
        ),
        pytest.param("my/1", {BASE: LOST, NANO: HERE}, True, "my/1", id="fine-tune"),
        pytest.param(NANO, {BASE: HERE, NANO: ON_DISK}, False, NANO, id="nano-by-choice"),
    ],
)
def test_which_model_is_used(wanted: str, models: dict[str, dict], example: bool, chosen: str) -> None:
    assert choose_model(wanted, models, example=example) == chosen


@pytest.mark.parametrize(
    ("wanted", "models", "chosen"),
    [
        pytest.param("", {BASE: LOST, NANO: ON_DISK}, NANO, id="base-not-available"),
        pytest.param("", {BASE: COMING, NANO: ON_DISK}, BASE, id="base-on-its-way"),
        pytest.param(BASE, {BASE: LOST, NANO: ON_DISK}, BASE, id="base-by-choice"),
        pytest.param("", {BASE: LOST, NANO: LOST}, BASE, id="nano-lost-too"),
    ],
)
def test_nano_stands_in_where_the_page_says_so(wanted: str, models: dict[str, dict], chosen: str) -> None:
    assert choose_model(wanted, models, nano_stands_in=True) == chosen
