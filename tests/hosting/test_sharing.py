"""Many visitors at once, through the running app: fair shares, a daily cap, a queue, and separate visitors."""

import re
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import gradio_client
import httpx
import pytest
from hosting.conftest import OPERATOR_KEY
from hosting.running import AppHere, Outcome, RunningApp, file_value
from starlette.datastructures import Secret

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.hosting.launch import SESSION_CAPACITY
from florence_ui.settings import Settings

TASKS = ["<OD>", "<CAPTION>", "<OCR>", "<DETAILED_CAPTION>", "<REGION_PROPOSAL>", "<MORE_DETAILED_CAPTION>"]


def started(backend: ScriptedBackend, **changed: object) -> AppHere:
    """An app on the scripted backend that remembers nothing."""
    usual = {"dedicated_url": backend.url, "local_url": backend.url, "start_server": False, "cache_seconds": 0}
    usual |= {"backend": "dedicated", "api_key": Secret(OPERATOR_KEY)}
    return AppHere(Settings(**usual | changed))


def at_once(app: AppHere, picture: bytes, count: int) -> list[Outcome]:
    """That many different runs, started at the same time."""
    image = file_value(app.upload(picture).json()[0])
    with ThreadPoolExecutor(count) as pool:
        made = [pool.submit(app.call, "analyse", {"image": image, "task": task}) for task in TASKS[:count]]
        return [run.result() for run in made]


def test_runs_a_minute_are_shared_fairly_and_forged_addresses_do_not_help(
    backend: ScriptedBackend, picture: bytes
) -> None:
    with started(backend, runs_per_minute=3) as app:
        before = backend.count
        for _ in range(3):
            assert app.analyze(picture, task="<OD>").ok
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
            app.client.headers[header] = "203.0.113.9"
            outcome = app.analyze(picture, task="<OD>")
            assert "Try again in" in outcome.error
        assert backend.count == before + 3
        assert app.analyze(picture, task="<OD>", api_key="a-key-of-my-own").ok
        assert app.lines[-2]["outcome"] == "BusyError"


def test_a_key_where_none_is_needed_gives_no_second_share(backend: ScriptedBackend, picture: bytes) -> None:
    """The local backend takes any text for a key."""
    with started(backend, runs_per_minute=2) as app:
        app.client.headers["X-Forwarded-For"] = "203.0.113.9"  # or these were the owner's own runs
        for _ in range(2):
            assert app.analyze(picture, task="<OD>", backend="local").ok
        assert "Try again in" in app.analyze(picture, task="<OD>", backend="local", api_key="made-up-by-me").error


def test_the_operators_key_opens_no_other_model_on_a_local_server(backend: ScriptedBackend, picture: bytes) -> None:
    """Roboflow Inference on this machine fetches every model that a key may see, the operator's private ones too."""
    with started(backend) as app:
        for model_id, sent in (("florence-2-base", f"Bearer {OPERATOR_KEY}"), ("someone/1", None)):
            assert app.analyze(picture, task="<OD>", backend="local", model_id=model_id).ok
            assert backend.calls[-1].model_id == model_id
            assert backend.calls[-1].headers.get("Authorization") == sent
        own = {"model_id": "someone/1", "api_key": "a-key-of-my-own"}
        assert app.analyze(picture, task="<OD>", backend="local", **own).ok
        assert backend.calls[-1].headers["Authorization"] == "Bearer a-key-of-my-own"


def test_the_owner_of_the_machine_has_no_share_where_no_key_is_spent(backend: ScriptedBackend, picture: bytes) -> None:
    with started(backend, runs_per_minute=2) as app:
        assert all(app.analyze(picture, task="<OD>", backend="local").ok for _ in range(4))
        for _ in range(2):
            assert app.analyze(picture, task="<OD>").ok, "the operator's key is spent"
        assert "Try again in" in app.analyze(picture, task="<OD>").error
        app.client.headers["X-Forwarded-For"] = "203.0.113.9"  # from here on a proxy on this machine serves strangers
        assert "Try again in" in app.analyze(picture, task="<OD>", backend="local").error


