"""The whole job over real sockets: from a picture and a task to a result and a drawing."""

import asyncio
import json
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import faults
import numpy as np
import pytest
from aiohttp import web
from faults import refused_url
from PIL import Image
from starlette.datastructures import Secret
from supervision import Detections

from florence_ui.backend_presets import PRESETS
from florence_ui.backends.model_status import NANO_WARNING, ServerState
from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer
from florence_ui.errors import (
    AnswerError,
    BackendError,
    BackendTimeoutError,
    BackendUnreachableError,
    FlorenceUIError,
    InputError,
    KeyRefusedError,
    ModelNotFoundError,
    PromptError,
)
from florence_ui.images.loading import Picture, open_picture
from florence_ui.inference.drawing import draw, render
from florence_ui.inference.pipeline import MAX_OUTCOMES, Pipeline
from florence_ui.inference.request import Analysis, Request
from florence_ui.models import NANO
from florence_ui.settings import Settings
from florence_ui.tasks import TASKS

pytestmark = pytest.mark.anyio

KEY = "rf_SecretSecretKey123"
BASE = "florence-2-base"
OUR_INFO = {"name": "Florence-2 local server", "version": "0.1"}


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Picture:
    return make_picture(tmp_path_factory.mktemp("picture"), (600, 300))


def make_picture(folder: Path, size: tuple[int, int], colour: str = "teal") -> Picture:
    path = folder / f"{colour}.png"
    Image.new("RGB", size, colour).save(path)
    return open_picture(path)


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as server:
        yield server


def pipeline_to(backend: ScriptedBackend, **settings: object) -> Pipeline:
    return Pipeline(Settings(local_url=backend.url, dedicated_url=backend.url, start_server=False, **settings))


def about(picture: Picture, token: str = "<OD>", **more: object) -> Request:
    return Request(TASKS[token], picture=picture, **({"model_id": BASE} | more))


