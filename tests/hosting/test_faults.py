"""Failures of the backend, seen through the running app: an error message, and nothing left running."""

import json
import socket
import time

import faults
import pytest
from hosting.running import AppHere, RunningApp, file_value, free_port, is_sentence
from starlette.datastructures import Secret

from florence_ui.bench.scripted_backend import Respond, ScriptedBackend
from florence_ui.settings import Settings

FAULTS = {
    "400": (faults.status(400), "not"),
    "401": (faults.status(401), "key"),
    "402": (faults.status(402), "credits"),
    "403": (faults.status(403), "key"),
    "404": (faults.status(404), "model"),
    "408": (faults.status(408), ""),
    "413": (faults.status(413), ""),
    "422": (faults.status(422), ""),
    "423": (faults.status(423), "paused"),
    "429": (faults.status(429), ""),
    "500": (faults.status(500), ""),
    "502": (faults.status(502, "<html><h1>Bad Gateway</h1></html>"), ""),
    "503": (faults.status(503), ""),
    "504": (faults.status(504), ""),
    "599": (faults.status(418), ""),
    "redirect": (faults.redirect("http://169.254.169.254/latest/meta-data/"), "address"),
    "hung": (faults.hang(), "8 seconds"),
    "a byte at a time": (faults.drip(), "8 seconds"),
    "cut off": (faults.cut_off(), "was cut off"),
    "connection dropped": (faults.reset(), "closed the connection"),
    "a web page": (faults.html(), "web page"),
    "nothing": (faults.empty(), "nothing"),
    "50 MB": (faults.huge(50), "larger than"),
    "no JSON": (faults.body("OK"), "unreadable"),
    "deep JSON": (faults.body("[" * 100_000), "unreadable"),
    "not UTF-8": (faults.body(b"\xff\xfe\x00"), "unreadable"),
    "a list": (faults.body("[1, 2]"), ""),
    "null": (faults.body("null"), ""),
    "no response": (faults.body('{"image": {}}'), ""),
    "response is a text": (faults.body('{"response": "dog"}'), ""),
    "response is a number": (faults.body('{"response": 5}'), ""),
    "another language": (faults.body('{"error": "\u7b54\u3048\u304c\u3042\u308a\u307e\u305b\u3093"}'), ""),
    "HTML in the message": (faults.status(500, {"message": "<img src=x onerror=alert(1)>\x1b[31m"}), ""),
    "endless message": (faults.status(500, {"message": "x" * 10**6}), ""),
}
LIES = {
    "wrong size": {"response": {"<OD>": {"bboxes": [[0, 0, 9999, 9999]], "labels": ["a"]}}, "image": {"width": 10**9}},
    "size of no number": {"response": {"<OD>": {"bboxes": [], "labels": []}}, "image": {"width": "x", "height": None}},
    "other task": {"response": {"<CAPTION>": "a dog"}},
    "two keys": {"response": {"<OD>": {"bboxes": [], "labels": []}, "<CAPTION>": "x"}},
    "no keys": {"response": {}},
    "boxes of three": {"response": {"<OD>": {"bboxes": [[1, 2, 3]], "labels": ["a"]}}},
    "boxes of text": {"response": {"<OD>": {"bboxes": [["a", "b", "c", "d"]], "labels": ["a"]}}},
    "boxes of nothing": {"response": {"<OD>": {"bboxes": [None], "labels": [None]}}},
    "more boxes than labels": {"response": {"<OD>": {"bboxes": [[0, 0, 1, 1]] * 3, "labels": ["a"]}}},
    "labels of objects": {"response": {"<OD>": {"bboxes": [[0, 0, 1, 1]], "labels": [{"a": 1}]}}},
    "huge numbers": {"response": {"<OD>": {"bboxes": [[0, 0, 1e308, 1e308]], "labels": ["a"]}}},
    "boxes is a text": {"response": {"<OD>": {"bboxes": "x", "labels": "y"}}},
    "10,000 boxes": {"response": {"<OD>": {"bboxes": [[0, 0, 9, 9]] * 10_000, "labels": ["a"] * 10_000}}},
}


ON_BOTH = ("401", "500", "redirect", "connection dropped", "no JSON")
"""Faults of each kind, tried on both backends; the others are tried on one."""
CASES = [
    pytest.param(where, fault, words, id=f"{where}-{name}")
    for name, (fault, words) in FAULTS.items()
    for where in (("local", "dedicated") if name in ON_BOTH else ("dedicated",))
]


@pytest.mark.parametrize(("where", "fault", "words"), CASES)
def test_every_fault_has_its_sentence(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, where: str, fault: Respond, words: str
) -> None:
    backend.fault = fault
    begun = time.monotonic()
    outcome = app.analyze(picture, task="<OD>", backend=where)
    assert not outcome.ok
    assert is_sentence(outcome.error), outcome.error
    assert words in outcome.error
    assert len(outcome.error) < 600
    assert "\x1b" not in outcome.error
    assert time.monotonic() - begun < 60
    backend.wait_for(lambda b: b.running == 0)


@pytest.mark.parametrize("body", LIES.values(), ids=LIES.keys())
def test_a_lying_backend_is_a_result_or_a_sentence(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, body: dict
) -> None:
    backend.fault = faults.body(json.dumps(body))
    outcome = app.analyze(picture, task="<OD>")
    assert outcome.ok or is_sentence(outcome.error), outcome.error


def test_after_each_bad_day_comes_a_good_one(app: RunningApp, backend: ScriptedBackend, picture: bytes) -> None:
    for fault in (faults.status(500), faults.reset(), faults.cut_off(), faults.html()):
        backend.fault = fault
        assert not app.analyze(picture, task="<OD>").ok
        backend.fault = None
        assert app.analyze(picture, task="<OD>").ok


