"""What all tests share, and which of them are fast.

`pytest -m "not slow and not browser and not server"` runs the fast ones. A test's folder decides first: everything in
`browser/` drives a browser, everything in `api/` and `server/` talks to a program that was started for it. In
`hosting/`, what uses one of the fixtures in `RUNNING` does so too. Elsewhere a test that starts the app, a page or the
local server is marked `server`, and one that takes more than ten seconds is marked `slow`.
"""

import pytest

BY_FOLDER = {"browser": pytest.mark.browser, "api": pytest.mark.server, "server": pytest.mark.server}
RUNNING = {"app", "backend", "embedded_app", "hub", "local_server", "page", "pages", "small_app"}


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests (`pytest.mark.anyio`) run on asyncio, as the page does."""
    return "asyncio"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by folder, and put browser tests last: Playwright's event loop leaves no room for another."""
    for item in items:
        folder = item.path.relative_to(config.rootpath / "tests").parts[0]
        if folder in BY_FOLDER:
            item.add_marker(BY_FOLDER[folder])
        elif folder == "hosting" and RUNNING.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)
    items.sort(key=lambda item: item.nodeid.startswith("tests/browser/"))
