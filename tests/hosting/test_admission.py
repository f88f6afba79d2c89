"""One visitor's pending events, bodies, uploads and pictures do not block the others, at the running page."""

import asyncio
import io
import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import gradio_client
import httpx
import numpy as np
import pytest
from gradio_client.exceptions import ValidationError
from hosting.running import RunningApp, file_value
from hosting.small_page import Served
from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.hosting import admission
from florence_ui.hosting.admission import MAX_EVENTS, RequestKind, check_limits
from florence_ui.hosting.gradio_internals.queue import pending_events
from florence_ui.hosting.request_limits import RequestRefused

HOSTILE, HONEST = {"X-Visitor": "203.0.113.7"}, {"X-Visitor": "198.51.100.1"}
TASKS = ("<CAPTION>", "<OD>", "<OCR>", "<DETAILED_CAPTION>")
ALLOWED = 32
"""Four events for each of the eight runs that one visitor may have at once."""


@pytest.fixture(scope="module")
def slow_backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend(delay=0.5, keep_images=False) as backend:
        yield backend


@pytest.fixture
def page(slow_backend: ScriptedBackend) -> Iterator[RunningApp]:
    """The whole app; visitors are told apart by a header, as behind a proxy."""
    environ = {
        "FLORENCE_UI_BACKEND": "local",
        "FLORENCE_UI_LOCAL_URL": slow_backend.url,
        "FLORENCE_UI_ADDRESS_HEADER": "X-Visitor",
    }
    with RunningApp(**environ) as running:
        yield running


