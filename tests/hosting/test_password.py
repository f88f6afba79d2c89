"""The operator's password stands before everything but the health checks, and is written nowhere."""

import logging
from collections.abc import Iterator

import pytest
from gradio_client import Client
from hosting.small_page import Served, served_small_page
from starlette.datastructures import Secret

from florence_ui.settings import Settings

PASSWORD = "correct horse: battery"
AUTH = (("ann", Secret(PASSWORD)), ("ben", Secret("staple staple ü")))


@pytest.fixture(scope="module")
def locked_app() -> Iterator[Served]:
    with served_small_page(Settings(auth=AUTH)) as served:
        yield served


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/", id="page"),
        pytest.param("GET", "/config", id="config"),
        pytest.param("GET", "/gradio_api/info", id="description"),
        pytest.param("POST", "/gradio_api/upload", id="upload"),
        pytest.param("POST", "/gradio_api/queue/join", id="event"),
        pytest.param("POST", "/gradio_api/call/show", id="call"),
        pytest.param("GET", "/gradio_api/file=/tmp/x.png", id="file"),
        pytest.param("POST", "/gradio_api/mcp/", id="agent"),
        pytest.param("GET", "//", id="doubled-slash"),
        pytest.param("GET", "/healthz/../config", id="a-way-around"),
    ],
)
def test_nothing_is_answered_without_it(method: str, path: str, locked_app: Served) -> None:
    response = locked_app.client.request(method, path)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic ")
    assert response.json()["error"] == "This page asks for a name and a password."


def test_a_refusal_has_the_security_headers_of_every_response(locked_app: Served) -> None:
    refused = locked_app.client.get("/config").headers
    allowed = locked_app.client.get("/config", auth=("ann", PASSWORD)).headers
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy"):
        assert refused[name] == allowed[name]


@pytest.mark.parametrize(
    ("name", "password", "status"),
    [
        pytest.param("ann", PASSWORD, 200, id="right"),
        pytest.param("ben", "staple staple ü", 200, id="another-with-an-umlaut"),
        pytest.param("ann", PASSWORD[:-1], 401, id="too-short"),
        pytest.param("ann", PASSWORD + "x", 401, id="too-long"),
        pytest.param("ben", PASSWORD, 401, id="somebody-elses"),
        pytest.param("", "", 401, id="empty"),
    ],
)
def test_only_a_right_pair_is_let_in(name: str, password: str, status: int, locked_app: Served) -> None:
    assert locked_app.client.get("/config", auth=(name.encode(), password.encode())).status_code == status


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Bearer YW5u", "Basic YW5u", "basic x", "é".encode()])
def test_a_malformed_header_is_refused_like_a_wrong_password(header: str | bytes, locked_app: Served) -> None:
    assert locked_app.client.get("/", headers={"Authorization": header}).status_code == 401


def test_health_checks_need_none(locked_app: Served) -> None:
    assert locked_app.client.get("/healthz").status_code == 200


def test_a_program_calls_with_it(locked_app: Served) -> None:
    client = Client(locked_app.url, httpx_kwargs={"auth": ("ann", PASSWORD)}, verbose=False)
    assert client.predict(None, "words", api_name="/show").endswith("words")


def test_it_is_never_logged(locked_app: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    locked_app.client.get("/config", auth=("ann", PASSWORD))
    locked_app.client.get("/config", auth=("ann", "wrong wrong wrong"))
    assert PASSWORD not in caplog.text
    assert "wrong wrong" not in caplog.text


def test_a_public_link_is_announced_with_its_dangers(caplog: pytest.LogCaptureFixture) -> None:
    from florence_ui.hosting.launch import launch_options

    async def probe() -> tuple[object, str]:
        raise AssertionError

    options = launch_options(Settings(share=True), probe=probe, on_start=print, on_leave=print)
    assert options["share"] is True
    assert "everybody who has it can use this page" in caplog.text
    assert "FLORENCE_UI_AUTH" in caplog.text
