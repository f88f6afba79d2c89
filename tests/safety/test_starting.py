"""The page starts in every environment in which people start it."""

import sys

import pytest
from safety.running import RunningApp
from scripted_backend import ScriptedBackend, refused_url


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        pytest.param({"HTTP_PROXY": refused_url(), "HTTPS_PROXY": refused_url()}, (), id="proxy for everything"),
        pytest.param({"http_proxy": refused_url(), "all_proxy": refused_url()}, (), id="proxy in small letters"),
        pytest.param({"ALL_PROXY": "socks5://127.0.0.1:9"}, (), id="SOCKS proxy"),
        pytest.param({"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}, (), id="ASCII terminal"),
        pytest.param({}, ("-I",), id="isolated Python"),
    ],
)
def test_it_starts(backend: ScriptedBackend, picture: bytes, environ: dict[str, str], options: tuple[str, ...]) -> None:
    app = RunningApp(FLORENCE_UI_BACKEND="local", FLORENCE_UI_LOCAL_URL=backend.url)
    for name in ("NO_PROXY", "no_proxy"):
        app.environ.pop(name, None)
    app.environ |= environ
    app.command = (sys.executable, *options, "app.py")
    with app:
        assert app.client.get("/").status_code == 200
        outcome = app.analyse(picture, task="<OD>")
        assert outcome.ok, outcome.error
        assert "Traceback" not in app.log
