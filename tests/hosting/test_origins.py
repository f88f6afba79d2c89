"""Other websites cannot use the page, neither through a visitor's browser nor by DNS rebinding."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from hosting.conftest import OPERATOR_KEY
from hosting.running import RunningApp
from hosting.small_page import Served, served_small_page
from hosting.test_routes import is_refusal, small_png

from florence_ui.api.mcp import has_mcp
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.hosting import origin_guard
from florence_ui.hosting.origin_guard import OriginGuard
from florence_ui.hosting.request_limits import RequestRefused
from florence_ui.network.origins import host_name, is_loopback_host
from florence_ui.settings import HUGGING_FACE, Settings

EVENT = {"data": [None, "x"], "fn_index": 0, "session_hash": "abc"}
AGENT = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ROUTES = {
    "upload": ("POST", "/gradio_api/upload", {"files": {"files": ("a.png", small_png())}}),
    "queue": ("POST", "/gradio_api/queue/join", {"json": EVENT}),
    "call": ("POST", "/gradio_api/call/show", {"json": {"data": [None, "x"]}}),
    "call by names": ("POST", "/gradio_api/call/v2/show", {"json": {"words": "x"}}),
    "run": ("POST", "/gradio_api/run/show", {"json": {"data": [None, "x"]}}),
    "api": ("POST", "/gradio_api/api/show", {"json": {"data": [None, "x"]}}),
    "cancel": ("POST", "/gradio_api/cancel", {"json": {"session_hash": "abc", "fn_index": 0, "event_id": "x"}}),
    "reset": ("POST", "/gradio_api/reset", {"json": {"event_id": "x"}}),
    "agent": ("POST", "/gradio_api/mcp/", {"json": AGENT}),
    "agent's leave": ("DELETE", "/gradio_api/mcp/", {}),
    "answers of a page": ("GET", "/gradio_api/queue/data?session_hash=abc", {}),
    "answer of a program": ("GET", "/gradio_api/call/show/abc", {}),
    "presence": ("GET", "/gradio_api/heartbeat/abc", {}),
}
FOREIGN = {
    "a website": {"Origin": "https://evil.example"},
    "no website in particular": {"Origin": "null"},
    "the same name elsewhere": {"Origin": "http://127.0.0.1:1"},
    "a name that begins alike": {"Origin": "http://{host}.evil.example"},
    "a name that ends alike": {"Origin": "http://evil{host}"},
    "another scheme": {"Origin": "file://{host}"},
    "with a name and a password": {"Origin": "http://{host}@evil.example"},
    "two": [("Origin", "http://{host}"), ("Origin", "https://evil.example")],
    "nothing": {"Origin": ""},
    "another site, without its name": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour of the same site": {"Sec-Fetch-Site": "same-site"},
    "the right name over another scheme": {"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"},
    "a forwarded name": {"Origin": "https://evil.example", "X-Forwarded-Host": "page.example"},
    "a forwarded proto": {"Origin": "https://evil.example", "X-Forwarded-Proto": "https"},
}
OWN = {
    "a program": {},
    "the page": {"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"},
    "the page in an older browser": {"Origin": "http://{host}"},
    "the page behind a proxy": {
        "Host": "page.example",
        "Origin": "https://page.example",
        "Sec-Fetch-Site": "same-origin",
        "X-Forwarded-Proto": "https",
    },
    "the page behind a proxy that keeps its own name": {
        "Origin": "https://page.example",
        "X-Forwarded-Host": "page.example",
        "Sec-Fetch-Site": "same-origin",
    },
    "the page on a port": {
        "Host": "page.example:8443",
        "Origin": "https://page.example:8443",
        "Sec-Fetch-Site": "same-origin",
    },
    "the page in its Space's frame": {"Host": "owner-name.hf.space", "Origin": "https://owner-name.hf.space"},
    "a program at a Space": {"Host": "owner-name.hf.space"},
}
REBOUND = [
    "evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "127-0-0-1.evil.example",
    "evil.example.", "evil-localhost", "evil.hf.space.example", "evilhf.space", "0x7f000001", "evil.internal",
    "[::1]evil.example", "127.0.0.1%.evil.example", "evil.example@127.0.0.1",
]  # fmt: skip
HERE = ["localhost", "LOCALHOST", "localhost.", "page.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "192.168.0.2"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Page.Example.:8080", "page.example"),
        ("localhost", "localhost"),
        ("127.0.0.1:7860", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("[FD00::2]", "fd00::2"),
        ("::1", "::1"),
        ("my_nas", "my_nas"),
        ("[::1]evil.example", ""),
        ("[::1].evil.example:80", ""),
        ("127.0.0.1%.evil.example", ""),
        ("::1%.evil.example", ""),
        ("[::1%.evil.example]", ""),
        ("evil.example@127.0.0.1", ""),
        ("127.0.0.1@evil.example", ""),
        ("127.0.0.1:80:80", ""),
        ("127.0.0.1:x", ""),
        ("127.0.0.1/evil.example", ""),
        ("localhost evil.example", ""),
        ("localhost#", ""),
        ("[evil.example]", ""),
        (".", ""),
        ("", ""),
    ],
)
def test_a_host_is_the_whole_text_or_none(text: str, name: str) -> None:
    assert host_name(text) == name
    assert is_loopback_host(host_name(text)) is (name in ("localhost", "127.0.0.1", "::1"))


def filled(headers: object, host: str) -> list[tuple[str, str]]:
    pairs = headers.items() if isinstance(headers, dict) else headers
    return [(name, value.replace("{host}", host)) for name, value in pairs]


def asked(app: Served, route: str, headers: object) -> httpx.Response:
    """The answer, of which the body is read for as long as it comes at once."""
    method, path, body = ROUTES[route]
    request = app.client.build_request(method, path, headers=filled(headers, app.url.removeprefix("http://")), **body)
    with closing(app.client.send(request, stream=True)) as response:
        if response.status_code >= 400:
            response.read()
        return response


@pytest.mark.parametrize("who", FOREIGN)
@pytest.mark.parametrize("route", ROUTES)
def test_another_website_is_refused(small_app: Served, route: str, who: str) -> None:
    response = asked(small_app, route, FOREIGN[who])
    assert response.status_code == 403, response.status_code
    assert is_refusal(response)
    assert "Another website" in response.json()["error"]
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("who", OWN)
@pytest.mark.parametrize("route", ROUTES)
def test_the_page_and_programs_pass(small_app: Served, route: str, who: str) -> None:
    if "agent" in route and not has_mcp():
        pytest.skip("the mcp package is not installed, so the route for agents is NOT TESTED")
    assert asked(small_app, route, OWN[who]).status_code != 403


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/healthz", "/theme.css"])
def test_another_website_reads_nothing(small_app: Served, path: str) -> None:
    """A link from elsewhere opens the page; a script from elsewhere gets no leave to read it."""
    headers = {"Origin": "https://evil.example", "Host": "page.localhost"}
    before = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-forwarded-host"}
    for method, more in (("GET", {}), ("OPTIONS", before)):
        response = small_app.client.request(method, path, headers=headers | more)
        assert not [name for name in response.headers if name.startswith("access-control-")]
    assert small_app.client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/queue/status", "/gradio_api/call/show/abc"])
@pytest.mark.parametrize("host", REBOUND)
def test_a_name_that_may_be_a_websites_does_not_lead_here(small_app: Served, host: str, path: str) -> None:
    for more in ({}, {"X-Forwarded-Host": "localhost"}, {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https"}):
        response = small_app.client.get(path, headers={"Host": host} | more)
        assert response.status_code == 403
        assert is_refusal(response)
        assert "FLORENCE_UI_ALLOWED_ORIGINS" in response.text
    origin = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/json"}
    body = {"content": json.dumps({"data": [None, "x"]}), "headers": origin}
    assert small_app.client.post("/gradio_api/call/show", **body).status_code == 403


@pytest.mark.parametrize("host", HERE)
def test_this_machines_names_lead_here(small_app: Served, host: str) -> None:
    port = small_app.url.rpartition(":")[2]
    for name in (host, f"{host}:{port}"):
        assert small_app.client.get("/config", headers={"Host": name}).status_code == 200
    origin = {"Host": f"{host}:{port}", "Origin": f"http://{host.lower()}:{port}"}
    assert small_app.client.post("/gradio_api/call/show", json={"data": [None, "x"]}, headers=origin).status_code == 200


def test_a_load_balancer_may_ask_under_any_name(small_app: Served) -> None:
    for path in ("/healthz", "/readiness"):
        assert small_app.client.get(path, headers={"Host": "page.example"}).status_code == 200


@pytest.mark.parametrize(
    ("settings", "environ"),
    [
        pytest.param({"allowed_origins": ("https://page.example",)}, {}, id="allowed"),
        pytest.param({"address_header": "x-real-ip"}, {}, id="address-header"),
        pytest.param({}, {"GRADIO_ROOT_PATH": "/florence"}, id="root-path"),
        pytest.param({}, {"GRADIO_ROOT_PATH": "https://page.example/florence"}, id="root-address"),
        pytest.param({}, {"SPACE_HOST": "page.example"}, id="space"),
    ],
)
def test_who_stands_behind_a_proxy_says_so(settings: dict[str, object], environ: dict[str, str]) -> None:
    """A browser over plain http and a program, at a name that is nobody's we know."""
    guard = OriginGuard.of(Settings(**settings), environ)
    guard.check(scope(Host="page.example"))
    guard.check(scope("POST", Host="page.example", Origin="http://page.example"))
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        with pytest.raises(RequestRefused):
            guard.check(scope("POST", Host="page.example", **headers))
    with pytest.raises(RequestRefused):
        OriginGuard().check(scope(Host="page.example"))


