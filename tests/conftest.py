"""Fixtures of all tests, and the marks that tell which are fast.

`pytest -m "not slow and not browser and not server"` runs the fast ones. A test's folder decides first: everything in
`browser/` drives a browser, everything in `api/` and `server/` talks to a program that was started for it. In
`hosting/`, tests that use one of the fixtures in `RUNNING` do so too. Elsewhere a test that starts the app, a page or
the local server is marked `server`, and one that takes more than ten seconds, or has a shorter form, is marked `slow`.
"""

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from taking_turns import Turns

from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer

BY_FOLDER = {"browser": pytest.mark.browser, "api": pytest.mark.server, "server": pytest.mark.server}
RUNNING = {"app", "embedded_app", "hub", "local_server", "model_server", "page", "pages", "small_app"}


def pytest_configure() -> None:
    """Let PyTorch use one thread, here and in what tests start: tiny networks are quick, and spinning threads are not.

    It reads this when it is first imported, after this hook.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests (`pytest.mark.anyio`) run on asyncio, as the page does."""
    return "asyncio"


@pytest.fixture(scope="session")
def model_server() -> Iterator[ScriptedBackend]:
    """The one scripted backend behind the running apps."""
    with ScriptedBackend() as server:
        yield server


@pytest.fixture
def backend(model_server: ScriptedBackend) -> Iterator[ScriptedBackend]:
    """The same for one test: what it changes is changed back."""
    yield model_server
    model_server.fault, model_server.delay, model_server.answer = None, 0.0, plausible_answer


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is imported and collected: a million objects that stay until the end.

    Afterwards look less often than Python does, as tests are short.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test take its turn, where several processes share the work."""
    worker = getattr(item.config, "workerinput", None)
    if worker is None:
        return (yield)
    with Turns(worker["testrunuid"]).turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by folder, and put browser tests last: Playwright's event loop leaves no room for another."""
    for item in items:
        folder = item.path.relative_to(config.rootpath / "tests").parent.as_posix()
        if folder in BY_FOLDER:
            item.add_marker(BY_FOLDER[folder])
        elif folder == "hosting" and RUNNING.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)
    items.sort(key=lambda item: item.nodeid.startswith("tests/browser/"))
