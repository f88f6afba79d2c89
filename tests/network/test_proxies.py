"""Outbound proxies are used for the backends as the SDK's own calls use them, and never for this machine."""

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from faults import refused_url
from forward_proxy import ForwardProxy
from hosting.running import RunningApp
from PIL import Image
from starlette.datastructures import Secret

from florence_ui.backends.backend import Backend
from florence_ui.backends.infer import infer
from florence_ui.backends.probe import check_reachable
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.errors import BackendError, BackendUnreachableError
from florence_ui.images.encoding import encode_jpeg
from florence_ui.network import proxies

ROOT = Path(__file__).parents[2]
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
PICTURE = encode_jpeg(Image.new("RGB", (64, 48)), 90)
KEY = "rf_SecretSecretKey123"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody without any, read anew; `prepare_environment` may have set it aside."""
    monkeypatch.setattr(proxies, "_saved", None)
    for name in (*VARIABLES, *map(str.upper, VARIABLES)):
        monkeypatch.setenv(name, "")  # so that it is put back, whatever a test makes of it
        monkeypatch.delenv(name)


def ask(url: str, name: str = "dedicated") -> object:
    """One call of a backend with a key."""
    call = infer(Backend(name, "A server", url, timeout=30), model_id="m", prompt="<OD>", image=PICTURE,
                 api_key=Secret(KEY))  # fmt: skip
    return asyncio.run(call)


def refused(url: str, kind: type[BackendError] = BackendUnreachableError) -> BackendError:
    with pytest.raises(kind) as caught:
        ask(url)
    assert caught.value.hint
    assert KEY not in str(caught.value)
    return caught.value


def test_a_call_goes_through_the_proxy_and_so_does_the_sdks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from inference_sdk import InferenceConfiguration, InferenceHTTPClient

    with ScriptedBackend() as backend, ForwardProxy("models.example", backend.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        client = InferenceHTTPClient("http://models.example", KEY)
        client.configure(InferenceConfiguration(api_key_transport="header"))
        client.infer_lmm(base64.b64encode(PICTURE).decode(), model_id="m", prompt="<OD>", max_new_tokens=1024)
        assert ask("http://models.example").response
    theirs, ours = backend.calls
    assert ours.body == theirs.body
    assert ours.headers["Authorization"] == theirs.headers["Authorization"] == f"Bearer {KEY}"
    assert set(proxy.asked) == {"POST http://models.example/infer/lmm HTTP/1.1"}


ADDRESSES = [
    "https://serverless.roboflow.com", "https://a.roboflow.cloud", "http://10.1.2.3:9001", "http://models.example:8080",
]  # fmt: skip
ENVIRONMENTS = [
    {},
    {"HTTPS_PROXY": "http://proxy:1"},
    {"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:1"},
    {"HTTP_PROXY": "http://proxy:1"},
    {"ALL_PROXY": "http://proxy:1"},
    {"HTTPS_PROXY": "http://proxy:1", "ALL_PROXY": "http://other:1"},
    {"HTTPS_PROXY": "proxy:3128"},
    {"HTTPS_PROXY": "http://user:pass@proxy:1"},
    {"HTTPS_PROXY": "http://proxy:1", "HTTP_PROXY": "http://proxy:1", "NO_PROXY": "roboflow.com"},
    {"HTTPS_PROXY": "http://proxy:1", "HTTP_PROXY": "http://proxy:1", "NO_PROXY": ".roboflow.com,models.example:8080"},
    {"HTTPS_PROXY": "http://proxy:1", "HTTP_PROXY": "http://proxy:1", "no_proxy": "10.0.0.0/8"},
    {"HTTPS_PROXY": "http://proxy:1", "HTTP_PROXY": "http://proxy:1", "NO_PROXY": "*"},
    {"HTTPS_PROXY": "", "NO_PROXY": ""},
]


@pytest.mark.parametrize("set_aside", [False, True])
@pytest.mark.parametrize("environ", ENVIRONMENTS, ids=str)
def test_the_choice_is_that_of_the_sdks_library(
    environ: dict[str, str], set_aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from florence_ui.backends.http_session import proxy_for

    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    session = requests.Session()
    expected = {}
    for url in ADDRESSES:
        found = session.merge_environment_settings(url, {}, None, None, None)["proxies"]
        chosen = requests.utils.select_proxy(url, found)
        expected[url] = f"http://{chosen}" if chosen == "proxy:3128" else chosen or None
    if set_aside:
        proxies.disable_proxies()
        assert requests.utils.get_environ_proxies("http://localhost:1") == {}
    assert {url: proxy_for(Backend("dedicated", "", url)) for url in ADDRESSES} == expected


def test_what_is_set_aside_is_in_force_for_other_programs() -> None:
    code = (
        "import os, subprocess, sys; from florence_ui.network import proxies;"
        "proxies.disable_proxies(); proxies.disable_proxies();"
        "show = 'import os; print({k: v for k, v in os.environ.items() if k.lower().endswith(\"_proxy\")})';"
        "subprocess.run([sys.executable, '-c', show], env=proxies.child_environment(os.environ))"
    )
    for environ in ({"HTTPS_PROXY": "http://proxy:1"}, {"HTTPS_PROXY": "http://proxy:1", "no_proxy": "a"}):
        clean = {name: value for name, value in os.environ.items() if name.lower() not in VARIABLES}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=clean | environ, capture_output=True, text=True
        )
        assert done.stdout.strip() == str(environ), done.stderr


@pytest.mark.parametrize("name", ["local", "dedicated"])
def test_this_machine_is_never_asked_through_a_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedBackend() as backend, ForwardProxy() as proxy:
        for variable in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url)
        for host in ("localhost", "127.0.0.1"):
            assert ask(f"http://{host}:{backend.port}", name).response
    assert proxy.asked == []


def test_the_local_backend_is_never_asked_through_a_proxy_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with ForwardProxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(BackendUnreachableError):
            ask("http://models.invalid:9001", "local")
    assert proxy.asked == []


def test_a_proxys_refusal_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with ForwardProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//somebody:secret-word@"))
        error = refused("https://serverless.roboflow.com")
        works, words = asyncio.run(check_reachable(Backend("serverless", "", "https://serverless.roboflow.com")))
    assert "The proxy on the way to serverless.roboflow.com refused the connection (status 403)" in error.message
    assert (works, words) == (False, str(error))
    assert proxy.asked[0].startswith("CONNECT serverless.roboflow.com:443")
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'somebody:secret-word').decode()}" in proxy.headers[0]
    assert KEY not in "".join(proxy.headers), "the key is inside the tunnel"
    assert "secret-word" not in str(error)


def test_a_proxy_that_wants_a_password_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with ForwardProxy("models.example", greeting="407 Proxy Authentication Required") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert "requires a user name and a password" in refused("http://models.example").message


def test_a_proxy_that_is_not_there_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", refused_url())
    assert "The proxy on the way to a.roboflow.cloud does not answer." in refused("https://a.roboflow.cloud").message


@pytest.mark.parametrize("address", ["socks5://name:secret-word@127.0.0.1:9", "socks4://h:1", "ftp://h", "http://:1"])
def test_a_proxy_of_another_kind_is_refused_and_not_left_out(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", address)
    error = refused("https://a.roboflow.cloud")
    assert "is not an HTTP proxy" in error.message
    assert "secret-word" not in str(error)


@pytest.mark.server
def test_the_running_page_uses_the_proxy_for_its_backends_only() -> None:
    """No `NO_PROXY`, and a name that only the proxy can find."""
    with ScriptedBackend() as backend, ForwardProxy("models.example", backend.port) as proxy:
        here = {"FLORENCE_UI_BACKEND": "dedicated", "FLORENCE_UI_DEDICATED_URL": "http://models.example"}
        names = {"HTTP_PROXY": proxy.url, "NO_PROXY": "", "no_proxy": "", "FLORENCE_UI_LOCAL_URL": backend.url}
        with RunningApp(API_KEY=KEY, FLORENCE_UI_CACHE_SECONDS="0", **here, **names) as app:
            assert app.analyze(PICTURE, task="<OD>").ok
            assert app.analyze(PICTURE, task="<OD>", backend="local").ok
            link = app.analyze(task="<OD>", image_url="http://models.example/a.png")
    assert not link.ok
    assert {line.split()[1] for line in proxy.asked} <= {
        "http://models.example/infer/lmm", "http://models.example/info", "http://models.example/model/registry",
    }  # fmt: skip
    assert "POST http://models.example/infer/lmm HTTP/1.1" in proxy.asked
