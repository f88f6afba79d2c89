"""The operator's password stands before everything but the health checks, and is written nowhere."""

import logging
from collections.abc import Iterator

import pytest
from gradio_client import Client
from hosting.small_page import Served, served_small_page
from starlette.datastructures import Secret

from florence_ui.hosting import password as password_module
from florence_ui.hosting.password import MAX_WRONG, WINDOW_SECONDS, WrongPasswords
from florence_ui.settings import Settings

PASSWORD = "correct horse: battery"
AUTH = (("ann", Secret(PASSWORD)), ("ben", Secret("staple staple ü")))


@pytest.fixture(scope="module")
def locked_app() -> Iterator[Served]:
    with served_small_page(Settings(auth=AUTH, address_header="X-Forwarded-For")) as served:
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


def test_who_tries_passwords_is_stopped_for_a_while_and_logged(
    locked_app: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def status(password: str, address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return locked_app.client.get("/config", auth=("ann", password), headers=headers).status_code

    assert {status(f"guess {number}", "192.0.2.1") for number in range(MAX_WRONG)} == {401}
    assert "A wrong password was given from 192.0.2.1." in caplog.text
    refused = locked_app.client.get("/config", auth=("ann", PASSWORD), headers={"X-Forwarded-For": "192.0.2.1"})
    assert refused.status_code == 429
    assert refused.json()["error"].startswith("Too many wrong passwords from your address. Try again in ")
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW_SECONDS
    assert "content-security-policy" in refused.headers
    assert status(PASSWORD, "192.0.2.2") == 200


def test_asking_without_a_password_is_no_wrong_one(locked_app: Served) -> None:
    headers = {"X-Forwarded-For": "192.0.2.3"}
    for _ in range(MAX_WRONG + 1):
        assert locked_app.client.get("/config", headers=headers).status_code == 401
    assert locked_app.client.get("/config", auth=("ann", PASSWORD), headers=headers).status_code == 200


def test_the_count_of_wrong_passwords_starts_anew() -> None:
    now = 0.0
    wrong = WrongPasswords(lambda: now)
    for _ in range(MAX_WRONG):
        assert wrong.seconds_to_wait("192.0.2.1") == 0
        wrong.add("192.0.2.1")
    now = 20.0
    assert wrong.seconds_to_wait("192.0.2.1") == WINDOW_SECONDS - now
    now = WINDOW_SECONDS
    assert wrong.seconds_to_wait("192.0.2.1") == 0


def test_the_count_of_wrong_passwords_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_module, "MAX_ADDRESSES", 1)
    wrong = WrongPasswords(lambda: 0.0)
    for _ in range(MAX_WRONG):
        for address in ("192.0.2.1", "192.0.2.2", ""):
            wrong.add(address)
    assert wrong.seconds_to_wait("192.0.2.1") > 0
    assert wrong.seconds_to_wait("192.0.2.2") == wrong.seconds_to_wait("") == 0


def test_a_public_link_is_announced_with_its_dangers(caplog: pytest.LogCaptureFixture) -> None:
    from florence_ui.hosting.launch import launch_options

    async def probe() -> tuple[object, str]:
        raise AssertionError

    options = launch_options(Settings(share=True), probe=probe, on_start=print, on_leave=print)
    assert options["share"] is True
    assert "everybody who has it can use this page" in caplog.text
    assert "FLORENCE_UI_AUTH" in caplog.text
