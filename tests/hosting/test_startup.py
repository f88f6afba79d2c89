"""`python app.py` starts in odd environments, and the page and its agents' tools work there."""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from faults import refused_url
from hosting.running import RunningApp

from florence_ui.api.mcp import has_mcp
from florence_ui.bench.scripted_backend import ScriptedBackend

pytestmark = pytest.mark.server

NOBODY = refused_url()
NO_EXCEPTIONS = {"NO_PROXY": "", "no_proxy": ""}
ENVIRONMENTS = {
    "http proxy": {"HTTP_PROXY": NOBODY, "http_proxy": NOBODY, **NO_EXCEPTIONS},
    "socks proxies": {f"{name}_PROXY": NOBODY.replace("http", "socks5h") for name in ("HTTP", "HTTPS", "ALL")}
    | NO_EXCEPTIONS,
    "a proxy that is none": {"HTTPS_PROXY": "::", "HTTP_PROXY": "nonsense://", **NO_EXCEPTIONS},
    "ascii terminal": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
}


class IsolatedApp(RunningApp):
    """The app, started so that Python looks neither beside the program nor at `PYTHON*` variables."""

    command = (sys.executable, "-I", "app.py")


def check(app: RunningApp, picture: bytes) -> None:
    """A picture is answered, by page and by agent, and the terminal shows no traceback."""
    assert app.client.get("/").status_code == 200
    assert app.analyze(picture, task="<OD>").ok
    if has_mcp():
        address = f"{app.url}/gradio_api/file={app.upload(picture).json()[0]}"
        assert not asyncio.run(ask_as_agent(app, address)).isError
    assert "Traceback" not in app.log


async def ask_as_agent(app: RunningApp, image: str) -> object:
    """The answer of a tool to the `mcp` package's own client."""
    import mcp
    from mcp.client.streamable_http import streamable_http_client

    async with (
        streamable_http_client(f"{app.url}/gradio_api/mcp/") as (read, write, _),
        mcp.ClientSession(read, write) as session,
    ):
        await session.initialize()
        return await session.call_tool("analyse", {"image": image, "task": "<OD>"})


@pytest.mark.parametrize("environ", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_the_page_starts(backend: ScriptedBackend, picture: bytes, environ: Mapping[str, str]) -> None:
    with RunningApp(FLORENCE_UI_LOCAL_URL=backend.url, **environ) as app:
        check(app, picture)


def test_the_page_starts_isolated(backend: ScriptedBackend, picture: bytes) -> None:
    with IsolatedApp(FLORENCE_UI_LOCAL_URL=backend.url) as app:
        check(app, picture)


def test_its_local_server_starts_too_and_says_what_the_proxy_keeps_it_from(tmp_path: Path) -> None:
    """No weights are on the disk, and the way to them leads through a proxy that cannot be used."""
    environ = {**ENVIRONMENTS["socks proxies"], **ENVIRONMENTS["ascii terminal"], "HF_HOME": str(tmp_path)}
    with IsolatedApp.with_local_server(**environ, HF_HUB_OFFLINE="0") as app:
        until = time.monotonic() + 240
        while time.monotonic() < until and "SOCKS proxy" not in app.log:
            health = app.client.get("/healthz").json()
            time.sleep(0.5)
        assert "The proxy for the Hugging Face Hub is a SOCKS proxy, which needs the package socksio." in app.log
        assert health["detail"].endswith("."), health
        assert "Traceback" not in app.log
