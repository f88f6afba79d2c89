"""No serious findings by axe-core, in light and dark, wide and narrow, before and after an answer."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import steps
from playwright.sync_api import Page

from florence_ui.bench.scripted_backend import ScriptedBackend

SERIOUS = {"serious", "critical"}


def serious(page: Page) -> list[str]:
    """What axe-core finds serious: rule, how often, and the first place."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']} x{len(found['nodes'])}: {found['nodes'][0]['html'][:160]}"
        for found in violations
        if found["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [pytest.param(1440, id="wide"), pytest.param(390, id="narrow")])
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Page], backend: ScriptedBackend, scheme: str, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    steps.run(page)
    page.locator("#style-panel button").first.click()
    page.locator("#model-panel button").first.click()
    page.wait_for_selector("#palette")
    assert serious(page) == []
