"""One call to a server: the request, and the error message for each possible failure."""

import asyncio
import base64
import io
import json
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import aiohttp
import faults
import pytest
from aiohttp import web
from faults import genuine_error, other_program, refused_url
from PIL import Image
from starlette.datastructures import Secret

from florence_ui.backends.backend import Backend, available_backends, is_loopback_url
from florence_ui.backends.http_session import open_session
from florence_ui.backends.infer import infer
from florence_ui.backends.probe import check_reachable, probe
from florence_ui.backends.refusals import server_message
from florence_ui.backends.unreachable import explain_failure
from florence_ui.bench.scripted_backend import Respond, ScriptedBackend
from florence_ui.errors import (
    AnswerError,
    BackendBusyError,
    BackendError,
    BackendTimeoutError,
    BackendUnreachableError,
    CreditsError,
    KeyRefusedError,
    ModelNotFoundError,
)
from florence_ui.redaction import MASK
from florence_ui.settings import Settings

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
KEY = "rf_SecretSecretKey123"
ERRORS = json.loads((Path(__file__).parents[1] / "data" / "server_errors.json").read_text(encoding="utf-8"))
MEANING = {
    400: BackendError, 401: KeyRefusedError, 402: CreditsError, 403: KeyRefusedError, 404: ModelNotFoundError,
    405: BackendError, 408: BackendTimeoutError, 413: BackendError, 422: BackendError, 423: CreditsError,
    429: BackendBusyError, 500: BackendError, 502: BackendUnreachableError, 503: BackendBusyError,
    504: BackendTimeoutError, 418: BackendError, 507: BackendError,
}  # fmt: skip


def jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "JPEG")
    return buffer.getvalue()


PICTURE = jpeg()


def to(url: str, name: str = "dedicated", timeout: float = 30.0) -> Backend:
    return Backend(name, "A server", url, timeout=timeout)


async def ask(url: str, prompt: str = "<CAPTION>", **changes: object) -> object:
    options = {"name": "dedicated", "timeout": 30.0, "api_key": Secret(KEY), "model_id": "florence-2-base"} | changes
    backend = to(url, options.pop("name"), options.pop("timeout"))
    return await infer(backend, prompt=prompt, image=PICTURE, **options)


async def failure(url: str, kind: type[BackendError] = BackendError, **changes: object) -> BackendError:
    """The error of a call; every error has two sentences and never the key."""
    with pytest.raises(kind) as caught:
        await ask(url, **changes)
    error = caught.value
    assert error.message.endswith((".", "”"))
    assert error.hint.endswith(".")
    assert KEY not in str(error)
    assert KEY not in repr(error)
    assert error.__cause__ is None
    return error


async def test_an_answer_comes_as_it_was_sent() -> None:
    with ScriptedBackend() as backend:
        answer = await ask(backend.url, "<OD>")
    assert answer.response["<OD>"]["labels"] == ["car", "person", "wheel"]
    assert answer.image_size == (64, 48)
    assert answer.server == backend.url.removeprefix("http://")
    assert 0 < answer.seconds < 30


async def test_what_is_sent_is_what_the_plain_sdk_sends() -> None:
    from inference_sdk import InferenceConfiguration, InferenceHTTPClient

    with ScriptedBackend() as backend:
        client = InferenceHTTPClient(backend.url, KEY).configure(InferenceConfiguration(api_key_transport="header"))
        encoded = base64.b64encode(PICTURE).decode()
        await client.infer_lmm_async(encoded, model_id="florence-2-base", prompt="<OD>", max_new_tokens=1024)
        await ask(backend.url, "<OD>")
        theirs, ours = backend.calls
    assert ours.body == theirs.body == {"model_id": "florence-2-base", "prompt": "<OD>", "max_new_tokens": 1024}
    assert ours.image == theirs.image == PICTURE
    assert ours.headers["Authorization"] == theirs.headers["Authorization"] == f"Bearer {KEY}"
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


async def test_without_a_key_none_is_sent() -> None:
    with ScriptedBackend() as backend:
        await ask(backend.url, api_key=None)
    assert "Authorization" not in backend.calls[0].headers
    assert "api_key" not in backend.calls[0].body


async def test_no_warning_of_the_sdk_reaches_the_terminal() -> None:
    with ScriptedBackend() as backend, warnings.catch_warnings():
        warnings.simplefilter("error")
        await ask(backend.url)