def photograph(seed: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """A picture that nobody else has."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def large_png(side: int = 7000) -> bytes:
    """An ordinary picture of 49 megapixels."""
    pixels = np.random.default_rng(0).integers(0, 255, (side // 20, side // 20, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST).save(file, "PNG", compress_level=1)
    return file.getvalue()


def upload(page: RunningApp, data: bytes, name: str, whose: dict[str, str]) -> dict:
    response = page.client.post("/gradio_api/upload", files={"files": (name, data)}, headers=whose)
    return file_value(response.json()[0])


def run_of(page: RunningApp, seed: int, whose: dict[str, str] = HONEST) -> float:
    """Seconds from an upload to its answer."""
    begun = time.perf_counter()
    body = {"image": upload(page, photograph(seed), "mine.jpg", whose), "task": "<OD>"}
    answer = page.client.post("/gradio_api/call/v2/analyse", json=body, headers=whose)
    stream = page.client.get(f"/gradio_api/call/analyse/{answer.json()['event_id']}", headers=whose)
    assert "event: complete" in stream.text, stream.text
    return time.perf_counter() - begun


def post_at_once(page: RunningApp, bodies: list[dict]) -> list[httpx.Response]:
    """Calls of `/many` that a hostile visitor posts together, and never asks about again."""

    async def story() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=page.url, timeout=120, limits=limits, headers=HOSTILE) as client:
            return await asyncio.gather(*(client.post("/gradio_api/call/v2/many", json=body) for body in bodies))

    return asyncio.run(story())


def test_a_flood_of_calls_is_refused_in_words_and_stops_nobody_else(page: RunningApp) -> None:
    run_of(page, 1)
    alone = statistics.median(run_of(page, seed) for seed in (2, 3, 4))
    images = [upload(page, photograph(100 + k), f"{k}.jpg", HOSTILE) for k in range(20)]
    answers = post_at_once(page, [{"images": images, "task": "<CAPTION>"}] * 250)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(answers) - len(refused) <= ALLOWED
    assert {answer.status_code for answer in refused} == {429}
    assert "from your address" in refused[0].json()["error"]
    assert int(refused[0].headers["retry-after"]) > 0
    attacked = statistics.median(run_of(page, seed) for seed in (5, 6, 7))
    assert attacked < alone + 1.5


def test_large_pictures_named_again_and_again_stop_nobody_else(page: RunningApp) -> None:
    run_of(page, 1)
    alone = statistics.median(run_of(page, seed) for seed in (2, 3, 4))
    large = upload(page, large_png(), "large.png", HOSTILE)
    answers = post_at_once(page, [{"images": [large] * 200, "task": task} for task in TASKS])
    assert {answer.status_code for answer in answers} == {200}
    attacked = [run_of(page, seed) for seed in (5, 6, 7, 8)]
    assert statistics.median(attacked) < alone + 1.5
    assert max(attacked) < 15, "where all share one line of threads it takes more than a minute"


def test_whoever_takes_much_there_is_a_place_for_the_next() -> None:
    taken: dict[str, int] = {}
    for round_ in range(MAX_EVENTS):
        for who in range(40):
            try:
                check_limits(sum(taken.values()), taken.get(f"hostile {who}", 0), 1, MAX_EVENTS, ALLOWED, "x", "runs")
                taken[f"hostile {who}"] = taken.get(f"hostile {who}", 0) + 1
            except RequestRefused:
                pass
        if round_ > ALLOWED:
            break
    assert max(taken.values()) <= ALLOWED
    free = MAX_EVENTS - sum(taken.values())
    assert free >= MAX_EVENTS // 50
    check_limits(sum(taken.values()), 0, 1, MAX_EVENTS, ALLOWED, "y", "runs")


def join(small_app: Served, session: str, name: str = "slow", seconds: float = 60) -> httpx.Response:
    body = {"data": [seconds], "fn_index": small_app.fn(name), "session_hash": session}
    return small_app.client.post("/gradio_api/queue/join", json=body)


def cancel_all(small_app: Served) -> None:
    """End every event, as Stop does."""
    for event in list(pending_events(small_app.demo.app)):
        body = {"session_hash": event.session_hash, "fn_index": event.fn._id, "event_id": event._id}
        small_app.client.post("/gradio_api/cancel", json=body)
    until = time.monotonic() + 10
    while list(pending_events(small_app.demo.app)) and time.monotonic() < until:
        time.sleep(0.05)


@pytest.fixture
def full(small_app: Served) -> Iterator[Served]:
    """The small page, where this address has as many events pending as it may."""
    assert [join(small_app, f"full-{k}").status_code for k in range(ALLOWED)] == [200] * ALLOWED
    yield small_app
    cancel_all(small_app)


def test_an_event_counts_until_it_is_over(full: Served) -> None:
    assert join(full, "more").status_code == 429
    event = next(iter(pending_events(full.demo.app)))
    body = {"session_hash": event.session_hash, "fn_index": event.fn._id, "event_id": event._id}
    assert full.client.post("/gradio_api/cancel", json=body).status_code == 200, "Stop works when all is full"
    until = time.monotonic() + 5
    while (answer := join(full, "more")).status_code == 429 and time.monotonic() < until:
        time.sleep(0.05)
    assert answer.status_code == 200
    cancel_all(full)
    assert join(full, "again").status_code == 200


def test_every_event_that_is_admitted_runs(full: Served) -> None:
    until = time.monotonic() + 5
    while len(full.demo._queue) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(full.demo._queue) == 0
    assert len(full.demo._queue.active_jobs) == MAX_EVENTS


@pytest.mark.parametrize(
    ("path", "agent", "status"),
    [
        pytest.param("/gradio_api/queue/join", "Mozilla/5.0", 429, id="page"),
        pytest.param("/gradio_api/call/slow", "curl/8", 503, id="program"),
        pytest.param("/gradio_api/call/slow", "gradio_client/2", 422, id="gradio-client"),
        pytest.param("/gradio_api/queue/join", "gradio_client/2", 422, id="gradio-client-queue"),
    ],
)
def test_whoever_is_refused_by_a_busy_page_sees_why(
    small_app: Served, monkeypatch: pytest.MonkeyPatch, path: str, agent: str, status: int
) -> None:
    monkeypatch.setattr(RequestKind.EVENT, "limit", 0)
    body = {"data": [1], "fn_index": small_app.fn("slow"), "session_hash": "busy"}
    answer = small_app.client.post(path, json=body, headers={"User-Agent": agent})
    assert answer.status_code == status
    assert answer.json()["error"].startswith("This page is busy: too many runs")
    assert answer.headers["Retry-After"] == "10"


def test_gradios_client_shows_the_words(full: Served) -> None:
    client = gradio_client.Client(full.url, verbose=False)
    with pytest.raises(ValidationError, match="Too many runs from your address"):
        client.predict(1, api_name="/slow")


def test_memory_for_posted_values_is_shared_too(small_app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_MEMORY", 4 << 20)

    def post(session: str, text: str) -> int:
        body = {"data": [text + "60"], "fn_index": small_app.fn("slow"), "session_hash": session}
        return small_app.client.post("/gradio_api/queue/join", json=body).status_code

    try:
        statuses = [post(f"memory-{k}", " " * 200_000) for k in range(10)]
        assert statuses[:2] == [200, 200]
        assert 429 in statuses
        assert statuses.count(200) < 6
        assert post("small", " ") in (200, 429)
    finally:
        cancel_all(small_app)
    try:
        assert post("after", " " * 200_000) == 200
    finally:
        cancel_all(small_app)


def test_bodies_that_never_end_are_bounded(small_app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is half there and held; together they take no more than there is for one visitor."""
    monkeypatch.setattr(admission, "MAX_MEMORY", 4 << 20)
    address = httpx.URL(small_app.url)
    head = (
        f"POST /gradio_api/run/show HTTP/1.1\r\nHost: {address.host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: 900000\r\n\r\n"
    ).encode()

    def half() -> bytes:
        with socket.create_connection((address.host, address.port), timeout=5) as connection:
            connection.sendall(head + b"x" * 500_000)
            connection.settimeout(2)
            try:
                return connection.recv(1000)
            except (TimeoutError, ConnectionError):
                return b""

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: half(), range(20)))
    assert sum(b"429" in answer.partition(b"\r\n")[0] for answer in answers) >= 10