@pytest.mark.parametrize(
    ("ours", "theirs", "host", "known"),
    [
        pytest.param("10.0.0.2", "10.0.0.7", "evil.example", False, id="private, a website's name"),
        pytest.param("192.168.1.2", "192.168.1.7", "nas", True, id="private, a name without a dot"),
        pytest.param("192.168.1.2", "192.168.1.7", "nas.local", True, id="private, multicast DNS"),
        pytest.param("10.0.0.2", "10.0.0.7", "10.0.0.2:7860", True, id="private, its address"),
        pytest.param("fd00::2", "fd00::7", "[fd00::2]:7860", True, id="private, version 6"),
        pytest.param("fd00::2", "fd00::7", "evil.example", False, id="private, version 6, a website's name"),
        pytest.param("::ffff:10.0.0.2", "::ffff:10.0.0.7", "evil.example", False, id="private, as version 6"),
        pytest.param("::1", "::1", "evil.example", False, id="loopback, version 6"),
        pytest.param("::1", "::1", "nas", False, id="loopback, a name without a dot"),
        pytest.param("10.0.0.2", "8.8.8.8", "page.example", True, id="asked from the internet"),
        pytest.param("8.8.4.4", "8.8.8.8", "page.example", True, id="public"),
        pytest.param("/run/page.sock", "", "page.example", True, id="a proxy's own socket"),
    ],
)
def test_where_a_name_matters(ours: str, theirs: str, host: str, known: bool) -> None:
    request = scope(Host=host) | {"server": (ours, 7860), "client": (theirs, 50000) if theirs else None}
    if known:
        OriginGuard().check(request)
    else:
        with pytest.raises(RequestRefused):
            OriginGuard().check(request)