class Heard(list):
    """What a run said it waits for."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def append(self, state: str) -> None:
        super().append(state)
        self._more.set()

    async def at_least(self, count: int) -> None:
        """Wait until that many statuses were reported."""
        async with asyncio.timeout(30):
            while len(self) < count:
                self._more.clear()
                await self._more.wait()


async def until(backend: ScriptedBackend, condition: object) -> None:
    await asyncio.to_thread(backend.wait_for, condition)


@pytest.mark.parametrize("token", TASKS)
async def test_every_task_runs(token: str, backend: ScriptedBackend, picture: Picture) -> None:
    request = about(picture, token, text="a red car", classes=("car", "tree"), region=(0.1, 0.2, 0.5, 0.6))
    analysis = await pipeline_to(backend).analyze(request)
    assert analysis.result.task is TASKS[token]
    assert analysis.result.text or len(analysis.result.detections)
    assert analysis.result.prompt == backend.calls[0].prompt
    assert analysis.result.warnings == ()
    assert (analysis.model_id, analysis.backend, analysis.remembered) == (BASE, "local", False)
    assert analysis.server == backend.url.removeprefix("http://")
    assert set(analysis.steps) == {"wait", "model", "read"}
    assert sum(analysis.steps.values()) == pytest.approx(analysis.seconds, abs=0.01)


async def test_a_large_picture_is_sent_small_and_the_answer_scaled_back(
    backend: ScriptedBackend, tmp_path: Path
) -> None:
    large = make_picture(tmp_path, (3072, 1024))
    analysis = await pipeline_to(backend).analyze(about(large))
    assert backend.calls[0].image_size == (1536, 512)
    assert analysis.result.size == (3072, 1024)
    np.testing.assert_allclose(analysis.result.detections.xyxy[0], [0.05 * 3072, 102, 0.40 * 3072, 614], atol=2)


async def test_what_an_input_lacks_is_refused_before_any_call(backend: ScriptedBackend, picture: Picture) -> None:
    with pytest.raises(PromptError):
        await pipeline_to(backend).analyze(about(picture, "<CAPTION_TO_PHRASE_GROUNDING>"))
    assert backend.count == 0


# --- remembering ------------------------------------------------------------------------------------------------


async def test_the_same_call_again_is_remembered(backend: ScriptedBackend, picture: Picture) -> None:
    pipeline = pipeline_to(backend)
    first = await pipeline.analyze(about(picture))
    again = await pipeline.analyze(about(picture))
    assert (first.remembered, again.remembered) == (False, True)
    assert again.result.detections == first.result.detections
    assert backend.count == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"task": TASKS["<CAPTION>"]}, id="task"),
        pytest.param({"model_id": "florence-2-large"}, id="model"),
        pytest.param({"api_key": Secret("rf_another_key")}, id="key"),
        pytest.param({"backend": "dedicated", "api_key": Secret(KEY)}, id="backend"),
    ],
)
async def test_another_call_is_not_taken_for_the_same(
    change: dict[str, object], backend: ScriptedBackend, picture: Picture
) -> None:
    pipeline = pipeline_to(backend)
    await pipeline.analyze(about(picture))
    assert not (await pipeline.analyze(replace(about(picture), **change))).remembered
    assert backend.count == 2


async def test_another_picture_is_another_call(backend: ScriptedBackend, picture: Picture, tmp_path: Path) -> None:
    pipeline = pipeline_to(backend)
    await pipeline.analyze(about(picture))
    assert not (await pipeline.analyze(about(make_picture(tmp_path, (600, 300), "red")))).remembered


async def test_keys_never_share_answers_and_are_stored_nowhere(backend: ScriptedBackend, picture: Picture) -> None:
    pipeline = pipeline_to(backend, api_key=Secret(KEY))
    one = await pipeline.analyze(about(picture, backend="dedicated"))
    other = await pipeline.analyze(about(picture, backend="dedicated", api_key=Secret("rf_visitors_own")))
    assert not other.remembered
    assert [call.headers["Authorization"] for call in backend.calls] == [f"Bearer {KEY}", "Bearer rf_visitors_own"]
    held = repr(pipeline.cache.__dict__) + repr(one) + repr(pickle.dumps(one.result.raw))
    assert KEY not in held
    assert all(not isinstance(getattr(one, field.name), Secret) for field in fields(one))


async def test_a_failure_is_not_remembered(backend: ScriptedBackend, picture: Picture) -> None:
    pipeline = pipeline_to(backend)
    backend.fault = faults.status(500)
    with pytest.raises(FlorenceUIError):
        await pipeline.analyze(about(picture))
    backend.fault = None
    assert not (await pipeline.analyze(about(picture))).remembered


async def test_a_remembered_region_is_read_for_the_region_that_was_asked(
    backend: ScriptedBackend, picture: Picture
) -> None:
    pipeline = pipeline_to(backend)
    for x2 in (0.50001, 0.50002):
        analysis = await pipeline.analyze(about(picture, "<REGION_TO_CATEGORY>", region=(0.1, 0.2, x2, 0.6)))
        assert analysis.result.detections.xyxy[0][2] == pytest.approx(x2 * 600, abs=1e-3)
    assert analysis.remembered


# --- joined, stopped, in line -----------------------------------------------------------------------------------


async def test_equal_calls_under_way_are_one_call(backend: ScriptedBackend, picture: Picture) -> None:
    pipeline = pipeline_to(backend)
    backend.fault = faults.hang()
    runs = [asyncio.create_task(pipeline.analyze(about(picture))) for _ in range(3)]
    await until(backend, lambda b: b.running == 1)
    runs[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await runs[0]
    assert backend.running == 1, "one visitor's Stop leaves the others' call alone"
    runs[1].cancel()
    runs[2].cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    await until(backend, lambda b: b.running == 0)
    assert (backend.count, backend.abandoned, len(pipeline.calls)) == (1, 1, 0)


async def test_stop_frees_the_place(backend: ScriptedBackend, picture: Picture) -> None:
    pipeline = pipeline_to(backend, backend_concurrency=1)
    backend.fault = faults.hang()
    hung = asyncio.create_task(pipeline.analyze(about(picture)))
    await until(backend, lambda b: b.running == 1)
    said = Heard()
    waiting = asyncio.create_task(pipeline.analyze(about(picture, "<CAPTION>"), on_status=said.append))
    await said.at_least(1)
    assert said == ["Waiting in line: you are next."]
    backend.fault = None
    hung.cancel()
    assert (await waiting).result.text
    assert said[-1] == "Florence-2-base is looking."


async def test_a_hung_server_ends_at_the_deadline_and_frees_the_place(
    backend: ScriptedBackend, picture: Picture
) -> None:
    pipeline = pipeline_to(backend, backend_concurrency=1, local_timeout=0.5)
    backend.fault = faults.hang()
    with pytest.raises(BackendTimeoutError):
        await pipeline.analyze(about(picture))
    backend.fault = None
    assert (await replace_timeout(pipeline).analyze(about(picture))).result


def replace_timeout(pipeline: Pipeline) -> Pipeline:
    """The same pipeline with the usual deadline."""
    pipeline.backends["local"] = replace(pipeline.backends["local"], timeout=60.0)
    return pipeline


async def test_a_backend_never_gets_more_calls_at_once_than_it_may(backend: ScriptedBackend, picture: Picture) -> None:
    backend.delay = 0.02
    pipeline = pipeline_to(backend, backend_concurrency=4)
    requests = [about(picture, "<CAPTION_TO_PHRASE_GROUNDING>", text=f"thing {i}") for i in range(30)]
    done = await asyncio.gather(*(pipeline.analyze(request) for request in requests))
    assert [analysis.result.labels for analysis in done] == [[f"thing {i}"] for i in range(30)]
    assert backend.count == 30
    assert backend.peak <= 4


async def test_sixty_visitors_keep_a_backend_of_fifteen_busy(picture: Picture) -> None:
    with ScriptedBackend(delay=0.3, parallel=15) as backend:
        pipeline = pipeline_to(backend)
        await pipeline.analyze(about(picture))
        requests = [about(picture, "<CAPTION_TO_PHRASE_GROUNDING>", text=f"thing {i}") for i in range(60)]
        begun = time.monotonic()
        await asyncio.gather(*(pipeline.analyze(request) for request in requests))
        seconds = time.monotonic() - begun
    assert backend.peak >= 15
    assert seconds < 60 * 0.3 / 4, "more than four at once, however busy the machine that tests"


# --- keys, backends, models -------------------------------------------------------------------------------------


async def test_the_operators_key_is_used_where_the_visitor_has_none(backend: ScriptedBackend, picture: Picture) -> None:
    pipeline = pipeline_to(backend, api_key=Secret(KEY))
    await pipeline.analyze(about(picture, backend="dedicated"))
    assert backend.calls[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_our_own_server_is_sent_no_key(picture: Picture) -> None:
    with ScriptedBackend(models={BASE: {"state": "ready"}}, info=OUR_INFO) as backend:
        pipeline = pipeline_to(backend, api_key=Secret(KEY))
        await pipeline.analyze(about(picture, api_key=Secret("rf_visitors_own")))
    assert "Authorization" not in backend.calls[0].headers


@pytest.mark.parametrize("own", [None, Secret("rf_visitors_own")], ids=["operator's", "typed"])
async def test_no_key_goes_to_a_local_address_that_nobody_set(
    own: Secret | None, backend: ScriptedBackend, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listens at the usual address, another program perhaps, is asked without one."""
    for name in ("API_KEY", "ROBOFLOW_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setitem(PRESETS, "local", replace(PRESETS["local"], url=backend.url))
    for environ, sent in (({}, None), ({"FLORENCE_UI_LOCAL_URL": backend.url}, f"Bearer {own or KEY}")):
        settings = Settings.from_environ({"API_KEY": KEY, "FLORENCE_UI_START_SERVER": "false", **environ})
        await Pipeline(settings).analyze(about(picture, backend="local", api_key=own))
        assert backend.calls[-1].headers.get("Authorization") == sent
        assert KEY not in str(backend.calls[-1].body)
        assert (KEY in str(backend.calls[-1].headers)) is (sent == f"Bearer {KEY}")


async def test_a_server_at_the_usual_address_that_wants_a_key_costs_the_right_sentence(
    backend: ScriptedBackend, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "local", replace(PRESETS["local"], url=backend.url))
    backend.fault = faults.status(401)
    with pytest.raises(KeyRefusedError, match="requires an API key") as caught:
        await Pipeline(Settings(api_key=Secret(KEY), start_server=False)).analyze(about(picture, backend="local"))
    assert "FLORENCE_UI_LOCAL_URL" in caught.value.hint


async def test_no_key_no_call(backend: ScriptedBackend, picture: Picture) -> None:
    with pytest.raises(KeyRefusedError):
        await pipeline_to(backend).analyze(about(picture, backend="dedicated"))
    assert backend.count == 0


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param({"backend": "elsewhere"}, InputError, id="unknown-backend"),
        pytest.param({"model_id": NANO, "backend": "dedicated"}, ModelNotFoundError, id="nano-remote"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    change: dict[str, object], kind: type[FlorenceUIError], backend: ScriptedBackend, picture: Picture
) -> None:
    with pytest.raises(kind):
        await pipeline_to(backend, api_key=Secret(KEY)).analyze(replace(about(picture), **change))
    assert backend.count == 0


# --- bad answers ------------------------------------------------------------------------------------------------


async def test_an_answer_to_another_question_costs_a_sentence(backend: ScriptedBackend, picture: Picture) -> None:
    backend.answer = lambda prompt, size: {"<OD>": "not boxes"}
    with pytest.raises(AnswerError):
        await pipeline_to(backend).analyze(about(picture))


async def test_a_server_that_speaks_of_another_size_is_not_trusted_silently(
    backend: ScriptedBackend, picture: Picture
) -> None:
    answer = {"image": {"width": 10, "height": 20}, "response": plausible_answer("<OD>", (600, 300))}
    backend.fault = faults.body(json.dumps(answer))
    warnings = (await pipeline_to(backend).analyze(about(picture))).result.warnings
    assert any("10 x 20" in warning for warning in warnings)


# --- the local model --------------------------------------------------------------------------------------------


async def test_a_run_waits_while_the_model_downloads_and_says_so(picture: Picture) -> None:
    models = {BASE: {"state": "downloading", "percent": 40}}
    with ScriptedBackend(models=models, info=OUR_INFO) as backend:
        pipeline, said = pipeline_to(backend, local_timeout=1.0), Heard()
        run = asyncio.create_task(pipeline.analyze(about(picture), on_status=said.append))
        await said.at_least(1)
        assert said == ["Florence-2-base is being downloaded: 40 %."]
        await asyncio.sleep(1.1)  # longer than the deadline, which counts from when the model is ready
        models[BASE] = {"state": "loading"}
        await said.at_least(2)
        models[BASE] = {"state": "ready"}
        assert (await run).result
    assert said[1] == "Florence-2-base is being loaded."
    assert backend.count == 1


async def test_a_model_that_cannot_be_had_says_why_and_names_nano(picture: Picture) -> None:
    reason = "The Hugging Face Hub does not answer."
    models = {BASE: {"state": "unavailable", "reason": reason}, NANO: {"state": "absent", "on_disk": True}}
    with ScriptedBackend(models=models, info=OUR_INFO) as backend, pytest.raises(BackendUnreachableError) as caught:
        await pipeline_to(backend).analyze(about(picture))
    assert caught.value.message == "Florence-2-base is not downloaded yet and the Hugging Face Hub does not answer."
    assert NANO in caught.value.hint
    assert backend.count == 0


NANO_READY = {"state": "ready", "on_disk": True}


@pytest.mark.parametrize(
    ("base", "request_changes", "used"),
    [
        pytest.param({"state": "unavailable"}, {"model_id": "", "nano_stands_in": True}, NANO, id="base-not-available"),
        pytest.param({"state": "unavailable"}, {"model_id": "", "example": True}, NANO, id="example-without-base"),
        pytest.param({"state": "ready"}, {"model_id": ""}, BASE, id="base-is-there"),
        pytest.param({"state": "ready"}, {"model_id": "", "example": True}, BASE, id="example-and-base-is-there"),
        pytest.param({"state": "downloading"}, {"model_id": "", "example": True}, NANO, id="example-while-downloading"),
        pytest.param({"state": "downloading"}, {"example": True}, NANO, id="example-with-base-chosen"),
        pytest.param({"state": "downloading"}, {"model_id": NANO}, NANO, id="nano-by-choice"),
    ],
)
async def test_nano_takes_bases_place(
    base: dict[str, str], request_changes: dict[str, object], used: str, picture: Picture
) -> None:
    with ScriptedBackend(models={BASE: base, NANO: NANO_READY}, info=OUR_INFO) as backend:
        analysis = await pipeline_to(backend).analyze(replace(about(picture), **request_changes))
    assert analysis.model_id == backend.calls[0].model_id == used
    warned = used == NANO and not request_changes.get("example")
    assert (NANO_WARNING in analysis.result.warnings) == warned


async def test_nano_answers_about_a_strangers_picture_only_when_it_is_named(picture: Picture) -> None:
    models = {BASE: {"state": "unavailable", "reason": "No network."}, NANO: NANO_READY}
    with ScriptedBackend(models=models, info=OUR_INFO) as backend:
        pipeline = pipeline_to(backend)
        with pytest.raises(BackendUnreachableError) as caught:
            await pipeline.analyze(replace(about(picture), model_id=""))
        assert backend.count == 0
        assert "No network." in caught.value.message
        assert NANO in caught.value.hint
        assert (await pipeline.analyze(replace(about(picture), model_id=NANO))).result.warnings[0] == NANO_WARNING


async def test_a_picture_of_ones_own_waits_for_base_and_takes_nano_when_base_fails(picture: Picture) -> None:
    models = {BASE: {"state": "downloading", "percent": 3}, NANO: NANO_READY}
    with ScriptedBackend(models=models, info=OUR_INFO) as backend:
        said = Heard()
        run = asyncio.create_task(
            pipeline_to(backend).analyze(
                replace(about(picture), model_id="", nano_stands_in=True), on_status=said.append
            )
        )
        await said.at_least(1)
        assert backend.count == 0
        models[BASE] = {"state": "unavailable", "reason": "No network."}
        assert (await run).model_id == NANO


async def test_a_server_that_is_back_after_it_ended_is_asked_again(picture: Picture) -> None:
    with ScriptedBackend(models={BASE: {"state": "ready"}}, info=OUR_INFO) as backend:
        pipeline = pipeline_to(backend)
        await pipeline.analyze(about(picture))
        port = backend.port
    with pytest.raises(BackendUnreachableError):
        await pipeline.analyze(about(picture, "<CAPTION>"))
    with ScriptedBackend(models={BASE: {"state": "ready"}}, info=OUR_INFO, port=port) as backend:
        assert (await pipeline.analyze(about(picture, "<CAPTION>"))).result.text


async def test_nobody_there_says_what_to_do(picture: Picture) -> None:
    pipeline = Pipeline(Settings(local_url=refused_url(), start_server=False))
    with pytest.raises(BackendUnreachableError, match="No server answers") as caught:
        await pipeline.analyze(about(picture))
    assert caught.value.hint


async def test_a_backend_is_ready_only_after_it_answered_for_this_model(
    backend: ScriptedBackend, picture: Picture
) -> None:
    pipeline = pipeline_to(backend, api_key=Secret(KEY))
    for name in ("local", "dedicated"):
        assert (await pipeline.status(name, BASE)).state is ServerState.UNTRIED
        await pipeline.analyze(about(picture, backend=name))
        assert (await pipeline.status(name, BASE)).state is ServerState.READY
        assert (await pipeline.status(name, "my/1")).state is ServerState.UNTRIED
    assert (await pipeline.status("nowhere")).state is ServerState.UNAVAILABLE


async def test_a_backend_that_answered_for_one_key_is_not_ready_for_another(
    backend: ScriptedBackend, picture: Picture
) -> None:
    pipeline = pipeline_to(backend)
    await pipeline.analyze(about(picture, backend="dedicated", api_key=Secret("mine")))
    assert (await pipeline.status("dedicated", BASE, key=Secret("mine"))).state is ServerState.READY
    assert (await pipeline.status("dedicated", BASE, key=Secret("yours"))).state is ServerState.UNTRIED


async def test_a_backend_without_a_key_is_not_ready(backend: ScriptedBackend) -> None:
    pipeline = Pipeline(Settings(dedicated_url=backend.url, local_url=backend.url, start_server=False))
    status = await pipeline.status("dedicated", BASE)
    assert status.state is ServerState.KEY_MISSING
    assert not status.is_open
    assert (await pipeline.status("dedicated", BASE, key=Secret("mine"))).state is ServerState.UNTRIED


async def test_a_backend_that_failed_says_why_until_it_answers_again(
    backend: ScriptedBackend, picture: Picture
) -> None:
    async def fail(*_: object) -> web.StreamResponse:
        return web.json_response({"message": "gone"}, status=500)

    pipeline = pipeline_to(backend, api_key=Secret(KEY))
    backend.fault = fail
    with pytest.raises(BackendError) as caught:
        await pipeline.analyze(about(picture, backend="dedicated"))
    status = await pipeline.status("dedicated", BASE)
    assert (status.state, status.detail) == (ServerState.UNAVAILABLE, caught.value.message)
    backend.fault = None
    await pipeline.analyze(about(picture, backend="dedicated"))
    assert (await pipeline.status("dedicated", BASE)).state is ServerState.READY


def test_made_up_models_and_keys_do_not_fill_the_memory() -> None:
    pipeline = Pipeline(Settings(start_server=False))
    for number in range(2 * MAX_OUTCOMES):
        pipeline.outcomes["local", f"model-{number}", ""] = "answered"
    assert len(pipeline.outcomes) == MAX_OUTCOMES


async def test_a_remote_backend_that_is_gone_says_nothing_about_the_local_one(picture: Picture, monkeypatch) -> None:
    pipeline = Pipeline(Settings(api_key=Secret(KEY), dedicated_url=refused_url(), start_server=False))
    monkeypatch.setattr(pipeline.local, "invalidate", lambda: pytest.fail("the local server was doubted"))
    with pytest.raises(BackendUnreachableError, match="No server answers"):
        await pipeline.analyze(about(picture, backend="dedicated"))


async def test_a_remote_backend_is_not_asked_how_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        pipeline = Pipeline(Settings(api_key=Secret("operators"), dedicated_url=url, start_server=False))
        assert (await pipeline.status("dedicated", BASE)).state is ServerState.UNTRIED
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


# --- drawing ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def analysis(backend: ScriptedBackend, picture: Picture) -> Analysis:
    return await pipeline_to(backend).analyze(about(picture))


async def test_the_drawing_is_a_file_of_ours(
    analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = await draw(analysis)
    assert path.is_relative_to(tmp_path)
    with Image.open(path) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", (600, 300))
        assert drawn.convert("RGB").getpixel((30, 100)) != pytest.approx((0, 128, 128), abs=30)
        assert drawn.convert("RGB").getpixel((590, 290)) == pytest.approx((0, 128, 128), abs=12)


async def test_nothing_to_draw_is_the_picture_itself(analysis: Analysis) -> None:
    path = await draw(analysis, shown=[])
    assert path.read_bytes() == analysis.picture.jpeg
    empty = replace(analysis, result=replace(analysis.result, detections=Detections.empty()))
    assert (await draw(empty)).read_bytes() == analysis.picture.jpeg


async def test_a_download_is_drawn_at_the_originals_size(backend: ScriptedBackend, tmp_path: Path) -> None:
    large = make_picture(tmp_path, (2000, 1000))
    analysis = await pipeline_to(backend).analyze(about(large))
    assert render(analysis).size == (1536, 768)
    assert render(analysis, full=True).size == (2000, 1000)


async def test_drawing_leaves_the_loop_free(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def annotate(image: Image.Image, *_: object) -> Image.Image:
        threads.append(threading.current_thread())
        return image

    monkeypatch.setattr("florence_ui.inference.drawing.annotate", annotate)
    await draw(analysis)
    assert threads
    assert threading.current_thread() not in threads