def unfinished(app: Served, path: str, kind: str, whose: str) -> socket.socket:
    """A request from an address of the loopback of which the body's end never comes."""
    address = httpx.URL(app.url)
    connection = socket.create_connection((address.host, address.port), timeout=5, source_address=(whose, 0))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n"
    connection.sendall(head.encode() + (b"--b\r\n" if "multipart" in kind else b"{"))
    connection.settimeout(5)
    return connection


UNFINISHED = {
    "uploads": (RequestKind.UPLOAD, "/gradio_api/upload", "multipart/form-data; boundary=b"),
    "agents": (RequestKind.MESSAGE, "/gradio_api/mcp/", "application/json"),
    "events": (RequestKind.EVENT, "/gradio_api/queue/join", "application/json"),
}


@pytest.mark.parametrize(("kind", "path", "content"), UNFINISHED.values(), ids=list(UNFINISHED))
def test_a_newcomer_displaces_the_oldest_unfinished_body(
    small_app: Served, monkeypatch: pytest.MonkeyPatch, kind: RequestKind, path: str, content: str
) -> None:
    monkeypatch.setattr(kind, "limit", 4)
    holders = ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.4"]
    with ExitStack() as stack:
        held = [stack.enter_context(unfinished(small_app, path, content, whose)) for whose in holders[:2]]
        time.sleep(0.3)
        held += [stack.enter_context(unfinished(small_app, path, content, whose)) for whose in holders[2:]]
        time.sleep(0.3)
        newcomer = stack.enter_context(unfinished(small_app, path, content, "127.0.0.5"))
        answer = b"".join(iter(lambda: held[0].recv(4096), b""))
        assert answer.split()[1] in (b"503", b"400", b"429"), answer
        assert b"keep its place" in answer
        for other in (*held[1:], newcomer):
            other.settimeout(0.1)
            with pytest.raises(TimeoutError):
                other.recv(1)
        late = stack.enter_context(unfinished(small_app, path, content, "127.0.0.6"))
        refusal = b"".join(iter(lambda: late.recv(4096), b""))
        assert b"This page is busy" in refusal, "nobody has more than one now"


def test_stop_needs_no_share_of_memory(small_app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_MEMORY", 1)
    assert join(small_app, "memory", seconds=1).status_code in (429, 503)
    stop = {"session_hash": "memory", "fn_index": small_app.fn("slow"), "event_id": "x"}
    assert small_app.client.post("/gradio_api/cancel", json=stop).status_code == 200
    assert small_app.client.post("/gradio_api/reset", json={"event_id": "x"}).status_code == 200
    assert small_app.client.post("/gradio_api/cancel", json=stop | {"more": "x" * 5000}).status_code == 413


def test_what_an_event_tells_of_itself_is_bounded(small_app: Served) -> None:
    body = {"data": [0], "fn_index": small_app.fn("slow"), "session_hash": "about"}
    answer = small_app.client.post("/gradio_api/queue/join", json=body | {"event_data": {"x": "0" * 80_000}})
    assert answer.status_code == 413
    assert "event" in answer.json()["error"]
    answer = small_app.client.post("/gradio_api/queue/join", json=body | {"event_data": {"x": "0" * 1000}})
    assert answer.status_code == 200


def test_uploads_on_their_way_are_shared_too(small_app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    address, head = httpx.URL(small_app.url), (
        b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\n"
    )  # fmt: skip
    open_ones = [socket.create_connection((address.host, address.port), timeout=5) for _ in range(ALLOWED)]
    try:
        for connection in open_ones:
            connection.sendall(head)
        time.sleep(0.5)
        answer = small_app.client.post("/gradio_api/upload", files={"files": ("a.png", b"a")})
        assert answer.status_code == 429
        assert "uploads from your address" in answer.json()["error"]
    finally:
        for connection in open_ones:
            connection.close()