@pytest.mark.parametrize("status", MEANING)
async def test_every_status_has_its_sentence(status: int) -> None:
    with ScriptedBackend(fault=faults.status(status)) as backend:
        error = await failure(backend.url, MEANING[status])
    assert type(error) is MEANING[status]
    assert error.status == status
    assert backend.count == 1, "a refusal is not asked again"


async def test_statuses_are_told_apart() -> None:
    said = set()
    with ScriptedBackend() as backend:
        for status in (400, 401, 402, 403, 404, 405, 408, 413, 422, 423, 429, 500, 502, 503, 504):
            backend.fault = faults.status(status, "")
            said.add((await failure(backend.url)).message)
    assert len(said) == 15


@pytest.mark.parametrize("name", ERRORS)
async def test_every_error_of_the_genuine_server_is_understood(name: str) -> None:
    row = ERRORS[name]
    with ScriptedBackend(fault=faults.status(row["status"], row["body"])) as backend:
        error = await failure(backend.url, MEANING[row["status"]])
    message = row["body"].get("message", "")
    if message and message != "Internal error.":
        assert message[:200] in error.message
    if row["status"] == 422:
        assert row["body"]["detail"][0]["msg"] in error.message
        assert "abc" not in error.message


async def test_a_missing_key_is_asked_for_and_not_called_wrong() -> None:
    with ScriptedBackend(fault=faults.status(401)) as backend:
        without = await failure(backend.url, KeyRefusedError, api_key=None)
        wrong = await failure(backend.url, KeyRefusedError)
    assert "requires an API key" in without.message
    assert "did not accept" in wrong.message


async def test_a_backend_that_needs_a_key_is_not_called_without_one() -> None:
    with ScriptedBackend() as backend, pytest.raises(KeyRefusedError, match="needs an API key"):
        await infer(replace(to(backend.url), needs_key=True), model_id="m", prompt="<OD>", image=PICTURE)
    assert backend.count == 0


@pytest.mark.parametrize("key", ["two words", "line\r\nX-Evil: 1", "schlüssel", "k" * 1000], ids=lambda k: k[:9])
async def test_what_cannot_be_a_key_is_not_sent(key: str) -> None:
    with ScriptedBackend() as backend:
        error = await failure(backend.url, KeyRefusedError, api_key=Secret(key))
    assert backend.count == 0
    assert key not in str(error)


async def test_serverless_404_names_the_other_ways() -> None:
    with ScriptedBackend(fault=faults.status(404)) as backend:
        hint = (await failure(backend.url, ModelNotFoundError, name="serverless")).hint
    assert "Dedicated" in hint
    assert "local" in hint


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        pytest.param(faults.cut_off(), AnswerError, "was cut off", id="cut-off"),
        pytest.param(faults.reset(), BackendUnreachableError, "closed the connection", id="reset"),
        pytest.param(faults.html(), AnswerError, "a web page", id="html"),
        pytest.param(faults.empty(), AnswerError, "nothing", id="empty"),
        pytest.param(faults.huge(50), AnswerError, "larger than", id="50-MB"),
        pytest.param(faults.body("no json"), AnswerError, "unreadable", id="text"),
        pytest.param(faults.body("[" * 200_000), AnswerError, "unreadable", id="deep"),
        pytest.param(faults.body(f'{{"response": {"9" * 5000}}}'), AnswerError, "unreadable", id="huge-number"),
        pytest.param(faults.body(b"\xff\xfe\x00"), AnswerError, "unreadable", id="not-utf-8"),
        pytest.param(faults.body("[1, 2]"), AnswerError, "form", id="list"),
        pytest.param(faults.body('{"answer": 1}'), AnswerError, "form", id="no-response"),
        pytest.param(faults.body('{"response": "text"}'), AnswerError, "form", id="response-text"),
        pytest.param(faults.status(503, "<h1>Maintenance</h1>"), BackendBusyError, "cannot answer", id="html-503"),
        pytest.param(faults.status(500, {"message": ["odd"]}), BackendError, "odd", id="odd-message"),
        pytest.param(faults.status(500, "x" * 10**7), BackendError, "failed", id="huge-500"),
    ],
)
async def test_a_bad_answer_costs_a_sentence(fault: Respond, kind: type[BackendError], words: str) -> None:
    with ScriptedBackend(fault=fault) as backend:
        error = await failure(backend.url, kind)
        assert words in error.message
        assert "<h1>" not in str(error)
        assert len(str(error)) < 800
        assert backend.count == 1, "a failed call is not made, and paid for, twice"
        backend.fault = None
        assert (await ask(backend.url)).response