def test_remembered_answers_and_refused_fields_spend_nothing(backend: ScriptedBackend, picture: bytes) -> None:
    with started(backend, daily_runs=1, runs_per_minute=1, cache_seconds=900) as app:
        for _ in range(3):
            assert "class" in app.analyze(picture, task="<OPEN_VOCABULARY_DETECTION>").error
        for _ in range(5):
            assert app.analyze(picture, task="<OD>").ok
        assert "Try again in" in app.analyze(picture, task="<CAPTION>").error


def test_who_waits_for_a_share_is_told_so_and_for_how_long(backend: ScriptedBackend, picture: bytes) -> None:
    with started(backend, runs_per_minute=1) as app:
        assert app.analyze(picture, task="<OD>").ok
        calls = app.services.limiter._calls
        for name in calls:  # all but a few seconds of the minute have gone by
            calls[name] = deque(each - 55 for each in calls[name])
        client = gradio_client.Client(app.url, verbose=False)
        image = {"path": app.upload(picture).json()[0], "meta": {"_type": "gradio.FileData"}}
        job, said = client.submit([image], "<CAPTION>", api_name="/many"), set()
        while not job.done():
            said.add(job.status().log)
            time.sleep(0.02)
        assert job.result()["done"] == 1
        assert any(log and re.match(r"Waiting for your share of runs: about \d seconds?\.", log[0]) for log in said), (
            said
        )


def test_links_are_shared_fairly_too(backend: ScriptedBackend, picture: bytes) -> None:
    """Whoever counts by address: a new session, as each call of a program is, gains nothing."""
    with started(backend, runs_per_minute=2) as app:
        for _ in range(2):
            assert "public web address" in app.analyze(task="<OD>", image_url="http://127.0.0.1/a.png").error
        outcome = app.analyze(task="<OD>", image_url="http://127.0.0.1/a.png")
        assert "2 links fetched in the last minute" in outcome.error
        assert "Try again in" in outcome.error
        assert app.analyze(picture, task="<OD>").ok, "runs are counted apart"


def test_a_trusted_header_tells_visitors_apart(backend: ScriptedBackend, picture: bytes) -> None:
    with started(backend, runs_per_minute=1, address_header="x-visitor") as app:
        for visitor in ("203.0.113.1", "203.0.113.2"):
            app.client.headers["X-Visitor"] = visitor
            assert app.analyze(picture, task="<OD>").ok
            assert "Try again in" in app.analyze(picture, task="<OD>").error


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(lambda n: [("X-Visitor", f"198.51.100.{n}, 203.0.113.1")], id="in one line"),
        pytest.param(lambda n: [("X-Visitor", f"198.51.100.{n}"), ("X-Visitor", "203.0.113.1")], id="in two lines"),
        pytest.param(lambda n: [("X-Visitor", f"10.0.0.{n},nonsense,  203.0.113.1")], id="with nonsense"),
    ],
)
def test_what_a_visitor_writes_before_the_proxys_own_entry_does_not_count(
    backend: ScriptedBackend, picture: bytes, forged: Callable[[int], list[tuple[str, str]]]
) -> None:
    with started(backend, runs_per_minute=1, address_header="x-visitor") as app:
        app.client.headers = httpx.Headers(forged(1))
        assert app.analyze(picture, task="<OD>").ok
        app.client.headers = httpx.Headers(forged(2))
        assert "Try again in" in app.analyze(picture, task="<OD>").error
        app.client.headers = httpx.Headers([("X-Visitor", "203.0.113.2")])
        assert app.analyze(picture, task="<OD>").ok


def test_runs_at_once_are_limited(backend: ScriptedBackend, picture: bytes) -> None:
    backend.delay = 3.0
    with started(backend, runs_at_once=2) as app:
        outcomes = at_once(app, picture, 5)
        assert sum(outcome.ok for outcome in outcomes) == 2
        assert all("2 runs going" in outcome.error for outcome in outcomes if not outcome.ok)
        assert app.analyze(picture, task="<OD>").ok


