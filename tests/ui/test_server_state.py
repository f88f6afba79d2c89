"""The line about the server, and the page's health: both request a model that nobody has requested yet."""

import pytest

from florence_ui.backends.backend import Backend
from florence_ui.backends.model_status import ServerState, ServerStatus
from florence_ui.ui.explore import setup_events
from florence_ui.ui.layout import Page
from florence_ui.visitors import service
from florence_ui.visitors.service import Services

pytestmark = pytest.mark.anyio

BASE = "florence-2-base"


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that the local server was asked to load."""
    models: list[str] = []

    async def request_model(backend: Backend, model_id: str) -> bool:
        assert backend.is_local
        models.append(model_id)
        return False

    monkeypatch.setattr(setup_events, "request_model", request_model)
    monkeypatch.setattr(service, "request_model", request_model)
    return models


@pytest.fixture
def services(page: Page, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The page's services, whose local server has base's files, but has not loaded them."""

    async def status(backend: str, model_id: str, *, key: object = None) -> ServerStatus:
        models = {BASE: {"state": "absent", "on_disk": True}}
        return ServerStatus(ServerState.ABSENT, "Base is not loaded yet.", models=models)

    async def choose_model(backend: str, model_id: str = "", *, nano_stands_in: bool) -> str:
        return model_id or BASE

    monkeypatch.setattr(page.services.pipeline, "status", status)
    monkeypatch.setattr(page.services.pipeline, "choose_model", choose_model)
    return page.services


async def test_the_page_asks_for_a_model_whose_files_are_here(
    page: Page, services: Services, asked_for: list[str]
) -> None:
    updates = await setup_events.show_server_state(page, "local", BASE)
    assert asked_for == [BASE]
    assert updates[page.header.state].messages[0].text == "Base is not loaded yet."


async def test_health_asks_for_a_model_that_nobody_asked_for_yet(services: Services, asked_for: list[str]) -> None:
    await services.health()
    assert asked_for == [BASE]