@pytest.mark.parametrize("fault", [faults.hang(), faults.drip()], ids=["hang", "drip"])
async def test_the_deadline_ends_the_call(fault: Respond) -> None:
    with ScriptedBackend(fault=fault) as backend:
        await ask_once_to_load_the_sdk(backend)
        begun = time.monotonic()
        error = await failure(backend.url, BackendTimeoutError, timeout=0.5)
        assert 0.4 < time.monotonic() - begun < 10
        assert "0.5 seconds" in error.message
        await asyncio.to_thread(backend.wait_for, lambda b: b.running == 0)


@pytest.mark.parametrize("fault", [faults.hang(), faults.drip()], ids=["hang", "drip"])
async def test_cancelling_hangs_up(fault: Respond) -> None:
    with ScriptedBackend(fault=fault) as backend:
        call = asyncio.create_task(ask(backend.url))
        await asyncio.to_thread(backend.wait_for, lambda b: b.running == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(backend.wait_for, lambda b: b.running == 0)


async def test_a_kept_connection_that_the_server_had_closed_is_replaced() -> None:
    seen = set()

    async def respond(backend: ScriptedBackend, request: web.Request, call: object) -> web.StreamResponse:
        if request.transport in seen:
            request.transport.abort()
            return web.Response()
        seen.add(request.transport)
        return web.json_response(backend.body(call))

    with ScriptedBackend(fault=respond) as backend:
        await ask(backend.url)
        assert (await ask(backend.url)).response
        assert backend.count == 3
        backend.fault = faults.reset()
        await failure(backend.url, BackendUnreachableError)
        assert backend.count == 5, "tried on one new connection, and no more"


async def ask_once_to_load_the_sdk(backend: ScriptedBackend) -> None:
    fault, backend.fault = backend.fault, None
    await ask(backend.url)
    backend.fault = fault


async def test_nobody_there() -> None:
    url = refused_url()
    assert "No server answers" in (await failure(url, BackendUnreachableError)).message
    assert not (await probe(to(url))).reachable
    works, words = await check_reachable(to(url))
    assert not works
    assert "No server answers" in words


async def test_a_host_without_an_address() -> None:
    await failure("http://no-such-host.invalid", BackendUnreachableError)


async def test_another_program_is_called_that() -> None:
    with other_program() as url:
        error = await failure(url)
        assert "not a model server" in error.message or "closed the connection" in error.message
        assert not (await probe(to(url))).reachable


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_neither_key_nor_picture_follow_a_redirect(status: int) -> None:
    with ScriptedBackend() as elsewhere, ScriptedBackend() as backend:
        backend.fault = faults.redirect(f"{elsewhere.url}/infer/lmm", status)
        error = await failure(backend.url)
    assert "another address" in error.message
    assert elsewhere.count == 0


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_key_that_a_server_repeats_is_masked(status: int) -> None:
    with ScriptedBackend(fault=faults.echo_key(status)) as backend:
        error = await failure(backend.url)
    assert MASK in error.message
    assert KEY[:8] not in str(error)


async def test_a_key_in_an_answer_is_masked() -> None:
    with ScriptedBackend(fault=faults.echo_key(200)) as backend:
        answer = await ask(backend.url)
    assert MASK in json.dumps(answer.response)
    assert KEY not in json.dumps(answer.response)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (genuine_error(402), "Not enough credits to perform this request. Verify your workspace billing page."),
        (genuine_error(422), "body.prompt: Input should be a valid string"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"error": "odd"}, "odd"),
        ({"message": {"deep": 1}}, ""),
        ({"detail": ["one", {"msg": "two"}]}, "one; two"),
        ([1], ""),
        (None, ""),
    ],
    ids=range(8),
)
def test_a_servers_message_is_found(body: object, words: str) -> None:
    assert server_message(json.dumps(body).encode()) == words


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyError("request_data"), id="sdk-KeyError"),
        pytest.param(TimeoutError(), id="TimeoutError"),
        pytest.param(aiohttp.InvalidURL("http://:80"), id="InvalidURL"),
        pytest.param(aiohttp.ClientPayloadError(KEY), id="ClientPayloadError"),
        pytest.param(aiohttp.ServerDisconnectedError(), id="ServerDisconnectedError"),
        pytest.param(json.JSONDecodeError(KEY, KEY, 0), id="JSONDecodeError"),
        pytest.param(OSError(f"cannot write mode RGBA as JPEG {KEY}"), id="OSError"),
        pytest.param(RuntimeError(KEY), id="RuntimeError"),
    ],
)
def test_every_exception_has_words_and_none_has_the_key(error: Exception) -> None:
    told = explain_failure(error, to("http://somewhere"))
    assert isinstance(told, BackendError)
    assert told.message
    assert told.hint
    assert KEY not in str(told)