def test_the_operators_key_has_a_daily_cap_and_a_list_of_models(backend: ScriptedBackend, picture: bytes) -> None:
    with started(backend, daily_runs=2, models=("florence-2-base",)) as app:
        before = backend.count
        assert "florence-2-base" in app.analyze(picture, task="<OD>", model_id="someone/1").error
        assert backend.count == before
        assert app.analyze(picture, task="<OD>").ok
        assert app.analyze(picture, task="<OD>", model_id="florence-2-base").ok
        assert "for today" in app.analyze(picture, task="<OD>").error
        assert app.analyze(picture, task="<OD>", model_id="someone/1", api_key="a-key-of-my-own").ok
        assert app.analyze(picture, task="<OD>", backend="local").ok


def test_the_line_is_bounded_and_says_so_politely(backend: ScriptedBackend, picture: bytes) -> None:
    backend.delay = 3.0
    with started(backend, backend_concurrency=1, queue=2, runs_at_once=0) as app:
        outcomes = at_once(app, picture, 6)
        assert sum(outcome.ok for outcome in outcomes) == 3
        assert all("busy" in outcome.error and "Try again" in outcome.error for outcome in outcomes if not outcome.ok)
        assert app.analyze(picture, task="<OD>").ok


def test_a_visitor_cannot_choose_an_address_for_the_server_to_call(app: RunningApp, picture: bytes) -> None:
    for given in ({"backend": "http://10.0.0.1:9001"}, {"model_id": "http://10.0.0.1/"}, {"backend_url": "http://x"}):
        with ScriptedBackend() as elsewhere:
            given = {k: v.replace("http://10.0.0.1:9001", elsewhere.url) for k, v in given.items()}
            app.analyze(picture, task="<OD>", **given)
            assert elsewhere.count == 0


def test_every_run_leaves_its_line(app: RunningApp, backend: ScriptedBackend, picture: bytes) -> None:
    before = len(app.run_lines)
    app.analyze(picture, task="<OD>")
    [line] = app.run_lines[before:]
    assert line["time"]
    assert line["seconds"] < 60
    expected = {"task": "<OD>", "model": "florence-2-base", "backend": "local", "outcome": "ok", "size": [64, 48]}
    assert {key: line[key] for key in expected} == expected
    assert set(line) == {*expected, "time", "seconds", "remembered"}


@pytest.mark.parametrize("name", ["\u202egnp.evil", "a\nERROR forged.png", "\x1b[2J.png", "<b>x</b>.png"])
def test_a_file_name_cannot_forge_the_log(app: RunningApp, picture: bytes, name: str) -> None:
    before = len(app.log)
    app.analyze(picture, name, task="<OD>")
    said = app.log[before:]
    assert "forged" not in said
    assert "\x1b" not in said
    assert all(line.startswith('{"time"') for line in said.splitlines())


def test_a_stranger_who_makes_up_sessions_ends_nobodys_visit(backend: ScriptedBackend, picture: bytes) -> None:
    with started(backend, address_header="x-visitor") as app:
        dependencies = app.client.get("/config").json()["dependencies"]
        event = next(each for each in dependencies if each["api_name"] == "analyse")

        def ask(session: str, address: str) -> None:
            body = {"data": [None, "", "", "", None, "", "", "", ""], "fn_index": event["id"], "session_hash": session}
            headers = {"X-Visitor": address}
            assert app.client.post("/gradio_api/queue/join", json=body, headers=headers).status_code == 200
            assert "process_completed" in app.client.get(f"/gradio_api/queue/data?session_hash={session}").text

        ask("anna", "203.0.113.1")
        for number in range(SESSION_CAPACITY + 10):
            ask(f"made-up-{number}", "203.0.113.2")
        sessions = app.demo.state_holder.session_data
        assert "anna" in sessions
        assert f"made-up-{SESSION_CAPACITY + 9}" in sessions
        assert len(sessions) == SESSION_CAPACITY