def scope(method: str = "GET", **headers: str) -> dict[str, object]:
    raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    ends = {"server": ("127.0.0.1", 7860), "client": ("127.0.0.1", 50000)}
    return {"type": "http", "method": method, "path": "/gradio_api/call/x", "headers": raw, **ends}


FRIEND = "https://friend.example"


@pytest.fixture(scope="module")
def embedded_app() -> Iterator[Served]:
    """The small page, which one website may use."""
    with served_small_page(Settings(allowed_origins=(FRIEND,))) as served:
        yield served


@pytest.mark.parametrize("route", ROUTES)
def test_an_allowed_website_may(embedded_app: Served, route: str) -> None:
    response = asked(embedded_app, route, {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"})
    assert response.status_code != 403
    assert response.headers["access-control-allow-origin"] == FRIEND
    for who in ("https://evil.example", f"{FRIEND}.evil.example", "http://friend.example", "null"):
        response = asked(embedded_app, route, {"Origin": who})
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers


def test_an_allowed_website_is_told_so_beforehand_and_may_frame_the_page(embedded_app: Served) -> None:
    for origin, welcome in ((FRIEND, True), ("https://evil.example", False)):
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        response = embedded_app.client.options("/gradio_api/queue/join", headers=headers)
        assert (response.headers.get("access-control-allow-origin") == origin) is welcome
        assert (response.status_code == 200) is welcome
    policy = embedded_app.client.get("/").headers["content-security-policy"]
    assert policy.partition("frame-ancestors")[2].split()[-1] == FRIEND


@pytest.mark.parametrize(
    ("frames", "allowed"),
    [
        pytest.param(Settings().frame_ancestors, ["https://huggingface.co", "https://*.hf.space"], id="by-default"),
        pytest.param(("https://*.example.com",), ["https://*.example.com"], id="chosen"),
        pytest.param((), [], id="none"),
    ],
)
def test_the_operator_chooses_who_may_embed_the_page(frames: tuple[str, ...], allowed: list[str]) -> None:
    with served_small_page(Settings(frame_ancestors=frames)) as app:
        policy = app.client.get("/").headers["content-security-policy"]
    ancestors = policy.partition("frame-ancestors")[2].split()
    assert ancestors[0] == "'self'"
    assert set(allowed) <= set(ancestors)
    assert len(ancestors) == 1 + len(frames)


@pytest.fixture(scope="module")
def open_app(model_server: ScriptedBackend) -> Iterator[RunningApp]:
    """The whole page for the machine's network too, on version 4 and 6, with the operator's key."""
    settings = {
        "FLORENCE_UI_BACKEND": "dedicated",
        "FLORENCE_UI_DEDICATED_URL": model_server.url,
        "API_KEY": OPERATOR_KEY,
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "FORWARDED_ALLOW_IPS": "*",
        "FLORENCE_UI_RUNS_PER_MINUTE": "3",
    }
    with RunningApp(**settings) as app:
        yield app


def lan_address() -> str:
    """This machine's address in its network; the test is skipped aloud where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            address = probe.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        pytest.skip("NO NETWORK: a page in a local network is NOT TESTED")
    return address


def test_a_page_in_a_local_network_is_guarded_too(
    open_app: RunningApp, backend: ScriptedBackend, picture: bytes
) -> None:
    address = f"{lan_address()}:{open_app.port}"
    with httpx.Client(base_url=f"http://{address}", timeout=120) as client:
        usual, open_app.client = open_app.client, client
        try:
            for headers in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Host": "evil.example", "Origin": "http://evil.example"},
                {"Host": "evil.example"},
            ):
                before = backend.count
                client.headers = httpx.Headers({"Host": address} | headers)
                assert "403" in open_app.analyze(picture, task="<OD>").error
                assert backend.count == before
            client.headers = httpx.Headers({"Origin": f"http://{address}"})
            assert open_app.analyze(picture, task="<OD>").ok
        finally:
            open_app.client = usual


def test_trusting_everybodys_forwarded_addresses_is_overridden_and_said(open_app: RunningApp, picture: bytes) -> None:
    outcomes = []
    for number in range(5):
        open_app.client.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        # another question each time: what is remembered costs nothing
        outcomes.append(open_app.analyze(picture, task="<CAPTION_TO_PHRASE_GROUNDING>", text=f"car {number}"))
    assert not all(outcome.ok for outcome in outcomes), "a forged address was a new visitor"
    assert "Try again in" in outcomes[-1].error
    assert "FORWARDED_ALLOW_IPS is ignored" in open_app.log


@pytest.mark.parametrize(
    ("readme", "space", "embeddable"),
    [
        pytest.param("---\ndisable_embedding: true\n---\n", "ann/demo", False, id="disabled"),
        pytest.param("---\ndisable_embedding: false\n---\n", "ann/demo", True, id="not-disabled"),
        pytest.param("---\nsdk: gradio\n---\n", "ann/demo", True, id="not-said"),
        pytest.param("# No fields\n", "ann/demo", True, id="no-fields"),
        pytest.param("---\n: [\n---\n", "ann/demo", True, id="broken-fields"),
        pytest.param(None, "ann/demo", True, id="no-readme"),
        pytest.param("---\ndisable_embedding: true\n---\n", "", True, id="no-space"),
    ],
)
def test_a_space_that_disables_embedding_stays_at_hugging_face(
    readme: str | None, space: str, embeddable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "README.md"
    if readme is not None:
        path.write_text(readme)
    monkeypatch.setattr(origin_guard, "README", path)
    sites = {"frame_ancestors": ("https://blog.example",), "allowed_origins": ("https://shop.example",)}
    guard = OriginGuard.of(Settings(space=space, **sites), {})
    assert guard.framed_by == (("https://blog.example", "https://shop.example") if embeddable else HUGGING_FACE)