async def test_the_genuine_server_is_known() -> None:
    with ScriptedBackend() as backend:
        await ask(backend.url)
        state = await probe(to(backend.url, "local"))
    assert state.reachable
    assert state.models == {}
    assert state.server == "Roboflow Inference Server 1.8.3"


async def test_our_server_tells_of_its_models() -> None:
    models = {"florence-2-base": {"state": "downloading", "percent": 40}}
    with ScriptedBackend(models=models, info={"name": "Florence-2 local server", "version": "1"}) as backend:
        state = await probe(to(backend.url, "local"))
    assert state.models == models


async def test_a_hung_server_is_not_reachable() -> None:
    async def swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await probe(to(refused_url()))
    state = await probe(to(f"http://127.0.0.1:{port}"), seconds=0.3)
    server.close()
    assert not state.reachable


async def test_many_calls_share_connections_and_none_is_left_open() -> None:
    with ScriptedBackend(delay=0.02, parallel=15) as backend:
        await asyncio.gather(*(ask(backend.url) for _ in range(60)))
        await asyncio.to_thread(backend.wait_for, lambda b: b.running == 0)
    assert backend.count == 60


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:9001", True),
        ("http://127.0.0.1:9001", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:9001", True),
        ("http://LOCALHOST", True),
        ("http://192.168.0.2:9001", False),
        ("https://serverless.roboflow.com", False),
        ("http://localhost.example.com", False),
        ("http://0.0.0.0", False),
    ],
)
def test_what_stays_on_this_machine(url: str, here: bool) -> None:
    assert is_loopback_url(url) is here
    assert to(url).is_on_this_machine is here


def test_the_settings_make_the_backends() -> None:
    settings = Settings(dedicated_url="https://a.roboflow.cloud", remote_timeout=7, local_timeout=8)
    backends = available_backends(settings)
    assert list(backends) == ["serverless", "dedicated", "local"]
    assert backends["serverless"].url == "https://serverless.roboflow.com"
    assert backends["serverless"].host == "serverless.roboflow.com"
    assert [backend.timeout for backend in backends.values()] == [7, 7, 8]
    assert [backend.needs_key for backend in backends.values()] == [True, True, False]
    assert "dedicated" not in available_backends(Settings())


def test_the_sdk_is_loaded_late_and_sessions_end_with_their_loop() -> None:
    code = (
        "import asyncio, sys\n"
        "from florence_ui.backends.infer import infer\n"
        "from florence_ui.backends.backend import Backend\n"
        "from florence_ui.errors import BackendUnreachableError\n"
        "assert 'inference_sdk' not in sys.modules\n"
        "async def main():\n"
        "    try: await infer(Backend('local', 'x', 'http://127.0.0.1:1'), model_id='m', prompt='p', image=b'')\n"
        "    except BackendUnreachableError: print('refused')\n"
        "asyncio.run(main())\n"
        "assert 'inference_sdk' in sys.modules\n"
    )
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "refused", done.stderr
    assert done.stderr == ""


def test_threads_have_their_own_sessions_whose_loops_come_and_go() -> None:
    """The page's loop, and a thread that asks for the first model with a new loop each time."""

    async def open_twice() -> bool:
        return (await open_session()) is (await open_session())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(lambda _: asyncio.run(open_twice()), range(3000)))
    finally:
        sys.setswitchinterval(before)
