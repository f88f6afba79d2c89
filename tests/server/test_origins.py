"""No website can reach the local server through a browser on its machine, under any name."""

from collections.abc import Iterator

import pytest
import requests
from server_process import ServerProcess

ASKED = [("GET", "/info"), ("GET", "/status"), ("POST", "/model/prepare"), ("POST", "/infer/lmm")]
HERE = ["localhost", "LOCALHOST:9001", "a.localhost", "127.0.0.1", "127.0.0.2:9001", "[::1]:9001", "localhost."]
UNKNOWN = [
    "evil.example", "evil.example:9001", "localhost.evil.example", "127.0.0.1.evil.example", "evil", "evil.local",
    "10.0.0.7", "0.0.0.0", "a b", "",
]  # fmt: skip
FOREIGN = {
    "a website": {"Origin": "https://evil.example"},
    "no website in particular": {"Origin": "null"},
    "a neighbour on this machine": {"Origin": "http://localhost:3000"},
    "another site, without its name": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour of the same site": {"Sec-Fetch-Site": "same-site"},
}


def ask(server: ServerProcess, method: str, path: str, **headers: str) -> requests.Response:
    """What the server says to a request of a model that it does not know."""
    body = {"model_id": "none", "prompt": "<OD>"} if method == "POST" else None
    return requests.request(method, server.url + path, json=body, headers=headers, timeout=30)


def is_refused(response: requests.Response) -> bool:
    return response.status_code == 403 and response.json()["message"].endswith(".")


@pytest.fixture(scope="module")
def open_server(offline: dict[str, str | None]) -> Iterator[ServerProcess]:
    """A server for the whole network, which is known by one more name."""
    with ServerProcess("--host", "0.0.0.0", "--allowed-host", "models.example", environ=offline) as running:
        yield running


@pytest.mark.parametrize(("method", "path"), ASKED)
@pytest.mark.parametrize("host", UNKNOWN)
def test_a_name_that_may_be_a_websites_is_refused(server: ServerProcess, host: str, method: str, path: str) -> None:
    response = ask(server, method, path, Host=host)
    assert is_refused(response) or (response.status_code == 400 and not response.text.startswith("{"))
    assert "none" not in server.status()["models"]


@pytest.mark.parametrize("host", HERE)
def test_this_machines_names_are_answered(server: ServerProcess, host: str) -> None:
    assert ask(server, "GET", "/info", Host=host).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_website_starts_nothing(server: ServerProcess, headers: dict[str, str]) -> None:
    body = '{"model_id": "florence-2-large"}'
    before = server.model("florence-2-large")
    for kind in ("application/json", "text/plain"):
        sent = headers | {"Content-Type": kind}
        assert is_refused(requests.post(f"{server.url}/model/prepare", data=body, headers=sent, timeout=30))
    assert server.model("florence-2-large") == before


def test_a_page_of_the_servers_own_may_ask_it(server: ServerProcess) -> None:
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert ask(server, "POST", "/model/prepare", **headers).status_code == 404
    assert ask(server, "GET", "/info", **{"Sec-Fetch-Site": "cross-site"}).status_code == 200, "a link from elsewhere"


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True), ("192.168.0.2:9001", True), ("[fd00::2]", True), ("inference:9001", True),
        ("host.docker.internal", True), ("models.example", True), ("MODELS.example:80", True),
        ("evil.example", False), ("models.example.evil.example", False),
    ],
)  # fmt: skip
def test_a_server_for_the_network_answers_what_no_website_can_own(
    open_server: ServerProcess, host: str, known: bool
) -> None:
    response = ask(open_server, "GET", "/info", Host=host)
    assert response.status_code == 200 if known else is_refused(response)
    assert is_refused(ask(open_server, "POST", "/model/prepare", Host=host, Origin="https://evil.example"))