@pytest.mark.parametrize("how", ["page", "program"])
def test_a_page_that_is_closed_in_mid_run_ends_the_run(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, how: str
) -> None:
    backend.fault = faults.hang()
    path = app.upload(picture).json()[0]
    image = {"path": path, "meta": {"_type": "gradio.FileData"}}
    data = [image, "<OD>", "", "", None, "", "local", "", ""]
    if how == "page":
        functions = app.client.get("/config").json()["dependencies"]
        number = next(f["id"] for f in functions if f["api_name"] == "analyse")
        body = {"data": data, "fn_index": number, "session_hash": "closes"}
        assert app.client.post("/gradio_api/queue/join", json=body).status_code == 200
        stream = "/gradio_api/queue/data?session_hash=closes"
    else:
        event = app.client.post("/gradio_api/call/analyse", json={"data": data}).json()["event_id"]
        stream = f"/gradio_api/call/analyse/{event}"
    with app.client.stream("GET", stream):
        backend.wait_for(lambda b: b.running == 1)
    begun = time.monotonic()
    backend.wait_for(lambda b: b.running == 0, timeout=7)
    assert time.monotonic() - begun < 7, "it ran until its deadline"
    backend.fault = None
    assert app.analyze(picture, task="<OD>").ok
    assert app.run_lines[-2]["outcome"] == "stopped"


def asked_by_program(app: RunningApp, data: list[object]) -> str:
    """Start `/analyse`; return the address of its answer."""
    event = app.client.post("/gradio_api/call/analyse", json={"data": data}).json()["event_id"]
    return f"/gradio_api/call/analyse/{event}"


def hang_up_on(app: RunningApp, path: str) -> None:
    """Request an address and disconnect before the first byte arrives."""
    with socket.create_connection(("127.0.0.1", app.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\n\r\n".encode())


def test_who_hangs_up_before_the_stream_has_begun_has_left_too(
    app: RunningApp, backend: ScriptedBackend, picture: bytes
) -> None:
    backend.fault = faults.hang()
    image = file_value(app.upload(picture).json()[0])
    path = asked_by_program(app, [image, "<OD>", "", "", None, "", "local", "", ""])
    backend.wait_for(lambda b: b.running == 1)
    hang_up_on(app, path)
    backend.wait_for(lambda b: b.running == 0, timeout=7)


def test_a_page_whose_heartbeat_ends_has_left(app: RunningApp, backend: ScriptedBackend, picture: bytes) -> None:
    backend.fault = faults.hang()
    image = file_value(app.upload(picture).json()[0])
    number = next(f["id"] for f in app.client.get("/config").json()["dependencies"] if f["api_name"] == "analyse")
    body = {"data": [image, "<OD>", "", "", None, "", "local", "", ""], "fn_index": number, "session_hash": "beats"}
    with app.client.stream("GET", "/gradio_api/heartbeat/beats"):
        assert app.client.post("/gradio_api/queue/join", json=body).status_code == 200
        backend.wait_for(lambda b: b.running == 1)
    backend.wait_for(lambda b: b.running == 0, timeout=7)


def test_health_follows_the_backend(app: RunningApp) -> None:
    """Whoever starts a page again when `/healthz` fails must not do so because its backend is away."""
    url = f"http://127.0.0.1:{free_port()}"
    settings = Settings(dedicated_url=url, backend="dedicated", api_key=Secret("k" * 20))
    with AppHere(settings) as here:
        answer = here.client.get("/healthz")
        assert answer.status_code == 200
        assert answer.json()["page"] == "ok"
        assert answer.json()["backend"] == "unavailable"
        assert is_sentence(answer.json()["detail"])
        assert here.client.get("/readiness").status_code == 503
        assert here.client.get("/readiness").json() == answer.json()
    for address in ("/healthz", "/readiness"):
        assert app.client.get(address).json()["backend"] == "ok"
        assert app.client.get(address).status_code == 200


@pytest.mark.server
def test_asking_whether_the_page_is_ready_gets_its_model_ready() -> None:
    """Nobody is sent to a page that is not ready, so nobody else would."""
    states = {
        "florence-2-base": {"state": "unavailable", "reason": "No network.", "on_disk": False},
        "florence-2-nano": {"state": "absent", "on_disk": True},
    }
    info = {"name": "Florence-2 local server", "version": "1"}
    with (
        ScriptedBackend(models=states, info=info) as server,
        AppHere(Settings(local_url=server.url, backend="local", start_server=False)) as here,
    ):
        assert here.client.get("/readiness").status_code == 503
        server.wait_for(lambda backend: "florence-2-nano" in backend.prepared)


@pytest.mark.server
def test_a_page_whose_model_is_on_its_way_is_well_but_not_ready() -> None:
    """Base is fetched for the first time; meanwhile the page works and nano answers."""
    states = {
        "florence-2-base": {"state": "downloading", "percent": 43, "on_disk": False},
        "florence-2-nano": {"state": "absent", "on_disk": True},
    }
    info = {"name": "Florence-2 local server", "version": "1"}
    with (
        ScriptedBackend(models=states, info=info) as server,
        AppHere(Settings(local_url=server.url, backend="local", start_server=False)) as here,
    ):
        answer = here.client.get("/healthz")
        assert answer.status_code == 200
        assert answer.json() == {
            "page": "ok",
            "backend": "starting",
            "detail": "Florence-2-base is being downloaded: 43 %.",
        }
        assert here.client.get("/readiness").status_code == 503
